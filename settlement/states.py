"""The words of settlement, each with its meaning. Pure."""

from enum import StrEnum


class PartyKind(StrEnum):
    """Who can be owed."""

    BRAND = "brand"
    """品牌: the tenant itself."""
    FRANCHISEE = "franchisee"
    """加盟商."""
    AGENT = "agent"
    """代理商."""
    MALL = "mall"
    """商场: a landlord that takes its rate (扣点)."""
    GUIDE = "guide"
    """导购: commission."""
    PLATFORM = "platform"
    """平台: us."""
    SERVICE_PROVIDER = "service_provider"
    """服务商."""


class AccountKind(StrEnum):
    """What an account counts. Balances are credits minus debits."""

    CHANNEL = "channel"
    """Money the payment channel (or a till elsewhere) took for us: debited when paid, credited when refunded."""
    PAYABLE = "payable"
    """What a party is owed: credited by its portion, debited by its part of a refund and by what it was paid; below zero it owes."""
    COUPON = "coupon"
    """What coupons paid instead of the shopper: debited when paid, credited when refunded."""
    FEE = "fee"
    """What the channel is expected to keep of payments for itself, less what it gives back on refunds."""
    SUSPENSE = "suspense"
    """挂账: money that came in and is nobody's: a second payment, a payment of a cancelled order. Ends at nothing when it is refunded."""
    CLEARING = "clearing"
    """往来: what one party owes another beside a sale, on its way from the one's account to the other's. Nothing stays on it."""
    VARIANCE = "variance"
    """联合收银差异: what a partner's cashier kept beyond what was agreed, until somebody settles it with the partner."""
    BANK = "bank"
    """Money sent to parties by payouts, less what came back."""


class Cause(StrEnum):
    """Why money moved on paper."""

    ORDER_PAID = "order_paid"
    """An order was paid: split(paid)."""
    ORDER_REFUNDED = "order_refunded"
    """Part of it went back: split(kept before) - split(kept after)."""
    LOOSE_REFUND = "loose_refund"
    """A refund whose sale is not known: minus split(amount) on the terms of its day."""
    SPLIT_PAID = "split_paid"
    """A party got its part through the channel's splitting (分账)."""
    SPLIT_RETURNED = "split_returned"
    """A party gave back part of it (分账回退)."""
    COUPON_PAID = "coupon_paid"
    """What coupons paid of an order, taken off the channel."""
    COUPON_REFUNDED = "coupon_refunded"
    """What a refund gave back to coupons."""
    FEE_CHARGED = "fee_charged"
    """What the channel is expected to keep of a payment."""
    FEE_RETURNED = "fee_returned"
    """What it is expected to give back of that with a refund."""
    FEE_SHARED = "fee_shared"
    """A party's part of the channel's fee, where the contract makes it bear some."""
    FEE_SHARE_RETURNED = "fee_share_returned"
    """What a refund gave back of that part."""
    COUPONS_SHARED = "coupons_shared"
    """A party's part of what coupons cost the merchant, where the contract makes it bear some."""
    COUPONS_SHARE_RETURNED = "coupons_share_returned"
    """What a refund gave back of that part."""
    UNWANTED_PAID = "unwanted_paid"
    """Money came in that no order wanted."""
    UNWANTED_REFUNDED = "unwanted_refunded"
    """It went back."""
    UNWANTED_ACCEPTED = "unwanted_accepted"
    """A person took it as an order's price after all: out of suspense, and booked as that order's."""
    FUNDED = "funded"
    """A party's part of a promotion's cost."""
    FUNDING_REVERSED = "funding_reversed"
    """What a refund took back of it."""
    TRUE_UP = "true_up"
    """The difference between what a period's terms (guarantee, tiers, cap) give a party and what its sales gave it."""
    ADJUSTED = "adjusted"
    """A correction that two people agreed on, naming what it corrects."""
    COLLECTED = "collected"
    """A party's own till or merchant number took the money of a sale."""
    COLLECTION_RETURNED = "collection_returned"
    """It gave it back to the shopper."""
    JOINT_VARIANCE = "joint_variance"
    """A partner's cashier kept more of a sale, or gave back less, than was agreed."""
    PAID_OUT = "paid_out"
    """A party was paid by a payout."""
    PAYOUT_RETURNED = "payout_returned"
    """The bank sent it back."""


class FunderRole(StrEnum):
    """Who pays for a discount, said once for all stores of a promotion."""

    BRAND = "brand"
    """品牌承担."""
    MALL = "mall"
    """商场承担: the mall that the store stands in; of a store in none, its part falls to whoever takes the rest."""
    OWNER = "owner"
    """门店承担: whoever runs the store, the brand where nobody else does."""
    PLATFORM = "platform"
    """平台承担."""


class ClaimCause(StrEnum):
    """Why a party owes something for a refund."""

    NOT_RETURNED = "not_returned"
    """It had its part through the channel, and the channel does not bring it back."""
    PAID_BEFORE = "paid_before"
    """The refund took back what had been paid to it otherwise, or what it had taken itself."""


class PeriodState(StrEnum):
    """Whether entries may still be booked into a period."""

    OPEN = "open"
    """Takes entries."""
    CLOSED = "closed"
    """Signed off: later events of its days are booked into the next open period, with their own date beside them."""


class RateBase(StrEnum):
    """What a contract's rate is applied to."""

    PAID_GOODS = "paid_goods"
    """实付货款: what was paid for goods, after discounts, net of refunds. Carriage only where a rate names it (category `freight`)."""
    LIST_GOODS = "list_goods"
    """吊牌/标价: what goods cost before discounts, as much of it as is kept."""
    PAID_TOTAL = "paid_total"
    """实付总额: what was paid, carriage included."""
    EX_TAX = "ex_tax"
    """不含税: what was paid for goods, without the tax in it."""


ENTITLEMENT = (Cause.ORDER_PAID, Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND)
"""Causes that change what a party is owed for sales: what statements list line by line."""
ADJUSTMENT = (
    Cause.TRUE_UP,
    Cause.FUNDED,
    Cause.FUNDING_REVERSED,
    Cause.FEE_SHARED,
    Cause.FEE_SHARE_RETURNED,
    Cause.COUPONS_SHARED,
    Cause.COUPONS_SHARE_RETURNED,
    Cause.ADJUSTED,
)
"""Causes that change what a party is owed beside its sales: its account against the clearing account."""
SHARED_COSTS = (
    Cause.FEE_SHARED,
    Cause.FEE_SHARE_RETURNED,
    Cause.COUPONS_SHARED,
    Cause.COUPONS_SHARE_RETURNED,
)
"""Causes about what parties bear of costs that came with a sale."""
COLLECTION = (Cause.COLLECTED, Cause.COLLECTION_RETURNED)
"""Causes that say what a party holds already because it took the money itself."""
SPLITS = (Cause.SPLIT_PAID, Cause.SPLIT_RETURNED)
"""Causes that say what a party was paid through the channel's splitting."""
PAYMENT = (*SPLITS, Cause.PAID_OUT, Cause.PAYOUT_RETURNED)
"""Causes that say how a party was paid."""
OWED = (*ENTITLEMENT, *ADJUSTMENT, *COLLECTION, *PAYMENT)
"""Every cause that moves a party's balance."""
COUPONS = (Cause.COUPON_PAID, Cause.COUPON_REFUNDED)
"""Causes about coupons, which concern no party."""
FEES = (Cause.FEE_CHARGED, Cause.FEE_RETURNED)
"""Causes about the channel's fee, which concern no party."""
JOINT = (Cause.JOINT_VARIANCE,)
"""Causes about what a partner's cashier keeps otherwise than agreed, which concern no party of a contract."""
UNWANTED = (Cause.UNWANTED_PAID, Cause.UNWANTED_REFUNDED, Cause.UNWANTED_ACCEPTED)
"""Causes about money that no order wanted, which concern no party."""
