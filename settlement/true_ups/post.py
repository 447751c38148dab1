"""结算调整: settles, when a period is closed, what its terms (guarantee, tiers, cap) give a party beside its sales.

Sales were split at the provisional rate and are never split again. One journal for each contract, party and closed period, found by its
key: posting twice posts nothing. A term that a later version cuts at the end of a closed period is settled with the next one. The party's account moves against clearing, clearing against that of whoever has the rest of a store's
sales: the contract's residual party, or the franchisee that sells there on the term's last day. Every step of the reckoning is kept
beside it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, insert, select

from settlement.agreements.models import ContractPeriodTerms, TrueUp
from settlement.agreements.queries import period_rules_of
from settlement.agreements.views import Reckoned, TrueUpView
from settlement.ledger import Movement, append, clearing_account, open_journal, payable_account
from settlement.models import Contract, ContractStore, Period
from settlement.parties import ensure_parties
from settlement.queries import parties
from settlement.states import Cause, PeriodState
from settlement.terms import HOUSE, party_id_of
from settlement.true_ups.bearers import halves, sellers_of, spread
from settlement.true_ups.period_terms import PeriodDue, period_due
from settlement.true_ups.stretches import AgreedVersion, Stretch, Term, stretches_of
from settlement.true_ups.turnover import StoreTurnover, moved_in, settled_by_store, turnover_of
from tenants.kernel.ids import ContractId, PartyId, StoreId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of one party, reckoned."""

    stretch: Stretch
    term: Term
    due: PeriodDue
    by_store: dict[StoreId, Fen]
    """The true-up, spread over the stores by what was sold there."""

    def told(self) -> Reckoned:
        """As it is shown."""
        return Reckoned(
            versions=[each.version for each in self.stretch.versions], first_day=self.term.first_day,
            last_day=self.term.last_day, rules=self.stretch.rules, due=self.due,
        )  # fmt: skip


async def post_true_ups(db: Writing, month: date, *, now: datetime) -> int:
    """Settle every term that ends in this period (its first day); to be called when the period is shut and before its statements are written.

    Returns the entries written.
    """
    entries = 0
    agreed = await agreed_versions(db)
    moved = await moved_in(db, month) if agreed else frozenset()
    for code, versions in agreed.items():
        for party_id in sorted({party for version in versions for party in version.rules}):
            settled = await reckon(db, versions, code=code, party_id=party_id, month=month, moved=moved)
            if settled:
                entries += await _post(db, settled, code=code, party_id=party_id, month=month, now=now)
    return entries


async def reckon(
    db: Reading,
    versions: Sequence[AgreedVersion],
    *,
    code: str,
    party_id: PartyId,
    month: date,
    moved: frozenset[UUID],
) -> list[Settled]:
    """What each stretch comes to whose term ends in this period, or was cut at the end of the last closed one after that was closed.

    What comes back after a stretch's last day belongs to its last term, which is reckoned again with what `moved` in this period, less
    what was settled before: else a mall would have more, or less, than its guarantee or cap because a refund came a week later.
    """
    told = await _told_before(db, code=code, party_id=party_id)
    previous = await _closed_before(db, code=code, month=month)
    found = []
    for stretch in stretches_of(versions, party_id):
        term = stretch.within(month)
        if term is not None and term.ends_in == month:
            earlier = [each for each in told if stretch.covers(each, term)]
            found.append(await _reckoned(db, stretch, term, party_id=party_id, earlier=earlier))
        late = _late(stretch, month=month, moved=moved)
        if late is not None:
            earlier = [each for each in told if stretch.covers(each, late)]
            again = await _reckoned(db, stretch, late, party_id=party_id, earlier=earlier, last=month)
            found.append(await _by_store_again(db, again, party_id=party_id, month=month))
            continue
        if previous is None or stretch.last.version == versions[-1].version:
            continue
        cut = stretch.cut_in(previous)
        if cut is not None and not any(stretch.covers(each, cut) for each in told):
            found.append(await _reckoned(db, stretch, cut, party_id=party_id, earlier=[]))
    return found


def _late(stretch: Stretch, *, month: date, moved: frozenset[UUID]) -> Term | None:
    """The last term of a stretch that ended before this period, where something moved under it since; else None."""
    last = stretch.last_term
    ended = last is not None and last.ends_in < month
    return last if ended and not moved.isdisjoint(stretch.contract_ids) else None


async def _by_store_again(db: Reading, settled: Settled, *, party_id: PartyId, month: date) -> Settled:
    """Each store's part of all that the term gives, less what was settled there: of two franchisees none keeps what the other then pays."""
    ids, first = settled.stretch.contract_ids, settled.term.first_period
    before = await settled_by_store(db, ids, party_id=party_id, first=first, last=month)
    stores = await turnover_of(db, ids, party_id=party_id, first=first, last=month)
    parts = spread(Fen(settled.due.due_fen - settled.due.provisional_fen), stores)
    known = {store_id: fen for store_id, fen in before.items() if store_id is not None}
    if len(known) < len(before) or not parts:
        return settled
    again = {each: Fen(parts.get(each, 0) - known.get(each, 0)) for each in sorted({*parts, *known})}
    return msgspec.structs.replace(settled, by_store=again)


async def _reckoned(
    db: Reading,
    stretch: Stretch,
    term: Term,
    *,
    party_id: PartyId,
    earlier: Sequence[Reckoned],
    last: date | None = None,
) -> Settled:
    """One stretch's term, over the periods up to the one that it ends in, or up to `last`."""
    stores = await turnover_of(
        db, stretch.contract_ids, party_id=party_id, first=term.first_period, last=last or term.ends_in
    )
    if stretch.last.left_to_seller and not stores:
        stores = await _unsold(db, stretch.last.contract_id)
    due = period_due(
        stretch.rules,
        turnover_fen=Fen(sum(each.turnover_fen for each in stores.values())),
        provisional_fen=Fen(sum(each.provisional_fen for each in stores.values())),
        days_in_force=term.days_in_force,
        days_in_period=term.days_in_period,
        earlier_fen=Fen(sum(each.due.true_up_fen for each in earlier)),
    )
    return Settled(stretch=stretch, term=term, due=due, by_store=spread(due.true_up_fen, stores))


async def _told_before(db: Reading, *, code: str, party_id: PartyId) -> list[Reckoned]:
    """Everything that was reckoned of the party under the contract: what of it a store's own owner settled with himself too."""
    statement = select(TrueUp.reckoning).where(
        TrueUp.tenant_id == db.tenant_id, TrueUp.contract_code == code, TrueUp.party_id == party_id
    )
    rows = (await db.execute(statement)).scalars()
    return [each for row in rows for each in msgspec.convert(row, list[Reckoned])]


async def _closed_before(db: Reading, *, code: str, month: date) -> date | None:
    """The last period of the contract that was closed before this one."""
    statement = select(func.max(Period.starts_on)).where(
        Period.tenant_id == db.tenant_id, Period.contract_code == code, Period.state == PeriodState.CLOSED,
        Period.starts_on < month,
    )  # fmt: skip
    return (await db.execute(statement)).scalar_one_or_none()


async def _unsold(db: Reading, contract_id: ContractId) -> dict[StoreId, StoreTurnover]:
    """The stores that a contract names, without a sale: what nothing was sold for is borne by whoever should have sold there."""
    named = select(ContractStore.store_id).where(
        ContractStore.tenant_id == db.tenant_id, ContractStore.contract_id == contract_id
    )
    return {StoreId(store_id): StoreTurnover() for store_id in (await db.execute(named)).scalars()}


async def _post(
    db: Writing, settled: Sequence[Settled], *, code: str, party_id: PartyId, month: date, now: datetime
) -> int:
    movements: list[Movement] = []
    for each in settled:
        sellers = await _sellers(db, each, now=now)
        movements += _movements(each, party_id=party_id, sellers=sellers, month=month)
    if not movements:
        return 0
    cause_id = derived_id(db.tenant_id, "true_up", code, party_id, month.isoformat())
    journal_id = await open_journal(db, Cause.TRUE_UP, cause_id=cause_id, occurred_at=now, now=now)
    if journal_id is None:
        return 0
    row = {
        "tenant_id": db.tenant_id, "id": cause_id, "contract_code": code, "party_id": party_id,
        "term_starts_on": min(each.term.first_period for each in settled), "period_on": month,
        "amount_fen": sum(each.amount_fen for each in movements if each.party_id == party_id),
        "reckoning": [msgspec.to_builtins(each.told()) for each in settled], "created_at": now,
    }  # fmt: skip
    await db.execute(insert(TrueUp).values(row))
    return await append(db, movements, journal_id=journal_id)


async def _sellers(db: Writing, settled: Settled, *, now: datetime) -> dict[StoreId, PartyId]:
    """Who has the rest of these stores' sales at the end of the term where it is not the contract's residual party."""
    sellers = await sellers_of(
        db, settled.stretch.last, store_ids=settled.by_store, last_day=settled.term.last_day
    )
    await ensure_parties(db, list(sellers.values()), now=now)
    return {store_id: party_id_of(db.tenant_id, seller.code) for store_id, seller in sellers.items()}


def _movements(
    settled: Settled, *, party_id: PartyId, sellers: Mapping[StoreId, PartyId], month: date
) -> list[Movement]:
    """Each half as a movement: a party's account against clearing."""
    contract = settled.stretch.last
    found = halves(
        settled.due.true_up_fen, settled.by_store, party_id=party_id, residual=contract.residual_party_id,
        sellers=sellers,
    )  # fmt: skip
    return [
        Movement(
            cause=Cause.TRUE_UP, amount_fen=half.amount_fen, party_id=half.party_id,
            against=clearing_account(store_id=half.store_id, contract_id=contract.contract_id),
            account=payable_account(half.party_id, store_id=half.store_id, contract_id=contract.contract_id),
            contract_id=contract.contract_id, store_id=half.store_id, occurred_on=settled.term.last_day,
            period_on=month,
        )
        for half in found
    ]  # fmt: skip


async def agreed_versions(
    db: Reading, *, codes: Sequence[str] | None = None
) -> dict[str, list[AgreedVersion]]:
    """All versions, in order, of the contracts that agree something on periods."""
    agreeing = select(Contract.code).join(
        ContractPeriodTerms,
        (ContractPeriodTerms.tenant_id == Contract.tenant_id) & (ContractPeriodTerms.contract_id == Contract.id),
    ).where(Contract.tenant_id == db.tenant_id, ContractPeriodTerms.tenant_id == db.tenant_id)  # fmt: skip
    statement = (
        select(
            Contract.id, Contract.code, Contract.version, Contract.residual_party_id, Contract.residual_by_owner,
            Contract.time_zone, Contract.cut_off_day, Contract.active_from, Contract.active_to,
        )
        .where(Contract.tenant_id == db.tenant_id, Contract.code.in_(agreeing))
        .order_by(Contract.code, Contract.version)
    )  # fmt: skip
    if codes is not None:
        statement = statement.where(Contract.code.in_(list(codes)))
    rows = (await db.execute(statement)).all()
    rules = await period_rules_of(db, [row.id for row in rows])
    found: dict[str, list[AgreedVersion]] = defaultdict(list)
    for row in rows:
        found[row.code].append(
            AgreedVersion(
                contract_id=ContractId(row.id), version=row.version,
                residual_party_id=PartyId(row.residual_party_id),
                left_to_seller=row.residual_by_owner or row.code == HOUSE, time_zone=row.time_zone,
                cut_off_day=row.cut_off_day, active_from=row.active_from, active_to=row.active_to,
                rules=rules.get(ContractId(row.id), {}),
            )
        )  # fmt: skip
    return dict(found)


async def true_ups(db: Reading, *, month: date, party_id: PartyId | None = None) -> list[TrueUpView]:
    """The true-ups booked into a period, with every step of their reckoning: what a statement's sheet prints."""
    statement = select(TrueUp).where(TrueUp.tenant_id == db.tenant_id, TrueUp.period_on == month)
    if party_id is not None:
        statement = statement.where(TrueUp.party_id == party_id)
    people = await parties(db)
    rows = (await db.execute(statement.order_by(TrueUp.contract_code, TrueUp.party_id))).scalars()
    return [
        TrueUpView(
            contract_code=row.contract_code, party=people[PartyId(row.party_id)],
            term_starts_on=row.term_starts_on, period_on=row.period_on, amount_fen=Fen(row.amount_fen),
            reckoning=msgspec.convert(row.reckoning, list[Reckoned]),
        )
        for row in rows
    ]  # fmt: skip
