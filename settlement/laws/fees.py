"""The law of the channel's fee: what was charged is the merchant's rate of the payment, half up, and what is left is that of what is kept.

Recounted from payments, refunds and the rate alone, in one piece of SQL that shares nothing with the arithmetic that booked it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Numeric,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from orders.channel_money import given_back_select, taken_select
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.queries import credited_account
from settlement.states import AccountKind, Cause
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import WHOLE, Bps
from tenants.kernel.scope import Reading

Rows = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


def fees_off_rate(db: Reading, *, rates: Mapping[MerchantId, Bps]) -> Rows:
    """Payments whose booked fee is not their rate's, and those of which another fee is left than that of what is kept."""
    taken = taken_select(db.tenant_id).subquery("taken")
    charged, returned = _charged(db).subquery("charged"), _returned(db).subquery("returned")
    rate = case(*((taken.c.merchant_id == merchant, bps) for merchant, bps in rates.items()), else_=0) if rates else literal(0)  # fmt: skip
    settled = taken.c.amount_fen - func.coalesce(cast(taken.c.coupons["nocash_fen"].astext, BigInteger), 0)
    back, fee_back = func.coalesce(returned.c.back_fen, 0), func.coalesce(returned.c.fee_fen, 0)
    kept = _half_up(taken.c.amount_fen - back, settled, taken.c.amount_fen)
    due, left = _half_up(settled, rate, WHOLE), _half_up(kept, rate, WHOLE)
    booked = func.coalesce(charged.c.fee_fen, 0)
    what = func.concat_ws(
        " ", "payment", taken.c.payment_no, "was charged", booked, "fen, its rate says", due, "; of it",
        booked - fee_back, "are left, of what is kept", left,
    )  # fmt: skip
    return (
        select(what.label("what"))
        .select_from(taken)
        .join(charged, charged.c.payment_id == taken.c.payment_id)
        .outerjoin(returned, returned.c.payment_id == taken.c.payment_id)
        .where(or_(booked != due, booked - fee_back != left))
    )


def _half_up(amount: Any, numerator: Any, denominator: Any) -> Any:
    """Amount x numerator / denominator, rounded half up; numerics, because the product of large amounts is no bigint."""
    twice = 2 * cast(amount, Numeric) * numerator + denominator
    return func.div(twice, 2 * cast(denominator, Numeric))


def _fee() -> Any:
    """What entries took for the channel, less what they gave back."""
    entry = (LedgerEntry.tenant_id == Journal.tenant_id) & (LedgerEntry.journal_id == Journal.id)
    is_fee = LedgerAccount.kind == AccountKind.FEE
    fen = func.coalesce(func.sum(case((is_fee, -LedgerEntry.amount_fen), else_=LedgerEntry.amount_fen)), 0)
    return entry, fen


def _charged(db: Reading) -> Any:
    entry, fen = _fee()
    return (
        select(Journal.cause_id.label("payment_id"), fen.label("fee_fen"))
        .outerjoin(LedgerEntry, and_(LedgerEntry.tenant_id == db.tenant_id, entry))
        .outerjoin(LedgerAccount, credited_account(db))
        .where(Journal.tenant_id == db.tenant_id, Journal.cause == Cause.FEE_CHARGED)
        .group_by(Journal.cause_id)
    )


def _returned(db: Reading) -> Any:
    """By payment: what refunds whose fee is booked gave back, and of the fee."""
    back = given_back_select(db.tenant_id).subquery("back")
    entry, fen = _fee()
    each = (
        select(back.c.payment_id, back.c.refund_id, back.c.amount_fen, (-fen).label("fee_fen"))
        .join(Journal, and_(Journal.tenant_id == db.tenant_id, Journal.cause == Cause.FEE_RETURNED, Journal.cause_id == back.c.refund_id))
        .outerjoin(LedgerEntry, and_(LedgerEntry.tenant_id == db.tenant_id, entry))
        .outerjoin(LedgerAccount, credited_account(db))
        .group_by(back.c.payment_id, back.c.refund_id, back.c.amount_fen)
    ).subquery("each")  # fmt: skip
    return select(
        each.c.payment_id, func.sum(each.c.amount_fen).label("back_fen"), func.sum(each.c.fee_fen).label("fee_fen")
    ).group_by(each.c.payment_id)  # fmt: skip
