"""Books what coupons paid and took back against the channel, so that the channel's account counts the shoppers' own money alone.

What parties are owed is split(kept) of the whole amount, coupon or not; nobody's entitlement moves here.
"""

from datetime import datetime

from sqlalchemy import case, func, select

from orders.coupons import coupons_of_order, coupons_of_refund
from orders.states import Source
from settlement.ledger import Movement, append, channel_account, coupon_account, open_journal
from settlement.models import LedgerAccount, LedgerEntry
from settlement.periods import book_into
from settlement.post_terms import BookedTerms
from settlement.queries import credited_account
from settlement.states import COUPONS, AccountKind, Cause
from tenants.kernel.ids import OrderId, RefundId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing


async def post_paid_coupons(
    db: Writing, order_id: OrderId, *, store_id: StoreId, terms: BookedTerms, at: datetime, now: datetime
) -> None:
    """Take off the channel what coupons paid of an order."""
    coupons = await coupons_of_order(db, order_id)
    if coupons.total_fen:
        steps = coupons.parts(coupons.total_fen)
        await _book(
            db, steps, cause=Cause.COUPON_PAID, about=order_id, order_id=order_id, store_id=store_id, terms=terms,
            at=at, now=now,
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
    """Put back what a refund gave to coupons and not to the shopper, to whoever paid for them."""
    amount = await coupons_of_refund(db, refund_id)
    if not amount:
        return
    coupons, before = await coupons_of_order(db, order_id), await _kept(db, order_id)
    stood, left = coupons.parts(before), coupons.parts(Fen(before - amount))
    steps = {name: Fen(left.get(name, 0) - stood.get(name, 0)) for name in sorted({*stood, *left})}
    await _book(
        db, steps, cause=Cause.COUPON_REFUNDED, about=refund_id, order_id=order_id, store_id=store_id, terms=terms,
        at=at, now=now,
    )  # fmt: skip


async def _kept(db: Reading, order_id: OrderId) -> Fen:
    """What coupons still bear of an order, as the ledger has it."""
    is_theirs = LedgerAccount.kind == AccountKind.COUPON
    borne = func.sum(case((is_theirs, -LedgerEntry.amount_fen), else_=LedgerEntry.amount_fen))
    statement = (
        select(func.coalesce(borne, 0))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
            LedgerEntry.cause.in_(COUPONS),
        )
    )  # fmt: skip
    return Fen(int((await db.execute(statement)).scalar_one()))


async def _book(
    db: Writing,
    steps: dict[str, Fen],
    *,
    cause: Cause,
    about: OrderId | RefundId,
    order_id: OrderId,
    store_id: StoreId,
    terms: BookedTerms,
    at: datetime,
    now: datetime,
) -> None:
    """Let each contributor bear so much more (signed)."""
    journal_id = await open_journal(db, cause, cause_id=about, occurred_at=at, now=now)
    if journal_id is None:
        return
    day, month = terms.day_and_period(at)
    periods = await book_into(db, [month])
    movements = [
        Movement(
            cause=cause, amount_fen=Fen(-fen), against=channel_account(store_id, Source.STOREFRONT),
            account=coupon_account(store_id, contributor), contract_id=terms.contract_id, store_id=store_id,
            terms_id=terms.terms_id, order_id=order_id, occurred_on=day, period_on=periods[month],
        )
        for contributor, fen in steps.items()
    ]  # fmt: skip
    await append(db, movements, journal_id=journal_id)
