"""Disputes' tables: private to `settlement`. A dispute of one statement, and each difference between its lines and the other side's rows."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from settlement.disputes.states import AnswerState, Compared, DisputeState, Grain
from settlement.reconciliation.matching import MatchClass
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class Dispute(Base):
    """争议: a party does not agree with a statement. At most one open at a time."""

    __tablename__ = "disputes"
    __table_args__ = tenant_table(
        belongs_to("statements", "statement_id"),
        one_of("state", DisputeState),
        one_of("level", Grain),
        one_of("compares", Compared),
        Index(
            "disputes_uq_open", "tenant_id", "statement_id", unique=True, postgresql_where=text("state = 'open'")
        ),
        Index("disputes_ix_statement", "tenant_id", "statement_id"),
        app="SELECT, INSERT, UPDATE (state, level, compares, file_name, file_sha256, rows_read, ours_fen, theirs_fen,"
        " matched, matched_fen, imported_at, imported_by, resolved_at, resolved_by, resolution)",
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    statement_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(default=DisputeState.OPEN)
    reason: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(Moment)
    opened_by: Mapped[str]
    level: Mapped[str | None]
    compares: Mapped[str | None]
    file_name: Mapped[str | None]
    file_sha256: Mapped[str | None]
    rows_read: Mapped[int | None]
    ours_fen: Mapped[Fen | None]
    theirs_fen: Mapped[Fen | None]
    matched: Mapped[int | None]
    matched_fen: Mapped[Fen | None]
    imported_at: Mapped[datetime | None] = mapped_column(Moment)
    imported_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
    resolved_by: Mapped[str | None]
    resolution: Mapped[str | None]


class DisputeDifference(Base):
    """差异: one line that the two sides do not agree on, and its answer."""

    __tablename__ = "dispute_differences"
    __table_args__ = tenant_table(
        belongs_to("disputes", "dispute_id"),
        belongs_to("adjustments", "adjustment_id"),
        belongs_to("contracts", "contract_id"),
        belongs_to("stores", "store_id"),
        one_of("kind", MatchClass),
        one_of("state", AnswerState),
        rule("sides", "ours_fen IS NOT NULL OR theirs_fen IS NOT NULL"),
        rule("answered", "(state = 'open') = (answered_at IS NULL)"),
        rule("reason", "state = 'open' OR reason IS NOT NULL"),
        app="SELECT, INSERT, DELETE, UPDATE (state, reason, answered_at, answered_by, adjustment_id)",
    )

    tenant_id: Mapped[TenantKey]
    dispute_id: Mapped[Key]
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    about: Mapped[str]
    """The order, the order's line or the day."""
    occurred_on: Mapped[date] = mapped_column(Date)
    ours_fen: Mapped[Fen | None]
    theirs_fen: Mapped[Fen | None]
    row_no: Mapped[int | None]
    """The row of their file."""
    contract_id: Mapped[UUID | None]
    store_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(default=AnswerState.OPEN)
    reason: Mapped[str | None]
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_by: Mapped[str | None]
    adjustment_id: Mapped[UUID | None]
