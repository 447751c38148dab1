"""Answers orders' question before prepay: which terms apply to each line. Equal terms are one row for ever (`orders.ports.Terms`).

Reads contracts once for all questions of a call, decides each distinct question once, and writes only terms that are new; so the
same verb serves a cart of two lines and an imported day of a hundred thousand.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.funding import Funding
from orders.ports import LineTerms, TermsQuestion
from settlement.contracts import open_books
from settlement.errors import NoTermsInForce
from settlement.models import Contract, ContractRate, ContractStore, FrozenTerms, Party, TermsPortion
from settlement.parties import PLATFORM_CODE, ensure_guides, ensure_parties
from settlement.promotion_models import TermsFunder
from settlement.sides import SideBook, read_sides
from settlement.states import PartyKind
from settlement.terms import (
    HOUSE,
    ContractVersion,
    LineSplit,
    Rate,
    contract_for,
    guide_party_code,
    line_split,
    party_id_of,
)
from tenants.kernel.ids import ContractId, PartyId, StoreId, TenantId, TermsId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading, Writing
from tenants.queries import find_tenant

AT_ONCE = 5_000
"""Rows a statement: the driver takes 32,767 parameters."""


class ContractTerms:
    """The terms that contracts give: settlement's answer to `orders.ports.Terms`. Holds nothing."""

    async def freeze(self, db: Writing, questions: Sequence[TermsQuestion]) -> list[LineTerms]:
        """Intern the terms in force for each question, in order; raises NoTermsInForce, or RatesExceedWhole with the sum."""
        return await freeze(db, questions)

    async def foretell(self, db: Reading, questions: Sequence[TermsQuestion]) -> bool:
        """Whether any of the lines would mark the payment for splitting; writes nothing."""
        return await foretell(db, questions)


async def freeze(db: Writing, questions: Sequence[TermsQuestion]) -> list[LineTerms]:
    """Intern the terms in force for each question, in order."""
    if not questions:
        return []
    book = await _read_book(db, questions)
    if not any(contract.code == HOUSE for contract in book.contracts):
        await open_books(db, now=max(question.at for question in questions))
        book = await _read_book(db, questions)
    decided = book.decide(questions)
    ids = {split: split.terms_id(db.tenant_id) for split in set(decided.values())}
    await _intern(db, {ids[split]: split for split in ids}, questions=questions, sides=book.sides)
    return [_answer(decided[question], ids) for question in questions]


async def foretell(db: Reading, questions: Sequence[TermsQuestion]) -> bool:
    """Whether any of the lines would mark the payment for splitting; a tenant whose books are not opened yet splits nothing."""
    book = await _read_book(db, questions)
    try:
        return any(split.profit_sharing for split in book.decide(questions).values())
    except NoTermsInForce:
        return False


class _Book(msgspec.Struct):
    """What the contracts say about the stores that are asked about."""

    tenant_id: TenantId
    platform_fee: Bps
    contracts: list[ContractVersion]
    sides: SideBook

    def decide(self, questions: Sequence[TermsQuestion]) -> dict[TermsQuestion, LineSplit]:
        """The terms of each distinct question."""
        by_store: dict[StoreId, list[ContractVersion]] = defaultdict(list)
        for contract in self.contracts:
            for store_id in contract.store_ids:
                by_store[store_id].append(contract)
        house = [contract for contract in self.contracts if contract.code == HOUSE]
        decided: dict[tuple[Any, ...], LineSplit] = {}
        answers: dict[TermsQuestion, LineSplit] = {}
        for question in questions:
            candidates = by_store.get(question.store_id, []) + house
            contract = contract_for(candidates, store_id=question.store_id, at=question.at)
            sides = self.sides.of(question)
            collector = contract.collector(
                through_channel=question.through_channel, payee=sides.payee, source=question.source_name
            )
            key = (
                contract.contract_id, question.category_code, question.guide_id, question.guide_rate_bps,
                question.through_channel, sides.seller, collector, sides.funding,
            )  # fmt: skip
            if key not in decided:
                sold = contract.sold_by(sides.seller)
                decided[key] = self._line_split(sold, question, collector=collector, funding=sides.funding)
            answers[question] = decided[key]
        return answers

    def _line_split(
        self,
        contract: ContractVersion,
        question: TermsQuestion,
        *,
        collector: PartyId | None,
        funding: Funding | None,
    ) -> LineSplit:
        platform = guide = None
        if question.through_channel:
            platform = Rate(
                party_id=party_id_of(self.tenant_id, PLATFORM_CODE), kind=PartyKind.PLATFORM,
                rate_bps=self.platform_fee,
            )  # fmt: skip
        if question.guide_id is not None:
            code = guide_party_code(question.guide_id)
            guide = Rate(
                party_id=party_id_of(self.tenant_id, code), kind=PartyKind.GUIDE,
                rate_bps=question.guide_rate_bps,
            )  # fmt: skip
        split = line_split(
            contract, category_code=question.category_code, platform=platform, guide=guide, collector=collector,
            funding=funding,
        )  # fmt: skip
        if question.through_channel:
            return split
        return msgspec.structs.replace(split, profit_sharing=False)


async def _read_book(db: Reading, questions: Sequence[TermsQuestion]) -> _Book:
    stores = {question.store_id for question in questions}
    first = min((question.at for question in questions), default=None)
    last = max((question.at for question in questions), default=None)
    brand = await find_tenant(db)
    if first is None or last is None:
        return _Book(db.tenant_id, brand.platform_fee_bps, [], SideBook(db.tenant_id, brand.name, {}, {}, {}))
    covered = await _covering(db, stores, first=first, last=last)
    rates = await _rates_of(db, [row.id for row, _ in covered])
    contracts = [
        ContractVersion(
            contract_id=ContractId(row.id), code=row.code, version=row.version,
            residual_party_id=PartyId(row.residual_party_id), profit_sharing=row.profit_sharing,
            active_from=row.active_from, active_to=row.active_to, store_ids=frozenset(store_ids),
            rates=tuple(rates.get(ContractId(row.id), ())), residual_by_owner=row.residual_by_owner,
            collected_by=row.collected_by_party_id, collected_sources=tuple(row.collected_sources),
        )
        for row, store_ids in covered
    ]  # fmt: skip
    sides = await read_sides(db, questions, first=first, last=last, brand_name=brand.name)
    return _Book(db.tenant_id, brand.platform_fee_bps, contracts, sides)


async def _covering(
    db: Reading, stores: set[StoreId], *, first: datetime, last: datetime
) -> list[tuple[Any, list[StoreId]]]:
    """The versions in force some time between `first` and `last` that cover one of the stores, and the house's."""
    names_store = and_(
        ContractStore.tenant_id == db.tenant_id, ContractStore.contract_id == Contract.id,
        ContractStore.store_id.in_(stores),
    )  # fmt: skip
    columns = (
        Contract.id, Contract.code, Contract.version, Contract.residual_party_id, Contract.profit_sharing,
        Contract.active_from, Contract.active_to, Contract.residual_by_owner, Contract.collected_by_party_id,
        Contract.collected_sources,
    )  # fmt: skip
    statement = (
        select(ContractStore.store_id, *columns)
        .outerjoin_from(Contract, ContractStore, names_store)
        .where(
            Contract.tenant_id == db.tenant_id, Contract.active_from <= last,
            or_(Contract.active_to.is_(None), Contract.active_to > first),
            or_(ContractStore.store_id.is_not(None), Contract.code == HOUSE),
        )
    )  # fmt: skip
    versions: dict[Any, Any] = {}
    named: dict[Any, list[StoreId]] = defaultdict(list)
    for row in await db.execute(statement):
        versions[row.id] = row
        if row.store_id is not None:
            named[row.id].append(StoreId(row.store_id))
    return [(row, named[contract_id]) for contract_id, row in versions.items()]


async def _rates_of(db: Reading, contract_ids: list[ContractId]) -> dict[ContractId, list[Rate]]:
    statement = (
        select(
            ContractRate.contract_id, ContractRate.party_id, ContractRate.category_code, ContractRate.rate_bps, Party.kind
        )
        .join(Party, and_(Party.tenant_id == ContractRate.tenant_id, Party.id == ContractRate.party_id))
        .where(
            ContractRate.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id,
            ContractRate.contract_id.in_(contract_ids),
        )
    )  # fmt: skip
    found: dict[ContractId, list[Rate]] = defaultdict(list)
    for row in await db.execute(statement):
        rate = Rate(
            party_id=PartyId(row.party_id), kind=PartyKind(row.kind), category_code=row.category_code,
            rate_bps=Bps(row.rate_bps),
        )  # fmt: skip
        found[ContractId(row.contract_id)].append(rate)
    return found


async def _intern(
    db: Writing, wanted: dict[TermsId, LineSplit], *, questions: Sequence[TermsQuestion], sides: SideBook
) -> None:
    """Write the terms that are not there yet; in the steady state one look-up and nothing else."""
    new = dict(wanted)
    ids = sorted(wanted)
    for start in range(0, len(ids), AT_ONCE):
        known = select(FrozenTerms.id).where(
            FrozenTerms.tenant_id == db.tenant_id, FrozenTerms.id.in_(ids[start : start + AT_ONCE])
        )
        for terms_id in (await db.execute(known)).scalars():
            del new[TermsId(terms_id)]
    if not new:
        return
    owed = {portion.party_id for split in new.values() for portion in split.portions}
    guides = {question.guide_id for question in questions if question.guide_id is not None}
    named = {each for each in guides if party_id_of(db.tenant_id, guide_party_code(each)) in owed}
    now = max(question.at for question in questions)
    await ensure_guides(db, named, now=now)
    wanted_parties = {party_id for split in new.values() for party_id in split.sides()}
    known_sides = [sides.parties[party_id] for party_id in wanted_parties if party_id in sides.parties]
    await ensure_parties(db, known_sides, now=now)
    for start in range(0, len(new), AT_ONCE):
        await _write(db, {terms_id: new[terms_id] for terms_id in sorted(new)[start : start + AT_ONCE]})


async def _write(db: Writing, new: dict[TermsId, LineSplit]) -> None:
    terms = [
        {
            "tenant_id": db.tenant_id, "id": terms_id, "contract_id": split.contract_id,
            "residual_party_id": split.residual_party_id, "profit_sharing": split.profit_sharing,
            "collector_party_id": split.collector_party_id,
            "funder_party_id": split.funding.residual_party_id if split.funding else None,
            "content": split.content(),
        }
        for terms_id, split in new.items()
    ]  # fmt: skip
    portions = [
        {
            "tenant_id": db.tenant_id, "terms_id": terms_id, "party_id": portion.party_id,
            "rate_bps": portion.rate_bps,
        }
        for terms_id, split in new.items()
        for portion in split.portions
    ]  # fmt: skip
    await db.execute(upsert(FrozenTerms).on_conflict_do_nothing(), terms)
    funders = [
        {
            "tenant_id": db.tenant_id, "terms_id": terms_id, "party_id": funder.party_id,
            "rate_bps": funder.rate_bps,
        }
        for terms_id, split in new.items()
        for funder in (split.funding.funders if split.funding else ())
    ]  # fmt: skip
    for table, rows in ((TermsPortion, portions), (TermsFunder, funders)):
        if rows:
            await db.execute(upsert(table).on_conflict_do_nothing(), rows)


def _answer(split: LineSplit, ids: dict[LineSplit, TermsId]) -> LineTerms:
    return LineTerms(
        terms_id=ids[split], contract_id=split.contract_id, profit_sharing=split.profit_sharing,
        funding=split.funding,
    )  # fmt: skip
