"""Answers orders' question before prepay: which terms apply to each line. Equal terms are one row for ever (`orders.ports.Terms`).

Reads contracts once for all questions of a call, decides each distinct question once, and writes only terms that are new; so the
same verb serves a cart of two lines and an imported day of a hundred thousand.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.bases import BaseRule
from orders.funding import Funding
from orders.ports import LineTerms, NamedInRates, TermsQuestion
from settlement.agreements.promotion_models import TermsFunder
from settlement.agreements.promotions import promotion_codes
from settlement.agreements.queries import VERSION_COLUMNS, named_in_rates, rates_of, version_of
from settlement.agreements.sides import SideBook, read_sides
from settlement.contracts import open_books
from settlement.errors import NoTermsInForce
from settlement.models import Contract, ContractStore, FrozenTerms, TermsPortion
from settlement.parties import ensure_guides, ensure_parties, platform_rate
from settlement.posting.post_terms import booked_terms
from settlement.states import PartyKind
from settlement.terms import (
    HOUSE,
    Behind,
    ContractVersion,
    LineSplit,
    Rate,
    RatedLine,
    contract_for,
    guide_party_code,
    line_split,
    party_id_of,
)
from tenants.kernel.ids import ContractId, StoreId, TenantId, TermsId
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

    async def named_in_rates(self, db: Reading) -> NamedInRates:
        """The SKUs and promotions that terms may depend on."""
        return await named_in_terms(db)

    async def bases(self, db: Reading, terms_ids: Collection[TermsId]) -> dict[TermsId, BaseRule]:
        """How the base of goods sold on these terms is found."""
        return await bases(db, terms_ids)

    async def fundings(self, db: Reading, terms_ids: Collection[TermsId]) -> dict[TermsId, Funding]:
        """Who pays for the discounts of goods sold on these terms."""
        booked = await booked_terms(db, set(terms_ids))
        return {terms_id: terms.funding for terms_id, terms in booked.items() if terms.funding}


async def freeze(db: Writing, questions: Sequence[TermsQuestion]) -> list[LineTerms]:
    """Intern the terms in force for each question, in order."""
    if not questions:
        return []
    book = await _read_book(db, questions)
    if not any(contract.code == HOUSE for contract in book.contracts):
        await open_books(db, now=max(question.at for question in questions))
        book = await _read_book(db, questions)
    decided = book.decide(questions)
    ids = {split: split.terms_id(db.tenant_id) for split in {each.split for each in decided.values()}}
    await _intern(db, {ids[split]: split for split in ids}, questions=questions, sides=book.sides)
    return [_answer(decided[question], ids) for question in questions]


async def foretell(db: Reading, questions: Sequence[TermsQuestion]) -> bool:
    """Whether any of the lines would mark the payment for splitting; a tenant whose books are not opened yet splits nothing."""
    book = await _read_book(db, questions)
    try:
        return any(each.split.profit_sharing for each in book.decide(questions).values())
    except NoTermsInForce:
        return False


async def named_in_terms(db: Reading) -> NamedInRates:
    """The SKUs and promotions that rates name, and the promotions that somebody pays for."""
    found = await named_in_rates(db)
    funded = await promotion_codes(db)
    return msgspec.structs.replace(found, promotion_codes=found.promotion_codes | funded)


async def bases(db: Reading, terms_ids: Collection[TermsId]) -> dict[TermsId, BaseRule]:
    """How the base of goods sold on these terms is found: as their contracts say."""
    statement = (
        select(FrozenTerms.id.label("terms_id"), *VERSION_COLUMNS)
        .join(Contract, and_(Contract.tenant_id == FrozenTerms.tenant_id, Contract.id == FrozenTerms.contract_id))
        .where(
            FrozenTerms.tenant_id == db.tenant_id, Contract.tenant_id == db.tenant_id,
            FrozenTerms.id.in_(list(terms_ids)),
        )
    )  # fmt: skip
    return {
        TermsId(row.terms_id): version_of(row, rates=(), store_ids=()).base_rule()
        for row in await db.execute(statement)
    }


class Decision(NamedTuple):
    """The terms of a line, and how its base is found."""

    split: LineSplit
    base: BaseRule


class _Book(msgspec.Struct):
    """What the contracts say about the stores that are asked about."""

    tenant_id: TenantId
    platform_fee: Bps
    contracts: list[ContractVersion]
    sides: SideBook

    def decide(self, questions: Sequence[TermsQuestion]) -> dict[TermsQuestion, Decision]:
        """The terms of each distinct question."""
        by_store: dict[StoreId, list[ContractVersion]] = defaultdict(list)
        for contract in self.contracts:
            for store_id in contract.store_ids:
                by_store[store_id].append(contract)
        house = [contract for contract in self.contracts if contract.code == HOUSE]
        decided: dict[tuple[Any, ...], Decision] = {}
        answers: dict[TermsQuestion, Decision] = {}
        for question in questions:
            candidates = by_store.get(question.store_id, []) + house
            contract = contract_for(candidates, store_id=question.store_id, at=question.at)
            line = contract.rated(
                at=question.at, category_code=question.category_code, sku_code=question.sku_code,
                promotion_code=question.promotion_code,
            )  # fmt: skip
            sides = self.sides.of(question)
            collector = contract.collector(
                through_channel=question.through_channel, payee=sides.payee, source=question.source_name
            )
            key = (
                contract.contract_id, line, question.kind, question.guide_id, question.guide_rate_bps,
                question.through_channel, sides.seller, collector, sides.funding,
            )  # fmt: skip
            if key not in decided:
                sold = contract.sold_by(sides.seller)
                behind = Behind(collector=collector, funding=sides.funding)
                split = self._line_split(sold, question, line=line, behind=behind)
                decided[key] = Decision(split, contract.base_rule(question.kind))
            answers[question] = decided[key]
        return answers

    def _line_split(
        self, contract: ContractVersion, question: TermsQuestion, *, line: RatedLine, behind: Behind
    ) -> LineSplit:
        platform = guide = None
        if question.through_channel:
            platform = platform_rate(self.tenant_id, self.platform_fee)
        if question.guide_id is not None:
            code = guide_party_code(question.guide_id)
            guide = Rate(
                party_id=party_id_of(self.tenant_id, code), kind=PartyKind.GUIDE,
                rate_bps=question.guide_rate_bps,
            )  # fmt: skip
        split = line_split(
            contract, line=line, kind=question.kind, platform=platform, guide=guide, behind=behind
        )
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
    rates = await rates_of(db, [row.id for row, _ in covered])
    contracts = [
        version_of(row, rates=rates.get(ContractId(row.id), ()), store_ids=store_ids)
        for row, store_ids in covered
    ]
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
    statement = (
        select(ContractStore.store_id, *VERSION_COLUMNS)
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
            "rate_bps": portion.rate_bps, "of_paid": portion.of_paid,
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


def _answer(decision: Decision, ids: dict[LineSplit, TermsId]) -> LineTerms:
    split = decision.split
    return LineTerms(
        terms_id=ids[split], contract_id=split.contract_id, profit_sharing=split.profit_sharing,
        base=decision.base, funding=split.funding,
    )  # fmt: skip
