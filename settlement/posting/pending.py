"""Books everything that is paid or refunded and not booked yet, whether or not the worker has come to it: what closing a month begins with.

A flow: each batch of orders, each round of refunds and each chunk of history has a transaction of its own, so that it can be stopped and
started again. Each takes all its balances in one statement, in the order of their ids: a transaction that takes them twice deadlocks with
the worker. A refund that the books cannot take is left out, and said when everything else is booked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
from sqlalchemy import and_, select, union

from orders.channel_money import given_back_select, taken_select
from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.agreements.agreed import Bearer
from settlement.errors import RefundExceedsKept
from settlement.models import Contract, FrozenTerms, Journal
from settlement.patience import patiently
from settlement.posting.history_steps import Stretch, count_waiting, survey
from settlement.posting.post import post_late_coupons, post_orders_paid, post_payments
from settlement.posting.post_history import open_routes, post_stretch
from settlement.posting.post_refunds import RefundsBooked, post_refunds, refuse_exceeding
from settlement.states import Cause
from tenants.kernel.ids import OrderId, PaymentId, RefundId
from tenants.kernel.scope import Reading, TenantScope, Writing


class Say(Protocol):
    """Takes progress."""

    def __call__(self, stage: str, *, done: int, total: int | None) -> None:
        """What is being worked on, how much is done, of how much (None when nobody knows)."""


LINES = 100_000
"""Imported lines a transaction books here, where nobody waits for the next small thing."""
BATCH = 500
"""Orders or payments a transaction books: their balances are taken in one statement, so that the worker beside it waits and nobody deadlocks."""
ROUND = 200
"""Refunds a transaction books: each holds a lock of its order, of which a database has some thousands for everybody."""


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What was waiting."""

    orders: int
    refunds: int
    history_lines: int
    entries: int


def silent(stage: str, *, done: int, total: int | None) -> None:
    """Say nothing."""


async def post_pending(
    tenant: TenantScope, *, now: datetime, say: Say = silent, at_once: int = LINES
) -> Caught:
    """Book what waits: orders and refunds paid through us, then imported history."""
    async with tenant.reporting() as db:
        orders = await _waiting_orders(db)
    entries = await _in_batches(tenant, orders, post_orders_paid, stage="orders", now=now, say=say)
    async with tenant.reporting() as db:
        payments, refunds = await _waiting_payments(db), await _waiting_refunds(db)
    entries += await _in_batches(tenant, payments, post_payments, stage="payments", now=now, say=say)
    given_back = await _in_rounds(tenant, refunds, now=now, say=say)
    entries += given_back.entries
    async with tenant.reporting() as db:
        late = await _late_coupons(db)
    for payment_id in late:
        entries += await patiently(tenant, partial(post_late_coupons, payment_id=payment_id, now=now))
    history = await _book_history(tenant, now=now, say=say, at_once=at_once)
    entries += history.entries
    refuse_exceeding(given_back.refused)
    return Caught(orders=len(orders), refunds=len(refunds), history_lines=history.lines, entries=entries)


async def count_pending(tenant: TenantScope) -> Caught:
    """How much waits to be booked; books nothing."""
    async with tenant.reporting() as db:
        history = [await count_waiting(db, refunds=refunds) for refunds in (False, True)]
        return Caught(
            orders=len(await _waiting_orders(db)), refunds=len(await _waiting_refunds(db)),
            history_lines=sum(history), entries=0,
        )  # fmt: skip


async def _in_batches(
    tenant: TenantScope,
    waiting: Sequence[Any],
    book: Callable[..., Awaitable[int]],
    *,
    stage: str,
    now: datetime,
    say: Say,
) -> int:
    """Book so many at a time, each batch in one transaction that moves balances once."""
    entries = 0
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]

        async def step(db: Writing, batch: Sequence[Any] = batch) -> int:
            return await book(db, batch, now=now)

        entries += await patiently(tenant, step)
        say(stage, done=start + len(batch), total=len(waiting))
    return entries


async def _in_rounds(
    tenant: TenantScope, refunds: Sequence[RefundId], *, now: datetime, say: Say
) -> RefundsBooked:
    """Book so many refunds at a time; further ones of an order come in a later round."""
    waiting, entries = list(refunds), 0
    refused: list[RefundExceedsKept] = []
    while waiting:
        batch, waiting = waiting[:ROUND], waiting[ROUND:]
        booked = await patiently(tenant, partial(post_refunds, refund_ids=batch, now=now))
        entries += booked.entries
        refused += booked.refused
        waiting += booked.later
        say("refunds", done=len(refunds) - len(waiting), total=len(refunds))
    return RefundsBooked(entries=entries, refused=tuple(refused))


async def _waiting_orders(db: Reading) -> list[OrderId]:
    settled = settled_lines_select(db.tenant_id).subquery()
    booked = _booked(db, cause=Cause.ORDER_PAID, cause_id=settled.c.order_id)
    statement = select(settled.c.order_id).where(settled.c.source == Source.STOREFRONT, ~booked).distinct()
    return sorted(OrderId(order_id) for order_id in (await db.execute(statement)).scalars())


async def _waiting_payments(db: Reading) -> list[PaymentId]:
    """Payments whose fee is not booked: unwanted ones, and those of orders that were booked before fees were."""
    taken = taken_select(db.tenant_id).subquery()
    booked = _booked(db, cause=Cause.FEE_CHARGED, cause_id=taken.c.payment_id)
    found = (await db.execute(select(taken.c.payment_id).where(~booked))).scalars()
    return sorted(PaymentId(payment_id) for payment_id in found)


async def _waiting_refunds(db: Reading) -> list[RefundId]:
    undone = reversed_lines_select(db.tenant_id).subquery()
    booked = _booked(db, cause=Cause.ORDER_REFUNDED, cause_id=undone.c.refund_id)
    loose = _booked(db, cause=Cause.LOOSE_REFUND, cause_id=undone.c.refund_id)
    of_lines = select(undone.c.refund_id).where(undone.c.source == Source.STOREFRONT, ~booked, ~loose)
    back = given_back_select(db.tenant_id).subquery()
    returned = _booked(db, cause=Cause.FEE_RETURNED, cause_id=back.c.refund_id)
    waiting = union(of_lines, select(back.c.refund_id).where(~returned))
    return sorted(RefundId(refund_id) for refund_id in (await db.execute(waiting)).scalars())


async def _late_coupons(db: Reading) -> list[PaymentId]:
    """Payments whose coupons were booked before anybody read what the contract says of them, where it says something."""
    taken = taken_select(db.tenant_id).subquery()
    settled = settled_lines_select(db.tenant_id).subquery()
    says = (
        select(Contract.id)
        .join(FrozenTerms, and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.contract_id == Contract.id))
        .join(settled, settled.c.terms_id == FrozenTerms.id)
        .where(
            Contract.tenant_id == db.tenant_id, Contract.coupons_by != Bearer.RESIDUAL,
            settled.c.order_id == taken.c.order_id,
        )
        .correlate(taken)
        .exists()
    )  # fmt: skip
    statement = select(taken.c.payment_id).where(
        taken.c.wanted, taken.c.coupon_fen > 0, says,
        _booked(db, cause=Cause.COUPON_PAID, cause_id=taken.c.order_id),
        ~_booked(db, cause=Cause.COUPONS_SHARED, cause_id=taken.c.payment_id),
    )  # fmt: skip
    return sorted(PaymentId(payment_id) for payment_id in (await db.execute(statement)).scalars())


def _booked(db: Reading, *, cause: Cause, cause_id: Any) -> Any:
    """Whether something has its journal, looked up by the key: a join would be planned by statistics that lag behind."""
    found = select(Journal.id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == cause, Journal.cause_id == cause_id
    )
    return found.scalar_subquery().is_not(None)


class _History(msgspec.Struct):
    """What has been booked of imported history so far, by all lanes."""

    total: int = 0
    lines: int = 0
    entries: int = 0


async def _book_history(tenant: TenantScope, *, now: datetime, say: Say, at_once: int) -> _History:
    """Book the imported lines that wait: the sales in lanes side by side after a first short stretch, then the refunds."""
    history = _History()
    for refunds in (False, True):
        async with tenant.reporting() as db:
            found = await survey(db, refunds=refunds, at_once=at_once)
        if not found.lines:
            continue
        history.total += found.lines
        routes = await patiently(tenant, partial(open_routes, kinds=found.kinds))
        book = partial(post_stretch, refunds=refunds, routes=routes, now=now)
        first, *rest = found.stretches
        middle = (len(rest) + 1) // 2
        for lanes in ([[first]], [rest[:middle], rest[middle:]]):
            await asyncio.gather(
                *(_book_lane(tenant, lane, book=book, history=history, say=say) for lane in lanes)
            )
    return history


async def _book_lane(
    tenant: TenantScope,
    stretches: Sequence[Stretch],
    *,
    book: Callable[..., Awaitable[tuple[int, int]]],
    history: _History,
    say: Say,
) -> None:
    """Book one stretch after the other."""
    for stretch in stretches:
        lines, entries = await patiently(tenant, partial(book, stretch=stretch))
        history.lines, history.entries = history.lines + lines, history.entries + entries
        say("history", done=history.lines, total=history.total)
