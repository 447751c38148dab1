"""Drafts what the payment channel did beside a sale's own money: coupons, its fee, who bears that, and money that no order wanted.

So the channel's account equals the channel's bill: what shoppers paid by themselves, wanted or not, less the fee it keeps. Coupons, fee
and suspense concern no party. Whoever's merchant number it is bears the fee, or else the residual party: a party that bears some of it owes
it to that one, by way of the clearing account. What the channel keeps on somebody else's number stands on accounts of that number: we
never pay it, and ours show nothing of it.
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
    clearing_account,
    coupon_account,
    fee_account,
    payable_account,
    suspense_account,
)
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.periods import book_into
from settlement.posting.fees import CHANNEL_ZONE, fee_kept, fee_on, fee_shares, half_up
from settlement.posting.post_terms import BookedTerms
from settlement.queries import credited_account, signed_amount
from settlement.states import COUPONS, ENTITLEMENT, AccountKind, Cause
from tenants.kernel.ids import MerchantId, OrderId, PartyId, PaymentId, RefundId, StoreId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading, Writing
from tenants.queries import merchants

SHARES = (Cause.FEE_SHARED, Cause.FEE_SHARE_RETURNED)


class SoldOn(msgspec.Struct, frozen=True, kw_only=True):
    """What an order was sold on, and what each party holds of it once its drafts are posted."""

    terms: BookedTerms
    held: Mapping[PartyId, Fen]


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
        if not paid.wanted:
            cash = Fen(paid.amount_fen - paid.coupons.total_fen)
            drafts.append(
                _aside(
                    about,
                    Cause.UNWANTED_PAID,
                    cause_id=paid.payment_id,
                    account=suspense_account(about.store_id),
                    amount=cash,
                    day=day,
                )
            )
        elif paid.order_id in sold:
            drafts += await _of_sale(
                db, about, sold[paid.order_id], coupons=paid.coupons.parts(paid.coupons.total_fen), fee=fee,
                payment_id=paid.payment_id,
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
        steps = back.coupons.steps(borne, Fen(borne - back.coupon_fen)) if back.coupon_fen else {}
        drafts += await _of_sale(db, about, sold, coupons=steps, fee=after, payment_id=back.payment_id)
    return drafts


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
    fee: Fen,
    payment_id: PaymentId,
) -> list[Draft]:
    """What moves by the sale's own terms: what coupons bear more, by who paid for them, and what parties bear of the fee that is left."""
    terms, drafts = sold.terms, []
    day, period = terms.day_and_period(about.at)
    shared = await _shares(db, about, sold, fee=fee)
    if not coupons and not shared:
        return []
    period_on = (await book_into(db, [period]))[period]
    paid = about.refund_id is None
    shape = Movement(
        cause=Cause.COUPON_PAID if paid else Cause.COUPON_REFUNDED, amount_fen=Fen(0),
        against=channel_account(about.store_id, Source.STOREFRONT), account=coupon_account(about.store_id),
        contract_id=terms.contract_id, store_id=about.store_id, terms_id=terms.terms_id, order_id=about.order_id,
        refund_id=about.refund_id, occurred_on=day, period_on=period_on,
    )  # fmt: skip
    if coupons:
        borne = [
            msgspec.structs.replace(
                shape, amount_fen=Fen(-fen), account=coupon_account(about.store_id, contributor)
            )
            for contributor, fen in coupons.items()
        ]
        drafts.append(_draft(shape, about, cause_id=about.refund_id or about.order_id, movements=borne))
    if shared:
        cause = Cause.FEE_SHARED if paid else Cause.FEE_SHARE_RETURNED
        against = clearing_account(store_id=about.store_id, contract_id=terms.contract_id)
        movements = [
            msgspec.structs.replace(
                shape, cause=cause, amount_fen=amount, against=against, party_id=party,
                account=payable_account(party, store_id=about.store_id, contract_id=terms.contract_id),
            )
            for party, amount in shared.items()
        ]  # fmt: skip
        cause_id = about.refund_id or payment_id
        drafts.append(_draft(movements[0], about, cause_id=cause_id, movements=movements))
    return drafts


def _draft(shape: Movement, about: _About, *, cause_id: UUID, movements: list[Movement]) -> Draft:
    return Draft(cause=shape.cause, cause_id=cause_id, occurred_at=about.at, movements=movements)


async def _shares(db: Reading, about: _About, sold: SoldOn, *, fee: Fen) -> dict[PartyId, Fen]:
    """Each party's step from the share of the fee that it bears by the books to the one it should bear now; together nothing."""
    terms = sold.terms
    borne = {} if about.refund_id is None else await held_of_order(db, about.order_id, causes=SHARES)
    # Who was charged stays so: the one to whom the others owe their parts.
    charged = next((party for party, fen in borne.items() if fen > 0), None)
    bearer = charged or terms.collector_party_id or terms.residual_party_id
    due = fee_shares(
        fee, by=terms.channel_fee_by, party_id=terms.channel_fee_party_id, held=sold.held, residual=bearer
    )
    borne.pop(bearer, None)
    # What a party bears stands on its account as less owed: -share.
    steps = {
        party: Fen(-due.get(party, 0) - borne.get(party, 0)) for party in sorted(due.keys() | borne.keys())
    }
    moved = {party: step for party, step in steps.items() if step}
    return moved | {bearer: Fen(-sum(moved.values()))} if moved else {}


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


async def held_of_order(
    db: Reading, order_id: OrderId, *, causes: Sequence[Cause] = ENTITLEMENT
) -> dict[PartyId, Fen]:
    """What each party holds of an order by these causes."""
    statement = (
        select(LedgerEntry.party_id, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
            LedgerEntry.cause.in_(causes),
        )
        .group_by(LedgerEntry.party_id)
    )  # fmt: skip
    return {PartyId(row.party_id): Fen(int(row.fen)) for row in await db.execute(statement)}


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
