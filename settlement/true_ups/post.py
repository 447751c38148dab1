"""结算调整: settles, when a period is closed, what its terms (guarantee, tiers, cap) give a party beside its sales.

Sales were split at the provisional rate and are never split again. One journal for each contract, party and closed period, found by its
key: posting twice posts nothing; each of its entries names its term by that's last day. The party's account moves against clearing,
clearing against that of whoever has the rest of a store's sales: the contract's residual party, or the franchisee that sells there on the
term's last day. Every step of the reckoning is kept beside it. Which terms a closing settles, and what they come to, is `reckon`'s.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import insert, select

from settlement.agreements.agreed import ReturnsCount
from settlement.agreements.models import ContractPeriodTerms, TrueUp
from settlement.agreements.queries import period_rules_of
from settlement.agreements.views import Reckoned, TrueUpView
from settlement.ledger import Movement, append, clearing_account, open_journal, payable_account
from settlement.models import Contract
from settlement.parties import ensure_parties
from settlement.queries import parties
from settlement.states import Cause
from settlement.terms import HOUSE, party_id_of
from settlement.true_ups.bearers import halves, sellers_of
from settlement.true_ups.reckon import Settled, plan, reckon
from settlement.true_ups.stretches import AgreedVersion, Moved
from settlement.true_ups.turnover import moved_in
from tenants.kernel.ids import ContractId, PartyId, StoreId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

NOTHING_MOVED = Moved(contract_ids=frozenset(), sold_in={})


async def post_true_ups(db: Writing, month: date, *, now: datetime) -> int:
    """Settle every term that ends in this period (its first day); to be called when the period is shut and before its statements are written.

    Returns the entries written.
    """
    entries = 0
    agreed = await agreed_versions(db)
    moved = (
        await moved_in(db, month, counted_when_sold=_counted_when_sold(agreed)) if agreed else NOTHING_MOVED
    )
    planned = await plan(db, agreed, month=month, moved=moved)
    for (code, party_id), settled in (await reckon(db, planned, month=month)).items():
        entries += await _post(db, settled, code=code, party_id=party_id, month=month, now=now)
    return entries


def _counted_when_sold(agreed: Mapping[str, Sequence[AgreedVersion]]) -> list[ContractId]:
    """The versions that take what comes back off the period its goods were sold in, for some party."""
    return [
        each.contract_id for versions in agreed.values() for each in versions
        if any(rules.returns_count is ReturnsCount.WHEN_SOLD for rules in each.rules.values())
    ]  # fmt: skip


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
