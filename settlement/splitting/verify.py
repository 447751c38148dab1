"""The laws of splitting, as SQL that recounts them from splits, parts and returns; `verify` lists them among the laws of the books."""

from typing import Any

from sqlalchemy import CompoundSelect, Select, String, and_, cast, func, select, union_all

from orders.split_queries import split_counters_select
from settlement.models import LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.splitting.models import Split, SplitPartRow, SplitReturn
from settlement.splitting.states import HELD, RECALLED, PartStatus, ReturnStatus
from settlement.states import SPLITS
from tenants.kernel.scope import Reading

Rows = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


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
