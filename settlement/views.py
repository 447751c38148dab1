"""What settlement shows: structs that go out. Amounts are whole fen, rates basis points."""

from datetime import date, datetime

import msgspec

from settlement.signing.states import StatementState
from settlement.states import Cause, ClaimCause, FunderRole, PartyKind, PeriodState
from tenants.kernel.ids import (
    ContractId,
    JournalId,
    OrderId,
    OrderLineId,
    PartyId,
    PromotionId,
    RefundId,
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


class FunderView(_View, frozen=True):
    """One funder's part of a promotion's discounts."""

    role: FunderRole
    rate_bps: Bps


class PromotionView(_View, frozen=True):
    """A promotion and who pays for it; the residual funder takes what the portions leave."""

    id: PromotionId
    code: str
    name: str
    funders: list[FunderView]
    residual_funder: FunderRole
    active_from: datetime
    active_to: datetime | None


class PromotionList(_View, frozen=True):
    """Promotions, the newest first."""

    promotions: list[PromotionView]


class ClaimView(_View, frozen=True):
    """One refund that a party owes its part of: `openFen` is what no later earning has covered."""

    cause: ClaimCause
    order_id: OrderId | None
    order_no: str | None
    refund_id: RefundId
    amount_fen: Fen
    open_fen: Fen
    since_on: date
    age_days: int
    period_on: date
    """The month whose statement nets it."""
    statement_id: StatementId | None
    """That statement, once it is written."""
    return_no: str | None
    trouble: str | None
    channel_code: str | None
    channel_message: str | None


class PartyClaims(_View, frozen=True):
    """What one party owes."""

    party: PartyView
    balance_fen: Fen
    owes_fen: Fen
    claims: list[ClaimView]


class ClaimList(_View, frozen=True):
    """Parties that owe, the largest debt first."""

    parties: list[PartyClaims]


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
    """One party's closed month: closing = opening + earned - reversed + adjusted - collected - paid.

    A negative closing is carried forward, never dropped.
    """

    id: StatementId
    party: PartyView
    period_on: date
    opening_fen: Fen
    earned_fen: Fen
    version: int
    reversed_fen: Fen
    adjusted_fen: Fen
    """True-ups, parts of promotions and fees, corrections."""
    collected_fen: Fen
    """What the party took from shoppers itself."""
    paid_fen: Fen
    """Through the channel's splitting and payouts, less what came back."""
    closing_fen: Fen
    lines: int
    adjustments: int
    content_sha256: str
    closed_at: datetime
    closed_by: str | None
    restated_for: str | None
    """Why this version was made, where it is not the first."""
    state: StatementState
    approved_at: datetime | None
    approved_by: str | None
    agreed_at: datetime | None
    """When the party itself said that it is right."""
    agreed_by: str | None
    payout_fen: Fen
    """What payouts hold or have sent on it."""


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
    store_name: str
    paid_fen: Fen
    """What was paid for the line, or (negative) what was refunded of it."""
    base_fen: Fen
    """What the rate is of: that, or as much of the base that the contract says. Of the residual party's lines what was paid."""
    rate_bps: Bps | None
    """None for the residual party: it takes what is left."""
    portion_fen: Fen
    contract_id: ContractId
    contract_code: str
    contract_version: int
    terms_id: TermsId
    reference: str
    """The order's or refund's number in the system it came from, else ours."""
    journal_id: JournalId
    """The posting; with the ids below one gets from the line to its order's money and every document behind it."""
    order_id: OrderId | None = None
    order_line_id: OrderLineId | None = None
    refund_id: RefundId | None = None
    refund_line_no: int | None = None


class Step(_View, frozen=True):
    """One step of an adjustment's evidence, in words for both sides."""

    zh: str
    en: str
    value: str


class AdjustmentLine(_View, frozen=True):
    """What a party is owed more (or, negative, less) beside its sales, and why."""

    occurred_on: date
    cause: Cause
    amount_fen: Fen
    entries: int
    contract_id: ContractId | None
    contract_code: str | None
    contract_version: int | None
    store_code: str | None
    reference: str
    """The correction's or true-up's id; empty where a day's entries are added up."""
    steps: list[Step]


class PaymentLine(_View, frozen=True):
    """What a party received on one day (negative: gave back), or collected itself."""

    occurred_on: date
    cause: Cause
    amount_fen: Fen
    entries: int


class PartyAmount(_View, frozen=True):
    """What one party got (or, negative, gave back) of one line in one posting."""

    party: PartyView
    rate_bps: Bps | None
    amount_fen: Fen
    of_paid: bool = False
    """Whether the rate is of what was paid and not of the line's base."""


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
    """What the contract's rates are applied to while all of it is kept; less in proportion to what went back. None of a line that is not known."""
    kept_fen: Fen
    steps: list[MoneyStep]


class BesideMoney(_View, frozen=True):
    """What moved a party's balance beside the order's portions: collected money, a promotion's cost, splits and returns."""

    cause: Cause
    party: PartyView
    amount_fen: Fen
    """Positive: the party is owed more."""
    order_line_id: OrderLineId | None
    refund_id: RefundId | None
    occurred_on: date
    period_on: date


class OrderMoney(_View, frozen=True):
    """Every fen of one order, as the ledger has it: line by line what each party's portion is, and what moved beside."""

    order_id: OrderId
    kept_fen: Fen
    lines: list[LineMoney]
    beside: list[BesideMoney] = []


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
