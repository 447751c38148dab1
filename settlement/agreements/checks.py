"""What a contract may say: resolves the parties it names and refuses what could not be split, counted or told apart. Writes nothing.

Each refusal names the field. Whether it fits beside the contracts that stand is `contracts`' question.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import combinations, product

import msgspec

from settlement.agreements.agreed import Bearer
from settlement.agreements.ratio import refuse_over_ratio
from settlement.calendar import ONE_DAY
from settlement.commands import ContractRateRow, CreateContract, NamedParty, PeriodTermsRow
from settlement.errors import (
    BearerWrong,
    ContractDatesWrong,
    ContractStoresWrong,
    ExTaxWithoutTax,
    PeriodTermsTwice,
    RateDatesWrong,
    RateNamedTwice,
    ResidualPartyHasRate,
    TermsWithoutPeriod,
)
from settlement.parties import NewParty, collecting_party, named_party, new_party_id, platform_rate
from settlement.states import PartyKind, RateBase
from settlement.terms import (
    EVERYTHING,
    HOUSE,
    ContractVersion,
    Rate,
    RatedLine,
    rates_for,
    refuse_over_whole,
)
from settlement.true_ups.period_terms import PeriodRules, refuse_wrong_rules
from tenants.create import check_time_zone
from tenants.kernel.ids import ContractId, MerchantId, PartyId, new_id
from tenants.kernel.money import WHOLE, Bps
from tenants.kernel.scope import Reading
from tenants.queries import find_tenant, store_codes

FIRST_YEAR, LAST_YEAR = 1900, 2999
MOST_KINDS_OF_LINES = 5_000
"""Beyond so many combinations of what rates name, the sum of every party's highest rate stands for all of them."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A contract that may be made, its parties resolved."""

    time_zone: str
    residual_party_id: PartyId
    channel_fee_party_id: PartyId | None
    coupons_party_id: PartyId | None
    collector_party_id: PartyId | None
    parties: list[NewParty]
    rates: list[Rate]
    period_rules: dict[PartyId, PeriodRules]

    def version(self, command: CreateContract) -> ContractVersion:
        """The contract as terms are chosen by it, before it has an id of its own."""
        return ContractVersion(
            contract_id=ContractId(new_id()), code=command.code, version=0,
            residual_party_id=self.residual_party_id, profit_sharing=command.profit_sharing,
            active_from=command.active_from, active_to=command.active_to,
            store_ids=frozenset(command.store_ids), rates=tuple(self.rates), time_zone=self.time_zone,
            base=command.base, tax_bps=Bps(command.tax_bps),
            base_includes_funded_by=tuple(command.base_includes_funded_by),
            residual_by_owner=command.residual_party is None, collected_by=self.collector_party_id,
            collected_sources=tuple(command.collected_sources),
        )  # fmt: skip


async def check_contract(
    db: Reading, command: CreateContract, *, ratios: Mapping[MerchantId, Bps]
) -> Agreement:
    """Resolve and check. `ratios`: how much each merchant's channel lets it split off, where it was asked."""
    brand = await find_tenant(db)
    zone = command.time_zone or brand.time_zone
    check_time_zone(zone)
    _refuse_wrong_dates(command)
    await _refuse_wrong_stores(db, command)
    residual = await named_party(db, command.residual_party or NamedParty(kind=PartyKind.BRAND))
    collector = await collecting_party(db, command)
    named = [await named_party(db, row.party) for row in command.rates]
    # Where the rest is the store's owner's, the brand may well have a rate: what it gets of a franchisee's sales.
    if command.residual_party is not None:
        _refuse_residual([("rates", party) for party in named], residual=residual)
    rates = [_rate(db, row, party) for row, party in zip(command.rates, named, strict=True)]
    _refuse_ambiguous(rates)
    extra = (
        [] if residual.kind is PartyKind.PLATFORM else [platform_rate(db.tenant_id, brand.platform_fee_bps)]
    )
    refuse_too_high(rates, extra=extra)
    if command.base is RateBase.EX_TAX and not command.tax_bps:
        raise ExTaxWithoutTax(details={"taxBps": "0"})
    counted = [await named_party(db, row.party) for row in command.period_terms]
    _refuse_residual([("periodTerms", party) for party in counted], residual=residual)
    rules = _period_rules(db, command.period_terms, parties=counted, rates=rates)
    fee_party = await _bearer(db, command.channel_fee_by, command.channel_fee_party, place="channelFee")
    coupons_party = await _bearer(db, command.coupons_by, command.coupons_party, place="coupons")
    await refuse_over_ratio(db, command, rates=[*rates, *extra], ratios=ratios)
    bearers = [party for party in (fee_party, coupons_party, collector) if party is not None]
    return Agreement(
        time_zone=zone, residual_party_id=new_party_id(db, residual),
        channel_fee_party_id=None if fee_party is None else new_party_id(db, fee_party),
        coupons_party_id=None if coupons_party is None else new_party_id(db, coupons_party),
        collector_party_id=None if collector is None else new_party_id(db, collector),
        parties=[residual, *named, *counted, *bearers], rates=rates, period_rules=rules,
    )  # fmt: skip


def _refuse_wrong_dates(command: CreateContract) -> None:
    """Refuse an end that is no later than the start, and years in which no calendar can be counted (9999 for no end)."""
    wrong = {}
    for place, moment in (("activeFrom", command.active_from), ("activeTo", command.active_to)):
        if moment is not None and not FIRST_YEAR <= moment.year <= LAST_YEAR:
            wrong[place] = f"the year {moment.year}; leave activeTo out where there is no end"
    if command.active_to is not None and command.active_to <= command.active_from:
        wrong["activeTo"] = (
            f"{command.active_to.isoformat()}, and it starts {command.active_from.isoformat()}"
        )
    if wrong:
        raise ContractDatesWrong(details=wrong)


async def _refuse_wrong_stores(db: Reading, command: CreateContract) -> None:
    if (command.code == HOUSE) == bool(command.store_ids):
        raise ContractStoresWrong(details={"storeIds": f"{len(command.store_ids)} stores for {command.code}"})
    known = await store_codes(db, command.store_ids)
    unknown = [store_id for store_id in command.store_ids if store_id not in known]
    if unknown:
        raise ContractStoresWrong(
            details={"storeIds": f"unknown: {', '.join(str(each) for each in unknown[:5])}"}
        )


def _refuse_residual(named: Iterable[tuple[str, NewParty]], *, residual: NewParty) -> None:
    for place, party in named:
        if party.code == residual.code:
            raise ResidualPartyHasRate(details={place: f"{residual.code} is the residual party"})


def _rate(db: Reading, row: ContractRateRow, party: NewParty) -> Rate:
    if row.valid_from_on and row.valid_to_on and row.valid_to_on < row.valid_from_on:
        raise RateDatesWrong(details={"rates.validToOn": f"{row.valid_from_on} to {row.valid_to_on}"})
    return Rate(
        party_id=new_party_id(db, party), kind=party.kind, category_code=row.category_code,
        sku_code=row.sku_code, promotion_code=row.promotion_code, valid_from_on=row.valid_from_on,
        valid_to_on=row.valid_to_on, rate_bps=Bps(row.rate_bps),
    )  # fmt: skip


def _refuse_ambiguous(rates: Sequence[Rate]) -> None:
    """Refuse two rates of a party that name the same and hold on one day: neither would win."""
    by_name: dict[tuple[object, ...], list[Rate]] = {}
    for rate in rates:
        key = (rate.party_id, rate.category_code, rate.sku_code, rate.promotion_code, rate.is_dated)
        by_name.setdefault(key, []).append(rate)
    for same in by_name.values():
        for one, other in combinations(same, 2):
            if (one.valid_from_on or date.min) <= (other.valid_to_on or date.max) and (
                other.valid_from_on or date.min
            ) <= (one.valid_to_on or date.max):
                raise RateNamedTwice(details={"rates": f"{one.kind}: {_told(one)} and {_told(other)}"})


def _told(rate: Rate) -> str:
    """A rate in a refusal: what it names, when it holds, how much it is."""
    named = [each for each in (rate.promotion_code, rate.sku_code, rate.category_code) if each]
    days = [f"{rate.valid_from_on or ''}..{rate.valid_to_on or ''}"] if rate.is_dated else []
    return " ".join([*(named or ["everything"]), *days, str(rate.rate_bps)])


def refuse_too_high(rates: Sequence[Rate], *, extra: Sequence[Rate]) -> None:
    """Check the sum for every kind of line that rates tell apart; a guide's commission is checked when terms are frozen."""
    highest = highest_rates([*rates, *extra])
    if sum(rate.rate_bps for rate in highest) <= WHOLE:
        return
    edges = _edges(rates)
    categories = sorted({rate.category_code for rate in rates} | {EVERYTHING})
    skus = sorted({rate.sku_code for rate in rates} | {EVERYTHING})
    promotions = sorted({rate.promotion_code for rate in rates} | {EVERYTHING})
    if len(edges) * len(categories) * len(skus) * len(promotions) > MOST_KINDS_OF_LINES:
        refuse_over_whole(highest, named="the highest of each party")
        return
    for category, sku, promotion, day in product(categories, skus, promotions, edges):
        line = RatedLine(category_code=category, sku_code=sku, promotion_code=promotion, day=day)
        chosen = rates_for(rates, line=line)
        for rate in extra:
            chosen.setdefault(rate.party_id, rate)
        named = [part for part in (promotion, sku, category, str(day or "")) if part]
        refuse_over_whole(chosen.values(), named=" ".join(named))


def _edges(rates: Sequence[Rate]) -> list[date | None]:
    """One day of each stretch on which the same rates hold: rates change on their first days and on the days after their last."""
    firsts = {rate.valid_from_on for rate in rates if rate.valid_from_on}
    after = {rate.valid_to_on + ONE_DAY for rate in rates if rate.valid_to_on and rate.valid_to_on < date.max}
    days = sorted(firsts | after)
    before = [days[0] - ONE_DAY] if days and days[0] > date.min else []
    return [*before, *days] or [None]


def highest_rates(rates: Iterable[Rate]) -> list[Rate]:
    """Each party's highest rate, whatever it names."""
    highest: dict[PartyId, Rate] = {}
    for rate in rates:
        if rate.party_id not in highest or rate.rate_bps > highest[rate.party_id].rate_bps:
            highest[rate.party_id] = rate
    return list(highest.values())


def _period_rules(
    db: Reading, rows: Sequence[PeriodTermsRow], *, parties: Sequence[NewParty], rates: Sequence[Rate]
) -> dict[PartyId, PeriodRules]:
    found: dict[PartyId, PeriodRules] = {}
    for number, (row, party) in enumerate(zip(rows, parties, strict=True)):
        place, party_id = f"periodTerms[{number}]", new_party_id(db, party)
        if party_id in found:
            raise PeriodTermsTwice(details={f"{place}.party": party.code})
        if row.period is None:
            raise TermsWithoutPeriod(details={f"{place}.period": "month, quarter or year"})
        everything = [rate.rate_bps for rate in rates if rate.party_id == party_id and rate.is_for_everything]
        takes_ordinary = row.guarantee_kind is not None and (not row.tiers or not row.guarantee_in_tiers)
        rules = PeriodRules(
            length=row.period, tiers=tuple(row.tiers), tier_mode=row.tier_mode,
            prorated_tiers=row.prorated_tiers, guarantee_kind=row.guarantee_kind,
            guarantee_fen=row.guarantee_fen, guarantee_in_tiers=row.guarantee_in_tiers,
            higher_of=row.higher_of, cap_fen=row.cap_fen, returns_count=row.returns_count,
            ordinary_bps=everything[0] if everything and takes_ordinary else None,
        )  # fmt: skip
        refuse_wrong_rules(rules, place=place)
        found[party_id] = rules
    return found


async def _bearer(db: Reading, by: Bearer, party: NamedParty | None, *, place: str) -> NewParty | None:
    if (by is Bearer.PARTY) != (party is not None):
        told = "name the party" if party is None else f"{by} names none"
        raise BearerWrong(details={f"{place}Party": told})
    return None if party is None else await named_party(db, party)
