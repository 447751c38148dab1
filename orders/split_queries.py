"""What splitting has to know of orders: the payment, what is kept of each line, and when the goods were handed over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, and_, select

from orders.models import Order, OrderLine, Payment, Pickup, Refund
from orders.states import OrderState, PaymentStatus
from orders.unwanted import is_unwanted
from tenants.kernel.ids import MerchantId, OrderId, PaymentId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line's frozen terms and what is kept of it, refunds under way taken off."""

    terms_id: TermsId
    paid_fen: Fen
    kept_fen: Fen
    base_fen: Fen | None


class SharedPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that was marked for splitting, with its order. `total_fen` is what the largest share is measured by."""

    order_id: OrderId
    order_no: str
    payment_id: PaymentId
    merchant_id: MerchantId
    store_id: StoreId
    transaction_id: str
    total_fen: Fen
    paid_at: datetime
    collected_at: datetime | None
    refunded: bool


async def shared_payment(db: Reading, order_id: OrderId) -> SharedPayment | None:
    """The payment that paid the order, if it was marked for splitting."""
    row = (await db.execute(_shared(db).where(Order.id == order_id))).one_or_none()
    return None if row is None else _payment(row)


async def kept_lines(db: Reading, order_id: OrderId) -> list[KeptLine]:
    """What is kept of each line with terms, in line order."""
    statement = (
        select(OrderLine.terms_id, OrderLine.paid_fen, OrderLine.refunded_fen, OrderLine.base_fen)
        .where(
            OrderLine.tenant_id == db.tenant_id,
            OrderLine.order_id == order_id,
            OrderLine.terms_id.is_not(None),
        )
        .order_by(OrderLine.line_no)
    )
    return [
        KeptLine(
            terms_id=TermsId(row.terms_id),
            paid_fen=Fen(row.paid_fen),
            kept_fen=Fen(row.paid_fen - row.refunded_fen),
            base_fen=None if row.base_fen is None else Fen(row.base_fen),
        )
        for row in await db.execute(statement)
    ]


async def refunds_failed(db: Reading, refund_ids: Sequence[RefundId]) -> set[RefundId]:
    """Which of these refunds the channel refused for good."""
    statement = select(Refund.id).where(
        Refund.tenant_id == db.tenant_id, Refund.id.in_(refund_ids), Refund.state == "failed"
    )
    return {RefundId(refund_id) for refund_id in (await db.execute(statement)).scalars()}


def split_counters_select(tenant_id: Any) -> Select[*tuple[Any, ...]]:
    """Every order of which something was split: its id and the counter, for the laws of the books."""
    return select(Order.id.label("order_id"), Order.split_fen.label("split_fen")).where(
        Order.tenant_id == tenant_id
    )


def _shared(db: Reading) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Order.id.label("order_id"), Order.order_no, Order.store_id, Order.state, Order.total_fen,
            Payment.id.label("payment_id"), Payment.merchant_id, Payment.transaction_id, Payment.paid_at,
            Pickup.redeemed_at,
        )
        .join(Payment, and_(Payment.tenant_id == Order.tenant_id, Payment.order_id == Order.id))
        .outerjoin(
            Pickup,
            and_(Pickup.tenant_id == db.tenant_id, Pickup.tenant_id == Order.tenant_id, Pickup.order_id == Order.id),
        )
        .where(
            Order.tenant_id == db.tenant_id, Payment.tenant_id == db.tenant_id, Order.profit_sharing,
            Payment.state == PaymentStatus.PAID, Payment.transaction_id.is_not(None), ~is_unwanted(db.tenant_id),
        )
    )  # fmt: skip


def _payment(row: Any) -> SharedPayment:
    return SharedPayment(
        order_id=OrderId(row.order_id), order_no=row.order_no, payment_id=PaymentId(row.payment_id),
        merchant_id=MerchantId(row.merchant_id), store_id=StoreId(row.store_id),
        transaction_id=row.transaction_id, total_fen=Fen(row.total_fen), paid_at=row.paid_at,
        collected_at=row.redeemed_at, refunded=row.state == OrderState.REFUNDED,
    )  # fmt: skip
