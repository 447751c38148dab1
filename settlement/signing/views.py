"""What is shown of statements' corrections and invoices. Amounts are whole fen."""

from datetime import date, datetime

import msgspec

from settlement.signing.states import AdjustmentState
from settlement.views import PartyView
from tenants.kernel.ids import AdjustmentId, ContractId, InvoiceId, OrderId, StatementId, StoreId
from tenants.kernel.money import Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class AdjustmentView(_View, frozen=True):
    """A correction between two parties."""

    id: AdjustmentId
    party: PartyView
    counterparty: PartyView
    contract_id: ContractId
    store_id: StoreId | None
    amount_fen: Fen
    reason: str
    evidence: str | None
    statement_id: StatementId | None
    order_id: OrderId | None
    restates: bool
    state: AdjustmentState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    period_on: date | None
    """The month that it was booked into."""


class AdjustmentList(_View, frozen=True):
    """Corrections, the newest first."""

    adjustments: list[AdjustmentView]


class InvoiceView(_View, frozen=True):
    """An invoice that was noted beside a statement."""

    id: InvoiceId
    invoice_no: str
    issued_on: date
    amount_fen: Fen
    tax_fen: Fen
    recorded_by: str
    recorded_at: datetime


class InvoiceList(_View, frozen=True):
    """A statement's invoices, by number."""

    invoices: list[InvoiceView]
