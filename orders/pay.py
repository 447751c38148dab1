"""Pay: prepare a payment at the channel, ask what became of it, give an order up. Flows with their own short transactions.

The payment's number is written down before the channel hears it and used for ever: when nobody can say whether a call arrived, it
is made again with the same number and the same words. An order is only given up once the channel says that it can no longer be paid.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import insert, select, update

from catalog import stock
from guides.queries import card_of
from orders.errors import (
    OrderAlreadyPaid,
    OrderNotFound,
    OrderNotPayable,
    PaymentPending,
    PaymentRefused,
    PaymentTimeOver,
)
from orders.events import OrderCancelled
from orders.models import Order, Payment
from orders.numbers import new_payment_no
from orders.payments import TAKEN, lock_order, move_payment, pay_order, record_payment
from orders.ports import (
    AlreadyPaid,
    ChannelPayment,
    Closed,
    GuideCards,
    PaymentChannel,
    PaymentChannels,
    PaymentRequest,
    PaymentState,
    Prepared,
    Refused,
    Unknown,
)
from orders.queries import OpenPayment, open_payments, order_state, payment_view
from orders.states import ORDER_MOVES, OrderState, PaymentStatus, origins
from orders.views import PaymentView
from tenants.kernel.ids import GuideId, MerchantId, OrderId, PaymentId, ShopperId, StoreId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import TenantScope, Writing
from tenants.queries import find_tenant, shopper_openid, store_facts

SHORTEST_TIME = timedelta(minutes=1)
"""The channel grants at least a minute; preparing later would let a payment outlive the held units."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that is written down and not yet known to be prepared."""

    payment_id: PaymentId
    merchant_id: MerchantId
    request: PaymentRequest
    card_no: str | None = None
    """The serving guide's card at the channel."""


async def prepare_payment(
    tenant: TenantScope,
    order_id: OrderId,
    *,
    shopper_id: ShopperId,
    channels: PaymentChannels,
    now: datetime,
    cards: GuideCards | None = None,
) -> PaymentView:
    """Prepare the order's payment and return what wx.requestPayment takes; a repeat returns the same payment.

    With `cards` the serving guide's card is assigned first, if there is one; whatever becomes of that, the payment goes on.
    An order of zero fen is paid at once. Raises OrderAlreadyPaid, OrderNotPayable, PaymentTimeOver, PaymentRefused, and
    PaymentPending when the outcome is unknown: ask again, the same number is used.
    """
    async with tenant.writing() as db:
        intent = await _intend(db, order_id, shopper_id=shopper_id, now=now)
    if isinstance(intent, OpenPayment):
        await _clear_doubt(tenant, intent, channels=channels, now=now)
        async with tenant.writing() as db:
            intent = await _intend(db, order_id, shopper_id=shopper_id, now=now, cleared=intent)
    if not isinstance(intent, Intent):
        async with tenant.reading() as db:
            return await payment_view(db, order_id, shopper_id=shopper_id)
    channel = await channels.channel(tenant, intent.merchant_id)
    answer = await channel.prepare(intent.request)
    if isinstance(answer, Unknown):
        raise PaymentPending(payment_no=intent.request.payment_no, reason=answer.reason)
    if isinstance(answer, Refused):
        await _note_refusal(tenant, intent, channel=channel, refused=answer, now=now)
    else:
        if cards is not None and intent.card_no is not None:
            # Only a card assigned before the payment is shown, so it comes before the parameters leave the house.
            await cards.assign(
                tenant,
                merchant_id=intent.merchant_id,
                card_no=intent.card_no,
                payment_no=intent.request.payment_no,
            )
        await _note_prepared(tenant, intent, prepared=answer)
    async with tenant.reading() as db:
        return await payment_view(db, order_id, shopper_id=shopper_id)


async def sync_payment(
    tenant: TenantScope, order_id: OrderId, *, shopper_id: ShopperId, channels: PaymentChannels, now: datetime
) -> PaymentView:
    """Ask the channel about the order's open payment, take note of its answer, and say where payment stands."""
    async with tenant.reading() as db:
        await payment_view(
            db, order_id, shopper_id=shopper_id
        )  # another shopper's order answers as an unknown one
        opened = await open_payments(db, order_id)
    for payment in opened:
        channel = await channels.channel(tenant, payment.merchant_id)
        told = await channel.look_up(payment.payment_no)
        if isinstance(told, ChannelPayment):
            async with tenant.writing() as db:
                await record_payment(db, told, now=now)
    async with tenant.reading() as db:
        return await payment_view(db, order_id, shopper_id=shopper_id)


async def give_up_order(
    tenant: TenantScope, order_id: OrderId, *, channels: PaymentChannels, now: datetime, reason: str
) -> OrderState:
    """Give an unpaid order up: close at the channel first, then release its units; returns the order's state after it.

    When closing comes too late the order is paid and stays. Raises PaymentPending while the channel cannot say; nothing is
    released then, so that no unit is sold twice.
    """
    async with tenant.reading() as db:
        state = await order_state(db, order_id)
        if state is not OrderState.AWAITING_PAYMENT:
            return state
        opened = await open_payments(db, order_id)
    for payment in opened:
        channel = await channels.channel(tenant, payment.merchant_id)
        if not await close_payment(tenant, payment, channel=channel, now=now):
            return OrderState.PAID
    async with tenant.writing() as db:
        return await _cancel(
            db, order_id, closed=[each.payment_id for each in opened], reason=reason, now=now
        )


async def cancel_order(
    tenant: TenantScope, order_id: OrderId, *, shopper_id: ShopperId, channels: PaymentChannels, now: datetime
) -> None:
    """The shopper gives the order up; raises OrderAlreadyPaid when it was paid, even at the last moment."""
    async with tenant.reading() as db:
        await payment_view(db, order_id, shopper_id=shopper_id)
    state = await give_up_order(tenant, order_id, channels=channels, now=now, reason="shopper")
    if state is not OrderState.CANCELLED:
        raise OrderAlreadyPaid(order_id=order_id)


async def _clear_doubt(
    tenant: TenantScope, payment: OpenPayment, *, channels: PaymentChannels, now: datetime
) -> None:
    """Ask about a number that somebody set out to close: a process that died on the way left it looking payable.

    Raises PaymentPending while the channel cannot say: a dead number in a shopper's hand is worse than none.
    """
    seen = await (await channels.channel(tenant, payment.merchant_id)).look_up(payment.payment_no)
    if not isinstance(seen, ChannelPayment):
        raise PaymentPending(payment_no=payment.payment_no, reason="closing, outcome unknown")
    async with tenant.writing() as db:
        await record_payment(db, seen, now=now)


async def _intend(
    db: Writing,
    order_id: OrderId,
    *,
    shopper_id: ShopperId,
    now: datetime,
    cleared: OpenPayment | None = None,
) -> Intent | OpenPayment | None:
    """Write the payment down, or find the open one; None when there is nothing more to ask the channel.

    A prepared number in doubt is given back to be asked about, unless it is the one that was just `cleared`.
    """
    order = await _payable_order(db, order_id, shopper_id=shopper_id)
    if order.total_fen == 0:
        await pay_order(db, order_id, payment_id=None, paid_at=now, now=now)
        return None
    found = next(iter(await open_payments(db, order_id)), None)
    if found is not None and found.state is PaymentStatus.PREPARED:
        is_known = not found.in_doubt or (cleared is not None and cleared.payment_id == found.payment_id)
        return None if is_known else found
    if now + SHORTEST_TIME > order.expires_at:
        raise PaymentTimeOver(order_id=order_id)
    payment_id, payment_no = (
        (found.payment_id, found.payment_no)
        if found is not None
        else await _number(db, order_id, order, now=now)
    )
    store = (await store_facts(db, StoreId(order.store_id))).store
    request = PaymentRequest(
        payment_no=payment_no,
        # Only what is frozen: a repeat with other words is an error at the channel.
        description=f"订单 {order.order_no}",
        total_fen=Fen(order.total_fen),
        openid=await shopper_openid(db, shopper_id),
        expires_at=order.expires_at,
        profit_sharing=order.profit_sharing,
        store_id=store.id,
        store_name=store.code,
    )
    merchant_id = MerchantId(order.merchant_id)
    card_no = await card_of(db, GuideId(order.guide_id), merchant_id=merchant_id) if order.guide_id else None
    return Intent(payment_id=payment_id, merchant_id=merchant_id, request=request, card_no=card_no)


async def _payable_order(db: Writing, order_id: OrderId, *, shopper_id: ShopperId) -> Any:
    statement = (
        select(
            Order.state, Order.order_no, Order.total_fen, Order.expires_at, Order.profit_sharing, Order.store_id,
            Order.merchant_id, Order.guide_id,
        )
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id, Order.shopper_id == shopper_id)
        .with_for_update()
    )  # fmt: skip
    order = (await db.execute(statement)).one_or_none()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    if order.state in {OrderState.PAID, OrderState.COLLECTED, OrderState.REFUNDED}:
        raise OrderAlreadyPaid(order_id=order_id)
    if order.state != OrderState.AWAITING_PAYMENT:
        raise OrderNotPayable(order_id=order_id)
    return order


async def _number(db: Writing, order_id: OrderId, order: Any, *, now: datetime) -> tuple[PaymentId, str]:
    payment_id = PaymentId(new_id())
    payment_no = new_payment_no((await find_tenant(db)).public_code)
    await db.execute(
        insert(Payment).values(
            tenant_id=db.tenant_id,
            id=payment_id,
            order_id=order_id,
            merchant_id=order.merchant_id,
            payment_no=payment_no,
            state=PaymentStatus.INTENDED,
            amount_fen=order.total_fen,
            created_at=now,
            expires_at=order.expires_at,
        )
    )
    return payment_id, payment_no


async def _note_prepared(tenant: TenantScope, intent: Intent, *, prepared: Prepared) -> None:
    async with tenant.writing() as db:
        moved = await move_payment(
            db,
            intent.payment_id,
            to=PaymentStatus.PREPARED,
            prepay_id=prepared.prepay_id,
            parameters=msgspec.to_builtins(prepared.parameters),
        )
        if moved:
            return
        statement = select(Payment.state).where(
            Payment.tenant_id == db.tenant_id, Payment.id == intent.payment_id
        )
        state = (await db.execute(statement)).scalar_one()
    # Prepared twice at once, or paid before we could write: fine. Closed meanwhile: the parameters must not leave the house.
    if state in {PaymentStatus.CLOSED, PaymentStatus.REFUSED}:
        raise OrderNotPayable(payment_id=intent.payment_id)


async def _note_refusal(
    tenant: TenantScope, intent: Intent, *, channel: PaymentChannel, refused: Refused, now: datetime
) -> None:
    """A refused number may have been refused because it is paid: look before giving it up. Raises unless it is."""
    seen = await channel.look_up(intent.request.payment_no)
    async with tenant.writing() as db:
        if isinstance(seen, ChannelPayment):
            await record_payment(db, seen, now=now)
        elif isinstance(seen, Refused):
            await move_payment(db, intent.payment_id, to=PaymentStatus.REFUSED)
    if not (isinstance(seen, ChannelPayment) and seen.state in TAKEN):
        raise PaymentRefused(details={"channel": refused.code}, payment_no=intent.request.payment_no)


async def close_payment(
    tenant: TenantScope, payment: OpenPayment, *, channel: PaymentChannel, now: datetime
) -> bool:
    """Make sure the number can no longer be paid; False when it was paid first, and is now recorded as such and counts.

    That it is being closed is written down first: whoever finds it after this process died asks before handing it out.
    """
    await _note_closing(tenant, payment.payment_id, now=now)
    answer = await channel.close(payment.payment_no)
    if isinstance(answer, Closed):
        return True
    seen = await channel.look_up(payment.payment_no)
    if isinstance(seen, ChannelPayment) and seen.state in TAKEN:
        async with tenant.writing() as db:
            order_id = await record_payment(db, seen, now=now)
            # Of another amount it can no longer be paid either, and pays nothing.
            return await order_state(db, order_id) is OrderState.AWAITING_PAYMENT
    if isinstance(seen, ChannelPayment) and seen.state is PaymentState.CLOSED:
        return True
    # Nobody was ever given parameters for a number that was only written down: if the channel does not know it, nobody can pay it.
    unheard = isinstance(answer, Refused) and isinstance(seen, Refused)
    if unheard and payment.state is PaymentStatus.INTENDED:
        return True
    late = isinstance(answer, AlreadyPaid)
    raise PaymentPending(
        payment_no=payment.payment_no, reason="paid, but not visible yet" if late else "not closed"
    )


async def _note_closing(tenant: TenantScope, payment_id: PaymentId, *, now: datetime) -> None:
    async with tenant.writing() as db:
        statement = update(Payment).where(
            Payment.tenant_id == db.tenant_id, Payment.id == payment_id, Payment.closing_at.is_(None)
        )
        await db.execute(statement.values(closing_at=now))


async def _cancel(
    db: Writing, order_id: OrderId, *, closed: list[PaymentId], reason: str, now: datetime
) -> OrderState:
    order = await lock_order(db, order_id)
    if order.state != OrderState.AWAITING_PAYMENT:
        return OrderState(order.state)
    still_open = [each for each in await open_payments(db, order_id) if each.payment_id not in closed]
    if still_open:  # started between our look and our lock: it has to be closed first
        raise PaymentPending(order_id=order_id)
    for payment_id in closed:
        await move_payment(db, payment_id, to=PaymentStatus.CLOSED)
    await db.execute(
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.state.in_(origins(ORDER_MOVES, OrderState.CANCELLED)),
        )
        .values(state=OrderState.CANCELLED, closed_at=now)
    )
    await append(db, OrderCancelled(order_id=order_id, reason=reason), now=now)
    await stock.release(db, order_id=order_id)
    return OrderState.CANCELLED
