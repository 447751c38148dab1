"""改价: change what an unpaid order costs. The old number is closed at the channel first; the new price is paid under a new one.

The discount is spread over the lines; their frozen terms, the attribution and everything else stay as they were when it was placed.
A number that was paid at the last moment keeps the order at its old price.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import select, update

from orders.amounts import LinePrice, order_amount
from orders.bases import AS_PAID, base_of_line
from orders.commands import RepriceOrder
from orders.errors import (
    OrderAlreadyPaid,
    OrderNotFound,
    OrderNotPayable,
    PaymentPending,
    PriceAboveGoods,
    PriceBeyondAuthority,
)
from orders.events import OrderRepriced
from orders.funding import funded_by_kind
from orders.models import Order, OrderLine
from orders.pay import close_payment
from orders.payments import lock_order, move_payment
from orders.ports import PaymentChannels, Terms
from orders.queries import open_payments, order_for_staff
from orders.states import OrderState, PaymentStatus
from orders.views import OrderView
from tenants.audit import record_deed
from tenants.kernel.ids import OrderId, PaymentId, StoreId, TermsId
from tenants.kernel.money import WHOLE, Bps, Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import tenant_settings

PAID = frozenset({OrderState.PAID, OrderState.COLLECTED, OrderState.REFUNDED})


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes the price: a store's manager only in that store, and only by so much; head office and finance without limit."""

    actor: str
    store_id: StoreId | None
    limited: bool


class PricePolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the tenant lets its store managers do (`settings.pricing`)."""

    manager_off_bps: Annotated[int, Meta(ge=0, le=10_000)] = 1_000
    """How much of the goods' price may be taken off in all."""


async def reprice_order(
    tenant: TenantScope,
    command: RepriceOrder,
    *,
    order_id: OrderId,
    authority: Authority,
    channels: PaymentChannels,
    terms: Terms,
    now: datetime,
) -> OrderView:
    """Change an unpaid order's total; raises OrderAlreadyPaid (the order is kept as paid), PriceBeyondAuthority, PaymentPending."""
    async with tenant.reading() as db:
        await _refuse(db, order_id, command, authority=authority)
        opened = await open_payments(db, order_id)
    for payment in opened:
        channel = await channels.channel(tenant, payment.merchant_id)
        if not await close_payment(tenant, payment, channel=channel, now=now):
            raise OrderAlreadyPaid(order_id=order_id)
    async with tenant.writing() as db:
        await lock_order(db, order_id)
        before = await _refuse(db, order_id, command, authority=authority)
        await _close_all(db, order_id, closed=[each.payment_id for each in opened])
        await change_total(db, order_id, total=Fen(command.total_fen), terms=terms)
        await record_deed(
            db, actor=authority.actor, action="reprice_order", subject_id=order_id, now=now,
            reason=f"{before} -> {command.total_fen} fen: {command.reason}",
        )  # fmt: skip
        fact = OrderRepriced(order_id=order_id, total_before_fen=before, total_fen=Fen(command.total_fen))
        await append(db, fact, now=now)
        return await order_for_staff(db, order_id, store_id=authority.store_id, now=now)


async def _refuse(db: Reading, order_id: OrderId, command: RepriceOrder, *, authority: Authority) -> Fen:
    """Refuse what may not be; returns the total as it is."""
    statement = select(
        Order.state, Order.store_id, Order.goods_fen, Order.freight_fen, Order.other_fen, Order.total_fen
    ).where(Order.tenant_id == db.tenant_id, Order.id == order_id)
    if authority.store_id is not None:
        statement = statement.where(Order.store_id == authority.store_id)
    order = (await db.execute(statement)).one_or_none()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    if order.state in PAID:
        raise OrderAlreadyPaid(order_id=order_id)
    if order.state != OrderState.AWAITING_PAYMENT:
        raise OrderNotPayable(order_id=order_id)
    if command.total_fen > order.goods_fen:
        raise PriceAboveGoods(details={"totalFen": f"the goods cost {order.goods_fen} fen"})
    if authority.limited:
        await _refuse_too_much(db, order, command)
    return Fen(order.total_fen)


async def _refuse_too_much(db: Reading, order: Any, command: RepriceOrder) -> None:
    """Measured against the goods' own price, so that ten small changes reach no further than a large one."""
    policy = msgspec.convert((await tenant_settings(db)).get("pricing", {}), PricePolicy)
    allowed = Bps(policy.manager_off_bps)
    if (order.goods_fen - command.total_fen) * WHOLE > order.goods_fen * allowed:
        raise PriceBeyondAuthority(details={"totalFen": f"at most {allowed / 100:g} % off"})


async def _close_all(db: Writing, order_id: OrderId, *, closed: list[PaymentId]) -> None:
    if any(each.payment_id not in closed for each in await open_payments(db, order_id)):
        # Started between our look and our lock, at the old price: it has to be closed first.
        raise PaymentPending(order_id=order_id)
    for payment_id in closed:
        await move_payment(db, payment_id, to=PaymentStatus.CLOSED)


async def change_total(db: Writing, order_id: OrderId, *, total: Fen, terms: Terms) -> None:
    """Spread the discount over the lines; the terms stay, and the base that their rates are applied to follows what is paid."""
    lines = select(
        OrderLine.id,
        OrderLine.unit_price_fen,
        OrderLine.quantity,
        OrderLine.goods_fen,
        OrderLine.terms_id,
        OrderLine.promotion_fen,
    ).where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == order_id)
    rows = (await db.execute(lines.order_by(OrderLine.line_no))).all()
    goods = Fen(sum(row.goods_fen for row in rows))
    prices = [LinePrice(Fen(row.unit_price_fen), row.quantity) for row in rows]
    amount = order_amount(prices, discount_fen=Fen(goods - total))
    frozen = {TermsId(row.terms_id) for row in rows if row.terms_id}
    rules, fundings = await terms.bases(db, frozen), await terms.fundings(db, frozen)
    for row, each in zip(rows, amount.lines, strict=True):
        rule = rules.get(row.terms_id, AS_PAID)
        # What staff take off is nobody's promotion: funders bear what they bore before.
        funded = funded_by_kind(Fen(row.promotion_fen or 0), funding=fundings.get(row.terms_id))
        base = base_of_line(rule, goods_fen=each.goods_fen, paid_fen=each.paid_fen, funded=funded)
        await db.execute(
            update(OrderLine)
            .where(OrderLine.tenant_id == db.tenant_id, OrderLine.id == row.id)
            .values(discount_fen=each.discount_fen, paid_fen=each.paid_fen, base_fen=base)
        )
    await db.execute(
        update(Order)
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id)
        .values(discount_fen=amount.discount_fen, total_fen=amount.total_fen)
    )
