"""What the channel had charged, and has, of the payments of orders: what a rehearsal shares among parties as the books do. Reads only.

At today's rate of the merchant number, as a payment that comes today is expected to be charged.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from orders.channel_money import Taken, given_back_select, taken_of_orders
from settlement.agreements.rehearsed import Charged
from settlement.posting.fees import fee_on, half_up
from settlement.posting.post_channel import fee_rates
from tenants.kernel.ids import OrderId, PaymentId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading


async def charged_of_orders(
    db: Reading, order_ids: Collection[OrderId], *, first: datetime, after: datetime
) -> dict[OrderId, Charged]:
    """By order: the fee of its payment when the time began (None: paid within), and at its end. Orders without a payment are absent."""
    taken = [each for each in await taken_of_orders(db, list(order_ids)) if each.wanted]
    if not taken:
        return {}
    rates = await fee_rates(db)
    back = await _given_back(db, {each.payment_id for each in taken}, after=after)
    found = {}
    for paid in taken:
        moments = back[paid.payment_id]
        early = Fen(sum(fen for at, fen in moments if at < first))
        late = Fen(sum(fen for _, fen in moments))
        rate = rates[paid.merchant_id]
        before = None if paid.paid_at >= first else _left(paid, early, rate)
        found[paid.order_id] = Charged(before=before, after=_left(paid, late, rate))
    return found


def _left(paid: Taken, back: Fen, rate: Bps) -> Fen:
    kept = paid.amount_fen - back
    return fee_on(half_up(kept, numerator=paid.settled_fen, denominator=paid.amount_fen), rate)


async def _given_back(
    db: Reading, payment_ids: Collection[PaymentId], *, after: datetime
) -> dict[PaymentId, list[tuple[datetime, int]]]:
    done = given_back_select(db.tenant_id).subquery("done")
    statement = select(done.c.payment_id, done.c.amount_fen, done.c.refunded_at).where(
        done.c.payment_id.in_(list(payment_ids)), done.c.refunded_at < after
    )
    found: dict[PaymentId, list[tuple[datetime, int]]] = defaultdict(list)
    for row in await db.execute(statement):
        found[PaymentId(row.payment_id)].append((row.refunded_at, int(row.amount_fen)))
    return found
