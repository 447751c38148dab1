"""Books everything that is paid or refunded and not booked yet, whether or not the worker has come to it: what closing a month begins with.

A flow: each order, each refund and each chunk of history has a transaction of its own, so that it can be stopped and started again, and
so that beside the worker it takes the balances of one thing at a time, all of them at once: two in one transaction would deadlock.
"""

from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
from sqlalchemy import Subquery, func, literal, select

from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.models import Journal
from settlement.patience import patiently
from settlement.post import post_order_paid, post_refund
from settlement.post_history import AT_ONCE, Cursor, post_history
from settlement.states import Cause
from tenants.kernel.ids import OrderId, RefundId
from tenants.kernel.scope import Reading, TenantScope


class Say(Protocol):
    """Takes progress."""

    def __call__(self, stage: str, *, done: int, total: int | None) -> None:
        """What is being worked on, how much is done, of how much (None when nobody knows)."""


SAID_EVERY = 200


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
    for done, order_id in enumerate(orders, start=1):
        entries += await patiently(tenant, partial(post_order_paid, order_id=order_id, now=now))
        _say_some(say, "orders", done=done, total=len(orders))
    for done, refund_id in enumerate(refunds, start=1):
        entries += await patiently(tenant, partial(post_refund, refund_id=refund_id, now=now))
        _say_some(say, "refunds", done=done, total=len(refunds))
    seen, booked = 0, 0
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        book = partial(post_history, source_name=None, cursor=cursor, now=now, at_once=at_once)
        step = await patiently(tenant, book)
        seen, booked, entries, cursor = (
            seen + step.seen,
            booked + step.lines,
            entries + step.entries,
            step.cursor,
        )
        say("history", done=seen, total=lines)
    return Caught(orders=len(orders), refunds=len(refunds), history_lines=booked, entries=entries)


def _say_some(say: Say, stage: str, *, done: int, total: int) -> None:
    if done % SAID_EVERY == 0 or done == total:
        say(stage, done=done, total=total)


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
