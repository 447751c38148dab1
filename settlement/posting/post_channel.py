"""Drafts what the payment channel did beside a sale's own money: coupons, its fee, who bears them, and money that no order wanted.

So the channel's account equals the channel's bill: what shoppers paid by themselves, wanted or not, less the fee it keeps. Coupons, fee
and suspense concern no party; what parties bear of the fee and of coupons is `post_shares`'s. What the channel keeps on somebody else's
number stands on accounts of that number: we never pay it, and ours show nothing of it.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from orders.channel_money import GivenBack, Taken
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
from settlement.periods import CodeMonth, book_into
from settlement.posting.fees import CHANNEL_ZONE, fee_kept, fee_on, half_up
from settlement.posting.post_shares import Cost, SoldOn, costs_of, draft_of_shares, share_steps
from settlement.posting.standing import FeeStanding, fee_standings
from settlement.states import Cause
from tenants.kernel.ids import MerchantId, OrderId, PartyId, PaymentId, RefundId, StoreId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading, Writing
from tenants.queries import merchants


async def drafts_of_payments(
    db: Writing, payments: Sequence[Taken], *, sold: Mapping[OrderId, SoldOn]
) -> list[Draft]:
    """What a payment's coupons, fee and unwantedness book; orders that are not in `sold` have no terms to book coupons and shares on."""
    if not payments:
        return []
    rates, others = await fee_rates(db), await _numbers_of_others(db)
    drafts: list[Draft] = []
    moving: list[_OfSale] = []
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
            costs = costs_of(
                sold[paid.order_id].terms, fee=fee, coupons=paid.coupons.merchants(total), paid=total > 0
            )
            moving += _of_sale(
                about, sold[paid.order_id], coupons=paid.coupons.parts(total), costs=costs, payment_id=paid.payment_id
            )  # fmt: skip
    return drafts + await _drafts_of_sales(db, moving)


async def drafts_of_refunds(
    db: Writing, backs: Sequence[GivenBack], *, sold: Mapping[RefundId, SoldOn]
) -> list[Draft]:
    """What refunds give back to coupons, of the fee, and of money that nobody wanted; one a payment. Under their orders' locks."""
    if not backs:
        return []
    rates, others = await fee_rates(db), await _numbers_of_others(db)
    fees = await fee_standings(db, backs)
    drafts: list[Draft] = []
    moving: list[_OfSale] = []
    for back in backs:
        fee = fees[back.payment_id]
        about = _About(
            order_id=back.order_id, store_id=back.store_id, at=back.refunded_at, refund_id=back.refund_id,
            number=_number_charged(fee, others.get(back.merchant_id, "")),
        )  # fmt: skip
        before, after = _fee_around(back, fee, rate=rates[back.merchant_id])
        day = local_day(back.requested_at, time_zone=CHANNEL_ZONE)
        aside = {Cause.FEE_RETURNED: (fee_account(about.store_id, about.number), Fen(before - after))}
        if not back.wanted:
            cash = Fen(back.coupon_fen - back.amount_fen)
            aside[Cause.UNWANTED_REFUNDED] = (suspense_account(about.store_id), cash)
        drafts += [
            _aside(about, cause, cause_id=back.refund_id, account=account, amount=amount, day=day)
            for cause, (account, amount) in aside.items()
        ]
        if back.wanted and back.refund_id in sold:
            moving += _sale_given_back(about, back, sold=sold[back.refund_id], fee_left=after)
    return drafts + await _drafts_of_sales(db, moving)


def _sale_given_back(about: "_About", back: GivenBack, *, sold: SoldOn, fee_left: Fen) -> list["_OfSale"]:
    borne = sold.before.coupons_fen
    left = Fen(borne - back.coupon_fen)
    steps = back.coupons.steps(borne, left) if back.coupon_fen else {}
    costs = costs_of(sold.terms, fee=fee_left, coupons=back.coupons.merchants(left))
    return _of_sale(about, sold, coupons=steps, costs=costs, payment_id=back.payment_id)


async def drafts_of_late_coupons(db: Writing, paid: Taken, *, sold: SoldOn) -> list[Draft]:
    """What parties bear of coupons that were booked before anybody read what the contract says of them. Under the order's lock."""
    about = _About(order_id=paid.order_id, store_id=paid.store_id, at=paid.paid_at)
    cost = paid.coupons.merchants(sold.before.coupons_fen)
    _, coupons = costs_of(sold.terms, fee=Fen(0), coupons=cost, paid=True)
    moving = _of_sale(about, sold, coupons={}, costs=[coupons], payment_id=paid.payment_id)
    return await _drafts_of_sales(db, moving)


async def fee_rates(db: Reading) -> dict[MerchantId, Bps]:
    """What each merchant number agreed with the channel."""
    return {merchant.id: Bps(merchant.fee_bps) for merchant in await merchants(db)}


async def _numbers_of_others(db: Reading) -> dict[MerchantId, str]:
    """The merchant numbers that are somebody else's: what they collect never was ours, nor is the fee."""
    return {each.id: each.merchant_no for each in await merchants(db) if each.owner_party_code is not None}


def _number_charged(fee: FeeStanding, today: str) -> str:
    """The other's merchant number on whose account the payment's fee was booked: what comes back comes back there, whoever's it is by now."""
    if fee.charged_on is None:
        return today
    number: str = fee.charged_on.partition(":")[2]
    return "" if number == Source.STOREFRONT else number


def _fee_around(back: GivenBack, fee: FeeStanding, *, rate: Bps) -> tuple[Fen, Fen]:
    """What was left of the payment's fee before this refund, and what is left after it."""

    def left(kept: int) -> Fen:
        settled = half_up(kept, numerator=back.settled_fen, denominator=back.payment_fen)
        return fee_kept(fee.charged_fen, amount=back.settled_fen, kept=settled, rate=rate)

    kept = back.payment_fen - fee.given_back_fen
    return left(kept), left(kept - back.amount_fen)


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


class _OfSale(msgspec.Struct, frozen=True, kw_only=True):
    """What moves by the sale's own terms with a payment or refund: coupons, by who paid for them, and what parties bear of costs."""

    about: _About
    sold: SoldOn
    payment_id: PaymentId
    coupons: Mapping[str, Fen]
    shared: Sequence[tuple[Cost, Mapping[PartyId, Fen]]]

    @property
    def day_and_period(self) -> tuple[date, CodeMonth]:
        """By the contract's calendar."""
        return self.sold.terms.day_and_period(self.about.at)

    def drafts(self, periods: Mapping[CodeMonth, date]) -> list[Draft]:
        """A journal of the coupons, and one of each cost that is shared."""
        about, terms = self.about, self.sold.terms
        day, period = self.day_and_period
        shape = Movement(
            cause=Cause.COUPON_PAID if about.refund_id is None else Cause.COUPON_REFUNDED, amount_fen=Fen(0),
            against=channel_account(about.store_id, Source.STOREFRONT), account=coupon_account(about.store_id),
            contract_id=terms.contract_id, store_id=about.store_id, terms_id=terms.terms_id, order_id=about.order_id,
            refund_id=about.refund_id, occurred_on=day, period_on=periods[period],
        )  # fmt: skip
        borne = [
            msgspec.structs.replace(
                shape, amount_fen=Fen(-fen), account=coupon_account(about.store_id, contributor)
            )
            for contributor, fen in self.coupons.items()
        ]
        draft = Draft(
            cause=shape.cause,
            cause_id=about.refund_id or about.order_id,
            occurred_at=about.at,
            movements=borne,
        )
        beside = msgspec.structs.replace(draft, cause_id=about.refund_id or self.payment_id)
        return [
            *([draft] if borne else []),
            *(
                draft_of_shares(steps, cost, terms=terms, shape=shape, draft=beside)
                for cost, steps in self.shared
            ),
        ]


def _of_sale(
    about: _About, sold: SoldOn, *, coupons: Mapping[str, Fen], costs: Sequence[Cost], payment_id: PaymentId
) -> list[_OfSale]:
    """What coupons bear more, and what parties bear of the costs that are left; empty where nothing moves."""
    steps_of = [(cost, share_steps(cost, sold=sold)) for cost in costs]
    shared = [(cost, steps) for cost, steps in steps_of if steps or cost.journaled]
    if not coupons and not shared:
        return []
    return [_OfSale(about=about, sold=sold, payment_id=payment_id, coupons=coupons, shared=shared)]


async def _drafts_of_sales(db: Writing, moving: Sequence[_OfSale]) -> list[Draft]:
    """The drafts of all of these, with one look at their periods."""
    if not moving:
        return []
    periods = await book_into(db, {each.day_and_period[1] for each in moving})
    return [draft for each in moving for draft in each.drafts(periods)]
