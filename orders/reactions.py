"""What orders do when an event of theirs falls due: flows that the worker runs, each harmless to repeat."""

from datetime import datetime

from orders.events import RefundAwaited, RefundRequested, ReservationRanOut
from orders.give_back import ask_refund, send_refund
from orders.pay import give_up_order
from orders.ports import PaymentChannels, PaymentSplits
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
    await send_refund(
        tenant, fact.refund_id, channels=channels, splits=splits, now=now, tried=fact.tried
    )


async def ask_awaited_refund(
    tenant: TenantScope, fact: RefundAwaited, *, channels: PaymentChannels, now: datetime
) -> None:
    """A refund is on its way: ask whether it arrived, in case the channel's message got lost."""
    await ask_refund(tenant, fact.refund_id, asked=fact.asked, channels=channels, now=now)
