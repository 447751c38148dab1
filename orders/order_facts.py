"""What an order's money hangs on: its lines as sold, the numbers of its payments and refunds, when it was handed over. Reads only."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, select

from orders.channel_money import given_back_select, taken_select
from orders.errors import OrderNotFound
from orders.models import Order, OrderLine, Payment, Pickup, Refund
from tenants.kernel.ids import OrderId, OrderLineId, PaymentId, RefundId, TenantId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class LineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was sold; `base_fen` is what rates are of, None when that is what was paid."""

    line_id: OrderLineId
    line_no: int
    sku_code: str | None
    goods_fen: Fen
    discount_fen: Fen
    paid_fen: Fen
    base_fen: Fen | None
    promotion_code: str | None = None
    promotion_fen: Fen | None = None
    """What its promotion took off the list price before `goods_fen`; None of an imported line, whose discount is the promotion's."""
    terms_id: TermsId | None = None

    @property
    def list_fen(self) -> Fen:
        """What it cost before anything was taken off."""
        return Fen(self.goods_fen + (self.promotion_fen or 0))

    @property
    def promoted_fen(self) -> Fen:
        """What the promotion's funders bear of it."""
        return self.discount_fen if self.promotion_fen is None else self.promotion_fen

    @property
    def off_fen(self) -> Fen:
        """All that was taken off it."""
        return Fen(self.list_fen - self.goods_fen + self.discount_fen)


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An order's lines and the numbers that prove its money, by payment and by refund."""

    order_id: OrderId
    order_no: str
    external_no: str | None
    lines: list[LineFacts]
    payments: dict[PaymentId, list[str]]
    refunds: dict[RefundId, list[str]]


async def order_numbered(db: Reading, order_no: str) -> OrderId:
    """The order with this number, ours or the other system's; raises OrderNotFound."""
    statement = select(Order.id).where(
        Order.tenant_id == db.tenant_id, (Order.order_no == order_no) | (Order.external_no == order_no)
    )
    found = (await db.execute(statement.order_by(Order.order_no != order_no).limit(1))).scalar_one_or_none()
    if found is None:
        raise OrderNotFound(order_no=order_no)
    return OrderId(found)


async def order_facts(db: Reading, order_id: OrderId) -> OrderFacts:
    """One order's; raises OrderNotFound."""
    named = select(Order.order_no, Order.external_no).where(
        Order.tenant_id == db.tenant_id, Order.id == order_id
    )
    order = (await db.execute(named)).one_or_none()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    sold = select(OrderLine).where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == order_id)
    lines = [
        LineFacts(
            line_id=OrderLineId(row.id), line_no=row.line_no, sku_code=row.sku_code, goods_fen=Fen(row.goods_fen),
            discount_fen=Fen(row.discount_fen), paid_fen=Fen(row.paid_fen), base_fen=row.base_fen,
            promotion_code=row.promotion_code, terms_id=TermsId(row.terms_id) if row.terms_id else None,
            promotion_fen=row.promotion_fen,
        )
        for row in (await db.execute(sold.order_by(OrderLine.line_no))).scalars()
    ]  # fmt: skip
    paid = select(Payment.id, Payment.payment_no, Payment.transaction_id).where(
        Payment.tenant_id == db.tenant_id, Payment.order_id == order_id
    )
    back = select(Refund.id, Refund.refund_no, Refund.vendor_refund_id, Refund.external_no).where(
        Refund.tenant_id == db.tenant_id, Refund.order_id == order_id
    )
    return OrderFacts(
        order_id=order_id, order_no=order.order_no, external_no=order.external_no, lines=lines,
        payments={PaymentId(row.id): _said(row.payment_no, row.transaction_id) for row in await db.execute(paid)},
        refunds={
            RefundId(row.id): _said(row.refund_no, row.vendor_refund_id, row.external_no)
            for row in await db.execute(back)
        },
    )  # fmt: skip


def handed_over_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every paid order with its source and when it was handed over: at the counter, or (imported) when it was paid; null while it waits."""
    return (
        select(
            Order.id.label("order_id"), Order.source, Order.source_name, Order.paid_at, Pickup.redeemed_at.label("collected_at")
        )
        .outerjoin(Pickup, and_(Pickup.tenant_id == tenant_id, Pickup.order_id == Order.id))
        .where(Order.tenant_id == tenant_id, Order.paid_at.is_not(None))
    )  # fmt: skip


async def unwanted_left(db: Reading) -> list[tuple[PaymentId, str, OrderId, str, Fen, datetime]]:
    """Payments that no order wanted and that have not gone back, the oldest first: id, number, order, its number, what is left, since when."""
    taken = taken_select(db.tenant_id).subquery("taken")
    back = given_back_select(db.tenant_id).subquery("back")
    statement = (
        select(taken, back.c.refund_id)
        .outerjoin(back, back.c.payment_id == taken.c.payment_id)
        .where(~taken.c.wanted, back.c.refund_id.is_(None))
        .order_by(taken.c.paid_at, taken.c.payment_no)
    )
    return [
        (PaymentId(row.payment_id), row.payment_no, OrderId(row.order_id), row.order_no,
         Fen(row.amount_fen - (row.coupon_fen or 0)), row.paid_at)
        for row in await db.execute(statement)
    ]  # fmt: skip


def _said(*numbers: str | None) -> list[str]:
    return [number for number in numbers if number]
