"""Tell the mini-program's platform that goods were collected (发货信息管理): under trade management the money is settled only then.

A flow beside the pickup, never in its way: it is tried again until the platform takes note. Orders that cost nothing have no payment
there and are not told of.
"""

from sqlalchemy import and_, select

from orders.errors import HandOverUnreported
from orders.models import Order, OrderLine, Payment, Pickup
from orders.ports import HandOver, HandOverReports, Reported
from orders.states import PaymentStatus
from orders.unwanted import is_unwanted
from tenants.kernel.ids import MerchantId, OrderId, ShopperId
from tenants.kernel.scope import Reading, TenantScope
from tenants.queries import merchants, shopper_openid

LONGEST_DESCRIPTION = 120


async def report_hand_over(
    tenant: TenantScope, order_id: OrderId, *, reports: HandOverReports
) -> Reported | None:
    """Report an order's pickup; None where there is nothing to report. Raises HandOverUnreported: it is told again later."""
    async with tenant.reading() as db:
        hand_over = await _hand_over(db, order_id)
    if hand_over is None:
        return None
    answer = await reports.report(tenant, hand_over)
    if not isinstance(answer, Reported):
        raise HandOverUnreported(order_id=order_id, answer=str(answer))
    return answer


async def _hand_over(db: Reading, order_id: OrderId) -> HandOver | None:
    statement = (
        select(
            Order.shopper_id, Payment.payment_no, Payment.transaction_id, Payment.merchant_id, Pickup.redeemed_at
        )
        .join(Payment, and_(Payment.tenant_id == Order.tenant_id, Payment.order_id == Order.id))
        .join(Pickup, and_(Pickup.tenant_id == Order.tenant_id, Pickup.order_id == Order.id))
        .where(
            Order.tenant_id == db.tenant_id, Payment.tenant_id == db.tenant_id, Pickup.tenant_id == db.tenant_id,
            Order.id == order_id, Payment.state == PaymentStatus.PAID, Pickup.redeemed_at.is_not(None),
            Order.shopper_id.is_not(None), ~is_unwanted(db.tenant_id),
        )
    )  # fmt: skip
    row = (await db.execute(statement)).one_or_none()
    if row is None or row.transaction_id is None:
        return None
    payee = MerchantId(row.merchant_id)
    merchant_no = next(each.merchant_no for each in await merchants(db) if each.id == payee)
    return HandOver(
        merchant_no=merchant_no,
        payment_no=row.payment_no,
        transaction_id=row.transaction_id,
        openid=await shopper_openid(db, ShopperId(row.shopper_id)),
        description=await _description(db, order_id),
        at=row.redeemed_at,
    )


async def _description(db: Reading, order_id: OrderId) -> str:
    statement = (
        select(OrderLine.title, OrderLine.quantity)
        .where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == order_id)
        .order_by(OrderLine.line_no)
    )
    told = "；".join(f"{row.title or '商品'}×{row.quantity}" for row in await db.execute(statement))
    return told if len(told) <= LONGEST_DESCRIPTION else told[: LONGEST_DESCRIPTION - 1] + "…"
