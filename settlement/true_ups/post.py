"""结算调整: settles, when a period is closed, what its terms (guarantee, tiers, cap) give a party beside its sales.

Sales were split at the provisional rate and are never split again. One journal for each contract, party and closed period, found by its
key: posting twice posts nothing. The party's account moves against clearing, clearing against that of whoever has the rest of a store's
sales: the contract's residual party, or the franchisee that sells there on the term's last day. Every step of the reckoning is kept
beside it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert, select

from settlement.agreements.models import ContractPeriodTerms, TrueUp
from settlement.agreements.queries import period_rules_of
from settlement.agreements.sides import sellers_at
from settlement.agreements.views import Reckoned, TrueUpView
from settlement.calendar import ONE_DAY
from settlement.ledger import Movement, append, clearing_account, open_journal, payable_account
from settlement.models import Contract, ContractStore
from settlement.parties import ensure_parties
from settlement.queries import parties
from settlement.states import Cause
from settlement.terms import HOUSE, party_id_of
from settlement.true_ups.period_terms import PeriodDue, period_due
from settlement.true_ups.stretches import AgreedVersion, Stretch, Term, stretches_of
from settlement.true_ups.turnover import StoreTurnover, moved_in, true_ups_before, turnover_of
from tenants.kernel.ids import ContractId, PartyId, StoreId, derived_id
from tenants.kernel.money import Fen, allocate
from tenants.kernel.scope import Reading, Writing


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of one party, reckoned."""

    stretch: Stretch
    term: Term
    due: PeriodDue
    by_store: dict[StoreId | None, Fen]
    """The true-up, store by store; None: the contract's own."""

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
            settled = await reckon(db, versions, party_id=party_id, month=month, moved=moved)
            if settled:
                entries += await _post(db, settled, code=code, party_id=party_id, month=month, now=now)
    return entries


async def reckon(
    db: Reading, versions: Sequence[AgreedVersion], *, party_id: PartyId, month: date, moved: frozenset[UUID]
) -> list[Settled]:
    """What each stretch whose term ends in this period comes to; or ended before it, and something `moved` under it in this one."""
    found = []
    for stretch in stretches_of(versions, party_id):
        term = _settling(stretch, month=month, moved=moved)
        if term is None:
            continue
        stores = await turnover_of(
            db, stretch.contract_ids, party_id=party_id, first=term.first_period, last=month
        )
        earlier = await true_ups_before(
            db, stretch.contract_ids, party_id=party_id, first=term.first_period, last=month
        )
        if stretch.last.left_to_seller and not stores:
            stores = await _unsold(db, stretch.last.contract_id)
        due = period_due(
            stretch.rules,
            turnover_fen=Fen(sum(each.turnover_fen for each in stores.values())),
            provisional_fen=Fen(sum(each.provisional_fen for each in stores.values())),
            days_in_force=term.days_in_force,
            days_in_period=term.days_in_period,
            earlier_fen=Fen(sum(earlier.values())),
        )
        by_store = _by_store(due, stores, earlier=earlier)
        found.append(Settled(stretch=stretch, term=term, due=due, by_store=by_store))
    return found


def _settling(stretch: Stretch, *, month: date, moved: frozenset[UUID]) -> Term | None:
    """The term of a stretch that closing this period settles, None for none.

    What comes back after its last day belongs to its last term, which is reckoned again with it, less what was settled before: else a
    mall would have more, or less, than its guarantee or its cap, only because a refund came a week later.
    """
    term = stretch.within(month)
    if term is not None and term.ends_in >= month:
        return term if term.ends_in == month else None
    last = stretch.last_term
    if last is None or last.ends_in >= month or moved.isdisjoint(stretch.contract_ids):
        return None
    return last


async def _unsold(db: Reading, contract_id: ContractId) -> dict[StoreId, StoreTurnover]:
    """The stores that a contract names, without a sale: what nothing was sold for is borne by whoever should have sold there."""
    named = select(ContractStore.store_id).where(
        ContractStore.tenant_id == db.tenant_id, ContractStore.contract_id == contract_id
    )
    return {StoreId(store_id): StoreTurnover() for store_id in (await db.execute(named)).scalars()}


def _by_store(
    due: PeriodDue, stores: Mapping[StoreId, StoreTurnover], *, earlier: Mapping[StoreId | None, Fen]
) -> dict[StoreId | None, Fen]:
    """What of the true-up is each store's: its part of all that the terms give, by what was sold there, less what it had before.

    Not a part of the difference: of two franchisees the one whose goods came back would keep what it was given for them.
    """
    whole = Fen(due.due_fen - due.provisional_fen)
    parts: dict[StoreId | None, Fen] = dict(spread(whole, stores).items()) or {None: whole}
    ids = sorted({*parts, *earlier}, key=str)
    return {each: Fen(parts.get(each, 0) - earlier.get(each, 0)) for each in ids}


def spread(amount: Fen, stores: Mapping[StoreId, StoreTurnover]) -> dict[StoreId, Fen]:
    """Spread a true-up over stores in proportion to what was sold there; evenly where nothing was. Without a store it is the contract's own."""
    ids = sorted(stores)
    weights = [max(0, stores[store_id].turnover_fen) for store_id in ids]
    if not any(weights):
        weights = [1] * len(ids)
    if not ids:
        return {}
    sign = -1 if amount < 0 else 1
    parts = allocate(Fen(abs(amount)), weights=weights)
    return {store_id: Fen(sign * part) for store_id, part in zip(ids, parts, strict=True)}


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
    """The franchisees that have the rest of these stores' sales at the end of the term; none where the contract leaves it to nobody else."""
    version = settled.stretch.last
    if not version.left_to_seller:
        return {}
    after = datetime.combine(settled.term.last_day + ONE_DAY, time(0), ZoneInfo(version.time_zone))
    over = after if version.active_to is None else min(after, version.active_to)
    stores = [store_id for store_id in settled.by_store if store_id is not None]
    sellers = await sellers_at(db, stores, at=over - timedelta(microseconds=1))
    await ensure_parties(db, list(sellers.values()), now=now)
    return {store_id: party_id_of(db.tenant_id, seller.code) for store_id, seller in sellers.items()}


def _movements(
    settled: Settled, *, party_id: PartyId, sellers: Mapping[StoreId, PartyId], month: date
) -> list[Movement]:
    """Both halves of each store's part: the party's account against clearing, and the other way that of whoever has the rest."""
    contract = settled.stretch.last
    found = []
    for store_id, amount in settled.by_store.items():
        rest = (
            contract.residual_party_id
            if store_id is None
            else sellers.get(store_id, contract.residual_party_id)
        )
        if rest == party_id:
            # It would settle with itself: all that is left there is its own already.
            continue
        found += [
            Movement(
                cause=Cause.TRUE_UP, amount_fen=Fen(sign * amount), party_id=owed,
                against=clearing_account(store_id=store_id, contract_id=contract.contract_id),
                account=payable_account(owed, store_id=store_id, contract_id=contract.contract_id),
                contract_id=contract.contract_id, store_id=store_id, occurred_on=settled.term.last_day,
                period_on=month,
            )
            for owed, sign in ((party_id, 1), (rest, -1))
        ]  # fmt: skip
    return found


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
