"""What the ledger says of a party's month: opening, earned, reversed, adjusted, collected, paid, closing. Its hash is `digests`'.

Nothing here looks at who is whose guide or what a store is called today: entries are appended and never changed, so the same month and
version always give the same figures. An earlier version is counted from the entries that carry its number or a lower one.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from settlement.errors import StatementDiffers
from settlement.models import LedgerAccount, LedgerEntry, Statement
from settlement.queries import credited_account, signed_amount
from settlement.states import ADJUSTMENT, COLLECTION, ENTITLEMENT, OWED, PAYMENT, Cause
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

NOTHING = Fen(0)


class PartyMonth(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger says of one party's month."""

    party_id: PartyId
    version: int = 1
    opening_fen: Fen = NOTHING
    earned_fen: Fen = NOTHING
    reversed_fen: Fen = NOTHING
    adjusted_fen: Fen = NOTHING
    collected_fen: Fen = NOTHING
    paid_fen: Fen = NOTHING
    lines: int = 0
    adjustments: int = 0

    @property
    def closing_fen(self) -> Fen:
        """What the party is owed at the end of the month; negative when it owes."""
        moved = self.earned_fen - self.reversed_fen + self.adjusted_fen - self.collected_fen - self.paid_fen
        return Fen(self.opening_fen + moved)


async def party_months(db: Reading, month: date) -> list[PartyMonth]:
    """Every party that has entries in the month or comes into it with a balance, by id; raises StatementDiffers."""
    return _months(await _openings(db, month), await _moved(db, month))


async def party_months_so_far(db: Reading, month: date) -> list[PartyMonth]:
    """The same of a month that earlier ones, still open, come before: what each party comes into it with is what is booked by now."""
    return _months(await _carried(db, month), await _moved(db, month))


def _months(opening: dict[PartyId, Fen], moved: dict[PartyId, list[Any]]) -> list[PartyMonth]:
    owing = {party for party, fen in opening.items() if fen}
    return [
        _counted(party, moved.get(party, []), opening=opening.get(party, NOTHING))
        for party in sorted(set(moved) | owing)
    ]


async def party_month(db: Reading, party_id: PartyId, *, month: date, version: int) -> PartyMonth:
    """One party's month in one version."""
    opening = await _openings(db, month, party_id=party_id)
    moved = await _moved(db, month, party_id=party_id, version=version)
    found = _counted(party_id, moved.get(party_id, []), opening=opening.get(party_id, NOTHING))
    return msgspec.structs.replace(found, version=version)


def _counted(party_id: PartyId, rows: Sequence[Any], *, opening: Fen) -> PartyMonth:
    """Add up what moved by cause; `fen` is signed as the party sees it."""

    def total(causes: Sequence[Cause]) -> int:
        return sum(int(row.fen) for row in rows if row.cause in causes)

    return PartyMonth(
        party_id=party_id, opening_fen=opening, earned_fen=Fen(total([Cause.ORDER_PAID])),
        reversed_fen=Fen(-total([Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND])),
        adjusted_fen=Fen(total(ADJUSTMENT)), collected_fen=Fen(-total(COLLECTION)), paid_fen=Fen(-total(PAYMENT)),
        lines=sum(row.entries for row in rows if row.cause in ENTITLEMENT),
        adjustments=sum(row.entries for row in rows if row.cause in ADJUSTMENT),
    )  # fmt: skip


def in_statement(db: Reading, party_id: PartyId, *, month: date, version: int | None) -> list[Any]:
    """The conditions of the entries that a version of a party's statement counts; without one, of the current version."""
    chosen: list[Any] = [
        LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on == month,
        LedgerEntry.party_id == party_id,
    ]  # fmt: skip
    if version is not None:
        chosen.append(LedgerEntry.statement_version <= version)
    return chosen


async def _openings(db: Reading, month: date, *, party_id: PartyId | None = None) -> dict[PartyId, Fen]:
    """What each party comes into the month with; raises StatementDiffers where ledger and last statement disagree about it.

    Months are closed in order, so nothing should lie between the last statement and the month; to trust in that alone would hide
    whatever did.
    """
    stated = await _stated(db, month, party_id=party_id)
    carried = await _carried(db, month, party_id=party_id)
    for party in stated.keys() | carried.keys():
        if stated.get(party, 0) != carried.get(party, 0):
            raise StatementDiffers(month=month, party_id=party)
    return stated


async def _stated(db: Reading, month: date, *, party_id: PartyId | None = None) -> dict[PartyId, Fen]:
    """Each party's last closing before the month: of its last version."""
    latest = (
        select(Statement.party_id, Statement.closing_fen)
        .where(Statement.tenant_id == db.tenant_id, Statement.period_on < month)
        .ext(distinct_on(Statement.party_id))
        .order_by(Statement.party_id, Statement.period_on.desc(), Statement.version.desc())
    )
    if party_id is not None:
        latest = latest.where(Statement.party_id == party_id)
    return {PartyId(row.party_id): Fen(row.closing_fen) for row in await db.execute(latest)}


async def _carried(db: Reading, month: date, *, party_id: PartyId | None = None) -> dict[PartyId, Fen]:
    """What each party is owed from all periods before the month, recounted from the entries."""
    statement = (
        select(LedgerEntry.party_id, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on < month, LedgerEntry.cause.in_(OWED)
        )
        .group_by(LedgerEntry.party_id)
    )
    if party_id is not None:
        statement = statement.where(LedgerEntry.party_id == party_id)
    return {PartyId(row.party_id): Fen(int(row.fen)) for row in await db.execute(statement)}


async def _moved(
    db: Reading, month: date, *, party_id: PartyId | None = None, version: int | None = None
) -> dict[PartyId, list[Any]]:
    """What moved each party's balance in the month: a row a cause, with its signed sum and the number of entries."""
    by_cause = (
        select(
            LedgerEntry.party_id,
            LedgerEntry.cause,
            func.sum(signed_amount()).label("fen"),
            func.count().label("entries"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.period_on == month,
            LedgerEntry.cause.in_(OWED),
        )
        .group_by(LedgerEntry.party_id, LedgerEntry.cause)
    )
    if party_id is not None:
        by_cause = by_cause.where(LedgerEntry.party_id == party_id)
    if version is not None:
        by_cause = by_cause.where(LedgerEntry.statement_version <= version)
    found: dict[PartyId, list[Any]] = defaultdict(list)
    for row in await db.execute(by_cause):
        found[PartyId(row.party_id)].append(row)
    return dict(found)
