"""The laws of what is booked beside a sale's portions: collected money, funded discounts, the clearing account. SQL that recounts them."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Numeric,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.agreements.promotion_models import TermsFunder
from settlement.laws.rows import Rows
from settlement.models import FrozenTerms, LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.states import COLLECTION, ENTITLEMENT, Cause
from tenants.kernel.money import WHOLE
from tenants.kernel.scope import Reading

FUNDING = (Cause.FUNDED, Cause.FUNDING_REVERSED)


def collected_off(db: Reading) -> Rows:
    """Lines of which a collector holds something else than what is kept, or of which somebody who is no collector holds something."""
    line = func.coalesce(
        cast(LedgerEntry.order_line_id, String),
        func.concat_ws("/", LedgerEntry.refund_id, LedgerEntry.refund_line_no),
    )
    # What a collector passed on through a split belongs to the order, not to a line of it.
    of_line = or_(LedgerEntry.order_line_id.is_not(None), LedgerEntry.refund_line_no.is_not(None))
    booked = _booked(db).where(of_line)
    told = union_all(
        booked.with_only_columns(line.label("line"), FrozenTerms.collector_party_id, signed_amount())
        .join(FrozenTerms, _terms(db))
        .where(LedgerEntry.cause.in_(ENTITLEMENT), FrozenTerms.collector_party_id.is_not(None)),
        booked.with_only_columns(line.label("line"), LedgerEntry.party_id, signed_amount()).where(
            LedgerEntry.cause.in_(COLLECTION)
        ),
    ).subquery("told")
    line_id, party_id, fen = tuple(told.c)
    off = func.sum(fen)
    what = func.concat_ws(
        " ",
        "line",
        line_id,
        "party",
        cast(party_id, String),
        "has taken",
        cast(off, String),
        "fen too little",
    )
    return select(what.label("what")).group_by(line_id, party_id).having(off != 0)


def funded_off(db: Reading) -> Rows:
    """Lines and parties whose part of a discount is not funded(kept)."""
    lines = _funded_lines(db).subquery("lines")
    whole, rest = lines.c.fen.op("/")(WHOLE), lines.c.fen.op("%")(WHOLE)
    part = whole.op("*")(TermsFunder.rate_bps).op("+")(rest.op("*")(TermsFunder.rate_bps).op("/")(WHOLE))
    of_line = and_(TermsFunder.tenant_id == db.tenant_id, TermsFunder.terms_id == lines.c.terms_id)
    given = select(func.coalesce(func.sum(part), 0)).where(of_line).correlate(lines).scalar_subquery()
    borne = union_all(
        select(lines.c.line_id, lines.c.seller_id, TermsFunder.party_id, part.label("fen")).join(TermsFunder, of_line),
        select(lines.c.line_id, lines.c.seller_id, lines.c.funder_id, lines.c.fen - given),
    ).subquery("borne")  # fmt: skip
    others = borne.c.party_id != borne.c.seller_id
    told = union_all(
        select(borne.c.line_id, borne.c.party_id, (-borne.c.fen).label("fen")).where(others),
        select(borne.c.line_id, borne.c.seller_id, borne.c.fen).where(others),
        _booked(db)
        .with_only_columns(LedgerEntry.order_line_id, LedgerEntry.party_id, -signed_amount())
        .where(LedgerEntry.cause.in_(FUNDING)),
    ).subquery("told")
    off = func.sum(told.c.fen)
    what = func.concat_ws(
        " ", "order line", told.c.line_id, "party", cast(told.c.party_id, String), "is short of",
        cast(off, String), "fen of a promotion",
    )  # fmt: skip
    return select(what.label("what")).group_by(told.c.line_id, told.c.party_id).having(off != 0)


def _funded_lines(db: Reading) -> Select[*tuple[Any, ...]]:
    """Sold lines whose discount is shared, with the part of it that goes with what is kept."""
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    kept = (
        _booked(db)
        .with_only_columns(LedgerEntry.order_line_id.label("line_id"), func.sum(signed_amount()).label("fen"))
        .where(LedgerEntry.cause.in_(ENTITLEMENT))
        .group_by(LedgerEntry.order_line_id)
    ).subquery("kept")
    discount = cast(sold.c.discount_fen, Numeric)
    share = func.div(discount * func.coalesce(kept.c.fen, 0), func.nullif(sold.c.paid_fen, 0))
    # The ledger holds no fen of a line of which nothing was paid: what is kept of it is units, and orders know those.
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    back = select(func.coalesce(func.sum(undone.c.units), 0)).where(
        undone.c.order_line_id == sold.c.order_line_id
    )
    left = func.greatest(sold.c.units - back.correlate(sold).scalar_subquery(), 0)
    given_away = func.div(discount * left, sold.c.units)
    borne = cast(case((sold.c.paid_fen == 0, given_away), else_=share), BigInteger)
    return (
        select(
            sold.c.order_line_id.label("line_id"), sold.c.terms_id, FrozenTerms.residual_party_id.label("seller_id"),
            FrozenTerms.funder_party_id.label("funder_id"), borne.label("fen"),
        )
        .join(FrozenTerms, and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id == sold.c.terms_id))
        .outerjoin(kept, kept.c.line_id == sold.c.order_line_id)
        .where(FrozenTerms.funder_party_id.is_not(None), sold.c.discount_fen > 0)
    )  # fmt: skip


def _booked(db: Reading) -> Select[*tuple[Any, ...]]:
    return (
        select(LedgerEntry.id)
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id)
    )


def _terms(db: Reading) -> Any:
    return and_(FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id == LedgerEntry.terms_id)
