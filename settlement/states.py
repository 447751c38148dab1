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
PAYMENT = (Cause.SPLIT_PAID, Cause.SPLIT_RETURNED)
"""Causes that say how a party was paid."""
COUPONS = (Cause.COUPON_PAID, Cause.COUPON_REFUNDED)
"""Causes that concern no party."""
