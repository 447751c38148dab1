"""What the payments of orders cost, and still cost, in fees and coupons: what a rehearsal shares among parties as the books do. Reads only.

Fees at today's rate of the merchant number, as a payment that comes today is expected to be charged.
"""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import func, select

from orders.channel_money import Taken, given_back_select, taken_of_orders
from settlement.agreements.rehearsed import Charged, Costs
from settlement.posting.fees import fee_on, half_up
from settlement.posting.post_channel import fee_rates
from tenants.kernel.ids import OrderId, PaymentId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading


class _Back(msgspec.Struct, frozen=True, kw_only=True):
    """What refunds gave back of a payment, and of that to coupons."""

    fen: Fen = Fen(0)
    coupon_fen: Fen = Fen(0)


async def costs_of_orders(
    db: Reading, order_ids: Collection[OrderId], *, first: datetime, after: datetime
) -> dict[OrderId, Costs]:
    """By order: what its payment cost when the time began (None: paid within), and at its end. Orders without a payment are absent."""
    taken = [each for each in await taken_of_orders(db, list(order_ids)) if each.wanted]
    if not taken:
        return {}
    rates = await fee_rates(db)
    payment_ids = {each.payment_id for each in taken}
    early = await _given_back(db, payment_ids, before=first)
    late = await _given_back(db, payment_ids, before=after)
    found = {}
    for paid in taken:
        rate, within = rates[paid.merchant_id], paid.paid_at >= first
        then, now = early.get(paid.payment_id, _Back()), late.get(paid.payment_id, _Back())
        found[paid.order_id] = Costs(
            fee=Charged(before=None if within else _fee(paid, then, rate), after=_fee(paid, now, rate)),
            coupons=Charged(before=None if within else _coupons(paid, then), after=_coupons(paid, now)),
        )
    return found


def _fee(paid: Taken, back: _Back, rate: Bps) -> Fen:
    kept = paid.amount_fen - back.fen
    return fee_on(half_up(kept, numerator=paid.settled_fen, denominator=paid.amount_fen), rate)


def _coupons(paid: Taken, back: _Back) -> Fen:
    return paid.coupons.merchants(Fen(paid.coupons.total_fen - back.coupon_fen))


async def _given_back(
    db: Reading, payment_ids: Collection[PaymentId], *, before: datetime
) -> dict[PaymentId, _Back]:
    done = given_back_select(db.tenant_id).subquery("done")
    statement = (
        select(
            done.c.payment_id, func.sum(done.c.amount_fen).label("fen"),
            func.sum(func.coalesce(done.c.coupon_fen, 0)).label("coupon_fen"),
        )
        .where(done.c.payment_id.in_(list(payment_ids)), done.c.refunded_at < before)
        .group_by(done.c.payment_id)
    )  # fmt: skip
    return {
        PaymentId(row.payment_id): _Back(fen=Fen(int(row.fen)), coupon_fen=Fen(int(row.coupon_fen)))
        for row in await db.execute(statement)
    }
