"""Reconciliation's tables: private to `settlement`. Files with their rows as they came, compared days, and differences.

Files and rows are only appended; a corrected file is a new version beside the old one. Days and differences are what the last comparison
found, with what people decided since.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from settlement.reconciliation.joint import Rounding
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.states import BillKind, BillState, DayState, DifferenceState
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class BillFile(Base):
    """账单: one version of one day's file of one account (a merchant number, or the name of a cashier or till)."""

    __tablename__ = "bill_files"
    __table_args__ = tenant_table(
        belongs_to("merchants", "merchant_id"),
        UniqueConstraint("tenant_id", "kind", "account", "day", "version"),
        one_of("kind", BillKind),
        one_of("state", BillState),
        rule("rows", "row_count >= 0"),
        Index(
            "bill_files_uq_current", "tenant_id", "kind", "account", "day", unique=True,
            postgresql_where=text("state = 'current'"),
        ),
        app="SELECT, INSERT, UPDATE (state)",
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    kind: Mapped[str]
    account: Mapped[str]
    merchant_id: Mapped[UUID | None]
    day: Mapped[date] = mapped_column(Date)
    version: Mapped[int]
    state: Mapped[str] = mapped_column(default=BillState.CURRENT)
    content_sha256: Mapped[str]
    row_count: Mapped[int]
    told: Mapped[dict[str, Any] | None]
    counted: Mapped[dict[str, Any]]
    origin: Mapped[str]
    taken_by: Mapped[str]
    taken_at: Mapped[datetime] = mapped_column(Moment)


class BillRow(Base):
    """账单行: one row as it was read (`cells`), with what is compared taken out of it. Equal keys of one file are told apart by `occurrence`."""

    __tablename__ = "bill_rows"
    __table_args__ = tenant_table(
        belongs_to("bill_files", "bill_id"),
        Index("bill_rows_ix_key", "tenant_id", "key"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    bill_id: Mapped[Key]
    key: Mapped[str] = mapped_column(primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    kind: Mapped[str]
    amount_fen: Mapped[Fen]
    fee_millifen: Mapped[int | None] = mapped_column(BigInteger)
    amounts: Mapped[dict[str, Any]]
    words: Mapped[dict[str, Any]]
    cells: Mapped[dict[str, Any]]


class CashierTermsRow(Base):
    """联合收银约定: what a partner's cashier keeps from a day on. Never edited; the latest that has begun holds."""

    __tablename__ = "cashier_terms"
    __table_args__ = tenant_table(
        belongs_to("stores", "store_id"),
        one_of("rounding", Rounding),
        rule("rates", "deduction_bps BETWEEN 0 AND 10000 AND fee_bps BETWEEN 0 AND 10000"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    cashier: Mapped[str] = mapped_column(primary_key=True)
    starts_on: Mapped[date] = mapped_column(Date, primary_key=True)
    deduction_bps: Mapped[int]
    fee_bps: Mapped[int]
    rounding: Mapped[str]
    store_id: Mapped[UUID]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)


class ReconciledDay(Base):
    """对账日: what the last comparison of one account's day came to."""

    __tablename__ = "reconciled_days"
    __table_args__ = tenant_table(
        belongs_to("merchants", "merchant_id"),
        one_of("kind", BillKind),
        one_of("state", DayState),
        Index("reconciled_days_ix_day", "tenant_id", "day"),
        app="SELECT, INSERT, UPDATE (state, reason, bill_id, matched, ours_count, ours_fen, theirs_count, theirs_fen, counts, compared_at)",
    )

    tenant_id: Mapped[TenantKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    merchant_id: Mapped[UUID | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    bill_id: Mapped[UUID | None]
    matched: Mapped[int] = mapped_column(default=0)
    ours_count: Mapped[int] = mapped_column(default=0)
    ours_fen: Mapped[Fen] = mapped_column(default=0)
    theirs_count: Mapped[int] = mapped_column(default=0)
    theirs_fen: Mapped[Fen] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    compared_at: Mapped[datetime | None] = mapped_column(Moment)


class DifferenceRow(Base):
    """差异: what did not agree, from the day it was first seen until a person resolved it or a later file explained it."""

    __tablename__ = "differences"
    __table_args__ = tenant_table(
        belongs_to("merchants", "merchant_id"),
        UniqueConstraint(
            "tenant_id", "kind", "account", "day", "key", "occurrence", name="differences_uq_key"
        ),
        one_of("kind", BillKind),
        one_of("match_class", MatchClass),
        one_of("state", DifferenceState),
        rule("resolved", "(state = 'resolved') = (resolved_by IS NOT NULL)"),
        Index(
            "differences_ix_open", "tenant_id", "first_seen_at", "id", postgresql_where=text("state = 'open'")
        ),
        Index("differences_ix_key", "tenant_id", "key"),
        app="SELECT, INSERT, UPDATE (match_class, ours, theirs, differing, amount_fen, fee_millifen, facts_sha256, state, owner, note, reason, resolved_by, ended_at)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    kind: Mapped[str]
    account: Mapped[str]
    merchant_id: Mapped[UUID | None]
    day: Mapped[date] = mapped_column(Date)
    key: Mapped[str]
    occurrence: Mapped[int]
    match_class: Mapped[str]
    ours: Mapped[dict[str, Any] | None]
    theirs: Mapped[dict[str, Any] | None]
    differing: Mapped[list[Any]]
    amount_fen: Mapped[Fen]
    fee_millifen: Mapped[int] = mapped_column(BigInteger)
    facts_sha256: Mapped[str]
    state: Mapped[str]
    owner: Mapped[str | None]
    note: Mapped[str | None]
    reason: Mapped[str | None]
    resolved_by: Mapped[str | None]
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
