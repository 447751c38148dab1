"""Reads of contracts: as they are shown, and as choosing terms needs them. Another tenant's id finds nothing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import literal, null, or_, select, union_all

from orders.ports import NamedInRates
from settlement.agreements.agreed import Bearer, Invoice, OverRatio
from settlement.agreements.models import ContractPeriodTerms, ContractSpecialRate
from settlement.agreements.views import ContractView, PeriodTermsView, RateView
from settlement.errors import ContractNotFound
from settlement.models import Contract, ContractRate, ContractStore, Party
from settlement.queries import parties
from settlement.states import PartyKind, RateBase
from settlement.terms import ContractVersion, Rate
from settlement.true_ups.period_terms import PeriodRules
from settlement.views import PartyView
from tenants.kernel.ids import ContractId, PartyId, StoreId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading


async def find_contract(db: Reading, contract_id: ContractId) -> ContractView:
    """One version of a contract."""
    found = await _shown(db, Contract.id == contract_id)
    if not found:
        raise ContractNotFound(contract_id=contract_id)
    return found[0]


async def contracts(db: Reading, *, code: str | None = None) -> list[ContractView]:
    """All versions of all contracts (or of one), by code and version."""
    return await _shown(db, *([] if code is None else [Contract.code == code]))


def version_of(row: Any, *, rates: Sequence[Rate], store_ids: Iterable[StoreId]) -> ContractVersion:
    """A contract's row as choosing terms needs it."""
    return ContractVersion(
        contract_id=ContractId(row.id), code=row.code, version=row.version,
        residual_party_id=PartyId(row.residual_party_id), profit_sharing=row.profit_sharing,
        active_from=row.active_from, active_to=row.active_to, store_ids=frozenset(store_ids),
        rates=tuple(rates), time_zone=row.time_zone, base=RateBase(row.base), tax_bps=Bps(row.tax_bps),
        base_includes_funded_by=tuple(PartyKind(kind) for kind in row.base_includes_funded_by),
        residual_by_owner=row.residual_by_owner, collected_by=row.collected_by_party_id,
        collected_sources=tuple(row.collected_sources),
    )  # fmt: skip


VERSION_COLUMNS = (
    Contract.id, Contract.code, Contract.version, Contract.residual_party_id, Contract.profit_sharing,
    Contract.active_from, Contract.active_to, Contract.time_zone, Contract.base, Contract.tax_bps,
    Contract.base_includes_funded_by, Contract.residual_by_owner, Contract.collected_by_party_id,
    Contract.collected_sources,
)  # fmt: skip
"""What `version_of` reads."""


async def rates_of(db: Reading, ids: Collection[UUID]) -> dict[ContractId, list[Rate]]:
    """The rates of these versions, ordinary and special, in one statement."""
    wanted = list(ids)
    ordinary = (
        select(
            ContractRate.contract_id, ContractRate.party_id, Party.kind, ContractRate.category_code,
            literal("").label("sku_code"), literal("").label("promotion_code"),
            null().cast(ContractSpecialRate.valid_from_on.type).label("valid_from_on"),
            null().cast(ContractSpecialRate.valid_to_on.type).label("valid_to_on"), ContractRate.rate_bps,
        )
        .join(Party, (Party.tenant_id == ContractRate.tenant_id) & (Party.id == ContractRate.party_id))
        .where(
            ContractRate.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id,
            ContractRate.contract_id.in_(wanted),
        )
    )  # fmt: skip
    special = (
        select(
            ContractSpecialRate.contract_id, ContractSpecialRate.party_id, Party.kind,
            ContractSpecialRate.category_code, ContractSpecialRate.sku_code, ContractSpecialRate.promotion_code,
            ContractSpecialRate.valid_from_on, ContractSpecialRate.valid_to_on, ContractSpecialRate.rate_bps,
        )
        .join(
            Party,
            (Party.tenant_id == ContractSpecialRate.tenant_id) & (Party.id == ContractSpecialRate.party_id),
        )
        .where(
            ContractSpecialRate.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id,
            ContractSpecialRate.contract_id.in_(wanted),
        )
    )  # fmt: skip
    found: dict[ContractId, list[Rate]] = defaultdict(list)
    for row in await db.execute(union_all(ordinary, special)):
        found[ContractId(row.contract_id)].append(
            Rate(
                party_id=PartyId(row.party_id), kind=PartyKind(row.kind), category_code=row.category_code,
                sku_code=row.sku_code, promotion_code=row.promotion_code, valid_from_on=row.valid_from_on,
                valid_to_on=row.valid_to_on, rate_bps=Bps(row.rate_bps),
            )
        )  # fmt: skip
    return found


async def period_rules_of(db: Reading, ids: Collection[UUID]) -> dict[ContractId, dict[PartyId, PeriodRules]]:
    """The period terms of these versions, by party."""
    statement = select(
        ContractPeriodTerms.contract_id, ContractPeriodTerms.party_id, ContractPeriodTerms.rules
    ).where(ContractPeriodTerms.tenant_id == db.tenant_id, ContractPeriodTerms.contract_id.in_(list(ids)))
    found: dict[ContractId, dict[PartyId, PeriodRules]] = defaultdict(dict)
    for row in await db.execute(statement):
        rules = msgspec.convert(row.rules, PeriodRules)
        found[ContractId(row.contract_id)][PartyId(row.party_id)] = rules
    return found


async def stores_of_versions(db: Reading, ids: Collection[UUID]) -> dict[ContractId, list[StoreId]]:
    """The stores that each of these versions names."""
    statement = (
        select(ContractStore.contract_id, ContractStore.store_id)
        .where(ContractStore.tenant_id == db.tenant_id, ContractStore.contract_id.in_(list(ids)))
        .order_by(ContractStore.store_id)
    )
    found: dict[ContractId, list[StoreId]] = defaultdict(list)
    for row in await db.execute(statement):
        found[ContractId(row.contract_id)].append(StoreId(row.store_id))
    return found


async def named_in_rates(db: Reading) -> NamedInRates:
    """The SKUs and promotions that some contract has a rate for."""
    statement = (
        select(ContractSpecialRate.sku_code, ContractSpecialRate.promotion_code)
        .where(
            ContractSpecialRate.tenant_id == db.tenant_id,
            or_(ContractSpecialRate.sku_code != "", ContractSpecialRate.promotion_code != ""),
        )
        .distinct()
    )
    rows = (await db.execute(statement)).all()
    return NamedInRates(
        sku_codes=frozenset(row.sku_code for row in rows) - {""},
        promotion_codes=frozenset(row.promotion_code for row in rows) - {""},
    )


async def _shown(db: Reading, *chosen: Any) -> list[ContractView]:
    statement = select(Contract).where(Contract.tenant_id == db.tenant_id, *chosen)
    versions = (await db.execute(statement.order_by(Contract.code, Contract.version))).scalars().all()
    people = await parties(db)
    wanted = [version.id for version in versions]
    stores = await stores_of_versions(db, wanted)
    rates, rules = await rates_of(db, wanted), await period_rules_of(db, wanted)
    return [
        _view(
            version, people, stores=stores[ContractId(version.id)], rates=rates[ContractId(version.id)],
            rules=rules[ContractId(version.id)],
        )
        for version in versions
    ]  # fmt: skip


def _view(
    version: Contract,
    people: Mapping[PartyId, PartyView],
    *,
    stores: list[StoreId],
    rates: Sequence[Rate],
    rules: Mapping[PartyId, PeriodRules],
) -> ContractView:
    shown = [
        RateView(
            party=people[rate.party_id], category_code=rate.category_code, rate_bps=rate.rate_bps,
            sku_code=rate.sku_code, promotion_code=rate.promotion_code, valid_from_on=rate.valid_from_on,
            valid_to_on=rate.valid_to_on,
        )
        for rate in rates
    ]  # fmt: skip
    terms = [PeriodTermsView(party=people[party_id], rules=each) for party_id, each in rules.items()]

    def party(party_id: UUID | None) -> PartyView | None:
        return None if party_id is None else people[PartyId(party_id)]

    return ContractView(
        id=ContractId(version.id), code=version.code, version=version.version, name=version.name,
        residual_party=people[PartyId(version.residual_party_id)],
        rates=sorted(shown, key=_place), period_terms=sorted(terms, key=lambda each: each.party.code),
        store_ids=stores, base=RateBase(version.base),
        base_includes_funded_by=[PartyKind(kind) for kind in version.base_includes_funded_by],
        profit_sharing=version.profit_sharing, over_ratio=OverRatio(version.over_ratio),
        time_zone=version.time_zone, cut_off_day=version.cut_off_day, payment_days=version.payment_days,
        tax_bps=Bps(version.tax_bps), invoice=Invoice(version.invoice),
        channel_fee_by=Bearer(version.channel_fee_by), channel_fee_party=party(version.channel_fee_party_id),
        coupons_by=Bearer(version.coupons_by), coupons_party=party(version.coupons_party_id),
        active_from=version.active_from, active_to=version.active_to, residual_by_owner=version.residual_by_owner,
        collected_by=party(version.collected_by_party_id), collected_sources=version.collected_sources,
    )  # fmt: skip


def _place(rate: RateView) -> tuple[str, ...]:
    days = (str(rate.valid_from_on or ""), str(rate.valid_to_on or ""))
    return (rate.party.code, rate.category_code, rate.sku_code, rate.promotion_code, *days)
