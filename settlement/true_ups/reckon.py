"""Which terms the closing of a period settles, and what each comes to: those that end in it, and those that are reckoned again. Reads only.

A term is reckoned again where something moved that it counts after it was settled: what comes back of its sales, where the contract takes
that off the term the goods were sold in; else whatever moves after a stretch's last day, which belongs to its last term. What was settled
before is taken off, so the differences of a term always add up to what it gives less what its sales gave.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, select

from settlement.agreements.agreed import ReturnsCount
from settlement.agreements.models import TrueUp
from settlement.agreements.views import Reckoned, ReckonedBefore
from settlement.calendar import months_through
from settlement.models import ContractStore, Period
from settlement.states import PeriodState
from settlement.true_ups.bearers import spread
from settlement.true_ups.period_terms import PeriodDue, period_due
from settlement.true_ups.stretches import AgreedVersion, Moved, Stretch, Term, stretches_of
from settlement.true_ups.turnover import StoreTurnover, Turnover, Window, settled_by_store, turnover_in
from tenants.kernel.ids import ContractId, PartyId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of one party, reckoned."""

    stretch: Stretch
    term: Term
    due: PeriodDue
    by_store: dict[StoreId, Fen]
    """The true-up, spread over the stores by what was sold there."""
    before: ReckonedBefore | None = None

    def told(self) -> Reckoned:
        """As it is shown."""
        return Reckoned(
            versions=[each.version for each in self.stretch.versions], first_day=self.term.first_day,
            last_day=self.term.last_day, rules=self.stretch.rules, due=self.due, before=self.before,
        )  # fmt: skip


class Told(NamedTuple):
    """What was reckoned, and the period whose closing did it."""

    period_on: date
    reckoned: Reckoned


class Owed(NamedTuple):
    """A term to settle, and the periods whose movements it counts."""

    term: Term
    periods: Sequence[date]


class Planned(NamedTuple):
    """The terms that a closing settles of one stretch, and everything that was reckoned of its party before."""

    code: str
    party_id: PartyId
    stretch: Stretch
    owed: Sequence[Owed]
    told: Sequence[Told]


async def plan(
    db: Reading, agreed: Mapping[str, Sequence[AgreedVersion]], *, month: date, moved: Moved
) -> list[Planned]:
    """Every term that ends in this period, is reckoned again, or was cut at the end of the last closed one after that was closed."""
    planned = []
    for code, versions in agreed.items():
        for party_id in sorted({party for version in versions for party in version.rules}):
            for stretch in stretches_of(versions, party_id):
                owed = [*_again(stretch, month=month, moved=moved), *_ending(stretch, month)]
                newest = stretch.last.version == versions[-1].version
                if newest and not owed:
                    continue
                told = await _told_of(db, code=code, party_id=party_id)
                if not newest:
                    cut = _cut(stretch, await _closed_before(db, code=code, month=month), told=told)
                    owed += [each for each in cut if each.term not in {found.term for found in owed}]
                planned.append(Planned(code, party_id, stretch, owed, told))
    return planned


async def reckon(
    db: Reading, planned: Sequence[Planned], *, month: date
) -> dict[tuple[str, PartyId], list[Settled]]:
    """What each term comes to, by contract and party; the ledger is read once for all that count the same periods alike."""
    turnovers = await _turnovers(db, planned, month=month)
    found: dict[tuple[str, PartyId], list[Settled]] = defaultdict(list)
    for each in planned:
        if each.owed:
            turnover = turnovers[_reads(each)]
            found[each.code, each.party_id] += await _settled(db, each, turnover=turnover)
    return found


Reads = tuple[ReturnsCount, tuple[date, ...]]
"""How returns are counted, and in which periods: what is alike in these is read together."""


def _reads(planned: Planned) -> Reads:
    periods = sorted({period for each in planned.owed for period in each.periods})
    return planned.stretch.rules.returns_count, tuple(periods)


async def _turnovers(db: Reading, planned: Sequence[Planned], *, month: date) -> dict[Reads, Turnover]:
    ids: dict[Reads, set[ContractId]] = defaultdict(set)
    for each in planned:
        if each.owed:
            ids[_reads(each)].update(each.stretch.contract_ids)
    return {
        (counting, periods): await turnover_in(
            db, Window(contract_ids=sorted(chosen), through=month, periods=periods), counting=counting
        )
        for (counting, periods), chosen in ids.items()
    }


def _ending(stretch: Stretch, month: date) -> list[Owed]:
    """The term that ends in this period."""
    term = stretch.within(month)
    ends = term is not None and term.ends_in == month
    return [Owed(term, months_through(term.first_period, month))] if term is not None and ends else []


def _again(stretch: Stretch, *, month: date, moved: Moved) -> list[Owed]:
    """The terms that ended before this period, and of which something moved in it."""
    if stretch.counts_when_sold:
        terms = {
            term.first_day: term
            for term in map(stretch.term_of_sales, moved.sales_of(stretch))
            if term is not None and term.ends_in < month
        }
        return [
            Owed(term, stretch.periods_of_sales(term, through=month)) for _, term in sorted(terms.items())
        ]
    last = stretch.last_term
    if last is None or last.ends_in >= month or not moved.reaches(stretch):
        return []
    return [Owed(last, months_through(last.first_period, month))]


def _cut(stretch: Stretch, previous: date | None, *, told: Sequence[Told]) -> list[Owed]:
    """The term that a later version cut at the end of the last closed period, after that was closed."""
    cut = None if previous is None else stretch.cut_in(previous)
    if cut is None or any(stretch.covers(each.reckoned, cut) for each in told):
        return []
    return [Owed(cut, months_through(cut.first_period, cut.ends_in))]


async def _settled(db: Reading, planned: Planned, *, turnover: Turnover) -> list[Settled]:
    """The terms of one stretch, reckoned."""
    stretch, party_id = planned.stretch, planned.party_id
    found = []
    for each in planned.owed:
        stores = turnover.of(stretch.contract_ids, party_id=party_id, periods=each.periods)
        if stretch.last.left_to_seller and not stores:
            stores = await unsold_stores(db, stretch.last.contract_id)
        earlier = [past for past in planned.told if stretch.covers(past.reckoned, each.term)]
        settled = _reckoned(stretch, each.term, stores=stores, earlier=earlier)
        found.append(
            await _by_store_again(db, settled, party_id=party_id, stores=stores) if earlier else settled
        )
    return found


def _reckoned(
    stretch: Stretch, term: Term, *, stores: dict[StoreId, StoreTurnover], earlier: Sequence[Told]
) -> Settled:
    """One term, less what was settled of it before."""
    due = period_due(
        stretch.rules,
        turnover_fen=Fen(sum(each.turnover_fen for each in stores.values())),
        provisional_fen=Fen(sum(each.provisional_fen for each in stores.values())),
        days_in_force=term.days_in_force,
        days_in_period=term.days_in_period,
        earlier_fen=Fen(sum(each.reckoned.due.true_up_fen for each in earlier)),
    )
    return Settled(
        stretch=stretch, term=term, due=due, by_store=spread(due.true_up_fen, stores), before=_before(earlier)
    )


def _before(earlier: Sequence[Told]) -> ReckonedBefore | None:
    """What the term came to when it was reckoned last."""
    if not earlier:
        return None
    period_on, last = max(earlier, key=lambda each: each.period_on)
    return ReckonedBefore(
        period_on=period_on, turnover_fen=last.due.turnover_fen, provisional_fen=last.due.provisional_fen,
        due_fen=last.due.due_fen,
    )  # fmt: skip


async def _by_store_again(
    db: Reading, settled: Settled, *, party_id: PartyId, stores: dict[StoreId, StoreTurnover]
) -> Settled:
    """Each store's part of all that the term gives, less what was settled there: of two franchisees none keeps what the other then pays."""
    term = settled.term
    before = await settled_by_store(
        db, settled.stretch.contract_ids, party_id=party_id, first_day=term.first_day, last_day=term.last_day
    )
    parts = spread(Fen(settled.due.due_fen - settled.due.provisional_fen), stores)
    known = {store_id: fen for store_id, fen in before.items() if store_id is not None}
    if len(known) < len(before) or not parts:
        return settled
    again = {each: Fen(parts.get(each, 0) - known.get(each, 0)) for each in sorted({*parts, *known})}
    return msgspec.structs.replace(settled, by_store=again)


async def _told_of(db: Reading, *, code: str, party_id: PartyId) -> list[Told]:
    """Everything that was reckoned of the party under the contract: what of it a store's own owner settled with himself too."""
    found = await _told(db, TrueUp.contract_code == code, TrueUp.party_id == party_id)
    return found.get((code, party_id), [])


async def told_of_all(db: Reading) -> dict[tuple[str, PartyId], list[Told]]:
    """Everything that was ever reckoned, by contract and party."""
    return await _told(db)


async def _told(db: Reading, *chosen: Any) -> dict[tuple[str, PartyId], list[Told]]:
    statement = select(TrueUp.contract_code, TrueUp.party_id, TrueUp.period_on, TrueUp.reckoning).where(
        TrueUp.tenant_id == db.tenant_id, *chosen
    )
    found: dict[tuple[str, PartyId], list[Told]] = defaultdict(list)
    for row in (await db.execute(statement.order_by(TrueUp.period_on))).all():
        told = [Told(row.period_on, each) for each in msgspec.convert(row.reckoning, list[Reckoned])]
        found[row.contract_code, PartyId(row.party_id)] += told
    return found


async def _closed_before(db: Reading, *, code: str, month: date) -> date | None:
    """The last period of the contract that was closed before this one."""
    statement = select(func.max(Period.starts_on)).where(
        Period.tenant_id == db.tenant_id, Period.contract_code == code, Period.state == PeriodState.CLOSED,
        Period.starts_on < month,
    )  # fmt: skip
    return (await db.execute(statement)).scalar_one_or_none()


async def unsold_stores(db: Reading, contract_id: ContractId) -> dict[StoreId, StoreTurnover]:
    """The stores that a contract names, without a sale: what nothing was sold for is borne by whoever should have sold there."""
    named = select(ContractStore.store_id).where(
        ContractStore.tenant_id == db.tenant_id, ContractStore.contract_id == contract_id
    )
    return {StoreId(store_id): StoreTurnover() for store_id in (await db.execute(named)).scalars()}
