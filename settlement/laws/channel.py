"""The laws about what concerns no party: the channel's fee, money in suspense, what passes through clearing, and what every entry hangs on.

Journals and accounts have no foreign keys from entries: a check for each of millions of rows costs more than writing them, and these
laws find what the keys would have refused.
"""

from typing import Any

from sqlalchemy import (
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)

from orders.channel_money import given_back_select, taken_select
from settlement.laws.rows import Rows
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.states import ADJUSTMENT, COLLECTION, ENTITLEMENT, FEES, SPLITS, UNWANTED, AccountKind, Cause
from tenants.kernel.scope import Reading

BESIDE = (*COLLECTION, Cause.FUNDED, Cause.FUNDING_REVERSED)
"""Causes without journals of their own."""


def without_journal(db: Reading) -> Rows:
    """Entries whose journal is not there, or is of another cause; what moves beside a sale or a split stands in its journal."""
    own = Journal.cause == LedgerEntry.cause
    along = and_(LedgerEntry.cause.in_(BESIDE), Journal.cause.in_((*ENTITLEMENT, *SPLITS)))
    journal = and_(Journal.tenant_id == db.tenant_id, Journal.id == LedgerEntry.journal_id)
    what = func.concat_ws(" ", "entry", cast(LedgerEntry.id, String), "has no journal of its cause")
    return (
        select(what.label("what"))
        .select_from(LedgerEntry)
        .outerjoin(Journal, journal)
        .where(
            LedgerEntry.tenant_id == db.tenant_id, or_(Journal.id.is_(None), not_(or_(own, along))),
        )
    )  # fmt: skip


def left_in_clearing(db: Reading) -> Rows:
    """Journals that take from one party and do not give the same to others."""
    signed = case((_credits(db, AccountKind.CLEARING), LedgerEntry.amount_fen), else_=-LedgerEntry.amount_fen)
    left = func.sum(signed)
    what = func.concat_ws(
        " ", "journal", cast(LedgerEntry.journal_id, String), "leaves", cast(left, String), "fen in clearing"
    )
    return (
        select(what.label("what"))
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(ADJUSTMENT))
        .group_by(LedgerEntry.journal_id)
        .having(left != 0)
    )


def fees_off(db: Reading) -> Rows:
    """Payments and refunds whose fee nobody booked, and orders with a fee left (or more given back) of what the channel gave back whole."""
    taken = taken_select(db.tenant_id).subquery("taken")
    back = given_back_select(db.tenant_id).subquery("back")
    charged = _has_journal(db, Cause.FEE_CHARGED, taken.c.payment_id)
    returned = _has_journal(db, Cause.FEE_RETURNED, back.c.refund_id)
    money = union_all(
        select(taken.c.order_id, taken.c.amount_fen.label("kept"), literal(0).label("fee")),
        select(back.c.order_id, -back.c.amount_fen, literal(0)),
        select(LedgerEntry.order_id, literal(0), _signed(db, AccountKind.FEE)).where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(FEES)
        ),
    ).subquery("money")
    kept, fee = func.sum(money.c.kept), func.sum(money.c.fee)
    left = func.concat_ws(
        " ",
        "order",
        cast(money.c.order_id, String),
        "keeps",
        cast(kept, String),
        "fen and a fee of",
        cast(-fee, String),
    )
    return union_all(
        select(func.concat_ws(" ", "payment", taken.c.payment_no, "has no fee booked").label("what")).where(~charged),
        select(func.concat_ws(" ", "refund", back.c.refund_no, "has no fee booked")).where(~returned),
        select(left).group_by(money.c.order_id).having(or_(fee > 0, -fee > func.greatest(kept, 0))),
    )  # fmt: skip


def suspense_off(db: Reading) -> Rows:
    """Orders whose unwanted money suspense has otherwise than payments and refunds say."""
    taken = taken_select(db.tenant_id).subquery("taken")
    back = given_back_select(db.tenant_id).subquery("back")

    def cash(of: Any) -> Any:
        return of.c.amount_fen - func.coalesce(of.c.coupon_fen, 0)

    told = union_all(
        select(taken.c.order_id, cash(taken).label("fen")).where(~taken.c.wanted),
        select(back.c.order_id, -cash(back)).where(~back.c.wanted),
        select(LedgerEntry.order_id, -_signed(db, AccountKind.SUSPENSE)).where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(UNWANTED)
        ),
    ).subquery("told")
    off = func.sum(told.c.fen)
    what = func.concat_ws(
        " ", "order", cast(told.c.order_id, String), "is off by", cast(off, String), "fen of unwanted money"
    )
    return select(what.label("what")).group_by(told.c.order_id).having(off != 0)


def _has_journal(db: Reading, cause: Cause, cause_id: Any) -> Any:
    return exists().where(
        Journal.tenant_id == db.tenant_id, Journal.cause == cause, Journal.cause_id == cause_id
    )


def _signed(db: Reading, kind: AccountKind) -> Any:
    """An entry's amount as the account of this kind sees it: positive when it is credited."""
    return case((_credits(db, kind), LedgerEntry.amount_fen), else_=-LedgerEntry.amount_fen)


def _credits(db: Reading, kind: AccountKind) -> Any:
    return exists().where(
        LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.id == LedgerEntry.credit_account_id,
        LedgerAccount.kind == kind,
    )  # fmt: skip
