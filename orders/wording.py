"""What an order's state is called, what the shopper may do in it, and what has happened so far, in words. Pure."""

from datetime import datetime

from orders.states import OrderState
from orders.views import OrderAction, RefundView, TimelineStep

STATUS_TEXT: dict[OrderState, tuple[str, str]] = {
    OrderState.AWAITING_PAYMENT: ("待付款", "Awaiting payment"),
    OrderState.PAID: ("待自提", "Ready for pickup"),
    OrderState.COLLECTED: ("已完成", "Collected"),
    OrderState.CANCELLED: ("已取消", "Cancelled"),
    OrderState.REFUNDED: ("已退款", "Refunded"),
}
STEP_TEXT: dict[str, tuple[str, str]] = {
    "placed": ("订单已提交", "Order placed"),
    "paid": ("支付成功", "Paid"),
    "collected": ("已自提", "Collected"),
    "cancelled": ("订单已取消", "Order cancelled"),
    "refundRequested": ("退款处理中", "Refund under way"),
    "refunded": ("退款成功", "Refunded"),
}


def actions_of(state: OrderState, *, expires_at: datetime | None, now: datetime) -> list[OrderAction]:
    """What the shopper may do next, most likely first; paying ends with the time to pay."""
    if state is OrderState.AWAITING_PAYMENT:
        in_time = expires_at is None or now < expires_at
        return [OrderAction.PAY, OrderAction.CANCEL] if in_time else [OrderAction.CANCEL]
    if state is OrderState.PAID:
        return [OrderAction.SHOW_PICKUP_CODE]
    return [OrderAction.REBUY]


STEPS = ("placed", "paid", "collected", "refundRequested", "refunded", "cancelled")
"""In which order steps of one second are told."""


def timeline_of(
    *,
    placed_at: datetime,
    paid_at: datetime | None,
    collected_at: datetime | None,
    closed_at: datetime | None,
    refunds: list[RefundView],
) -> list[TimelineStep]:
    """What has happened, oldest first."""
    moments: list[tuple[str, datetime | None]] = [
        ("placed", placed_at), ("paid", paid_at), ("collected", collected_at), ("cancelled", closed_at),
    ]  # fmt: skip
    for refund in refunds:
        moments += [("refundRequested", refund.requested_at), ("refunded", refund.refunded_at)]
    # The channel tells whole seconds: a payment within the second of the order would seem to come before it.
    happened = sorted(
        ((at, step) for step, at in moments if at is not None),
        key=lambda each: (each[0].replace(microsecond=0), STEPS.index(each[1])),
    )
    return [
        TimelineStep(step=step, at=at, text=STEP_TEXT[step][0], text_en=STEP_TEXT[step][1])
        for at, step in happened
    ]
