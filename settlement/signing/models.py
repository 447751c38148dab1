"""Tables of what people say of statements: private to `settlement`. A statement's figures stand in `settlement.models`, never updated."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from settlement.signing.states import AdjustmentState, StatementState
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class StatementStanding(Base):
    """签核状态: where one version of a statement stands, who signed it, and how much of it payouts hold or have paid."""

    __tablename__ = "statement_standings"
    __table_args__ = tenant_table(
        belongs_to("statements", "statement_id"),
        one_of("state", StatementState),
        rule("approved", "(approved_at IS NULL) = (approved_by IS NULL)"),
        rule("signed", "state <> 'approved' OR approved_at IS NOT NULL"),
        rule("agreed", "(agreed_at IS NULL) = (agreed_by IS NULL)"),
        rule("payout", "payout_fen >= 0 AND payout_fen <= payable_fen"),
        Index("statement_standings_ix_state", "tenant_id", "state"),
        app="SELECT, INSERT, UPDATE (state, approved_at, approved_by, agreed_at, agreed_by, payout_fen)",
    )

    tenant_id: Mapped[TenantKey]
    statement_id: Mapped[Key]
    state: Mapped[str] = mapped_column(default=StatementState.CLOSED, server_default=StatementState.CLOSED)
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    approved_by: Mapped[str | None]
    agreed_at: Mapped[datetime | None] = mapped_column(Moment)
    agreed_by: Mapped[str | None]
    payable_fen: Mapped[Fen]
    """What payouts may send on it at most: its closing balance, 0 when that is negative."""
    payout_fen: Mapped[Fen] = mapped_column(default=0, server_default=text("0"))
    """The guard of payouts: what they hold or have sent of it."""


class Adjustment(Base):
    """手工调整: a correction that one person asks for and another agrees to, naming what it corrects; booked between two parties."""

    __tablename__ = "adjustments"
    __table_args__ = tenant_table(
        belongs_to("parties", "party_id"),
        belongs_to("parties", "counterparty_id", name="adjustments_fk_counterparty"),
        belongs_to("contracts", "contract_id"),
        belongs_to("stores", "store_id"),
        belongs_to("statements", "statement_id"),
        belongs_to("orders", "order_id"),
        one_of("state", AdjustmentState),
        rule("amount", "amount_fen <> 0"),
        rule("parties", "party_id <> counterparty_id"),
        rule("names", "statement_id IS NOT NULL OR order_id IS NOT NULL"),
        rule("two_people", "decided_by IS NULL OR decided_by <> proposed_by"),
        rule("booked", "(state = 'booked') = (period_on IS NOT NULL)"),
        Index("adjustments_ix_state", "tenant_id", "state"),
        Index("adjustments_ix_statement", "tenant_id", "statement_id"),
        app="SELECT, INSERT, UPDATE (state, decided_at, decided_by, decision, period_on)",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    party_id: Mapped[UUID]
    counterparty_id: Mapped[UUID]
    contract_id: Mapped[UUID]
    store_id: Mapped[UUID | None]
    amount_fen: Mapped[Fen]
    """What the party is owed more (or, negative, less)."""
    reason: Mapped[str]
    evidence: Mapped[str | None]
    statement_id: Mapped[UUID | None]
    order_id: Mapped[UUID | None]
    restates: Mapped[bool]
    """Whether it goes into the closed month of its statement as a new version, or into the open period."""
    state: Mapped[str] = mapped_column(default=AdjustmentState.PROPOSED)
    proposed_at: Mapped[datetime] = mapped_column(Moment)
    proposed_by: Mapped[str]
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    decided_by: Mapped[str | None]
    decision: Mapped[str | None]
    period_on: Mapped[date | None] = mapped_column(Date)


class StatementInvoice(Base):
    """发票: an invoice number that somebody noted beside a statement, with what it is about. A red-letter one is negative."""

    __tablename__ = "statement_invoices"
    __table_args__ = tenant_table(
        belongs_to("statements", "statement_id"),
        UniqueConstraint("tenant_id", "invoice_no"),
        rule("amount", "amount_fen <> 0"),
        rule("tax", "abs(tax_fen) < abs(amount_fen) AND tax_fen * amount_fen >= 0"),
        Index("statement_invoices_ix_statement", "tenant_id", "statement_id"),
        app="SELECT, INSERT",
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    statement_id: Mapped[UUID]
    invoice_no: Mapped[str]
    issued_on: Mapped[date] = mapped_column(Date)
    amount_fen: Mapped[Fen]
    """With tax."""
    tax_fen: Mapped[Fen]
    recorded_at: Mapped[datetime] = mapped_column(Moment)
    recorded_by: Mapped[str]
