"""What follows when the channel tells what became of a refund: counters, kept amounts, goods back on the shelf, the world told.

States only move forward, so a repeated or late message changes nothing; every step holds the order's lock. When a refund is done, each
line learns what was kept of it before, counting finished refunds only and one at a time: so the parts always add up to split(kept).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, update

from catalog import stock
from orders.amounts import kept
from orders.errors import PaymentDiffers, RefundNotFound
from orders.events import RefundDone, RefundFailed
from orders.models import Order, OrderLine, Payment, Refund, RefundLine
from orders.payments import lock_order
from orders.pickup import void_pickup
from orders.ports import ChannelRefund, RefundState
from orders.states import ORDER_MOVES, REFUND_MOVES, OrderState, RefundStatus, origins
from tenants.kernel.ids import OrderId, RefundId, SkuId
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Reading, Writing
from tenants.queries import merchants

STATES = {
    RefundState.PENDING: RefundStatus.PENDING,
    RefundState.DONE: RefundStatus.DONE,
    RefundState.ABNORMAL: RefundStatus.ABNORMAL,
    RefundState.CLOSED: RefundStatus.FAILED,
}


async def record_refund(db: Writing, told: ChannelRefund, *, now: datetime) -> RefundStatus:
    """Take note of what the channel tells of a refund; raises RefundNotFound or PaymentDiffers, which a person must see."""
    statement = (
        select(Refund.id, Refund.amount_fen, Payment.payment_no, Payment.merchant_id)
        .join(Payment, and_(Payment.tenant_id == Refund.tenant_id, Payment.id == Refund.payment_id))
        .where(
            Refund.tenant_id == db.tenant_id,
            Payment.tenant_id == db.tenant_id,
            Refund.refund_no == told.refund_no,
        )
    )
    refund = (await db.execute(statement)).one_or_none()
    if refund is None:
        raise RefundNotFound(refund_no=told.refund_no)
    await _check(db, told, refund)
    facts: dict[str, Any] = {}
    if told.refund_id is not None:
        facts["vendor_refund_id"] = told.refund_id
    if told.payer_refund_fen is not None:
        facts["payer_refund_fen"] = told.payer_refund_fen
    refunded_at = told.refunded_at or now
    return await move_refund(
        db, RefundId(refund.id), to=STATES[told.state], now=now, refunded_at=refunded_at, **facts
    )


async def _check(db: Writing, told: ChannelRefund, refund: Any) -> None:
    payee = next((each for each in await merchants(db) if each.id == refund.merchant_id), None)
    agreed = (
        told.payment_no == refund.payment_no
        and told.refund_fen in {None, refund.amount_fen}
        and told.merchant_no in {None, payee.merchant_no if payee else None}
    )
    if not agreed:
        raise PaymentDiffers(refund_no=told.refund_no)


async def move_refund(
    db: Writing,
    refund_id: RefundId,
    *,
    to: RefundStatus,
    now: datetime,
    refunded_at: datetime | None = None,
    **facts: object,
) -> RefundStatus:
    """Move a refund forward, with everything that follows from it; a repeat or a late message changes nothing."""
    known = select(Refund.order_id).where(
        Refund.tenant_id == db.tenant_id, Refund.id == refund_id, Refund.order_id.is_not(None)
    )
    found: UUID = (await db.execute(known)).scalar_one()  # type: ignore[assignment]
    order_id = OrderId(found)
    order = await lock_order(db, order_id)
    before = await _standing(db, refund_id)
    if to is RefundStatus.DONE:
        facts["refunded_at"] = refunded_at or now
    statement = (
        update(Refund)
        .where(
            Refund.tenant_id == db.tenant_id,
            Refund.id == refund_id,
            Refund.state.in_(origins(REFUND_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(Refund.id)
    )
    if (await db.execute(statement)).scalar_one_or_none() is None:
        return RefundStatus(before.state)
    if before.state == RefundStatus.FAILED:
        await _count(db, order_id, refund_id, sign=1)
    if to is RefundStatus.FAILED:
        await _count(db, order_id, refund_id, sign=-1)
        await append(db, RefundFailed(refund_id=refund_id, order_id=order_id), now=now)
    if to is RefundStatus.DONE:
        await _write_kept_before(db, refund_id)
        await append(db, RefundDone(refund_id=refund_id, refunded_at=refunded_at or now), now=now)
        await _return_goods(
            db,
            order_id,
            refund_id,
            shelf=before.on_the_shelf,
            collected=order.state != OrderState.PAID,
            now=now,
        )
    return to


async def _standing(db: Writing, refund_id: RefundId) -> Any:
    statement = select(Refund.state, Refund.on_the_shelf).where(
        Refund.tenant_id == db.tenant_id, Refund.id == refund_id
    )
    return (await db.execute(statement)).one()


async def _count(db: Writing, order_id: OrderId, refund_id: RefundId, *, sign: int) -> None:
    """Free a failed refund's amounts (-1), or count them again (+1) when the channel did it all the same.

    Raises PaymentDiffers where they were promised to somebody else meanwhile: more went back than was paid, and a person must see it.
    """
    total = 0
    for line in await _lines(db, refund_id):
        total += line.amount_fen
        counted = OrderLine.refunded_fen + sign * line.amount_fen
        moved = await db.execute(
            update(OrderLine)
            .where(
                OrderLine.tenant_id == db.tenant_id,
                OrderLine.id == line.order_line_id,
                counted <= OrderLine.paid_fen,
            )
            .values(
                refunded_fen=counted, refunded_quantity=OrderLine.refunded_quantity + sign * line.quantity
            )
            .returning(OrderLine.id)
        )
        if moved.scalar_one_or_none() is None:
            raise PaymentDiffers(refund_id=refund_id)
    refunded = Order.refunded_fen + sign * total
    moved = await db.execute(
        update(Order)
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id)
        .where(refunded + Order.split_fen <= Order.paid_fen)
        .values(refunded_fen=refunded)
        .returning(Order.id)
    )
    if moved.scalar_one_or_none() is None:
        raise PaymentDiffers(refund_id=refund_id)


async def _write_kept_before(db: Writing, refund_id: RefundId) -> None:
    """Under the order's lock, so that of two refunds of one line that finish at once the second sees the first."""
    for line in await _lines(db, refund_id):
        finished = (
            select(func.coalesce(func.sum(RefundLine.amount_fen), 0))
            .join(Refund, and_(Refund.tenant_id == RefundLine.tenant_id, Refund.id == RefundLine.refund_id))
            .where(
                RefundLine.tenant_id == db.tenant_id,
                Refund.tenant_id == db.tenant_id,
                RefundLine.order_line_id == line.order_line_id,
                Refund.state == RefundStatus.DONE,
                Refund.id != refund_id,
            )
        )
        before = Fen(int((await db.execute(finished)).scalar_one()))
        await db.execute(
            update(RefundLine)
            .where(
                RefundLine.tenant_id == db.tenant_id,
                RefundLine.refund_id == refund_id,
                RefundLine.line_no == line.line_no,
            )
            .values(kept_before_fen=kept(Fen(line.paid_fen), refunded_fen=before))
        )


async def _return_goods(
    db: Writing, order_id: OrderId, refund_id: RefundId, *, shelf: bool, collected: bool, now: datetime
) -> None:
    """Close an order of which nothing is kept, and put units that were never handed over back on the shelf.

    Whether its own units were handed over was decided when the refund was asked for: the counter hands over only the others.
    """
    finished = (
        select(func.coalesce(func.sum(RefundLine.amount_fen), 0))
        .join(Refund, and_(Refund.tenant_id == RefundLine.tenant_id, Refund.id == RefundLine.refund_id))
        .where(
            RefundLine.tenant_id == db.tenant_id,
            Refund.tenant_id == db.tenant_id,
            Refund.order_id == order_id,
            Refund.state == RefundStatus.DONE,
        )
    )
    given = int((await db.execute(finished)).scalar_one())
    closed = (
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.state.in_(origins(ORDER_MOVES, OrderState.REFUNDED)),
            Order.paid_fen > 0,
            Order.paid_fen == given,
        )
        .values(state=OrderState.REFUNDED, closed_at=now)
        .returning(Order.id)
    )
    everything = (await db.execute(closed)).scalar_one_or_none() is not None
    if not shelf:
        return
    if everything and not collected:
        await void_pickup(db, order_id)
    wants = await _units_back(db, order_id, refund_id, everything=everything and not collected)
    await stock.put_back(db, order_id=order_id, wants=wants)


async def _units_back(
    db: Writing, order_id: OrderId, refund_id: RefundId, *, everything: bool
) -> list[stock.Want]:
    """This refund's units; when nothing is kept, also those that no refund by quantity has put back."""
    returned = {line.order_line_id: line.quantity for line in await _lines(db, refund_id)}
    statement = select(OrderLine.id, OrderLine.sku_id, OrderLine.quantity, OrderLine.refunded_quantity).where(
        OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == order_id
    )
    wants = []
    for line in await db.execute(statement):
        units = returned.get(line.id, 0)
        if everything:
            units += line.quantity - line.refunded_quantity
        if units and line.sku_id is not None:
            wants.append(stock.Want(SkuId(line.sku_id), units))
    return wants


async def _lines(db: Reading, refund_id: RefundId) -> list[Any]:
    statement = (
        select(
            RefundLine.line_no,
            RefundLine.order_line_id,
            RefundLine.amount_fen,
            RefundLine.quantity,
            OrderLine.paid_fen,
        )
        .join(
            OrderLine,
            and_(OrderLine.tenant_id == RefundLine.tenant_id, OrderLine.id == RefundLine.order_line_id),
        )
        .where(
            RefundLine.tenant_id == db.tenant_id,
            OrderLine.tenant_id == db.tenant_id,
            RefundLine.refund_id == refund_id,
        )
        .order_by(RefundLine.line_no)
    )
    return list((await db.execute(statement)).all())
