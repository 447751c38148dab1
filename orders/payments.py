"""What becomes of an order when its payment's fate is known: paid, closed, or taken too late: then kept if its goods are, else given back.

The channel's word is compared with the payment that was written down before it; states only move forward, so a repeated or late
message changes nothing. Every step locks the order's row first: two that meet here wait for each other in one order.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, null, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from catalog import stock
from orders.errors import OrderNotFound, PaymentDiffers, PaymentUnknown, PickupCodesExhausted
from orders.events import OrderPaid, PaymentDiffered, RefundRequested
from orders.models import Order, Payment, Pickup, Refund
from orders.numbers import new_pickup_code, new_refund_no
from orders.ports import ChannelPayment, PaymentState
from orders.states import (
    ORDER_MOVES,
    PAYMENT_MOVES,
    OrderState,
    PaymentStatus,
    RefundStatus,
    Source,
    origins,
)
from tenants.kernel.ids import OrderId, PaymentId, RefundId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing
from tenants.queries import find_tenant, merchants

CURRENCY = "CNY"
TAKEN = frozenset({PaymentState.PAID, PaymentState.REFUNDED})
"""Refunded means: taken, and given back since. For the question whether it was paid both are yes."""
UNWANTED = "storefront:unwanted_payment"
"""Who requests the refund of money that no order waits for."""
CODE_ATTEMPTS = 5


async def lock_order(db: Writing, order_id: OrderId) -> Any:
    """Lock the order's row for this transaction; the first lock of every change of an order. Returns state, expires_at and total_fen."""
    statement = (
        select(Order.state, Order.expires_at, Order.total_fen)
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id)
        .with_for_update()
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise OrderNotFound(order_id=order_id)
    return row


async def record_payment(db: Writing, told: ChannelPayment, *, now: datetime) -> OrderId:
    """Take note of what the channel tells of a payment; raises PaymentUnknown or PaymentDiffers, which a person must see.

    Another amount alone is no reason to refuse the word: the money is there, so it is written down, and pays no order.
    """
    payment = await _payment(db, told.payment_no)
    order = await lock_order(db, OrderId(payment.order_id))
    if told.state is PaymentState.CLOSED:
        await move_payment(db, PaymentId(payment.id), to=PaymentStatus.CLOSED)
    if told.state in TAKEN:
        differing = await _differing(db, told, merchant_id=payment.merchant_id, amount_fen=payment.amount_fen)
        if differing == ["amount"] and told.total_fen and payment.state != PaymentStatus.PAID:
            await _suspend(db, payment, told=told, now=now)
            return OrderId(payment.order_id)
        if differing:
            raise PaymentDiffers(payment_no=told.payment_no, differing=differing)
        facts: dict[str, Any] = {
            "transaction_id": told.transaction_id,
            "payer_total_fen": told.payer_total_fen,
            "coupons": null() if told.coupons is None else msgspec.to_builtins(told.coupons),
            "paid_at": told.paid_at or now,
        }
        if await move_payment(db, PaymentId(payment.id), to=PaymentStatus.PAID, **facts):
            if order.state == OrderState.AWAITING_PAYMENT:
                await pay_order(
                    db,
                    OrderId(payment.order_id),
                    payment_id=PaymentId(payment.id),
                    paid_at=told.paid_at or now,
                    now=now,
                )
            elif not await _stands_again(db, payment, order=order, paid_at=facts["paid_at"], now=now):
                await give_back_unwanted(db, payment, now=now, reason="重复或超时支付，自动退款")
    return OrderId(payment.order_id)


async def pay_order(
    db: Writing, order_id: OrderId, *, payment_id: PaymentId | None, paid_at: datetime, now: datetime
) -> None:
    """Make a locked order paid: its units leave the stock, its pickup code is made, the world is told."""
    statement = (
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.state.in_(origins(ORDER_MOVES, OrderState.PAID)),
        )
        .values(state=OrderState.PAID, paid_fen=Order.total_fen, paid_at=paid_at, closed_at=None)
        .returning(Order.store_id, Order.pickup_store_id)
    )
    row = (await db.execute(statement)).one()
    await _make_pickup(db, order_id, store_id=row.pickup_store_id or row.store_id, now=now)
    await append(db, OrderPaid(order_id=order_id, payment_id=payment_id, paid_at=paid_at), now=now)
    await stock.take(db, order_id=order_id)


async def _stands_again(db: Writing, payment: Any, *, order: Any, paid_at: datetime, now: datetime) -> bool:
    """A cancelled order that was paid in full after all is kept if every unit of it can still be taken; else nothing changes.

    Who paid wants the goods rather than the money; what another shopper took meanwhile stays with that shopper.
    """
    if order.state != OrderState.CANCELLED or payment.amount_fen != order.total_fen:
        return False
    order_id = OrderId(payment.order_id)
    if not await stock.retake(db, order_id=order_id):
        return False
    await pay_order(db, order_id, payment_id=PaymentId(payment.id), paid_at=paid_at, now=now)
    return True


async def _payment(db: Writing, payment_no: str) -> Any:
    statement = select(
        Payment.id, Payment.order_id, Payment.merchant_id, Payment.amount_fen, Payment.state
    ).where(Payment.tenant_id == db.tenant_id, Payment.payment_no == payment_no)
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise PaymentUnknown(payment_no=payment_no)
    return row


async def _suspend(db: Writing, payment: Any, *, told: ChannelPayment, now: datetime) -> None:
    """Write down what the channel took beside what was asked for; the order stays as it is."""
    taken = Fen(told.total_fen or 0)
    payer = taken if told.payer_total_fen is None else min(told.payer_total_fen, taken)
    facts: dict[str, Any] = {
        "amount_fen": taken, "asked_fen": payment.amount_fen, "transaction_id": told.transaction_id,
        "payer_total_fen": payer, "paid_at": told.paid_at or now,
        "coupons": null() if told.coupons is None else msgspec.to_builtins(told.coupons),
    }  # fmt: skip
    if await move_payment(db, PaymentId(payment.id), to=PaymentStatus.PAID, **facts):
        await append(db, PaymentDiffered(payment_id=PaymentId(payment.id)), now=now)


async def _differing(db: Writing, told: ChannelPayment, *, merchant_id: object, amount_fen: int) -> list[str]:
    """Compare merchant, mini-program, amount and currency with what was written down: a signature alone proves only the sender."""
    payee = next((each for each in await merchants(db) if each.id == merchant_id), None)
    expected = {
        "merchant": payee.merchant_no if payee else None,
        "appid": (await find_tenant(db)).appid,
        "amount": amount_fen,
        "currency": CURRENCY,
    }
    seen = {
        "merchant": told.merchant_no,
        "appid": told.appid,
        "amount": told.total_fen,
        "currency": told.currency,
    }
    return [name for name, value in expected.items() if seen[name] != value]


async def move_payment(db: Writing, payment_id: PaymentId, *, to: PaymentStatus, **facts: object) -> bool:
    """Move a payment forward; False when it already stands there or beyond."""
    statement = (
        update(Payment)
        .where(
            Payment.tenant_id == db.tenant_id,
            Payment.id == payment_id,
            Payment.state.in_(origins(PAYMENT_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(Payment.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def _make_pickup(db: Writing, order_id: OrderId, *, store_id: object, now: datetime) -> None:
    # A clash of two active codes is a matter for the index, not for a look before.
    for _ in range(CODE_ATTEMPTS):
        row = upsert(Pickup).values(
            tenant_id=db.tenant_id,
            order_id=order_id,
            store_id=store_id,
            code=new_pickup_code(),
            created_at=now,
        )
        made = row.on_conflict_do_nothing(
            index_elements=[Pickup.tenant_id, Pickup.code], index_where=text("state = 'waiting'")
        ).returning(Pickup.order_id)
        if (await db.execute(made)).scalar_one_or_none() is not None:
            return
    raise PickupCodesExhausted


async def give_back_unwanted(db: Writing, payment: Any, *, now: datetime, reason: str) -> None:
    """Refund a payment that no order waits for: after the end, a second time, or another amount. It never counted, so no counter moves."""
    refund_id = RefundId(derived_id("unwanted payment", db.tenant_id, payment.id))
    store = select(Order.store_id, Order.business_on, Order.source_name).where(
        Order.tenant_id == db.tenant_id, Order.id == payment.order_id
    )
    order = (await db.execute(store)).one()
    await db.execute(
        insert(Refund).values(
            tenant_id=db.tenant_id,
            id=refund_id,
            refund_no=new_refund_no((await find_tenant(db)).public_code),
            source=Source.STOREFRONT,
            source_name=order.source_name,
            order_id=payment.order_id,
            payment_id=payment.id,
            store_id=order.store_id,
            state=RefundStatus.INTENDED,
            amount_fen=payment.amount_fen,
            reason=reason,
            requested_by=UNWANTED,
            business_on=order.business_on,
            requested_at=now,
        )
    )
    await append(db, RefundRequested(refund_id=refund_id), now=now)
