"""What the payment channel took and gave back, payment by payment: what a bill lists, wanted or not. Reads only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, select

from orders.coupons import Coupons, coupons_told
from orders.models import Order, Payment, Refund
from orders.payments import UNWANTED
from orders.states import PaymentStatus, RefundStatus
from orders.unwanted import is_unwanted
from tenants.kernel.ids import MerchantId, OrderId, PaymentId, RefundId, StoreId, TenantId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was taken; `coupons` paid some of it. An unwanted one is given back: no order waited for it."""

    payment_id: PaymentId
    order_id: OrderId
    store_id: StoreId
    merchant_id: MerchantId
    amount_fen: Fen
    coupons: Coupons
    paid_at: datetime
    wanted: bool
    accepted: bool = False
    """Of another amount than was asked, and taken as the order's price: it was in suspense before."""

    @property
    def settled_fen(self) -> Fen:
        """What reaches the merchant (应结订单金额): the channel's fee is on that."""
        return Fen(self.amount_fen - self.coupons.nocash_fen)


class GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that is done; `coupon_fen` is what went back to coupons: the channel rounds the shopper's part by itself."""

    refund_id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    store_id: StoreId
    merchant_id: MerchantId
    amount_fen: Fen
    coupon_fen: Fen
    coupons: Coupons
    """What coupons had paid of the payment."""
    payment_fen: Fen
    """What the payment was of."""
    requested_at: datetime
    refunded_at: datetime
    wanted: bool

    @property
    def settled_fen(self) -> Fen:
        """What of the payment reached the merchant."""
        return Fen(self.payment_fen - self.coupons.nocash_fen)


def taken_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every payment that was taken: the columns that `Taken` is made of, and its number."""
    return (
        select(
            Payment.id.label("payment_id"), Payment.payment_no, Payment.order_id, Order.order_no, Order.store_id, Payment.merchant_id,
            Payment.amount_fen, (Payment.amount_fen - Payment.payer_total_fen).label("coupon_fen"), Payment.coupons, Payment.paid_at,
            (~is_unwanted(tenant_id)).label("wanted"), Payment.accepted_by.is_not(None).label("accepted"),
        )
        .join(Order, and_(Order.tenant_id == Payment.tenant_id, Order.id == Payment.order_id))
        .where(
            Payment.tenant_id == tenant_id, Order.tenant_id == tenant_id, Payment.state == PaymentStatus.PAID,
            Payment.paid_at.is_not(None),
        )
    )  # fmt: skip


def given_back_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every refund through the channel that is done: the columns that `GivenBack` is made of, and its number."""
    return (
        select(
            Refund.id.label("refund_id"), Refund.refund_no, Refund.payment_id, Payment.order_id, Refund.store_id, Payment.merchant_id,
            Refund.amount_fen, (Refund.amount_fen - Refund.payer_refund_fen).label("coupon_fen"),
            Payment.amount_fen.label("payment_fen"), (Payment.amount_fen - Payment.payer_total_fen).label("coupons_fen"),
            Payment.coupons, Refund.requested_at,
            Refund.refunded_at, (Refund.requested_by != UNWANTED).label("wanted"),
        )
        # The order is named too: refunds are found by it.
        .join(Payment, and_(Payment.tenant_id == Refund.tenant_id, Payment.id == Refund.payment_id, Payment.order_id == Refund.order_id))
        .where(
            Refund.tenant_id == tenant_id, Payment.tenant_id == tenant_id, Refund.state == RefundStatus.DONE,
            Refund.refunded_at.is_not(None),
        )
    )  # fmt: skip


async def taken_of_orders(db: Reading, order_ids: Sequence[OrderId]) -> list[Taken]:
    """The payments that were taken for these orders."""
    return await _taken(db, Payment.order_id.in_(order_ids))


async def taken_payments(db: Reading, payment_ids: Sequence[PaymentId]) -> list[Taken]:
    """These payments, as far as they were taken."""
    return await _taken(db, Payment.id.in_(payment_ids))


async def given_back(db: Reading, refund_ids: Sequence[RefundId]) -> list[GivenBack]:
    """Those of these refunds that went through the channel and are done."""
    statement = given_back_select(db.tenant_id).where(Refund.id.in_(refund_ids)).order_by(Refund.id)
    return [
        GivenBack(
            refund_id=RefundId(row.refund_id), payment_id=PaymentId(row.payment_id), order_id=OrderId(row.order_id),
            store_id=StoreId(row.store_id), merchant_id=MerchantId(row.merchant_id), amount_fen=Fen(row.amount_fen),
            coupon_fen=Fen(row.coupon_fen or 0), coupons=coupons_told(row.coupons, total=Fen(row.coupons_fen or 0)),
            payment_fen=Fen(row.payment_fen), requested_at=row.requested_at, refunded_at=row.refunded_at,
            wanted=row.wanted,
        )
        for row in await db.execute(statement)
    ]  # fmt: skip


async def payment_of_refund(db: Reading, refund_id: RefundId) -> PaymentId | None:
    """The payment that a refund gives back, however far it has come."""
    statement = select(Refund.payment_id).where(Refund.tenant_id == db.tenant_id, Refund.id == refund_id)
    found = (await db.execute(statement)).scalar_one_or_none()
    return None if found is None else PaymentId(found)


async def _taken(db: Reading, chosen: Any) -> list[Taken]:
    statement = taken_select(db.tenant_id).where(chosen).order_by(Payment.id)
    return [
        Taken(
            payment_id=PaymentId(row.payment_id), order_id=OrderId(row.order_id), store_id=StoreId(row.store_id),
            merchant_id=MerchantId(row.merchant_id), amount_fen=Fen(row.amount_fen),
            coupons=coupons_told(row.coupons, total=Fen(row.coupon_fen or 0)), paid_at=row.paid_at, wanted=row.wanted,
            accepted=row.accepted,
        )
        for row in await db.execute(statement)
    ]  # fmt: skip
