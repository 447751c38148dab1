"""Laws of sales: per line the ledger holds what is kept, and each party exactly its part of split(kept)."""

from typing import Any

from sqlalchemy import BigInteger, and_, case, cast, func, literal, select, union_all

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.laws.rows import Rows, told
from settlement.models import FrozenTerms, LedgerAccount, LedgerEntry, TermsPortion
from settlement.posting.split_sql import base_of_kept, portion_sql
from settlement.queries import credited_account, signed_amount
from settlement.states import ENTITLEMENT, Cause
from tenants.kernel.scope import Reading


def kept_off(db: Reading) -> Rows:
    """What orders say of a line, less what the ledger says of it."""
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    moved = union_all(
        select(sold.c.order_line_id.label("line_id"), sold.c.paid_fen.label("fen")),
        select(undone.c.order_line_id, -undone.c.amount_fen).where(undone.c.order_line_id.is_not(None)),
        select(LedgerEntry.order_line_id, -signed_amount())
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_line_id.is_not(None),
            LedgerEntry.cause.in_(ENTITLEMENT),
        ),
    ).subquery("moved")  # fmt: skip
    off = func.sum(moved.c.fen)
    return (
        select(told("order line", moved.c.line_id, "is off by", off, "fen"))
        .group_by(moved.c.line_id)
        .having(off != 0)
    )


def shares_off(db: Reading) -> Rows:
    """Per line and party: the part of split(kept) that is due, less what the ledger holds."""
    held = (
        select(
            LedgerEntry.order_line_id.label("line_id"), LedgerEntry.terms_id, LedgerEntry.party_id,
            func.sum(signed_amount()).label("fen"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_line_id.is_not(None),
            LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .group_by(LedgerEntry.order_line_id, LedgerEntry.terms_id, LedgerEntry.party_id)
    ).subquery("held")  # fmt: skip
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    bases = select(sold.c.order_line_id.label("line_id"), sold.c.paid_fen, sold.c.base_fen).subquery("bases")
    return _not_due(db, _kept_of(held, bases), held=held, name="order line")


def loose_off(db: Reading) -> Rows:
    """The same for refunds that stand alone; their sum is negative, so the split is of the amount given back."""
    fen = -signed_amount()
    held = (
        select(
            func.concat_ws("/", LedgerEntry.refund_id, LedgerEntry.refund_line_no).label("line_id"),
            LedgerEntry.terms_id, LedgerEntry.party_id, fen.label("fen"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause == Cause.LOOSE_REFUND)
    ).subquery("held")  # fmt: skip
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    bases = select(
        func.concat_ws("/", undone.c.refund_id, undone.c.refund_line_no).label("line_id"),
        undone.c.amount_fen.label("paid_fen"), undone.c.base_fen,
    ).subquery("bases")  # fmt: skip
    return _not_due(db, _kept_of(held, bases), held=held, name="refund line")


def _kept_of(held: Any, bases: Any) -> Any:
    """What is kept of each line, all parties together, and the base of that. A line that orders do not know has what was kept for its base."""
    kept = (
        select(held.c.line_id, held.c.terms_id, cast(func.sum(held.c.fen), BigInteger).label("fen")).group_by(
            held.c.line_id, held.c.terms_id
        )
    ).subquery("summed")
    base = base_of_kept(kept.c.fen, paid=bases.c.paid_fen, base=bases.c.base_fen)
    return (
        select(kept.c.line_id, kept.c.terms_id, kept.c.fen, base.label("base_fen")).outerjoin(
            bases, bases.c.line_id == kept.c.line_id
        )
    ).subquery("kept")


def _not_due(db: Reading, kept: Any, *, held: Any, name: str) -> Rows:
    part = portion_sql(case((TermsPortion.of_paid, kept.c.fen), else_=kept.c.base_fen), TermsPortion.rate_bps)
    of_line = and_(TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id == kept.c.terms_id)
    given = select(func.coalesce(func.sum(part), 0)).where(of_line).correlate(kept).scalar_subquery()
    due = union_all(
        select(kept.c.line_id, TermsPortion.party_id, part.label("fen")).join(TermsPortion, of_line),
        select(kept.c.line_id, FrozenTerms.residual_party_id, kept.c.fen - given).join(
            FrozenTerms, and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id == kept.c.terms_id)
        ),
        select(held.c.line_id, held.c.party_id, -held.c.fen),
    ).subquery("due")
    off = func.sum(due.c.fen)
    return (
        select(told(literal(name), due.c.line_id, "party", due.c.party_id, "is short of", off, "fen"))
        .group_by(due.c.line_id, due.c.party_id)
        .having(off != 0)
    )
