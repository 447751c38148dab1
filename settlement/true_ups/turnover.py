"""What was sold under a contract over some periods, on its base and net of refunds, and what of it was a party's: read from the ledger.

A line's turnover is the base of what was kept of it at the end, less that at the beginning; so a refund takes back of the turnover what
its sale added, in the period it is booked into.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, and_, cast, func, select

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.models import LedgerAccount, LedgerEntry
from settlement.posting.split_sql import base_of_kept
from settlement.queries import credited_account, signed_amount
from settlement.states import ENTITLEMENT, Cause
from tenants.kernel.ids import PartyId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class StoreTurnover(msgspec.Struct, kw_only=True):
    """One store's part of it."""

    turnover_fen: Fen = Fen(0)
    provisional_fen: Fen = Fen(0)


async def turnover_of(
    db: Reading, contract_ids: Collection[UUID], *, party_id: PartyId, first: date, last: date
) -> dict[StoreId, StoreTurnover]:
    """By store, over the periods from `first` to `last`: what was sold under these versions, and the party's part of it."""
    window = (
        LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.contract_id.in_(list(contract_ids)),
        LedgerEntry.cause.in_(ENTITLEMENT), LedgerEntry.period_on.between(first, last),
    )  # fmt: skip
    partys = func.coalesce(func.sum(signed_amount()).filter(LedgerEntry.party_id == party_id), 0)
    moved = (
        select(LedgerEntry.store_id, func.sum(signed_amount()).label("kept"), partys.label("partys"))
        .join(LedgerAccount, credited_account(db))
        .where(*window)
        .group_by(LedgerEntry.store_id)
    )
    found: dict[StoreId, StoreTurnover] = {}
    for row in await db.execute(moved):
        found[StoreId(row.store_id)] = StoreTurnover(
            turnover_fen=Fen(int(row.kept)), provisional_fen=Fen(int(row.partys))
        )
    for statement in (_off_base(db, window, first=first, last=last), _loose_off_base(db, window)):
        for row in await db.execute(statement):
            store = found[StoreId(row.store_id)]
            store.turnover_fen = Fen(store.turnover_fen + int(row.off))
    return found


async def moved_in(db: Reading, month: date) -> frozenset[UUID]:
    """The contract versions under which anything was sold or went back in a period: one look at it for all of them."""
    found = select(LedgerEntry.contract_id).where(
        LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(ENTITLEMENT), LedgerEntry.period_on == month
    )  # fmt: skip
    return frozenset(each for each in (await db.execute(found.distinct())).scalars() if each is not None)


async def settled_by_store(
    db: Reading, contract_ids: Collection[UUID], *, party_id: PartyId, first: date, last: date
) -> dict[StoreId | None, Fen]:
    """What true-ups of these periods gave the party, by store; None: without one."""
    statement = (
        select(LedgerEntry.store_id, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.contract_id.in_(list(contract_ids)),
            LedgerEntry.cause == Cause.TRUE_UP, LedgerEntry.party_id == party_id,
            LedgerEntry.period_on.between(first, last),
        )
        .group_by(LedgerEntry.store_id)
    )  # fmt: skip
    rows = await db.execute(statement)
    return {StoreId(row.store_id) if row.store_id else None: Fen(int(row.fen)) for row in rows}


def _off_base(db: Reading, window: Sequence[Any], *, first: date, last: date) -> Any:
    """How far the lines with a base of their own are off what was paid for them; few, so their whole past is read."""
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    based = (
        select(sold.c.order_id, sold.c.order_line_id, sold.c.store_id, sold.c.paid_fen, sold.c.base_fen)
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.order_id == sold.c.order_id,
                LedgerEntry.order_line_id == sold.c.order_line_id,
                *window,
            ),
        )
        .where(sold.c.base_fen.is_not(None))
        .distinct()
        .subquery("based")
    )
    before = func.coalesce(func.sum(signed_amount()).filter(LedgerEntry.period_on < first), 0)
    kept = (
        select(
            based.c.order_line_id, based.c.store_id, based.c.paid_fen, based.c.base_fen,
            cast(before, BigInteger).label("before"), cast(func.sum(signed_amount()), BigInteger).label("after"),
        )
        .select_from(based)
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == based.c.order_id,
                LedgerEntry.order_line_id == based.c.order_line_id, LedgerEntry.cause.in_(ENTITLEMENT),
                LedgerEntry.period_on <= last,
            ),
        )
        .join(LedgerAccount, credited_account(db))
        .group_by(based.c.order_line_id, based.c.store_id, based.c.paid_fen, based.c.base_fen)
        .subquery("kept")
    )  # fmt: skip

    def base(amount: Any) -> Any:
        return base_of_kept(amount, paid=kept.c.paid_fen, base=kept.c.base_fen)

    off = base(kept.c.after) - base(kept.c.before) - (kept.c.after - kept.c.before)
    return select(kept.c.store_id, func.sum(off).label("off")).group_by(kept.c.store_id)


def _loose_off_base(db: Reading, window: Sequence[Any]) -> Any:
    """The same for refunds without a known sale, each of which stands alone."""
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    loose = (
        select(undone.c.refund_id, undone.c.refund_line_no, undone.c.store_id, undone.c.amount_fen, undone.c.base_fen)
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.refund_id == undone.c.refund_id,
                LedgerEntry.refund_line_no == undone.c.refund_line_no, *window,
            ),
        )
        .where(undone.c.base_fen.is_not(None))
        .distinct()
        .subquery("loose")
    )  # fmt: skip
    off = func.sum(loose.c.amount_fen - loose.c.base_fen)
    return select(loose.c.store_id, off.label("off")).group_by(loose.c.store_id)
