"""What settlement does when orders tell it something: the verbs that `storefront/subscriptions.py` names.

OrderPaid        -> book_paid_order
RefundRequested  -> book_unwanted_payment
PaymentDiffered  -> book_differing_payment
RefundDone       -> book_refund
HistoryImported  -> book_history
PostingPaused    -> go_on_booking
LedgerDayOver    -> seal_ended_days

What splitting does stands in `splitting.react`.
"""

from datetime import datetime

from sqlalchemy import select, text

from orders.channel_money import payment_of_refund, taken_payments
from orders.events import HistoryImported, OrderPaid, PaymentDiffered, RefundDone, RefundRequested
from settlement.days import day_begins, seal_days, sealed_at
from settlement.events import LedgerDayOver, PostingPaused
from settlement.posting.history_steps import Cursor
from settlement.posting.post import post_order_paid, post_payments
from settlement.posting.post_history import post_history
from settlement.posting.post_refunds import post_refund
from tenants.kernel.outbox import OutboxEvent, Reaction, append
from tenants.kernel.scope import TenantScope, Writing

BOOK_HISTORY = "settlement.book_history"
"""The lasting name of `book_history` as a reaction."""


async def book_paid_order(db: Writing, fact: OrderPaid, *, now: datetime) -> None:
    """Book a paid order."""
    await post_order_paid(db, fact.order_id, now=now)
    await _expect_day_over(db, now=now)


async def book_refund(db: Writing, fact: RefundDone, *, now: datetime) -> None:
    """Book a finished refund."""
    await post_refund(db, fact.refund_id, now=now)
    await _expect_day_over(db, now=now)


async def book_unwanted_payment(db: Writing, fact: RefundRequested, *, now: datetime) -> None:
    """Book money that no order waits for, as soon as its refund is asked for; payments of orders are booked with these."""
    payment_id = await payment_of_refund(db, fact.refund_id)
    paid = [] if payment_id is None else await taken_payments(db, [payment_id])
    await post_payments(db, [each.payment_id for each in paid if not each.wanted], now=now)


async def book_differing_payment(db: Writing, fact: PaymentDiffered, *, now: datetime) -> None:
    """Book money of another amount than was asked into suspense, until a person decides."""
    await post_payments(db, [fact.payment_id], now=now)
    await _expect_day_over(db, now=now)


async def book_history(db: Writing, fact: HistoryImported, *, now: datetime) -> None:
    """Book what waits of an imported source, unless a later batch of it has yet to be booked: that one's reaction books both."""
    await _hold_source(db, fact.source_name)
    if not await _later_batch_waits(db, fact):
        await _book_some(db, source_name=fact.source_name, cursor=Cursor(), now=now)


async def go_on_booking(db: Writing, fact: PostingPaused, *, now: datetime) -> None:
    """Book the next lines of a source."""
    await _book_some(db, source_name=fact.source_name, cursor=fact.cursor, now=now)


async def _book_some(db: Writing, *, source_name: str, cursor: Cursor, now: datetime) -> None:
    booked = await post_history(db, source_name=source_name, cursor=cursor, now=now)
    await _expect_day_over(db, now=now)
    if booked.cursor is not None:
        await append(db, PostingPaused(source_name=source_name, cursor=booked.cursor), now=now)


async def seal_ended_days(tenant: TenantScope, _fact: LedgerDayOver, *, now: datetime) -> None:
    """Seal the days that are over."""
    await seal_days(tenant, now=now)


async def _expect_day_over(db: Writing, *, now: datetime) -> None:
    """Whoever posts first on a day has it sealed when it is over; two that are first at once have it sealed twice, which is once."""
    if await day_begins(db, now=now):
        await append(db, LedgerDayOver(), now=now, due_at=sealed_at(now))


async def _hold_source(db: Writing, source_name: str) -> None:
    """Let the batches of one source be booked one after the other.

    A later batch may be under way in another worker, with a look at the lines that is older than our own batch: leaving ours to it would
    leave it to nobody. Under this lock it has either ended, and its reaction stands, or not begun, and will see our lines.
    """
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.history:' || tenant_id::text || :source_name, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id, "source_name": source_name})


async def _later_batch_waits(db: Writing, fact: HistoryImported) -> bool:
    """Whether an event of a later batch of the same source has no reaction yet (batches are named by time-ordered ids)."""
    booked = select(Reaction.event_id).where(
        Reaction.tenant_id == db.tenant_id, Reaction.event_id == OutboxEvent.id, Reaction.verb == BOOK_HISTORY
    )
    later = select(OutboxEvent.id).where(
        OutboxEvent.tenant_id == db.tenant_id,
        OutboxEvent.kind == HistoryImported.__name__,
        OutboxEvent.done_at.is_(None),
        ~booked.exists(),
        OutboxEvent.parked_at.is_(None),
        OutboxEvent.payload["source_name"].as_string() == fact.source_name,
        OutboxEvent.payload["batch"].as_string() > fact.batch,
    )
    return (await db.execute(later.limit(1))).scalar_one_or_none() is not None
