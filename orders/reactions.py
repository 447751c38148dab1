"""What orders do when an event of theirs falls due: flows that the worker runs, each harmless to repeat."""

from datetime import datetime

from orders.events import OrderCollected, RefundAwaited, RefundRequested, ReservationRanOut
from orders.give_back import ask_refund, send_refund
from orders.pay import give_up_order
from orders.ports import HandOverReports, PaymentChannels, PaymentSplits
from orders.report_hand_over import report_hand_over
from tenants.kernel.scope import TenantScope


async def release_unpaid(
    tenant: TenantScope, fact: ReservationRanOut, *, channels: PaymentChannels, now: datetime
) -> None:
    """The time to pay is over: close at the channel, then release; a payment that came first keeps the order."""
    await give_up_order(tenant, fact.order_id, channels=channels, now=now, reason="expired")


async def send_requested_refund(
    tenant: TenantScope,
    fact: RefundRequested,
    *,
    channels: PaymentChannels,
    splits: PaymentSplits,
    now: datetime,
) -> None:
    """A refund was written down: send it."""
    await send_refund(tenant, fact.refund_id, channels=channels, splits=splits, now=now, tried=fact.tried)


async def ask_awaited_refund(
    tenant: TenantScope, fact: RefundAwaited, *, channels: PaymentChannels, now: datetime
) -> None:
    """A refund is on its way: ask whether it arrived, in case the channel's message got lost."""
    await ask_refund(tenant, fact.refund_id, asked=fact.asked, channels=channels, now=now)


async def report_collected(
    tenant: TenantScope,
    fact: OrderCollected,
    *,
    reports: HandOverReports,
    now: datetime,  # noqa: ARG001 the worker hands it to every reaction
) -> None:
    """Goods were handed over: the mini-program's platform wants to know."""
    await report_hand_over(tenant, fact.order_id, reports=reports)
