"""Every read of orders. What settlement divides stands first, as statements it may put inside its own set-based INSERT … SELECT.

Each statement names the tenant for every table in it; another tenant's, shopper's or store's order answers as one that does not exist.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Row, Select, and_, case, cast, func, or_, select, tuple_

from catalog.listings import Spec
from guides.states import AttributionRule, Scene
from orders.errors import OrderNotFound, RefundNotFound
from orders.models import Order, OrderLine, Payment, Pickup, Refund, RefundLine
from orders.ports import PayParameters
from orders.states import OrderState, PaymentStatus, PickupState, RefundStatus, Source
from orders.views import (
    OrderLineView,
    OrderPage,
    OrderTab,
    OrderTabs,
    OrderView,
    PaymentView,
    PickupView,
    RefundView,
)
from orders.wording import STATUS_TEXT, actions_of, timeline_of
from tenants.kernel.ids import (
    GuideId,
    MerchantId,
    OrderId,
    PaymentId,
    RefundId,
    ShopperId,
    SkuId,
    StoreId,
    TenantId,
)
from tenants.kernel.money import Fen
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading
from tenants.queries import store_names

OPEN = (PaymentStatus.INTENDED, PaymentStatus.PREPARED)


class OpenPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that may still be paid."""

    payment_id: PaymentId
    payment_no: str
    merchant_id: MerchantId
    state: PaymentStatus
    in_doubt: bool
    """Somebody set out to close it, and never wrote down what came of that."""


def promoted() -> Any:
    """What a promotion took off a line: of our own lines the list price's cut, of imported ones their discount."""
    return func.coalesce(OrderLine.promotion_fen, OrderLine.discount_fen)


def units_sold() -> Any:
    """A line's units; one of part of a unit, or of none, counts as one."""
    return cast(func.greatest(OrderLine.quantity, 1), BigInteger)


def units_back() -> Any:
    """The units of its line that a refund line takes back; one that names none takes back the line.

    Asked of lines of which nothing was paid alone: such a refund line moves no money, so that without units nothing else is left for it
    to say. Two together take back no more than there is; whoever counts stops there.
    """
    return case((RefundLine.quantity == 0, units_sold()), else_=cast(RefundLine.quantity, BigInteger))


def settled_lines_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every paid line with frozen terms: its ids and amounts, and what a statement says of a line (numbers, codes, source)."""
    return (
        select(
            OrderLine.tenant_id.label("tenant_id"),
            OrderLine.order_id.label("order_id"),
            OrderLine.id.label("order_line_id"),
            OrderLine.line_no.label("line_no"),
            OrderLine.sku_code.label("sku_code"),
            Order.order_no.label("order_no"),
            Order.external_no.label("external_no"),
            Order.store_id.label("store_id"),
            Order.guide_id.label("guide_id"),
            OrderLine.terms_id.label("terms_id"),
            OrderLine.paid_fen.label("paid_fen"),
            promoted().label("discount_fen"),
            units_sold().label("units"),
            OrderLine.base_fen.label("base_fen"),
            Order.paid_at.label("paid_at"),
            Order.business_on.label("business_on"),
            Order.source.label("source"),
            Order.source_name.label("source_name"),
        )
        .join(Order, (Order.tenant_id == OrderLine.tenant_id) & (Order.id == OrderLine.order_id))
        .where(
            OrderLine.tenant_id == tenant_id,
            Order.tenant_id == tenant_id,
            Order.paid_at.is_not(None),
            OrderLine.terms_id.is_not(None),
        )
    )


def reversed_lines_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every line of a finished refund with terms: its ids and amounts, and what a statement says of a line (numbers, codes, source)."""
    return (
        select(
            RefundLine.tenant_id.label("tenant_id"),
            RefundLine.refund_id.label("refund_id"),
            RefundLine.line_no.label("refund_line_no"),
            RefundLine.sku_code.label("sku_code"),
            Refund.refund_no.label("refund_no"),
            Refund.external_no.label("external_no"),
            Refund.order_id.label("order_id"),
            RefundLine.order_line_id.label("order_line_id"),
            Refund.store_id.label("store_id"),
            RefundLine.terms_id.label("terms_id"),
            RefundLine.amount_fen.label("amount_fen"),
            RefundLine.kept_before_fen.label("kept_before_fen"),
            RefundLine.base_fen.label("base_fen"),
            OrderLine.paid_fen.label("line_paid_fen"),
            promoted().label("line_discount_fen"),
            units_sold().label("line_units"),
            units_back().label("units"),
            OrderLine.base_fen.label("line_base_fen"),
            Refund.refunded_at.label("refunded_at"),
            Refund.business_on.label("business_on"),
            Refund.source.label("source"),
            Refund.source_name.label("source_name"),
        )
        .join(Refund, (Refund.tenant_id == RefundLine.tenant_id) & (Refund.id == RefundLine.refund_id))
        .outerjoin(OrderLine, (OrderLine.tenant_id == tenant_id) & (OrderLine.id == RefundLine.order_line_id))
        .where(
            RefundLine.tenant_id == tenant_id,
            Refund.tenant_id == tenant_id,
            Refund.state == RefundStatus.DONE,
            Refund.refunded_at.is_not(None),
            RefundLine.terms_id.is_not(None),
        )
    )


async def order_state(db: Reading, order_id: OrderId) -> OrderState:
    """Where an order stands."""
    statement = select(Order.state).where(Order.tenant_id == db.tenant_id, Order.id == order_id)
    state = (await db.execute(statement)).scalar_one_or_none()
    if state is None:
        raise OrderNotFound(order_id=order_id)
    return OrderState(state)


async def open_payments(db: Reading, order_id: OrderId) -> list[OpenPayment]:
    """The order's payments that may still be paid: one at most, which the database sees to."""
    statement = select(
        Payment.id, Payment.payment_no, Payment.merchant_id, Payment.state, Payment.closing_at
    ).where(Payment.tenant_id == db.tenant_id, Payment.order_id == order_id, Payment.state.in_(OPEN))
    return [
        OpenPayment(
            payment_id=PaymentId(row.id),
            payment_no=row.payment_no,
            merchant_id=MerchantId(row.merchant_id),
            state=PaymentStatus(row.state),
            in_doubt=row.closing_at is not None,
        )
        for row in await db.execute(statement)
    ]


async def payment_view(db: Reading, order_id: OrderId, *, shopper_id: ShopperId) -> PaymentView:
    """Where the payment of the shopper's order stands: the paid one, else the newest."""
    statement = select(Order.state, Order.total_fen, Order.expires_at).where(
        Order.tenant_id == db.tenant_id, Order.id == order_id, Order.shopper_id == shopper_id
    )
    order = (await db.execute(statement)).one_or_none()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    counts = or_(Payment.asked_fen.is_(None), Payment.accepted_by.is_not(None))
    newest = (
        select(Payment.payment_no, Payment.state, Payment.parameters)
        .where(Payment.tenant_id == db.tenant_id, Payment.order_id == order_id)
        .order_by(and_(Payment.state == PaymentStatus.PAID, counts).desc(), Payment.id.desc())
        .limit(1)
    )
    payment = (await db.execute(newest)).one_or_none()
    prepared = payment is not None and payment.state == PaymentStatus.PREPARED
    return PaymentView(
        order_id=order_id,
        order_state=OrderState(order.state),
        payment_no=payment.payment_no if payment else None,
        state=PaymentStatus(payment.state) if payment else None,
        amount_fen=Fen(order.total_fen),
        parameters=msgspec.convert(payment.parameters, PayParameters) if payment and prepared else None,
        expires_at=order.expires_at,
    )


async def orders_of_shopper(
    db: Reading,
    shopper_id: ShopperId,
    *,
    now: datetime,
    state: OrderState | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> OrderPage:
    """The shopper's orders, newest first, with their lines."""
    return await _page(db, Order.shopper_id == shopper_id, state=state, cursor=cursor, limit=limit, now=now)


async def orders_of_store(
    db: Reading,
    store_id: StoreId | None,
    *,
    now: datetime,
    state: OrderState | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> OrderPage:
    """A store's orders (all stores' for head office, where `store_id` is none), newest first."""
    mine = Order.store_id == store_id if store_id else Order.source == Source.STOREFRONT
    return await _page(db, mine, state=state, cursor=cursor, limit=limit, now=now)


async def order_tabs(db: Reading, shopper_id: ShopperId) -> OrderTabs:
    """How many of the shopper's orders stand in each state."""
    statement = (
        select(Order.state, func.count().label("orders"))
        .where(Order.tenant_id == db.tenant_id, Order.shopper_id == shopper_id)
        .group_by(Order.state)
    )
    counts = {row.state: row.orders for row in await db.execute(statement)}
    return OrderTabs(tabs=[OrderTab(state=state, count=counts.get(state, 0)) for state in OrderState])


async def order_of_shopper(
    db: Reading, order_id: OrderId, *, shopper_id: ShopperId, now: datetime
) -> OrderView:
    """One order of the shopper, with timeline, refunds and pickup code."""
    return await _detail(db, order_id, Order.shopper_id == shopper_id, now=now, shows_code=True)


async def order_for_staff(
    db: Reading, order_id: OrderId, *, store_id: StoreId | None, now: datetime
) -> OrderView:
    """One order as the store's staff (or, without a store, head office) see it: the code is the shopper's to show."""
    mine = Order.store_id == store_id if store_id else Order.tenant_id == db.tenant_id
    return await _detail(db, order_id, mine, now=now, shows_code=False)


async def find_refund(db: Reading, refund_id: RefundId) -> RefundView:
    """One refund."""
    found = (await db.execute(_refunds(db).where(Refund.id == refund_id))).one_or_none()
    if found is None:
        raise RefundNotFound(refund_id=refund_id)
    return _refund_view(found)


async def _page(
    db: Reading, mine: Any, *, state: OrderState | None, cursor: str | None, limit: int | None, now: datetime
) -> OrderPage:
    size = page_limit(limit)
    statement = select(Order).where(Order.tenant_id == db.tenant_id, mine)
    if state is not None:
        statement = statement.where(Order.state == state)
    if cursor is not None:
        placed_at, order_id = read_cursor(cursor, tuple[datetime, UUID])
        statement = statement.where(tuple_(Order.placed_at, Order.id) < tuple_(placed_at, order_id))
    statement = statement.order_by(Order.placed_at.desc(), Order.id.desc()).limit(size + 1)
    found = list((await db.execute(statement)).scalars())
    shown, more = found[:size], len(found) > size
    last = shown[-1] if more else None
    return OrderPage(
        orders=await _order_views(db, shown, now=now),
        next_cursor=write_cursor(last.placed_at, last.id) if last else None,
    )


async def _detail(db: Reading, order_id: OrderId, mine: Any, *, now: datetime, shows_code: bool) -> OrderView:
    statement = select(Order).where(Order.tenant_id == db.tenant_id, Order.id == order_id, mine)
    order = (await db.execute(statement)).scalar_one_or_none()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    view = (await _order_views(db, [order], now=now))[0]
    pickup = await _pickup(db, order_id, shows_code=shows_code)
    rows = await db.execute(_refunds(db).where(Refund.order_id == order_id).order_by(Refund.id))
    refunds = [_refund_view(row) for row in rows]
    timeline = timeline_of(
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        collected_at=pickup.redeemed_at if pickup else None,
        closed_at=order.closed_at if order.state == OrderState.CANCELLED else None,
        refunds=refunds,
    )
    return msgspec.structs.replace(view, pickup=pickup, refunds=refunds, timeline=timeline)


async def _pickup(db: Reading, order_id: OrderId, *, shows_code: bool) -> PickupView | None:
    statement = select(Pickup).where(Pickup.tenant_id == db.tenant_id, Pickup.order_id == order_id)
    pickup = (await db.execute(statement)).scalar_one_or_none()
    if pickup is None:
        return None
    return PickupView(
        store_id=StoreId(pickup.store_id),
        state=PickupState(pickup.state),
        code=pickup.code if shows_code and pickup.state == PickupState.WAITING else None,
        redeemed_at=pickup.redeemed_at,
        redeemed_at_store_id=StoreId(pickup.redeemed_at_store_id) if pickup.redeemed_at_store_id else None,
    )


async def _order_views(db: Reading, orders: Iterable[Order], *, now: datetime) -> list[OrderView]:
    shown = list(orders)
    if not shown:
        return []
    lines: dict[UUID, list[OrderLineView]] = {order.id: [] for order in shown}
    statement = (
        select(OrderLine)
        .where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id.in_(lines))
        .order_by(OrderLine.order_id, OrderLine.line_no)
    )
    for line in (await db.execute(statement)).scalars():
        lines[line.order_id].append(_line_view(line))
    names = await store_names(db, {StoreId(order.store_id) for order in shown})
    return [
        _order_view(order, lines[order.id], store_name=names.get(StoreId(order.store_id), ""), now=now)
        for order in shown
    ]


def _order_view(order: Order, lines: list[OrderLineView], *, store_name: str, now: datetime) -> OrderView:
    state = OrderState(order.state)
    chinese, english = STATUS_TEXT[state]
    return OrderView(
        id=OrderId(order.id), order_no=order.order_no, state=state, status_text=chinese, status_text_en=english,
        actions=actions_of(state, expires_at=order.expires_at, now=now), scene=Scene(order.scene),
        store_id=StoreId(order.store_id), store_name=store_name,
        guide_id=GuideId(order.guide_id) if order.guide_id else None,
        attribution_rule=AttributionRule(order.attribution_rule), off_hours=order.off_hours,
        goods_fen=Fen(order.goods_fen), freight_fen=Fen(order.freight_fen), discount_fen=Fen(order.discount_fen),
        total_fen=Fen(order.total_fen), paid_fen=Fen(order.paid_fen), refunded_fen=Fen(order.refunded_fen),
        lines=lines, remark=order.remark, placed_at=order.placed_at, expires_at=order.expires_at,
        paid_at=order.paid_at,
    )  # fmt: skip


def _line_view(line: OrderLine) -> OrderLineView:
    return OrderLineView(
        line_no=line.line_no, sku_id=SkuId(line.sku_id) if line.sku_id else None, sku_code=line.sku_code,
        title=line.title, specs=msgspec.convert(line.specs, list[Spec]), quantity=line.quantity,
        unit_price_fen=None if line.unit_price_fen is None else Fen(line.unit_price_fen),
        goods_fen=Fen(line.goods_fen), discount_fen=Fen(line.discount_fen), paid_fen=Fen(line.paid_fen),
        refunded_fen=Fen(line.refunded_fen), refunded_quantity=line.refunded_quantity,
    )  # fmt: skip


def _refunds(db: Reading) -> Select[*tuple[Any, ...]]:
    return select(
        Refund.id, Refund.refund_no, Refund.order_id, Refund.state, Refund.amount_fen, Refund.payer_refund_fen,
        Refund.reason, Refund.requested_at, Refund.refunded_at,
    ).where(Refund.tenant_id == db.tenant_id)  # fmt: skip


def _refund_view(row: Row[*tuple[Any, ...]]) -> RefundView:
    columns = row._asdict()
    return RefundView(**(columns | {"state": RefundStatus(row.state)}))
