"""Where an order stands for the platform that holds its money, and what that means for its split: when it is due.

A flow. A message of the platform is only a reason to ask: it comes more than once, early, and empty. Nothing is split before the money is
settled (confirmed and the settlement cycle over) and the goods can no longer be brought back; a complaint holds it, and is asked about daily.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from orders.ports import Unknown
from orders.split_queries import shared_payment
from settlement.events import SplitScheduled, TradeAwaited
from settlement.ports import TradeStanding, TradeStates
from settlement.splitting.errors import TradeUnclear
from settlement.splitting.models import Split
from settlement.splitting.policy import split_policy
from settlement.splitting.states import SplitStatus
from tenants.kernel.ids import OrderId, SplitId
from tenants.kernel.outbox import append
from tenants.kernel.scope import TenantScope, Writing

HELD = timedelta(days=1)
RECEIVED = frozenset({TradeStanding.CONFIRMED, TradeStanding.SETTLED})


async def look_at_trade(
    tenant: TenantScope, transaction_id: str, *, trades: TradeStates, now: datetime
) -> TradeStanding | None:
    """Ask where an order stands and set its split's moment by it; None for an order that is not split. Raises TradeUnclear."""
    async with tenant.reading() as db:
        statement = select(Split.id).where(
            Split.tenant_id == db.tenant_id, Split.transaction_id == transaction_id
        )
        found = (await db.execute(statement)).scalar_one_or_none()
    if found is None:
        return None
    standing = await trades.look_up(tenant, transaction_id=transaction_id)
    if isinstance(standing, Unknown):
        raise TradeUnclear(reason=standing.reason)
    if standing is not None:
        async with tenant.writing() as db:
            await note_standing(db, SplitId(found), standing=standing, now=now)
    return standing


async def note_standing(
    db: Writing, split_id: SplitId, *, standing: TradeStanding, now: datetime
) -> datetime | None:
    """Set the moment from which a split may be sent by where its order stands; returns it, None where nothing is to be sent."""
    confirmed = func.coalesce(Split.confirmed_at, now) if standing in RECEIVED else Split.confirmed_at
    statement = (
        update(Split)
        .where(Split.tenant_id == db.tenant_id, Split.id == split_id)
        .values(confirmed_at=confirmed)
        .returning(Split.state, Split.order_id, Split.due_at, Split.confirmed_at, Split.transaction_id)
    )
    split = (await db.execute(statement)).one()
    payment = await shared_payment(db, OrderId(split.order_id))
    if split.state == SplitStatus.INTENDED and standing is TradeStanding.SETTLED:
        # It was sent and found too early: no need to wait for the next attempt.
        await append(db, SplitScheduled(split_id=split_id), now=now)
    if split.state != SplitStatus.SCHEDULED or payment is None or payment.collected_at is None:
        return None
    policy = await split_policy(db)
    collected_at, kept_until = payment.collected_at, payment.collected_at + timedelta(days=policy.return_days)
    if standing is TradeStanding.SETTLED:
        due_at = max(now, kept_until)
    elif standing is TradeStanding.CONFIRMED:
        due_at = policy.due_at(
            paid_at=payment.paid_at, collected_at=collected_at, confirmed_at=split.confirmed_at
        )
    elif standing is TradeStanding.DISPUTED:
        due_at = max(split.due_at, now + HELD)
        await append(db, TradeAwaited(transaction_id=split.transaction_id), now=now, due_at=now + HELD)
    else:
        return None
    if due_at != split.due_at:
        moved = update(Split).where(Split.tenant_id == db.tenant_id, Split.id == split_id)
        await db.execute(moved.values(due_at=due_at))
        await append(db, SplitScheduled(split_id=split_id), now=now, due_at=due_at)
    return due_at


async def is_due(tenant: TenantScope, split_id: SplitId, *, now: datetime) -> bool:
    """Whether a scheduled split's moment has come; if not, it is woken again then. One that is beyond that state always goes on."""
    async with tenant.writing() as db:
        statement = select(Split.state, Split.due_at).where(
            Split.tenant_id == db.tenant_id, Split.id == split_id
        )
        split = (await db.execute(statement)).one_or_none()
        if split is not None and split.state == SplitStatus.SCHEDULED and split.due_at and split.due_at > now:
            await append(db, SplitScheduled(split_id=split_id), now=now, due_at=split.due_at)
            return False
    return True
