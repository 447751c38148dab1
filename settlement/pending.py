"""Books everything that is paid or refunded and not booked yet, whether or not the worker has come to it: what closing a month begins with.

A flow: each chunk has a transaction of its own, so that it can be stopped and started again, or run beside the worker.
"""

from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import Subquery, func, literal, select

from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.models import Journal
from settlement.post import post_order_paid, post_refund
from settlement.post_history import AT_ONCE, Cursor, post_history
from settlement.states import Cause
from tenants.kernel.ids import OrderId, RefundId
from tenants.kernel.scope import Reading, TenantScope


class Say(Protocol):
    """Takes progress."""

    def __call__(self, stage: str, *, done: int, total: int | None) -> None:
        """What is being worked on, how much is done, of how much (None when nobody knows)."""


ORDERS_AT_ONCE = 200


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What was waiting."""

    orders: int
    refunds: int
    history_lines: int
    entries: int


def silent(stage: str, *, done: int, total: int | None) -> None:
    """Say nothing."""


async def post_pending(
    tenant: TenantScope, *, now: datetime, say: Say = silent, at_once: int = AT_ONCE
) -> Caught:
    """Book what waits: orders and refunds paid through us, then imported history."""
    async with tenant.reporting() as db:
        orders, refunds = await _waiting_orders(db), await _waiting_refunds(db)
        lines = await _history_lines(db)
    entries = 0
    for start in range(0, len(orders), ORDERS_AT_ONCE):
        async with tenant.writing_much() as db:
            for order_id in orders[start : start + ORDERS_AT_ONCE]:
                entries += await post_order_paid(db, order_id, now=now)
        say("orders", done=min(start + ORDERS_AT_ONCE, len(orders)), total=len(orders))
    for start in range(0, len(refunds), ORDERS_AT_ONCE):
        async with tenant.writing_much() as db:
            for refund_id in refunds[start : start + ORDERS_AT_ONCE]:
                entries += await post_refund(db, refund_id, now=now)
        say("refunds", done=min(start + ORDERS_AT_ONCE, len(refunds)), total=len(refunds))
    seen, booked = 0, 0
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        async with tenant.writing_much() as db:
            step = await post_history(db, source_name=None, cursor=cursor, now=now, at_once=at_once)
        seen, booked, entries, cursor = (
            seen + step.seen,
            booked + step.lines,
            entries + step.entries,
            step.cursor,
        )
        say("history", done=seen, total=lines)
    return Caught(orders=len(orders), refunds=len(refunds), history_lines=booked, entries=entries)


async def _waiting_orders(db: Reading) -> list[OrderId]:
    settled = settled_lines_select(db.tenant_id).subquery()
    booked = _booked(db, settled, cause=Cause.ORDER_PAID, cause_id=settled.c.order_id)
    statement = select(settled.c.order_id).where(settled.c.source == Source.STOREFRONT, ~booked).distinct()
    return sorted(OrderId(order_id) for order_id in (await db.execute(statement)).scalars())


async def _waiting_refunds(db: Reading) -> list[RefundId]:
    undone = reversed_lines_select(db.tenant_id).subquery()
    booked = _booked(db, undone, cause=Cause.ORDER_REFUNDED, cause_id=undone.c.refund_id)
    loose = _booked(db, undone, cause=Cause.LOOSE_REFUND, cause_id=undone.c.refund_id)
    statement = (
        select(undone.c.refund_id).where(undone.c.source == Source.STOREFRONT, ~booked, ~loose).distinct()
    )
    return sorted(RefundId(refund_id) for refund_id in (await db.execute(statement)).scalars())


def _booked(db: Reading, lines: Subquery, *, cause: Cause, cause_id: Any) -> Any:
    return (
        select(literal(1))
        .where(Journal.tenant_id == db.tenant_id, Journal.cause == cause, Journal.cause_id == cause_id)
        .correlate(lines)
        .exists()
    )


async def _history_lines(db: Reading) -> int:
    """How many imported lines there are, sales and refunds."""
    found = 0
    for lines in (settled_lines_select(db.tenant_id), reversed_lines_select(db.tenant_id)):
        each = lines.subquery()
        statement = select(func.count()).select_from(each).where(each.c.source == Source.HISTORY)
        found += (await db.execute(statement)).scalar_one()
    return found
