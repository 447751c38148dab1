"""What settlement shows: structs that go out. Amounts are whole fen, rates basis points."""

from datetime import date, datetime

import msgspec

from settlement.ports import Relation
from settlement.splitting.states import PartStatus, ReceiverState, ReturnStatus, SplitStatus, UnfreezeStatus
from settlement.states import Cause, PartyKind, PeriodState
from tenants.kernel.ids import (
    MerchantId,
    OrderId,
    OrderLineId,
    PartyId,
    ReceiverId,
    RefundId,
    SplitId,
    SplitReturnId,
    StatementId,
    TermsId,
)
from tenants.kernel.money import Bps, Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class PartyView(_View, frozen=True):
    """Anyone who can be owed."""

    id: PartyId
    kind: PartyKind
    code: str
    name: str


class PeriodView(_View, frozen=True):
    """One month of one contract."""

    contract_code: str
    starts_on: date
    state: PeriodState
    closed_at: datetime | None
    closed_by: str | None


class PeriodList(_View, frozen=True):
    """Periods, the newest month first."""

    periods: list[PeriodView]


class StatementView(_View, frozen=True):
    """One party's closed month: closing = opening + earned - reversed - paid; a negative closing is carried forward, never dropped."""

    id: StatementId
    party: PartyView
    period_on: date
    opening_fen: Fen
    earned_fen: Fen
    reversed_fen: Fen
    paid_fen: Fen
    """Through the channel's splitting, less what was given back."""
    closing_fen: Fen
    lines: int
    content_sha256: str
    closed_at: datetime


class StatementList(_View, frozen=True):
    """Statements, the newest month first."""

    statements: list[StatementView]


class StatementLine(_View, frozen=True):
    """One entry of a statement: what was sold or refunded, on which terms, and the party's portion, signed."""

    occurred_on: date
    cause: Cause
    order_no: str | None
    line_no: int | None
    sku_code: str | None
    store_code: str
    base_fen: Fen
    """What was paid for the line, or (negative) what was refunded of it."""
    rate_bps: Bps | None
    """None for the residual party: it takes what is left."""
    portion_fen: Fen
    contract_code: str
    contract_version: int
    terms_id: TermsId
    reference: str
    """The order's or refund's number in the system it came from, else ours."""


class PartyAmount(_View, frozen=True):
    """What one party got (or, negative, gave back) of one line in one posting."""

    party: PartyView
    rate_bps: Bps | None
    amount_fen: Fen


class MoneyStep(_View, frozen=True):
    """One posting of one line: the sale, or a refund's part of it."""

    cause: Cause
    refund_id: RefundId | None
    occurred_on: date
    period_on: date
    amount_fen: Fen
    parties: list[PartyAmount]


class LineMoney(_View, frozen=True):
    """Every fen of one order line: the terms it was sold on, and each posting."""

    order_line_id: OrderLineId | None
    terms_id: TermsId
    contract_code: str
    contract_version: int
    residual_party_code: str
    paid_fen: Fen | None
    base_fen: Fen | None
    """What the rates are applied to while all of it is kept; less in proportion to what went back. None of a line that is not known."""
    kept_fen: Fen
    steps: list[MoneyStep]


class OrderMoney(_View, frozen=True):
    """Every fen of one order, as the ledger has it."""

    order_id: OrderId
    kept_fen: Fen
    lines: list[LineMoney]


class ClosingTotals(_View, frozen=True):
    """The figures that must agree to the fen: what orders kept, the ledger booked and statements say; and the month's beginning.

    `carried_fen` is what the ledger carried into the month, `openings_fen` what its statements open with.
    """

    orders_fen: Fen
    ledger_fen: Fen
    statements_fen: Fen
    carried_fen: Fen
    openings_fen: Fen

    @property
    def agree(self) -> bool:
        """Whether the month's three are equal and the two of its beginning."""
        return (
            self.orders_fen == self.ledger_fen == self.statements_fen
            and self.carried_fen == self.openings_fen
        )


class ClosingView(_View, frozen=True):
    """A closed month."""

    month: str
    already_closed: bool
    statements: list[StatementView]
    totals: ClosingTotals


class Finding(_View, frozen=True):
    """One law of the books, how much was checked, and what breaks it (the first few)."""

    law: str
    checked: int
    broken: int
    examples: list[str]


class BooksReport(_View, frozen=True):
    """Whether the books hold."""

    findings: list[Finding]

    @property
    def sound(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.broken == 0 for finding in self.findings)


class ReceiverView(_View, frozen=True):
    """A merchant number that a party receives parts under; its legal name is not shown."""

    id: ReceiverId
    party: PartyView
    merchant_id: MerchantId
    """Whose payments it receives parts of."""
    account: str
    relation: Relation
    state: ReceiverState
    channel_code: str | None
    channel_message: str | None
    """Why the channel refused it."""
    created_at: datetime
    added_at: datetime | None
    ended_at: datetime | None


class ReceiverList(_View, frozen=True):
    """Receivers, ended ones too."""

    receivers: list[ReceiverView]


class SplitPartView(_View, frozen=True):
    """One receiver's part of a split."""

    party: PartyView
    account: str
    amount_fen: Fen
    state: PartStatus
    trouble: str | None
    channel_code: str | None
    ended_at: datetime | None


class SplitReturnView(_View, frozen=True):
    """What a receiver was asked to give back; a claimed one is owed to us."""

    id: SplitReturnId
    party: PartyView
    refund_id: RefundId
    return_no: str
    amount_fen: Fen
    state: ReturnStatus
    trouble: str | None
    channel_code: str | None
    channel_message: str | None
    created_at: datetime
    ended_at: datetime | None


class UnfreezeView(_View, frozen=True):
    """One unfreeze."""

    unfreeze_no: str
    state: UnfreezeStatus
    created_at: datetime
    ended_at: datetime | None


class SplitView(_View, frozen=True):
    """Where the splitting of one payment stands."""

    id: SplitId
    order_id: OrderId
    merchant_id: MerchantId
    split_no: str | None
    state: SplitStatus
    total_fen: Fen
    paid_at: datetime
    due_at: datetime | None
    warned_at: datetime | None
    """Set when its money is about to unfreeze, or has unfrozen, unsplit."""
    ended_at: datetime | None
    channel_code: str | None
    channel_message: str | None
    parts: list[SplitPartView]
    returns: list[SplitReturnView]
    unfreezes: list[UnfreezeView]


class SplitList(_View, frozen=True):
    """Splits, the oldest payment first."""

    splits: list[SplitView]
