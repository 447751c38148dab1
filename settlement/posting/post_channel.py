"""Drafts what the payment channel did beside a sale's own money: coupons, its fee, who bears them, and money that no order wanted.

So the channel's account equals the channel's bill: what shoppers paid by themselves, wanted or not, less the fee it keeps. Coupons, fee
and suspense concern no party; what parties bear of the fee and of coupons is `post_shares`'s. What the channel keeps on somebody else's
number stands on accounts of that number: we never pay it, and ours show nothing of it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import and_, case, func, select

from orders.channel_money import GivenBack, Taken, given_back_select
from orders.states import Source
from settlement.calendar import local_day
from settlement.ledger import (
    Account,
    Draft,
    Movement,
    channel_account,
    coupon_account,
    fee_account,
    suspense_account,
)
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.periods import book_into
from settlement.posting.fees import CHANNEL_ZONE, fee_kept, fee_on, half_up
from settlement.posting.post_shares import Cost, SoldOn, costs_of, draft_of_shares, share_steps
from settlement.queries import credited_account
from settlement.states import COUPONS, AccountKind, Cause
from tenants.kernel.ids import MerchantId, OrderId, PaymentId, RefundId, StoreId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading, Writing
from tenants.queries import merchants


async def drafts_of_payments(
    db: Writing, payments: Sequence[Taken], *, sold: Mapping[OrderId, SoldOn]
) -> list[Draft]:
    """What a payment's coupons, fee and unwantedness book; orders that are not in `sold` have no terms to book coupons and shares on."""
    rates, others = await fee_rates(db), await _numbers_of_others(db)
    drafts: list[Draft] = []
    for paid in payments:
        fee = fee_on(paid.settled_fen, rates[paid.merchant_id])
        day = local_day(paid.paid_at, time_zone=CHANNEL_ZONE)
        about = _About(
            order_id=paid.order_id, store_id=paid.store_id, at=paid.paid_at,
            number=others.get(paid.merchant_id, ""),
        )  # fmt: skip
        drafts.append(
            _aside(
                about,
                Cause.FEE_CHARGED,
                cause_id=paid.payment_id,
                account=fee_account(about.store_id, about.number),
                amount=Fen(-fee),
                day=day,
            )
        )
        cash = Fen(paid.amount_fen - paid.coupons.total_fen)
        # Accepted: into suspense, where it is by now or would have been, and out of it again; the order's own money follows.
        aside = {Cause.UNWANTED_PAID: cash} if not paid.wanted or paid.accepted else {}
        aside |= {Cause.UNWANTED_ACCEPTED: Fen(-cash)} if paid.accepted else {}
        drafts += [
            _aside(
                about,
                cause,
                cause_id=paid.payment_id,
                account=suspense_account(about.store_id),
                amount=amount,
                day=day,
            )
            for cause, amount in aside.items()
        ]
        if not paid.wanted:
            continue
        if paid.order_id in sold:
            total = paid.coupons.total_fen
            drafts += await _of_sale(
                db, about, sold[paid.order_id], coupons=paid.coupons.parts(total), payment_id=paid.payment_id,
                costs=costs_of(sold[paid.order_id].terms, fee=fee, coupons=paid.coupons.merchants(total), paid=total > 0),
            )  # fmt: skip
    return drafts


async def drafts_of_refund(db: Writing, back: GivenBack, *, sold: SoldOn | None) -> list[Draft]:
    """What a refund gives back to coupons, of the fee, and of money that nobody wanted. Under the order's lock."""
    day = local_day(back.requested_at, time_zone=CHANNEL_ZONE)
    about = _About(
        order_id=back.order_id, store_id=back.store_id, at=back.refunded_at, refund_id=back.refund_id,
        number=await _number_charged(db, back),
    )  # fmt: skip
    before, after = await _fee_around(db, back)
    fee_back = Fen(before - after)
    drafts = [
        _aside(
            about,
            Cause.FEE_RETURNED,
            cause_id=back.refund_id,
            account=fee_account(about.store_id, about.number),
            amount=fee_back,
            day=day,
        )
    ]
    if not back.wanted:
        cash = Fen(back.coupon_fen - back.amount_fen)
        drafts.append(
            _aside(
                about,
                Cause.UNWANTED_REFUNDED,
                cause_id=back.refund_id,
                account=suspense_account(about.store_id),
                amount=cash,
                day=day,
            )
        )
    elif sold is not None:
        borne = await _borne_by_coupons(db, back.order_id)
        left = Fen(borne - back.coupon_fen)
        steps = back.coupons.steps(borne, left) if back.coupon_fen else {}
        costs = costs_of(sold.terms, fee=after, coupons=back.coupons.merchants(left))
        drafts += await _of_sale(db, about, sold, coupons=steps, costs=costs, payment_id=back.payment_id)
    return drafts


async def drafts_of_late_coupons(db: Writing, paid: Taken, *, sold: SoldOn) -> list[Draft]:
    """What parties bear of coupons that were booked before anybody read what the contract says of them. Under the order's lock."""
    about = _About(order_id=paid.order_id, store_id=paid.store_id, at=paid.paid_at)
    cost = paid.coupons.merchants(await _borne_by_coupons(db, paid.order_id))
    _, coupons = costs_of(sold.terms, fee=Fen(0), coupons=cost, paid=True)
    return await _of_sale(db, about, sold, coupons={}, costs=[coupons], payment_id=paid.payment_id, late=True)


async def fee_rates(db: Reading) -> dict[MerchantId, Bps]:
    """What each merchant number agreed with the channel."""
    return {merchant.id: Bps(merchant.fee_bps) for merchant in await merchants(db)}


async def _numbers_of_others(db: Reading) -> dict[MerchantId, str]:
    """The merchant numbers that are somebody else's: what they collect never was ours, nor is the fee."""
    return {each.id: each.merchant_no for each in await merchants(db) if each.owner_party_code is not None}


async def _number_charged(db: Reading, back: GivenBack) -> str:
    """The other's merchant number on whose account the payment's fee was booked: what comes back comes back there, whoever's it is by now."""
    statement = (
        select(LedgerAccount.name)
        .select_from(LedgerEntry)
        .join(Journal, and_(Journal.tenant_id == LedgerEntry.tenant_id, Journal.id == LedgerEntry.journal_id))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id,
            LedgerEntry.order_id == back.order_id, LedgerEntry.cause == Cause.FEE_CHARGED,
            Journal.cause_id == back.payment_id,
        )
        .limit(1)
    )  # fmt: skip
    name = (await db.execute(statement)).scalar_one_or_none()
    if name is None:
        return (await _numbers_of_others(db)).get(back.merchant_id, "")
    number: str = name.partition(":")[2]
    return "" if number == Source.STOREFRONT else number


class _About(msgspec.Struct, frozen=True, kw_only=True):
    order_id: OrderId
    store_id: StoreId
    at: datetime
    refund_id: RefundId | None = None
    number: str = ""
    """The merchant number that took the money, where it is somebody else's."""

    @property
    def channel(self) -> Account:
        """Where the money came in."""
        return channel_account(self.store_id, self.number or Source.STOREFRONT)


def _aside(
    about: _About,
    cause: Cause,
    *,
    cause_id: UUID,
    account: Account,
    amount: Fen,
    day: date,
) -> Draft:
    """A movement between the channel and an account of the store that concerns no party, on the channel's day."""
    movement = Movement(
        cause=cause, amount_fen=amount, against=about.channel, account=account, store_id=about.store_id, order_id=about.order_id,
        refund_id=about.refund_id, occurred_on=day, period_on=day.replace(day=1),
    )  # fmt: skip
    return Draft(cause=cause, cause_id=cause_id, occurred_at=about.at, movements=[movement])


async def _of_sale(
    db: Writing,
    about: _About,
    sold: SoldOn,
    *,
    coupons: Mapping[str, Fen],
    costs: Sequence[Cost],
    payment_id: PaymentId,
    late: bool = False,
) -> list[Draft]:
    """What moves by the sale's own terms: what coupons bear more, by who paid for them, and what parties bear of the costs that are left."""
    terms = sold.terms
    refunded = about.order_id if late or about.refund_id is not None else None
    steps_of = [(cost, await share_steps(db, cost, sold=sold, refunded=refunded)) for cost in costs]
    shared = [(cost, steps) for cost, steps in steps_of if steps or cost.journaled]
    if not coupons and not shared:
        return []
    day, period = terms.day_and_period(about.at)
    shape = Movement(
        cause=Cause.COUPON_PAID if about.refund_id is None else Cause.COUPON_REFUNDED, amount_fen=Fen(0),
        against=channel_account(about.store_id, Source.STOREFRONT), account=coupon_account(about.store_id),
        contract_id=terms.contract_id, store_id=about.store_id, terms_id=terms.terms_id, order_id=about.order_id,
        refund_id=about.refund_id, occurred_on=day, period_on=(await book_into(db, [period]))[period],
    )  # fmt: skip
    borne = [
        msgspec.structs.replace(
            shape, amount_fen=Fen(-fen), account=coupon_account(about.store_id, contributor)
        )
        for contributor, fen in coupons.items()
    ]
    draft = Draft(
        cause=shape.cause,
        cause_id=about.refund_id or about.order_id,
        occurred_at=about.at,
        movements=borne,
    )
    beside = msgspec.structs.replace(draft, cause_id=about.refund_id or payment_id)
    return [
        *([draft] if borne else []),
        *(draft_of_shares(steps, cost, terms=terms, shape=shape, draft=beside) for cost, steps in shared),
    ]


async def _borne_by_coupons(db: Reading, order_id: OrderId) -> Fen:
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


async def _fee_around(db: Reading, back: GivenBack) -> tuple[Fen, Fen]:
    """What was left of the payment's fee before this refund, and what is left after it."""
    charged = (
        select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0))
        .join(Journal, and_(Journal.tenant_id == LedgerEntry.tenant_id, Journal.id == LedgerEntry.journal_id))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id,
            LedgerEntry.order_id == back.order_id, LedgerEntry.cause == Cause.FEE_CHARGED,
            Journal.cause_id == back.payment_id,
        )
    )  # fmt: skip
    done = given_back_select(db.tenant_id).subquery("done")
    before = (
        select(func.coalesce(func.sum(done.c.amount_fen), 0))
        .join(
            Journal,
            and_(
                Journal.tenant_id == db.tenant_id, Journal.cause == Cause.FEE_RETURNED,
                Journal.cause_id == done.c.refund_id,
            ),
        )
        .where(done.c.payment_id == back.payment_id)
    )  # fmt: skip
    fee = Fen(int((await db.execute(charged)).scalar_one()))
    given = int((await db.execute(before)).scalar_one())
    rate = (await fee_rates(db))[back.merchant_id]

    def left(kept: int) -> Fen:
        settled = half_up(kept, numerator=back.settled_fen, denominator=back.payment_fen)
        return fee_kept(fee, amount=back.settled_fen, kept=settled, rate=rate)

    kept = back.payment_fen - given
    return left(kept), left(kept - back.amount_fen)
