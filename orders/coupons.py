"""What coupons paid of an order, who paid for them, and what they took back: the difference between an amount and the shopper's own money.

What of the coupons is kept after refunds is divided by who paid for them with portions rounded down; the largest one takes the rest.
"""

from typing import Any

import msgspec
from sqlalchemy import and_, exists, select

from orders.models import Payment, Refund
from orders.payments import UNWANTED
from orders.ports import CouponParts
from orders.states import PaymentStatus
from tenants.kernel.ids import OrderId, RefundId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

UNSAID = ""
"""Who paid for coupons that the channel says nothing of."""


class Coupons(msgspec.Struct, frozen=True, kw_only=True):
    """What coupons paid of an order, by who paid for them."""

    total_fen: Fen
    contributors: dict[str, Fen]

    def parts(self, kept: Fen) -> dict[str, Fen]:
        """What each contributor's part is while `kept` of the total is kept; whatever refunds there were, only what is kept counts."""
        said = {name: fen for name, fen in self.contributors.items() if fen} or {UNSAID: self.total_fen}
        largest = max(sorted(said), key=lambda name: said[name])
        # Below nothing when the channel gave coupons back a fen more than they paid: the largest one's.
        shared = max(kept, 0)
        found = {name: Fen(shared * fen // self.total_fen) for name, fen in said.items() if name != largest}
        return {**found, largest: Fen(kept - sum(found.values()))}


async def coupons_of_order(db: Reading, order_id: OrderId) -> Coupons:
    """What coupons paid of the payment that paid the order."""
    unwanted = exists().where(
        Refund.tenant_id == db.tenant_id, Refund.payment_id == Payment.id, Refund.requested_by == UNWANTED
    )
    statement = select(Payment.amount_fen, Payment.payer_total_fen, Payment.coupons).where(
        Payment.tenant_id == db.tenant_id,
        Payment.order_id == order_id,
        Payment.state == PaymentStatus.PAID,
        ~unwanted,
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None or row.payer_total_fen is None:
        return Coupons(total_fen=Fen(0), contributors={})
    total = Fen(row.amount_fen - row.payer_total_fen)
    return Coupons(total_fen=total, contributors=_contributors(row.coupons, total=total))


def _contributors(kept: dict[str, Any] | None, *, total: Fen) -> dict[str, Fen]:
    """Who paid how much, by name; what is left of the total is nobody's, and nothing at all is said of more than the total."""
    if kept is None:
        return {}
    told = msgspec.convert(kept, CouponParts)
    said = {"wechatpay": told.wechatpay_fen, "merchant": told.merchant_fen, "other": told.other_fen}
    unsaid = Fen(total - sum(said.values()))
    return {} if unsaid < 0 else {**said, UNSAID: unsaid}


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
