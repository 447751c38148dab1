"""What coupons paid of an order, and took back of a refund: the difference between an amount and what the shopper's own money was."""

from sqlalchemy import and_, exists, select

from orders.models import Payment, Refund
from orders.payments import UNWANTED
from orders.states import PaymentStatus
from tenants.kernel.ids import OrderId, RefundId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


async def coupons_of_order(db: Reading, order_id: OrderId) -> Fen:
    """What coupons paid of the payment that paid the order."""
    unwanted = exists().where(
        Refund.tenant_id == db.tenant_id, Refund.payment_id == Payment.id, Refund.requested_by == UNWANTED
    )
    statement = select(Payment.amount_fen, Payment.payer_total_fen).where(
        Payment.tenant_id == db.tenant_id,
        Payment.order_id == order_id,
        Payment.state == PaymentStatus.PAID,
        ~unwanted,
    )
    row = (await db.execute(statement)).one_or_none()
    return Fen(0) if row is None or row.payer_total_fen is None else Fen(row.amount_fen - row.payer_total_fen)


async def coupons_of_refund(db: Reading, refund_id: RefundId) -> Fen:
    """What went back to coupons of a refund: WeChat rounds the shopper's part by itself, so only its word counts."""
    statement = (
        select(Refund.amount_fen, Refund.payer_refund_fen)
        .join(Payment, and_(Payment.tenant_id == Refund.tenant_id, Payment.id == Refund.payment_id))
        .where(Refund.tenant_id == db.tenant_id, Payment.tenant_id == db.tenant_id, Refund.id == refund_id)
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None or row.payer_refund_fen is None:
        return Fen(0)
    return Fen(row.amount_fen - row.payer_refund_fen)
