"""Ask for a refund: reserve its amounts on the order and its lines, and write its number down before anybody is called.

The counters are guarded in their own UPDATEs under the order's lock: whatever comes at once, no more goes back than was paid and
not split off. Sending it, and what becomes of it, is `give_back`'s.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from orders.amounts import refund_for_units
from orders.commands import RefundedLine, RequestRefund
from orders.errors import OrderNotFound, OrderNotRefundable, RefundExceedsPaid, RefundUnclear, TooManyRefunds
from orders.events import RefundRequested
from orders.models import Order, OrderLine, Payment, Refund, RefundLine
from orders.numbers import new_refund_no
from orders.ports import PaymentSplits
from orders.queries import find_refund
from orders.states import OrderState, PaymentStatus, RefundStatus, Source
from orders.unwanted import is_unwanted
from orders.views import RefundView
from tenants.hours import business_day
from tenants.kernel.ids import OrderId, PaymentId, RefundId, StoreId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing
from tenants.queries import find_tenant, store_facts

MOST_REFUNDS = 50
"""Per payment, at the channel (WeChat Pay refunds, 2025)."""
REFUNDABLE = frozenset({OrderState.PAID, OrderState.COLLECTED})


async def request_refund(
    db: Writing,
    command: RequestRefund,
    *,
    order_id: OrderId,
    now: datetime,
    requested_by: str,
    store_id: StoreId | None,
    splits: PaymentSplits,
) -> RefundView:
    """Reserve and write down a refund of some lines, in units or in fen, and what receivers give back for it; the worker sends it.

    With `store_id` only that store's orders are known. Raises OrderNotRefundable, RefundExceedsPaid, RefundUnclear, TooManyRefunds.
    """
    _check_clear(command)
    order = await _lock_refundable(db, order_id, store_id=store_id)
    payment_id = await _counted_payment(db, order_id)
    lines = await _lock_lines(db, order_id)
    taken = {}
    for asked in sorted(command.lines, key=lambda each: each.line_no):
        line = lines.get(asked.line_no)
        if line is None:
            raise RefundUnclear(details={f"lines.{asked.line_no}": "no such line"})
        taken[asked.line_no] = await _take_from_line(db, line, asked=asked)
    total = Fen(sum(taken.values()))
    refund_id = await _write(
        db, order_id, order, command=command, payment_id=payment_id, amount=total, now=now, by=requested_by
    )
    rows = [
        _refund_line(
            db, refund_id, number, line=lines[asked.line_no], asked=asked, amount=taken[asked.line_no]
        )
        for number, asked in enumerate(sorted(command.lines, key=lambda each: each.line_no), start=1)
    ]
    await db.execute(insert(RefundLine).values(rows))
    recalled = await splits.recall(db, refund_id, order_id=order_id, now=now)
    await _take_from_order(db, order_id, total, recalled=recalled)
    await append(db, RefundRequested(refund_id=refund_id), now=now)
    return await find_refund(db, refund_id)


def _check_clear(command: RequestRefund) -> None:
    named = Counter(line.line_no for line in command.lines)
    unclear = {
        f"lines[{position}]": "name it once, with either quantity or amountFen"
        for position, line in enumerate(command.lines)
        if named[line.line_no] > 1 or (line.quantity is None) == (line.amount_fen is None)
    }
    if unclear:
        raise RefundUnclear(details=unclear)


async def _lock_refundable(db: Writing, order_id: OrderId, *, store_id: StoreId | None) -> Any:
    statement = (
        select(Order.state, Order.source, Order.source_name, Order.store_id, Order.guide_id, Order.paid_fen)
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id)
        .with_for_update()
    )
    if store_id is not None:
        statement = statement.where(Order.store_id == store_id)
    order = (await db.execute(statement)).one_or_none()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    if order.source != Source.STOREFRONT or order.state not in REFUNDABLE or order.paid_fen == 0:
        raise OrderNotRefundable(order_id=order_id)
    return order


async def _counted_payment(db: Writing, order_id: OrderId) -> PaymentId:
    """The payment that paid the order, not one that was taken besides; refuses a fifty-first refund of it."""
    statement = select(Payment.id).where(
        Payment.tenant_id == db.tenant_id,
        Payment.order_id == order_id,
        Payment.state == PaymentStatus.PAID,
        ~is_unwanted(db.tenant_id),
    )
    payment_id = (await db.execute(statement)).scalar_one_or_none()
    if payment_id is None:
        raise OrderNotRefundable(order_id=order_id)
    earlier = select(func.count()).where(
        Refund.tenant_id == db.tenant_id,
        Refund.payment_id == payment_id,
        Refund.state != RefundStatus.FAILED,
    )
    if (await db.execute(earlier)).scalar_one() >= MOST_REFUNDS:
        raise TooManyRefunds(order_id=order_id)
    return PaymentId(payment_id)


async def _lock_lines(db: Writing, order_id: OrderId) -> dict[int, Any]:
    statement = (
        select(
            OrderLine.id, OrderLine.line_no, OrderLine.kind, OrderLine.sku_code, OrderLine.title, OrderLine.quantity,
            OrderLine.paid_fen, OrderLine.refunded_fen, OrderLine.refunded_quantity, OrderLine.terms_id,
        )
        .where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == order_id)
        .order_by(OrderLine.line_no)
        .with_for_update()
    )  # fmt: skip
    return {row.line_no: row for row in await db.execute(statement)}


async def _take_from_line(db: Writing, line: Any, *, asked: RefundedLine) -> Fen:
    units = asked.quantity or 0
    place = f"lines.{asked.line_no}"
    if line.refunded_quantity + units > line.quantity:
        raise RefundExceedsPaid(details={place: f"{line.quantity - line.refunded_quantity} units left"})
    if asked.amount_fen is not None:
        amount = Fen(asked.amount_fen)
    else:
        amount = refund_for_units(
            Fen(line.paid_fen),
            quantity=line.quantity,
            refunded_fen=Fen(line.refunded_fen),
            refunded_quantity=line.refunded_quantity,
            units=units,
        )
    statement = (
        update(OrderLine)
        .where(
            OrderLine.tenant_id == db.tenant_id,
            OrderLine.id == line.id,
            OrderLine.refunded_fen + amount <= OrderLine.paid_fen,
            OrderLine.refunded_quantity + units <= OrderLine.quantity,
        )
        .values(
            refunded_fen=OrderLine.refunded_fen + amount,
            refunded_quantity=OrderLine.refunded_quantity + units,
        )
        .returning(OrderLine.id)
    )
    if (await db.execute(statement)).scalar_one_or_none() is None:
        raise RefundExceedsPaid(details={place: f"{line.paid_fen - line.refunded_fen} fen left"})
    return amount


async def _take_from_order(db: Writing, order_id: OrderId, amount: Fen, *, recalled: Fen) -> None:
    """The guard that counts: refunds and split money together never exceed what was paid; what receivers give back is split no more."""
    if amount == 0:
        raise RefundExceedsPaid(details={"amountFen": "nothing is left to give back"})
    statement = (
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.refunded_fen + Order.split_fen + amount - recalled <= Order.paid_fen,
        )
        .values(refunded_fen=Order.refunded_fen + amount, split_fen=Order.split_fen - recalled)
        .returning(Order.id)
    )
    if (await db.execute(statement)).scalar_one_or_none() is None:
        raise RefundExceedsPaid(order_id=order_id, amount_fen=amount)


async def _write(
    db: Writing,
    order_id: OrderId,
    order: Any,
    *,
    command: RequestRefund,
    payment_id: PaymentId,
    amount: Fen,
    now: datetime,
    by: str,
) -> RefundId:
    store = (await store_facts(db, StoreId(order.store_id))).store
    refund_id = RefundId(new_id())
    await db.execute(
        insert(Refund).values(
            tenant_id=db.tenant_id,
            id=refund_id,
            refund_no=new_refund_no((await find_tenant(db)).public_code),
            source=Source.STOREFRONT,
            source_name=order.source_name,
            order_id=order_id,
            payment_id=payment_id,
            store_id=store.id,
            guide_id=order.guide_id,
            state=RefundStatus.INTENDED,
            amount_fen=amount,
            on_the_shelf=order.state == OrderState.PAID,
            reason=command.reason,
            requested_by=by,
            business_on=business_day(now, time_zone=store.time_zone, starts=store.business_day_starts),
            requested_at=now,
        )
    )
    return refund_id


def _refund_line(
    db: Writing, refund_id: RefundId, number: int, *, line: Any, asked: RefundedLine, amount: Fen
) -> dict[str, Any]:
    # kept_before_fen is written when the money has gone back: until then a refund may fail, and would have been counted.
    return {
        "tenant_id": db.tenant_id,
        "refund_id": refund_id,
        "line_no": number,
        "order_line_id": line.id,
        "kind": line.kind,
        "sku_code": line.sku_code,
        "title": line.title,
        "quantity": asked.quantity or 0,
        "amount_fen": amount,
        "terms_id": line.terms_id,
    }
