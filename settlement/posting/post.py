"""Books sales and payments: a paid order once, each line split by the terms it was sold on, with what the channel did for it.

Refunds are `post_refunds`'s. Imported history is not booked here but set-based by `post_history`; both ways book the same fen.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ARRAY, any_, cast, select, text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from orders.channel_money import taken_of_orders, taken_payments
from orders.queries import settled_lines_select
from orders.states import Source
from settlement.ledger import Draft, post_drafts
from settlement.models import Journal
from settlement.posting.beside import Units, discounted
from settlement.posting.lines import Book, Line, held_by
from settlement.posting.post_channel import drafts_of_late_coupons, drafts_of_payments
from settlement.posting.post_shares import SoldOn
from settlement.posting.post_terms import booked_terms
from settlement.posting.standing import standings
from settlement.split import LineBase
from settlement.states import Cause
from tenants.kernel.ids import OrderId, OrderLineId, PaymentId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

Thing = TypeVar("Thing", OrderId, PaymentId, RefundId)


async def post_order_paid(db: Writing, order_id: OrderId, *, now: datetime) -> int:
    """Book a paid order: every party of every line is credited with its portion. Returns the entries written, 0 when booked already."""
    return await post_orders_paid(db, [order_id], now=now)


async def post_orders_paid(db: Writing, order_ids: Sequence[OrderId], *, now: datetime) -> int:
    """Book paid orders, with what the channel did for them, all at once; returns the entries written. Those booked already are left out."""
    waiting = await unbooked(db, order_ids, cause=Cause.ORDER_PAID)
    if not waiting:
        return 0
    settled = settled_lines_select(db.tenant_id).subquery()
    statement = select(settled).where(
        settled.c.order_id == any_(cast(waiting, ARRAY(PG_UUID))), settled.c.source == Source.STOREFRONT
    )
    found = (await db.execute(statement.order_by(settled.c.order_id, settled.c.line_no))).all()
    if not found:
        return 0
    lines: dict[OrderId, list[Line]] = defaultdict(list)
    paid_at: dict[OrderId, datetime] = {}
    for row in found:
        order_id = OrderId(row.order_id)
        paid_at[order_id] = row.paid_at
        line = Line(
            cause=Cause.ORDER_PAID, before=Fen(0), after=Fen(row.paid_fen),
            base=LineBase(Fen(row.paid_fen), row.base_fen), store_id=StoreId(row.store_id), source=row.source,
            terms_id=TermsId(row.terms_id), order_id=order_id, order_line_id=OrderLineId(row.order_line_id),
            line=discounted(
                Fen(row.discount_fen), paid=Fen(row.paid_fen), before=None, after=Fen(row.paid_fen),
                units=Units(sold=row.units, before=None, after=row.units),
            ),
        )  # fmt: skip
        lines[order_id].append(line)
    book = await Book.read(db, [(line, paid_at[order]) for order, each in lines.items() for line in each])
    drafts = [
        Draft(
            cause=Cause.ORDER_PAID, cause_id=order_id, occurred_at=paid_at[order_id],
            movements=book.movements(found, at=paid_at[order_id]),
        )
        for order_id, found in lines.items()
    ]  # fmt: skip
    sold = {
        OrderId(draft.cause_id): SoldOn(
            terms=book.terms[lines[OrderId(draft.cause_id)][0].terms_id], held=held_by(draft.movements)
        )
        for draft in drafts
    }
    taken = await taken_of_orders(db, list(lines))
    drafts += await drafts_of_payments(db, [each for each in taken if each.wanted], sold=sold)
    return await post_drafts(db, drafts, now=now)


async def post_payments(db: Writing, payment_ids: Sequence[PaymentId], *, now: datetime) -> int:
    """Book what the channel did with these payments: its fee, and into suspense what no order wanted. Returns the entries written."""
    waiting = await unbooked(db, payment_ids, cause=Cause.FEE_CHARGED)
    if not waiting:
        return 0
    return await post_drafts(
        db, await drafts_of_payments(db, await taken_payments(db, waiting), sold={}), now=now
    )


async def post_late_coupons(db: Writing, payment_id: PaymentId, *, now: datetime) -> int:
    """Book what parties bear of a payment's coupons that stand in the books without it. Returns the entries written, 0 when booked already."""
    if not await unbooked(db, [payment_id], cause=Cause.COUPONS_SHARED):
        return 0
    [paid] = await taken_payments(db, [payment_id])
    await hold_orders(db, [paid.order_id])
    settled = settled_lines_select(db.tenant_id).subquery()
    first = (
        select(settled.c.terms_id)
        .where(settled.c.order_id == paid.order_id)
        .order_by(settled.c.line_no)
        .limit(1)
    )
    terms_id = TermsId((await db.execute(first)).scalar_one())
    standing = (await standings(db, [paid.order_id]))[paid.order_id]
    terms = (await booked_terms(db, {terms_id}))[terms_id]
    sold = SoldOn(terms=terms, held=standing.held, before=standing)
    return await post_drafts(db, await drafts_of_late_coupons(db, paid, sold=sold), now=now)


async def unbooked(db: Reading, wanted: Sequence[Thing], *, cause: Cause) -> list[Thing]:
    """Which of these have no journal of this cause, in order."""
    if not wanted:
        return []
    statement = select(Journal.cause_id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == cause,
        Journal.cause_id == any_(cast(list(wanted), ARRAY(PG_UUID))),
    )  # fmt: skip
    booked = set((await db.execute(statement)).scalars())
    return [each for each in wanted if each not in booked]


async def hold_orders(db: Writing, order_ids: Collection[OrderId]) -> None:
    """Let what is booked of these orders after their sales be booked one after the other: refunds, late coupons."""
    if not order_ids:
        return
    # Sorted inside: the locks are taken in that order, so that two that hold many never wait for each other.
    locks = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.order:' || held.order_id, 0))"
        " FROM (SELECT asked.order_id FROM app.tenants CROSS JOIN unnest(CAST(:order_ids AS text[])) AS asked (order_id)"
        " WHERE tenant_id = :tenant_id ORDER BY asked.order_id) AS held"
    )
    wanted = [str(order_id) for order_id in order_ids]
    await db.execute(locks, {"tenant_id": db.tenant_id, "order_ids": wanted})
