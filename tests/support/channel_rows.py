"""Payments and refunds through the channel as orders leave them, for tests of the books: written as rows."""

from datetime import datetime

import msgspec
from sqlalchemy import text

from orders.models import Order, Payment, Refund
from orders.payments import UNWANTED
from orders.ports import CouponParts
from orders.states import OrderState, PaymentStatus, RefundStatus, Source
from tenants.kernel.ids import MerchantId, OrderId, PaymentId, RefundId, StoreId, new_id
from tenants.kernel.scope import Writing
from tenants.queries import merchants
from tests.support.books import OCTOBER, Sale


async def pay(
    db: Writing,
    order_id: OrderId,
    *,
    amount: int,
    coupon: int = 0,
    at: datetime = OCTOBER,
    merchant_id: MerchantId | None = None,
    paid_for: CouponParts | None = None,
) -> PaymentId:
    """A payment that was taken, by the brand's own merchant number or another; `paid_for`: who paid for the coupons."""
    payment_id = PaymentId(new_id())
    merchant_id = merchant_id or (await merchants(db))[0].id
    db.add(
        Payment(
            tenant_id=db.tenant_id, id=payment_id, order_id=order_id, merchant_id=merchant_id,
            payment_no=f"P{payment_id.hex[-14:]}", state=PaymentStatus.PAID, amount_fen=amount,
            transaction_id=f"4200{payment_id.hex[-14:]}", payer_total_fen=amount - coupon, created_at=at,
            expires_at=at, paid_at=at, coupons=None if paid_for is None else msgspec.to_builtins(paid_for),
        )
    )  # fmt: skip
    await db.flush()
    return payment_id


async def through_channel(
    db: Writing, refund_id: RefundId, *, payment_id: PaymentId, coupon: int = 0
) -> None:
    """Say of a refund which payment it gives back."""
    await db.execute(
        text(
            "UPDATE app.refunds SET payment_id = :payment, payer_refund_fen = amount_fen - :coupon WHERE tenant_id = :t AND id = :id"
        ),
        {"t": db.tenant_id, "id": refund_id, "payment": payment_id, "coupon": coupon},
    )


async def cancelled(db: Writing, store_id: StoreId, *, amount: int, at: datetime = OCTOBER) -> OrderId:
    """An order that was given up."""
    order_id = OrderId(new_id())
    db.add(
        Order(
            tenant_id=db.tenant_id, id=order_id, order_no=f"N{order_id.hex[-12:]}", source=Source.STOREFRONT,
            source_name="storefront", state=OrderState.CANCELLED, scene="official_shop", store_id=store_id,
            attribution_rule="store_only", attribution={}, business_on=at.date(), goods_fen=amount,
            total_fen=amount, placed_at=at, closed_at=at,
        )
    )  # fmt: skip
    await db.flush()
    return order_id


async def give_back_unwanted(
    db: Writing, payment_id: PaymentId, *, order_id: OrderId, store_id: StoreId, amount: int
) -> RefundId:
    """The refund that is asked for when a payment comes that no order waits for."""
    refund_id = RefundId(new_id())
    db.add(
        Refund(
            tenant_id=db.tenant_id, id=refund_id, refund_no=f"R{refund_id.hex[-12:]}", source=Source.STOREFRONT,
            source_name="storefront", order_id=order_id, payment_id=payment_id, store_id=store_id,
            state=RefundStatus.PENDING, amount_fen=amount, requested_by=UNWANTED, business_on=OCTOBER.date(),
            requested_at=OCTOBER,
        )
    )  # fmt: skip
    await db.flush()
    return refund_id


async def finish(db: Writing, refund_id: RefundId, *, at: datetime = OCTOBER) -> None:
    """The channel says that it is done."""
    await db.execute(
        text(
            "UPDATE app.refunds SET state = 'done', refunded_at = :at, payer_refund_fen = amount_fen WHERE tenant_id = :t AND id = :id"
        ),
        {"t": db.tenant_id, "id": refund_id, "at": at},
    )


async def paid_sale(db: Writing, sale: Sale) -> PaymentId:
    """The payment that paid a sale."""
    return await pay(db, sale.id, amount=sum(sale.kept))
