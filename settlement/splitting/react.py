"""What splitting does when something happens or falls due: the verbs and flows that `storefront/subscriptions.py` names.

OrderPaid        -> expect_split
OrderCollected   -> schedule_collected
SplitScheduled   -> send_due_split
SplitAccepted    -> ask_accepted_split
FreezeNearsEnd   -> warn_before_thaw
TradeAwaited     -> ask_about_trade
RefundFailed     -> leave_with_receivers
ReturnRequested  -> send_requested_return
"""

from datetime import datetime

from orders.events import OrderCollected, OrderPaid, RefundFailed
from settlement.events import (
    FreezeNearsEnd,
    ReturnRequested,
    SplitAccepted,
    SplitScheduled,
    TradeAwaited,
)
from settlement.ports import SplittingChannels, TradeStates
from settlement.splitting.returns import renounce_returns, send_return
from settlement.splitting.schedule import open_split, schedule_split, warn_of_freeze
from settlement.splitting.send import ask_split, send_split
from settlement.splitting.trades import is_due, look_at_trade
from tenants.kernel.scope import TenantScope, Writing


async def expect_split(db: Writing, fact: OrderPaid, *, now: datetime) -> None:
    """A payment that was marked for splitting is watched from now on."""
    await open_split(db, fact.order_id, now=now)


async def schedule_collected(db: Writing, fact: OrderCollected, *, now: datetime) -> None:
    """The goods were handed over: the payment may be split some days later."""
    await schedule_split(db, fact.order_id, now=now)


async def send_due_split(
    tenant: TenantScope, fact: SplitScheduled, *, channels: SplittingChannels, now: datetime
) -> None:
    """A split is due: take it as far as it goes, unless its moment was put off since; then a later event comes for it."""
    if not await is_due(tenant, fact.split_id, now=now):
        return
    await send_split(tenant, fact.split_id, channels=channels, now=now, tried=fact.tried)


async def ask_accepted_split(
    tenant: TenantScope, fact: SplitAccepted, *, channels: SplittingChannels, now: datetime
) -> None:
    """The channel works on a split: ask what became of it."""
    await ask_split(tenant, fact.split_id, asked=fact.asked, channels=channels, now=now)


async def warn_before_thaw(db: Writing, fact: FreezeNearsEnd, *, now: datetime) -> None:
    """A payment unfreezes soon: warn, unless its splitting is over."""
    await warn_of_freeze(db, fact.split_id, now=now)


async def leave_with_receivers(db: Writing, fact: RefundFailed, *, now: datetime) -> None:
    """A refund failed: what receivers were to give back for it stays with them."""
    await renounce_returns(db, fact.refund_id, order_id=fact.order_id, now=now)


async def send_requested_return(
    tenant: TenantScope, fact: ReturnRequested, *, channels: SplittingChannels, now: datetime
) -> None:
    """A receiver is to give money back: ask its account for it."""
    await send_return(tenant, fact.return_id, channels=channels, now=now, tried=fact.tried)


async def ask_about_trade(
    tenant: TenantScope, fact: TradeAwaited, *, trades: TradeStates, now: datetime
) -> None:
    """The platform said something about an order, or a complaint held its money: ask where it stands."""
    await look_at_trade(tenant, fact.transaction_id, trades=trades, now=now)
