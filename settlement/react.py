"""What settlement does when orders tell it something: the verbs that `storefront/subscriptions.py` names.

OrderPaid        -> book_paid_order
RefundDone       -> book_refund
HistoryImported  -> book_history
PostingPaused    -> go_on_booking

What splitting does stands in `react_splits`.
"""

from datetime import datetime

from sqlalchemy import select

from orders.events import HistoryImported, OrderPaid, RefundDone
from settlement.events import PostingPaused
from settlement.post import post_order_paid, post_refund
from settlement.post_history import Cursor, post_history
from tenants.kernel.outbox import OutboxEvent, append
from tenants.kernel.scope import Writing


async def book_paid_order(db: Writing, fact: OrderPaid, *, now: datetime) -> None:
    """Book a paid order."""
    await post_order_paid(db, fact.order_id, now=now)


async def book_refund(db: Writing, fact: RefundDone, *, now: datetime) -> None:
    """Book a finished refund."""
    await post_refund(db, fact.refund_id, now=now)


async def book_history(db: Writing, fact: HistoryImported, *, now: datetime) -> None:
    """Book what waits of an imported source, unless a later batch of it waits too: that one's reaction books both."""
    if not await _later_batch_waits(db, fact):
        await _book_some(db, source_name=fact.source_name, cursor=Cursor(), now=now)


async def go_on_booking(db: Writing, fact: PostingPaused, *, now: datetime) -> None:
    """Book the next lines of a source."""
    await _book_some(db, source_name=fact.source_name, cursor=fact.cursor, now=now)


async def _book_some(db: Writing, *, source_name: str, cursor: Cursor, now: datetime) -> None:
    booked = await post_history(db, source_name=source_name, cursor=cursor, now=now)
    if booked.cursor is not None:
        await append(db, PostingPaused(source_name=source_name, cursor=booked.cursor), now=now)


async def _later_batch_waits(db: Writing, fact: HistoryImported) -> bool:
    """Whether an event of a later batch of the same source is still to be worked off (batches are named by time-ordered ids)."""
    later = select(OutboxEvent.id).where(
        OutboxEvent.tenant_id == db.tenant_id,
        OutboxEvent.kind == HistoryImported.__name__,
        OutboxEvent.done_at.is_(None),
        OutboxEvent.parked_at.is_(None),
        OutboxEvent.payload["source_name"].as_string() == fact.source_name,
        OutboxEvent.payload["batch"].as_string() > fact.batch,
    )
    return (await db.execute(later.limit(1))).scalar_one_or_none() is not None
