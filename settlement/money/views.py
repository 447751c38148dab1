"""What goes out: amounts are whole fen, rates basis points, shares of a party signed as its account sees them."""

from datetime import date, datetime
from enum import StrEnum

import msgspec

from settlement.states import Cause
from settlement.views import PartyView
from tenants.kernel.ids import (
    ContractId,
    JournalId,
    MerchantId,
    OrderId,
    OrderLineId,
    PaymentId,
    RefundId,
    TermsId,
)
from tenants.kernel.money import Bps, Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Standing(StrEnum):
    """How far what a party is owed for an order has come."""

    FROZEN = "frozen"
    """冻结: not handed over yet, or it may still be brought back."""
    MATURED = "matured"
    """已到期: it cannot be brought back any more; its statement is not approved yet, or its day of payment (T+N) has not come."""
    PAYABLE = "payable"
    """应付: stands in an approved statement, and the contract's day of payment (T+N) has come."""
    PAID = "paid"
    """已付: nothing is left of it."""


class PartyBalance(_View, frozen=True):
    """What a party has earned, by how far it has come: earned = frozen + matured + payable + paid, and balance = earned - paid."""

    party: PartyView
    at: datetime
    earned_fen: Fen
    """By sales less refunds, with what contracts add or take beside them."""
    frozen_fen: Fen
    matured_fen: Fen
    payable_fen: Fen
    """Negative when the party owes."""
    paid_fen: Fen
    """Through the channel's splitting, by payouts, or taken at its own till; less what came back."""
    balance_fen: Fen
    """What the ledger's accounts of the party hold."""


class StepKind(StrEnum):
    """What a step of an order's waterfall is."""

    LIST = "list"
    """标价."""
    DISCOUNT = "discount"
    """优惠: by line and by who pays for it; without a party what nobody shares, a lower price of the seller's."""
    PAID = "paid"
    """实付."""
    COUPON = "coupon"
    """代金券: what coupons paid of that, or got back."""
    FEE = "fee"
    """手续费: what the channel is expected to keep of it, or give back; with a party where it is charged on that one's own merchant number."""
    UNWANTED = "unwanted"
    """挂账: money of this order's payments that no order wanted, in and out."""
    PORTION = "portion"
    """分成: a party's part of a line by its terms, or what a refund takes back of it."""
    REFUND = "refund"
    """退款: what went back to the shopper."""
    ADJUSTMENT = "adjustment"
    """调整: what a contract adds or takes beside the sale."""
    PAYMENT = "payment"
    """支付: how a party was paid its part, or gave it back."""


class Rule(_View, frozen=True):
    """The terms that a portion follows: the contract's version, the rate and the amount that the rate is of."""

    contract_code: str
    contract_version: int
    rate_bps: Bps | None
    """None for the residual party: it takes what is left."""
    base_fen: Fen
    counts_in: date | None = None
    """The period whose guarantee, tiers or cap it counts in, where the contract takes what comes back off the period of its sale."""


class MoneyStepView(_View, frozen=True):
    """One step: what, how much, whose, by which rule, and the numbers of what proves it."""

    kind: StepKind
    cause: Cause | None
    amount_fen: Fen
    party: PartyView | None = None
    line_no: int | None = None
    sku_code: str | None = None
    rule: Rule | None = None
    occurred_on: date | None = None
    period_on: date | None = None
    evidence: list[str] = []
    """Order, payment, channel transaction, refund, split or return numbers; of a discount its promotion's code."""
    order_line_id: OrderLineId | None = None
    refund_id: RefundId | None = None
    journal_id: JournalId | None = None
    """The posting, as statement lines name it."""
    terms_id: TermsId | None = None
    contract_id: ContractId | None = None


class PartyStanding(_View, frozen=True):
    """What one party has of an order."""

    party: PartyView
    earned_fen: Fen
    paid_fen: Fen
    left_fen: Fen
    standing: Standing


class Waterfall(_View, frozen=True):
    """Every fen of one order, from the list price to what each party holds: portions less refunds add up to what is kept."""

    order_id: OrderId
    order_no: str
    kept_fen: Fen
    steps: list[MoneyStepView]
    parties: list[PartyStanding]


class FeeDay(_View, frozen=True):
    """What the channel is expected to keep of one merchant's payments of one day (Beijing), and to give back with its refunds."""

    merchant_id: MerchantId
    merchant_no: str
    day: date
    charged_fen: Fen
    returned_fen: Fen
    payments: int
    refunds: int
    borne_by: str | None = None
    """The code of the party whose merchant number it is, and who is charged; none: ours."""


class FeeList(_View, frozen=True):
    """Expected fees by day and merchant."""

    fees: list[FeeDay]


class InSuspense(_View, frozen=True):
    """Money that is nobody's: a payment that no order wanted and that has not gone back."""

    payment_id: PaymentId
    payment_no: str
    order_id: OrderId
    order_no: str
    amount_fen: Fen
    since: datetime
    days: int


class SuspenseList(_View, frozen=True):
    """What stands in suspense, the oldest first; the total is the accounts'."""

    total_fen: Fen
    payments: list[InSuspense]
