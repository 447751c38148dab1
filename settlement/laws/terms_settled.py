"""The law of terms: all true-ups of a term together are what it gives less what its sales gave, on what stands in the ledger for it today.

Whatever was settled when, in how many closings, and whichever period takes what came back: the sum is that of one reckoning at the end.
Terms of periods that nobody closed, or whose statements are still owed, are left out. The ledger is read once for all terms.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from settlement.agreements.agreed import ReturnsCount
from settlement.calendar import months_through
from settlement.models import LedgerAccount, LedgerEntry, Period
from settlement.queries import credited_account, parties, signed_amount
from settlement.states import Cause, PeriodState
from settlement.terms import party_id_of
from settlement.true_ups.bearers import sellers_of, spread
from settlement.true_ups.period_terms import PeriodDue, period_due
from settlement.true_ups.post import agreed_versions
from settlement.true_ups.reckon import Told, told_of_all, unsold_stores
from settlement.true_ups.stretches import AgreedVersion, Stretch, Term, stretches_of
from settlement.true_ups.turnover import StoreTurnover, Turnover, Window, turnover_in
from tenants.kernel.ids import ContractId, PartyId, StoreId
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import Reading

Given = Mapping[tuple[UUID, UUID], Mapping[date, int]]
"""What true-ups gave, by version and party, by the last day of the term that they name."""


class Closed(NamedTuple):
    """A term that a closing settled, and the periods whose movements it counts."""

    code: str
    party_id: PartyId
    stretch: Stretch
    term: Term
    periods: Sequence[date]


class Checked(msgspec.Struct, kw_only=True):
    """How many terms were looked at, and those that are off, in words."""

    terms: int = 0
    off: list[str] = msgspec.field(default_factory=list)


async def terms_off(db: Reading) -> Checked:
    """Recount every term that is settled, and hold it against all that was booked for it."""
    stated = await _stated(db)
    checked = Checked()
    if not stated:
        return checked
    through = max(max(months) for months in stated.values())
    agreed = await agreed_versions(db)
    turnover = await _turnover(db, agreed, through=through)
    given, told = await _given(db, through=through), await told_of_all(db)
    people = await parties(db)
    for closed in _closed(agreed, stated=stated, told=told, through=through):
        checked.terms += 1
        stretch = closed.stretch
        stores = turnover[stretch.rules.returns_count].of(
            stretch.contract_ids, party_id=closed.party_id, periods=closed.periods
        )
        due = _due(closed, stores)
        booked = _booked(closed, given)
        if booked != due.due_fen - due.provisional_fen:
            expected = await _from_others(db, closed, due=due, stores=stores)
            if booked != expected:
                checked.off.append(_told(closed, due, expected, booked, name=people[closed.party_id].name))
    return checked


async def _stated(db: Reading) -> dict[str, set[date]]:
    """By contract, the closed months whose statements are written."""
    statement = select(Period.contract_code, Period.starts_on).where(
        Period.tenant_id == db.tenant_id, Period.state == PeriodState.CLOSED, Period.stated_at.is_not(None)
    )
    found: dict[str, set[date]] = defaultdict(set)
    for row in await db.execute(statement):
        found[row.contract_code].add(row.starts_on)
    return found


async def _turnover(
    db: Reading, agreed: Mapping[str, Sequence[AgreedVersion]], *, through: date
) -> dict[ReturnsCount, Turnover]:
    """What counts in each period, for the versions that count it this way and that way."""
    ids: dict[ReturnsCount, set[ContractId]] = {each: set() for each in ReturnsCount}
    for versions in agreed.values():
        for version in versions:
            for rules in version.rules.values():
                ids[rules.returns_count].add(version.contract_id)
    return {
        counting: await turnover_in(
            db, Window(contract_ids=sorted(chosen), through=through), counting=counting
        )
        for counting, chosen in ids.items()
    }


async def _given(db: Reading, *, through: date) -> Given:
    fen = func.sum(signed_amount()).label("fen")
    key = (LedgerEntry.contract_id, LedgerEntry.party_id, LedgerEntry.occurred_on)
    statement = (
        select(*key, fen)
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause == Cause.TRUE_UP, LedgerEntry.period_on <= through
        )
        .group_by(*key)
    )  # fmt: skip
    found: dict[tuple[UUID, UUID], dict[date, int]] = defaultdict(dict)
    for row in await db.execute(statement):
        found[row.contract_id, row.party_id][row.occurred_on] = int(row.fen)
    return found


def _closed(
    agreed: Mapping[str, Sequence[AgreedVersion]],
    *,
    stated: Mapping[str, set[date]],
    told: Mapping[tuple[str, PartyId], Sequence[Told]],
    through: date,
) -> Iterator[Closed]:
    """Every term that should be settled by now."""
    for code, versions in agreed.items():
        for party_id in sorted({party for version in versions for party in version.rules}):
            for stretch in stretches_of(versions, party_id):
                for month in sorted(stated.get(code, ())):
                    term = stretch.within(month)
                    if term is None or term.ends_in != month:
                        continue
                    of_term = [
                        each for each in told.get((code, party_id), ()) if stretch.covers(each.reckoned, term)
                    ]
                    # What a version cut at the end of the last closed period is settled with the next one.
                    newest = stretch.last.version == versions[-1].version
                    waits = not newest and month == max(stated[code]) and stretch.cut_in(month) == term
                    if of_term or not waits:
                        periods = _periods(stretch, term, told=of_term, through=through)
                        yield Closed(code, party_id, stretch, term, periods)


def _periods(stretch: Stretch, term: Term, *, told: Sequence[Told], through: date) -> list[date]:
    """What moved when belongs to the term."""
    if stretch.counts_when_sold:
        return stretch.periods_of_sales(term, through=through)
    # A stretch that had ended, and later went on: what moved meanwhile was reckoned with the term that was its last one then.
    last = through if term == stretch.last_term else max([term.ends_in, *(each.period_on for each in told)])
    return months_through(term.first_period, last)


def _due(closed: Closed, stores: Mapping[StoreId, StoreTurnover]) -> PeriodDue:
    return period_due(
        closed.stretch.rules,
        turnover_fen=Fen(sum(each.turnover_fen for each in stores.values())),
        provisional_fen=Fen(sum(each.provisional_fen for each in stores.values())),
        days_in_force=closed.term.days_in_force, days_in_period=closed.term.days_in_period,
    )  # fmt: skip


def _booked(closed: Closed, given: Given) -> int:
    first, last = closed.term.first_day, closed.term.last_day
    return sum(
        fen
        for contract_id in closed.stretch.contract_ids
        for day, fen in given.get((contract_id, closed.party_id), {}).items()
        if first <= day <= last
    )


async def _from_others(
    db: Reading, closed: Closed, *, due: PeriodDue, stores: dict[StoreId, StoreTurnover]
) -> int:
    """What the party is due from others than itself: at stores whose rest it has, nothing is booked."""
    last, total = closed.stretch.last, due.due_fen - due.provisional_fen
    if last.left_to_seller and not stores:
        stores = await unsold_stores(db, last.contract_id)
    sellers = await sellers_of(db, last, store_ids=stores, last_day=closed.term.last_day)
    own = {
        store_id for store_id, seller in sellers.items() if party_id_of(db.tenant_id, seller.code) == closed.party_id
    }  # fmt: skip
    return total - sum(fen for store_id, fen in spread(Fen(total), stores).items() if store_id in own)


def _told(closed: Closed, due: PeriodDue, expected: int, booked: int, *, name: str) -> str:
    term = closed.term
    return (
        f"{closed.code}, {name}, {term.first_day} to {term.last_day}: due {yuan_text(due.due_fen)}, by sales"
        f" {yuan_text(due.provisional_fen)}, true-ups gave {yuan_text(Fen(booked))} and not {yuan_text(Fen(expected))}"
    )
