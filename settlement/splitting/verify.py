"""The laws of splitting, as SQL that recounts them from splits, parts and returns; `verify` lists them among the laws of the books."""

from typing import Any

from sqlalchemy import Select, String, and_, cast, func, select, union_all
from sqlalchemy.orm import aliased

from orders.split_queries import split_counters_select
from settlement.laws.rows import Rows
from settlement.models import FrozenTerms, LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.splitting.models import Split, SplitPartRow, SplitReturn
from settlement.splitting.states import HELD, RECALLED, PartStatus, ReturnStatus
from settlement.states import COLLECTION, SPLITS
from tenants.kernel.scope import Reading


def payments_off(db: Reading) -> Rows:
    """Orders and parties whose payments through the channel the ledger has otherwise than parts and returns say."""
    told = union_all(
        _parts(db, SplitPartRow.state == PartStatus.DONE),
        _returns(db, SplitReturn.state == ReturnStatus.DONE),
        select(LedgerEntry.order_id, LedgerEntry.party_id, signed_amount().label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(SPLITS)),
    ).subquery("told")
    off = func.sum(told.c.fen)
    what = func.concat_ws(
        " ", "order", cast(told.c.order_id, String), "party", cast(told.c.party_id, String), "is off by",
        cast(off, String), "fen",
    )  # fmt: skip
    return select(what.label("what")).group_by(told.c.order_id, told.c.party_id).having(off != 0)


def passed_on_off(db: Reading) -> Rows:
    """Orders of which a collector passed on something else than what splits took from its merchant number."""
    order = aliased(FrozenTerms)
    collectors = (
        select(LedgerEntry.order_id, order.collector_party_id.label("party_id"))
        .join(order, and_(order.tenant_id == db.tenant_id, order.id == LedgerEntry.terms_id))
        .where(LedgerEntry.tenant_id == db.tenant_id, order.collector_party_id.is_not(None))
        .distinct()
    ).subquery("collectors")
    moved = union_all(
        _parts(db, SplitPartRow.state == PartStatus.DONE),
        _returns(db, SplitReturn.state == ReturnStatus.DONE),
    ).subquery("moved")
    told = union_all(
        select(moved.c.order_id, moved.c.fen).join(collectors, collectors.c.order_id == moved.c.order_id),
        select(LedgerEntry.order_id, -signed_amount())
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(COLLECTION),
            LedgerEntry.order_line_id.is_(None), LedgerEntry.refund_line_no.is_(None),
        ),
    ).subquery("told")  # fmt: skip
    off = func.sum(told.c.fen)
    what = func.concat_ws(
        " ", "order", cast(told.c.order_id, String), "passed on", cast(off, String), "fen too little"
    )
    return select(what.label("what")).group_by(told.c.order_id).having(off != 0)


def counters_off(db: Reading) -> Rows:
    """Orders whose counter of split money is not what receivers hold."""
    told = union_all(
        _parts(db, SplitPartRow.state.in_(HELD)), _returns(db, SplitReturn.state.in_(RECALLED))
    ).subquery("held")
    held = select(told.c.order_id, func.sum(told.c.fen).label("fen")).group_by(told.c.order_id).subquery()
    counter = split_counters_select(db.tenant_id).subquery("counter")
    off = counter.c.split_fen - func.coalesce(held.c.fen, 0)
    what = func.concat_ws(
        " ", "order", cast(counter.c.order_id, String), "counts", cast(off, String), "fen too much"
    )
    return select(what.label("what")).outerjoin(held, held.c.order_id == counter.c.order_id).where(off != 0)


def _parts(db: Reading, chosen: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(Split.order_id, SplitPartRow.party_id, SplitPartRow.amount_fen.label("fen"))
        .join(Split, and_(Split.tenant_id == SplitPartRow.tenant_id, Split.id == SplitPartRow.split_id))
        .where(SplitPartRow.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id, chosen)
    )


def _returns(db: Reading, chosen: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(Split.order_id, SplitReturn.party_id, (-SplitReturn.amount_fen).label("fen"))
        .join(Split, and_(Split.tenant_id == SplitReturn.tenant_id, Split.id == SplitReturn.split_id))
        .where(SplitReturn.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id, chosen)
    )
