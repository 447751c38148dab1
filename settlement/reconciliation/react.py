"""What reconciliation does by itself: each merchant's day is fetched the next morning, and asked for again while it is not ready.

OrderPaid  -> expect_bills      a merchant's first payment of a day makes its files of that day expected
BillDue    -> fetch_due_bills   fetches, compares, and expects the next day: from then on idle days are looked at too
"""

import zlib
from datetime import date, datetime, time, timedelta

from sqlalchemy.dialects.postgresql import insert as upsert

from orders.channel_queries import merchant_of_payment
from orders.events import OrderPaid
from settlement.events import BillDue
from settlement.reconciliation.bills import BEIJING, BillSources
from settlement.reconciliation.errors import DayNotOver
from settlement.reconciliation.fetch import reconcile_merchant
from settlement.reconciliation.models import ReconciledDay
from settlement.reconciliation.policy import reconciliation_policy
from settlement.reconciliation.states import BillKind, DayState
from tenants.kernel.ids import MerchantId
from tenants.kernel.outbox import append
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import merchants
from tenants.views import MerchantView

READY_AT = time(10, 5)
"""Beijing, the next morning: the channel promises its files by ten."""
SPREAD_MINUTES = 25
"""Merchants are spread over so many minutes, each always at its own: not all of them call the channel at once."""
AGAIN_AFTER = timedelta(minutes=30)
MOST_ASKED = 96
"""Two days of asking; then the day stays as it is until a person asks."""
KEPT_FOR = timedelta(days=90)
"""The channel keeps its files for three months; a payment that is older is nobody's yesterday."""
BY_ITSELF = "system:worker"


async def expect_bills(db: Writing, fact: OrderPaid, *, now: datetime) -> None:
    """The day's files of the merchant that took this money will be there the next morning."""
    if fact.payment_id is None or not (await reconciliation_policy(db)).fetch_bills:
        return
    merchant_id = await merchant_of_payment(db, fact.payment_id)
    merchant = await _merchant(db, merchant_id)
    await expect_day(db, merchant, day=fact.paid_at.astimezone(BEIJING).date(), now=now)


async def expect_day(db: Writing, merchant: MerchantView, *, day: date, now: datetime) -> bool:
    """Make a merchant's day expected, once; False when it is already, was fetched, or can no longer be."""
    if due_at(merchant, day) < now - KEPT_FOR:
        return False
    row = {
        "tenant_id": db.tenant_id, "kind": BillKind.TRADE, "account": merchant.merchant_no, "day": day,
        "merchant_id": merchant.id, "state": DayState.EXPECTED,
    }  # fmt: skip
    made = upsert(ReconciledDay).values(row).on_conflict_do_nothing().returning(ReconciledDay.day)
    if (await db.execute(made)).scalar_one_or_none() is None:
        return False
    await append(db, BillDue(merchant_id=merchant.id, day=day), now=now, due_at=due_at(merchant, day))
    return True


def due_at(merchant: MerchantView, day: date) -> datetime:
    """When a merchant's files of a day are asked for first."""
    minutes = zlib.crc32(merchant.merchant_no.encode()) % SPREAD_MINUTES
    return datetime.combine(day + timedelta(days=1), READY_AT, BEIJING) + timedelta(minutes=minutes)


async def fetch_due_bills(
    tenant: TenantScope, fact: BillDue, *, channels: BillSources, now: datetime
) -> None:
    """Fetch and compare a merchant's day; ask again in half an hour while a file is not there, and expect the next day."""
    async with tenant.reading() as db:
        policy = await reconciliation_policy(db)
        merchant = await _merchant(db, fact.merchant_id)
    if not policy.fetch_bills:
        return
    try:
        done = await reconcile_merchant(
            tenant, merchant, day=fact.day, channels=channels, now=now, by=BY_ITSELF, prove=False
        )
    except DayNotOver:
        # Asked too early, by whatever clock: when its files come is known.
        async with tenant.writing() as db:
            await append(db, fact, now=now, due_at=due_at(merchant, fact.day))
        return
    waits = done.is_pending or any(each.state is DayState.REFUSED for each in done.days)
    async with tenant.writing() as db:
        if fact.asked == 0:
            await expect_day(db, merchant, day=fact.day + timedelta(days=1), now=now)
        if waits and fact.asked + 1 < MOST_ASKED:
            again = BillDue(merchant_id=merchant.id, day=fact.day, asked=fact.asked + 1)
            await append(db, again, now=now, due_at=now + AGAIN_AFTER)


async def _merchant(db: Reading, merchant_id: MerchantId) -> MerchantView:
    return next(each for each in await merchants(db) if each.id == merchant_id)
