"""Books what coupons paid and took back against the channel, so that the channel's account counts the shoppers' own money alone.

What parties are owed is split(kept) of the whole amount, coupon or not; nobody's entitlement moves here.
"""

from datetime import datetime

from orders.coupons import coupons_of_order, coupons_of_refund
from orders.states import Source
from settlement.ledger import Movement, append, channel_account, coupon_account, open_journal
from settlement.periods import book_into
from settlement.post_terms import BookedTerms
from settlement.states import Cause
from tenants.kernel.ids import OrderId, RefundId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


async def post_paid_coupons(
    db: Writing, order_id: OrderId, *, store_id: StoreId, terms: BookedTerms, at: datetime, now: datetime
) -> None:
    """Take off the channel what coupons paid of an order."""
    amount = await coupons_of_order(db, order_id)
    if amount:
        await _book(
            db, Fen(-amount), cause=Cause.COUPON_PAID, about=order_id, order_id=order_id, store_id=store_id,
            terms=terms, at=at, now=now,
        )  # fmt: skip


async def post_refunded_coupons(
    db: Writing,
    refund_id: RefundId,
    *,
    order_id: OrderId,
    store_id: StoreId,
    terms: BookedTerms,
    at: datetime,
    now: datetime,
) -> None:
    """Put back what a refund gave to coupons and not to the shopper."""
    amount = await coupons_of_refund(db, refund_id)
    if amount:
        await _book(
            db, amount, cause=Cause.COUPON_REFUNDED, about=refund_id, order_id=order_id, store_id=store_id,
            terms=terms, at=at, now=now,
        )  # fmt: skip


async def _book(
    db: Writing,
    amount: Fen,
    *,
    cause: Cause,
    about: OrderId | RefundId,
    order_id: OrderId,
    store_id: StoreId,
    terms: BookedTerms,
    at: datetime,
    now: datetime,
) -> None:
    journal_id = await open_journal(db, cause, cause_id=about, occurred_at=at, now=now)
    if journal_id is None:
        return
    day, month = terms.day_and_period(at)
    periods = await book_into(db, [month])
    movement = Movement(
        cause=cause, amount_fen=amount, against=channel_account(store_id, Source.STOREFRONT),
        account=coupon_account(store_id), contract_id=terms.contract_id, store_id=store_id, terms_id=terms.terms_id, order_id=order_id, occurred_on=day,
        period_on=periods[month],
    )  # fmt: skip
    await append(db, [movement], journal_id=journal_id)
