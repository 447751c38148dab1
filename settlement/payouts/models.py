"""Payouts' tables: private to `settlement`. Payees, batches and their lines; account numbers are kept sealed beside the tenant's other secrets."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from settlement.payouts.states import LineState, PayeeKind, PayoutState
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class Payee(Base):
    """收款方: where a party's money goes. Never edited: a new one ends the one before, so that an old batch's file can be made again."""

    __tablename__ = "payees"
    __table_args__ = tenant_table(
        belongs_to("parties", "party_id"),
        one_of("kind", PayeeKind),
        rule("payroll", "(kind = 'payroll') = (payroll_no IS NOT NULL)"),
        Index(
            "payees_uq_current", "tenant_id", "party_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
        app="SELECT, INSERT, UPDATE (ended_at, ended_by)",
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    party_id: Mapped[UUID]
    kind: Mapped[str]
    payroll_no: Mapped[str | None]
    account_tail: Mapped[str | None]
    """The last four characters of the account number, for people to recognise it by."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str]
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_by: Mapped[str | None]


class Payout(Base):
    """付款批次: what is due on one day, in one file for companies and one for payroll."""

    __tablename__ = "payouts"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="payouts_fk_tenants"),
        UniqueConstraint("tenant_id", "payout_no"),
        one_of("state", PayoutState),
        rule("total", "total_fen > 0 AND line_count > 0"),
        rule("two_people", "released_by IS NULL OR released_by <> prepared_by"),
        Index("payouts_ix_state", "tenant_id", "state"),
        app="SELECT, INSERT, UPDATE (state, released_at, released_by, ended_at)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    payout_no: Mapped[str]
    due_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(default=PayoutState.PREPARED)
    line_count: Mapped[int]
    total_fen: Mapped[Fen]
    """The control total."""
    prepared_at: Mapped[datetime] = mapped_column(Moment)
    prepared_by: Mapped[str]
    released_at: Mapped[datetime | None] = mapped_column(Moment)
    released_by: Mapped[str | None]
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class PayoutLine(Base):
    """付款明细: one party's money in a batch, on one statement. What becomes due of a statement later has a line of its own, in a later batch."""

    __tablename__ = "payout_lines"
    __table_args__ = tenant_table(
        belongs_to("payouts", "payout_id"),
        belongs_to("parties", "party_id"),
        belongs_to("statements", "statement_id"),
        belongs_to("payees", "payee_id"),
        one_of("state", LineState),
        rule("amount", "amount_fen > 0"),
        UniqueConstraint("tenant_id", "line_no"),
        UniqueConstraint("tenant_id", "payout_id", "statement_id"),
        Index("payout_lines_ix_statement", "tenant_id", "statement_id"),
        Index("payout_lines_ix_party", "tenant_id", "party_id"),
        app="SELECT, INSERT, UPDATE (state, paid_on, bank_reference, trouble, ended_at, ended_by)",
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    payout_id: Mapped[Key]
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line_no: Mapped[str]
    """The number that bank and payroll give back."""
    party_id: Mapped[UUID]
    party_name: Mapped[str]
    statement_id: Mapped[UUID]
    payee_id: Mapped[UUID]
    amount_fen: Mapped[Fen]
    state: Mapped[str] = mapped_column(default=LineState.HELD)
    paid_on: Mapped[date | None] = mapped_column(Date)
    bank_reference: Mapped[str | None]
    trouble: Mapped[str | None]
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_by: Mapped[str | None]
