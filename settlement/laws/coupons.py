"""The law of coupons: who bears what they cost the merchant is the contract's, of what coupons still bear, and is owed to who was charged.

Recounted from payments, contracts and what the ledger holds of the order, in SQL that shares nothing with the arithmetic that booked it.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Numeric,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
)

from orders.channel_money import taken_select
from orders.queries import settled_lines_select
from settlement.agreements.agreed import Bearer
from settlement.laws.rows import Rows
from settlement.models import Contract, FrozenTerms, Journal, LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.states import COUPONS, ENTITLEMENT, AccountKind, Cause
from tenants.kernel.scope import Reading

SHARED = (Cause.COUPONS_SHARED, Cause.COUPONS_SHARE_RETURNED)


def coupons_shared_off(db: Reading) -> Rows:
    """Orders and parties that bear more or less of the merchant's coupons than their contract says."""
    borne = _borne(db).subquery("borne")
    told = union_all(
        select(borne.c.order_id, borne.c.party_id, borne.c.fen),
        select(borne.c.order_id, borne.c.charged_id, -borne.c.fen),
        select(LedgerEntry.order_id, LedgerEntry.party_id, signed_amount())
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(SHARED)),
    ).subquery("told")
    off = func.sum(told.c.fen)
    what = func.concat_ws(
        " ", "order", cast(told.c.order_id, String), "party", cast(told.c.party_id, String), "is short of",
        cast(off, String), "fen of coupons",
    )  # fmt: skip
    return select(what.label("what")).group_by(told.c.order_id, told.c.party_id).having(off != 0)


def _borne(db: Reading) -> Rows:
    """By order: each party that bears some, and to whom it owes that."""
    costs = _costs(db).cte("costs")
    held = _held(db, costs).lateral("held")
    part = func.div(cast(costs.c.fen, Numeric) * held.c.fen, func.nullif(held.c.total_fen, 0))
    others = held.c.party_id != costs.c.charged_id
    return union_all(
        select(costs.c.order_id, costs.c.charged_id, costs.c.named_id.label("party_id"), costs.c.fen).where(
            costs.c.coupons_by == Bearer.PARTY, costs.c.named_id != costs.c.charged_id
        ),
        select(costs.c.order_id, costs.c.charged_id, held.c.party_id, cast(part, BigInteger))
        .select_from(costs.join(held, true()))
        .where(costs.c.coupons_by == Bearer.SHARED, held.c.total_fen > 0, held.c.fen > 0, others),
    )


def _costs(db: Reading) -> Select[*tuple[Any, ...]]:
    """What the merchant's coupons of each booked order cost it still, and what its contract says of that."""
    paid = _paid(db).subquery("paid")
    kept = _kept(db, paid).lateral("kept")
    who = _charged(db, paid).lateral("who")
    return (
        select(
            paid.c.order_id, Contract.coupons_by, Contract.coupons_party_id.label("named_id"),
            func.coalesce(who.c.party_id, FrozenTerms.collector_party_id, FrozenTerms.residual_party_id).label("charged_id"),
            _merchants(paid.c.coupons, paid.c.coupon_fen, kept.c.fen).label("fen"),
        )
        .select_from(paid.join(kept, true()).outerjoin(who, true()))
        .join(FrozenTerms, and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id == paid.c.terms_id))
        .join(Contract, and_(Contract.tenant_id == db.tenant_id, Contract.id == FrozenTerms.contract_id))
        .where(Contract.coupons_by != Bearer.RESIDUAL)
    )  # fmt: skip


def _paid(db: Reading) -> Select[*tuple[Any, ...]]:
    """Payments with coupons whose order is booked, with the terms of its first line."""
    taken = taken_select(db.tenant_id).subquery("taken")
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    first = (
        select(sold.c.terms_id)
        .where(sold.c.order_id == taken.c.order_id)
        .order_by(sold.c.line_no)
        .limit(1)
        .correlate(taken)
    ).scalar_subquery()
    booked = exists().where(
        Journal.tenant_id == db.tenant_id, Journal.cause == Cause.COUPON_PAID,
        Journal.cause_id == taken.c.order_id,
    )  # fmt: skip
    return select(taken.c.order_id, taken.c.coupons, taken.c.coupon_fen, first.label("terms_id")).where(
        taken.c.wanted, taken.c.coupon_fen > 0, taken.c.coupons.is_not(None), booked
    )


def _merchants(coupons: Any, total: Any, kept: Any) -> Any:
    """The merchant's part of what coupons keep: rounded down, or what the others leave where it paid most of them; of none that say too much."""
    merchant, other, wechatpay = (
        func.coalesce(cast(coupons[name].astext, BigInteger), 0)
        for name in ("merchant_fen", "other_fen", "wechatpay_fen")
    )
    unsaid = total - merchant - other - wechatpay
    left = func.greatest(kept, 0)

    def part(fen: Any) -> Any:
        return cast(func.div(cast(left, Numeric) * fen, total), BigInteger)

    largest = and_(merchant > unsaid, merchant >= other, merchant >= wechatpay)
    return case(
        (or_(merchant <= 0, unsaid < 0), 0),
        (largest, left - part(unsaid) - part(other) - part(wechatpay)),
        else_=part(merchant),
    )


def _kept(db: Reading, paid: Any) -> Select[*tuple[Any, ...]]:
    """What coupons bear of an order, whoever paid for them."""
    is_theirs = LedgerAccount.kind == AccountKind.COUPON
    fen = func.sum(case((is_theirs, -LedgerEntry.amount_fen), else_=LedgerEntry.amount_fen))
    return (
        _of_order(db, paid, causes=COUPONS)
        .with_only_columns(cast(func.coalesce(fen, 0), BigInteger).label("fen"))
        .correlate(paid)
    )


def _charged(db: Reading, paid: Any) -> Select[*tuple[Any, ...]]:
    """To whom the ledger says that the others owe their parts: the number that was charged may be another's by now."""
    return (
        _of_order(db, paid, causes=SHARED)
        .with_only_columns(LedgerEntry.party_id)
        .group_by(LedgerEntry.party_id)
        .having(func.sum(signed_amount()) > 0)
        .limit(1)
        .correlate(paid)
    )


def _held(db: Reading, costs: Any) -> Select[*tuple[Any, ...]]:
    """What each party holds of an order's sale, and all of them together."""
    fen = func.sum(signed_amount())
    return (
        _of_order(db, costs, causes=ENTITLEMENT)
        .with_only_columns(LedgerEntry.party_id, fen.label("fen"), func.sum(fen).over().label("total_fen"))
        .group_by(LedgerEntry.party_id)
        .correlate(costs)
    )


def _of_order(db: Reading, of: Any, *, causes: tuple[Cause, ...]) -> Select[*tuple[Any, ...]]:
    return (
        select(LedgerEntry.id)
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == of.c.order_id,
            LedgerEntry.cause.in_(causes),
        )
    )  # fmt: skip
