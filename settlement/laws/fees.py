"""The law of the channel's fee: what was charged is the merchant's rate of the payment, half up, and what is left is that of what is kept.

Recounted from payments, refunds and the rate alone, in one piece of SQL that shares nothing with the arithmetic that booked it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Numeric,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)

from orders.channel_money import given_back_select, taken_select
from settlement.laws.rows import Rows
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.queries import credited_account
from settlement.states import AccountKind, Cause
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import WHOLE, Bps
from tenants.kernel.scope import Reading


def fees_off_rate(db: Reading, *, rates: Mapping[MerchantId, Bps]) -> Rows:
    """Payments whose booked fee is not their rate's, and those of which another fee is left than that of what is kept.

    What was booked is looked up payment by payment: sums joined with sums are planned by what statistics say, which lag behind.
    """
    taken = taken_select(db.tenant_id).subquery("taken")
    charged = _charged(db, taken).lateral("charged")
    returned = _returned(db, taken).lateral("returned")
    rate = case(*((taken.c.merchant_id == merchant, bps) for merchant, bps in rates.items()), else_=0) if rates else literal(0)  # fmt: skip
    settled = taken.c.amount_fen - func.coalesce(cast(taken.c.coupons["nocash_fen"].astext, BigInteger), 0)
    kept = _half_up(taken.c.amount_fen - returned.c.back_fen, settled, taken.c.amount_fen)
    due, left = _half_up(settled, rate, WHOLE), _half_up(kept, rate, WHOLE)
    is_left = charged.c.fee_fen - returned.c.fee_fen
    what = func.concat_ws(
        " ", "payment", taken.c.payment_no, "was charged", charged.c.fee_fen, "fen, its rate says", due, "; of it",
        is_left, "are left, of what is kept", left,
    )  # fmt: skip
    return (
        select(what.label("what"))
        .select_from(taken.join(charged, true()).join(returned, true()))
        .where(charged.c.journals > 0, or_(charged.c.fee_fen != due, is_left != left))
    )


def _half_up(amount: Any, numerator: Any, denominator: Any) -> Any:
    """Amount x numerator / denominator, rounded half up; numerics, because the product of large amounts is no bigint."""
    twice = 2 * cast(amount, Numeric) * numerator + denominator
    return func.div(twice, 2 * cast(denominator, Numeric))


def _fee(db: Reading) -> tuple[Any, Any]:
    """The journals' entries with their accounts, and what they took for the channel, less what they gave back."""
    entry = and_(
        LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.tenant_id == Journal.tenant_id,
        LedgerEntry.journal_id == Journal.id,
    )  # fmt: skip
    is_fee = LedgerAccount.kind == AccountKind.FEE
    fen = func.coalesce(func.sum(case((is_fee, -LedgerEntry.amount_fen), else_=LedgerEntry.amount_fen)), 0)
    return entry, fen


def _charged(db: Reading, taken: Any) -> Any:
    """A payment's fee, and whether it is booked: one of nothing has a journal and no entry."""
    entry, fen = _fee(db)
    return (
        select(func.count(Journal.id).label("journals"), fen.label("fee_fen"))
        .outerjoin(LedgerEntry, entry)
        .outerjoin(LedgerAccount, credited_account(db))
        .where(
            Journal.tenant_id == db.tenant_id,
            Journal.cause == Cause.FEE_CHARGED,
            Journal.cause_id == taken.c.payment_id,
        )
        .correlate(taken)
    )


def _returned(db: Reading, taken: Any) -> Any:
    """What refunds of a payment whose fee is booked gave back, and of the fee."""
    back = given_back_select(db.tenant_id).subquery("back")
    entry, fen = _fee(db)
    its_journal = and_(
        Journal.tenant_id == db.tenant_id, Journal.cause == Cause.FEE_RETURNED, Journal.cause_id == back.c.refund_id
    )  # fmt: skip
    each = (
        select(back.c.refund_id, back.c.amount_fen, (-fen).label("fee_fen"))
        .join(Journal, its_journal)
        .outerjoin(LedgerEntry, entry)
        .outerjoin(LedgerAccount, credited_account(db))
        .where(back.c.payment_id == taken.c.payment_id, back.c.order_id == taken.c.order_id)
        .group_by(back.c.refund_id, back.c.amount_fen)
        .correlate(taken)
    ).subquery("each")
    return select(
        func.coalesce(func.sum(each.c.amount_fen), 0).label("back_fen"),
        func.coalesce(func.sum(each.c.fee_fen), 0).label("fee_fen"),
    )
