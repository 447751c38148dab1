"""Chooses the terms a line is sold on: which contract covers the store at that time, and each party's rate. Pure.

A contract naming the store wins over the house contract; of a party's rates the most specific one that fits the line wins; a platform
rate in the contract wins over the tenant's platform fee. Knows no tables; what a whole period gives (guarantee, tiers, cap) is
`period_terms`' question.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from orders.bases import AS_PAID, BaseKind, BaseRule
from orders.funding import Funding
from orders.states import LineKind
from settlement.calendar import local_day
from settlement.errors import NoTermsInForce, RatesExceedWhole
from settlement.split import Portion
from settlement.states import PartyKind, RateBase
from tenants.kernel.ids import ContractId, GuideId, PartyId, StoreId, TenantId, TermsId, derived_id
from tenants.kernel.money import WHOLE, Bps

HOUSE = "house"
"""The code of the contract that covers every store no other contract names."""
EVERYTHING = ""
"""The category code of a rate that applies to all categories."""
NO_TAX = Bps(0)
PAID_OUTSIDE_CHANNEL = frozenset({PartyKind.BRAND, PartyKind.GUIDE})
"""A split at the channel cannot be taken back from a person, so commission is paid by payroll; the brand is the payee itself."""


ABOUT_GOODS = frozenset({RateBase.PAID_GOODS, RateBase.LIST_GOODS, RateBase.EX_TAX})
"""Bases that carriage is no part of, unless a rate names it (as the category `freight`)."""


class RatedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What of a line a rate may name. `day` is its accounting date in the contract's time zone."""

    category_code: str | None = None
    sku_code: str | None = None
    promotion_code: str | None = None
    day: date | None = None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One party's rate: for everything, or for the lines that have all it names. Both days are in it; an open end is None."""

    party_id: PartyId
    kind: PartyKind
    category_code: str = EVERYTHING
    sku_code: str = ""
    promotion_code: str = ""
    valid_from_on: date | None = None
    valid_to_on: date | None = None
    rate_bps: Bps

    @property
    def is_dated(self) -> bool:
        """Whether it holds on some days alone."""
        return self.valid_from_on is not None or self.valid_to_on is not None

    @property
    def is_for_everything(self) -> bool:
        """Whether it names nothing at all."""
        return self.is_ordinary and self.category_code == EVERYTHING

    @property
    def is_ordinary(self) -> bool:
        """Whether it names nothing but a category."""
        return not (self.sku_code or self.promotion_code or self.is_dated)

    @property
    def rank(self) -> tuple[bool, bool, bool, bool]:
        """The total order of who wins: promotion before SKU before category before everything; dated before undated.

        Two rates of a party that fit one line have different ranks, or name the same with days that meet: those are refused when they
        are agreed.
        """
        return bool(self.promotion_code), bool(self.sku_code), self.category_code != EVERYTHING, self.is_dated

    def fits(self, line: RatedLine) -> bool:
        """Whether the line has everything that the rate names."""
        return (
            self.category_code in {EVERYTHING, line.category_code}
            and self.sku_code in {"", line.sku_code}
            and self.promotion_code in {"", line.promotion_code}
            and (not self.is_dated or (line.day is not None and self.holds_on(line.day)))
        )

    def holds_on(self, day: date) -> bool:
        """Whether the rate holds on the day."""
        return (self.valid_from_on is None or self.valid_from_on <= day) and (
            self.valid_to_on is None or day <= self.valid_to_on
        )


class ContractVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a contract, as far as choosing needs it; `store_ids` may be limited to the stores that are asked about."""

    contract_id: ContractId
    code: str
    version: int
    residual_party_id: PartyId
    profit_sharing: bool
    active_from: datetime
    active_to: datetime | None
    store_ids: frozenset[StoreId]
    rates: tuple[Rate, ...]
    residual_by_owner: bool = False
    collected_by: PartyId | None = None
    collected_sources: tuple[str, ...] = ()

    def sold_by(self, owner: PartyId | None) -> "ContractVersion":
        """The contract as it holds where `owner` sells for itself (None: the brand does): what is left is the owner's.

        The house contract always leaves it to the owner. A rate of whoever takes the rest would only be part of the rest.
        """
        residual = self.residual_party_id
        if owner is not None and (self.residual_by_owner or self.code == HOUSE):
            residual = owner
        rates = tuple(rate for rate in self.rates if rate.party_id != residual)
        return msgspec.structs.replace(self, residual_party_id=residual, rates=rates)

    def collector(
        self, *, through_channel: bool, payee: PartyId | None, source: str | None
    ) -> PartyId | None:
        """Who takes the money of a sale, None for us: at our channel the merchant's owner, elsewhere whoever the contract says."""
        if through_channel:
            return payee
        named = not self.collected_sources or source in self.collected_sources
        return self.collected_by if named else None

    time_zone: str = "Asia/Shanghai"
    base: RateBase = RateBase.PAID_GOODS
    tax_bps: Bps = NO_TAX
    base_includes_funded_by: tuple[PartyKind, ...] = ()

    def rated(
        self, *, at: datetime, category_code: str | None, sku_code: str | None, promotion_code: str | None
    ) -> RatedLine:
        """The line as these rates see it: what none of them names is left out, so that lines they do not tell apart are equal."""
        return RatedLine(
            category_code=category_code,
            sku_code=sku_code if any(rate.sku_code == sku_code for rate in self.rates) else None,
            promotion_code=promotion_code if any(rate.promotion_code == promotion_code for rate in self.rates) else None,
            day=local_day(at, time_zone=self.time_zone) if any(rate.is_dated for rate in self.rates) else None,
        )  # fmt: skip

    def counts(self, kind: LineKind) -> bool:
        """Whether lines of this kind are rated by rates that do not name them."""
        return kind is not LineKind.FREIGHT or self.base not in ABOUT_GOODS

    def base_rule(self, kind: LineKind = LineKind.GOODS) -> BaseRule:
        """How the base of a line of this kind is found."""
        if not self.counts(kind):
            named = any(rate.category_code == kind for rate in self.rates)
            return AS_PAID if named else BaseRule(kind=BaseKind.NOTHING)
        funded_by = tuple(sorted(kind.value for kind in self.base_includes_funded_by))
        if self.base is RateBase.LIST_GOODS:
            return BaseRule(kind=BaseKind.LIST)
        if self.base is RateBase.EX_TAX:
            return BaseRule(kind=BaseKind.EX_TAX, tax_bps=self.tax_bps, funded_by=funded_by)
        return BaseRule(funded_by=funded_by)

    def has_own_base(self, kind: LineKind) -> bool:
        """Whether its rates are of something else than what was paid."""
        return self.base_rule(kind) != AS_PAID

    def in_force(self, at: datetime) -> bool:
        """Whether the version is active at that moment (half-open)."""
        return self.active_from <= at and (self.active_to is None or at < self.active_to)


class LineSplit(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of one line: the contract, the portions sorted by party, who takes the rest, and whether the channel splits."""

    contract_id: ContractId
    residual_party_id: PartyId
    portions: tuple[Portion, ...]
    profit_sharing: bool
    collector_party_id: PartyId | None = None
    funding: Funding | None = None

    def content(self) -> dict[str, Any]:
        """The whole content as builtins; equal terms have equal content, and from it comes their id."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        # What most terms do not have is left out, so that they keep the ids they had before there was such a thing.
        absent = [name for name in ("collector_party_id", "funding") if built[name] is None]
        return {name: said for name, said in built.items() if name not in absent}

    def sides(self) -> set[PartyId]:
        """The parties that stand behind the sale beside those with a rate."""
        found = {self.residual_party_id}
        if self.collector_party_id is not None:
            found.add(self.collector_party_id)
        if self.funding is not None:
            found |= {self.funding.residual_party_id, *(funder.party_id for funder in self.funding.funders)}
        return found

    def terms_id(self, tenant_id: TenantId) -> TermsId:
        """The id that these terms have in this tenant, for ever."""
        canonical = msgspec.json.encode(self.content(), order="sorted").decode()
        return TermsId(derived_id(tenant_id, "terms", canonical))


def contract_for(contracts: Iterable[ContractVersion], *, store_id: StoreId, at: datetime) -> ContractVersion:
    """The contract that covers the store at that moment: one that names it, else the house's; raises NoTermsInForce."""
    active = [contract for contract in contracts if contract.in_force(at)]
    naming = [contract for contract in active if store_id in contract.store_ids]
    found = naming or [contract for contract in active if contract.code == HOUSE]
    if not found:
        raise NoTermsInForce(store_id=store_id, at=at)
    return found[0]


def rates_for(rates: Sequence[Rate], *, line: RatedLine) -> dict[PartyId, Rate]:
    """Each party's rate for a line: of those that fit it the one of the highest rank."""
    chosen: dict[PartyId, Rate] = {}
    for rate in rates:
        if rate.fits(line) and (rate.party_id not in chosen or rate.rank > chosen[rate.party_id].rank):
            chosen[rate.party_id] = rate
    return chosen


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind a sale beside the parties of its contract: who takes the money, who pays for a discount; None: we, nobody."""

    collector: PartyId | None = None
    funding: Funding | None = None


NOBODY_ELSE = Behind()


def line_split(
    contract: ContractVersion,
    *,
    line: RatedLine,
    kind: LineKind = LineKind.GOODS,
    platform: Rate | None = None,
    guide: Rate | None = None,
    behind: Behind = NOBODY_ELSE,
) -> LineSplit:
    """Join a contract's rates with the platform's fee and a guide's commission; raises RatesExceedWhole with the sum.

    Those two are agreed with the brand and not with the mall: of what was paid for goods, whatever the contract's rates are of. Of carriage
    they have nothing, whether the mall has a rate for it or not.
    """
    rates = contract.rates
    if not contract.counts(kind):
        rates = tuple(rate for rate in rates if rate.category_code == kind)
    chosen = rates_for(rates, line=line)
    of_contract = set(chosen)
    extras = () if kind is LineKind.FREIGHT else (platform, guide)
    for extra in extras:
        if extra is not None and extra.party_id != contract.residual_party_id:
            chosen.setdefault(extra.party_id, extra)
    own_base = contract.has_own_base(kind)
    owed = [rate for rate in chosen.values() if rate.rate_bps]
    refuse_over_whole(owed)
    splits = contract.profit_sharing and any(may_receive(rate, collector=behind.collector) for rate in owed)
    return LineSplit(
        contract_id=contract.contract_id,
        residual_party_id=contract.residual_party_id,
        portions=tuple(
            sorted(
                Portion(rate.party_id, rate.rate_bps, own_base and rate.party_id not in of_contract)
                for rate in owed
            )
        ),
        profit_sharing=splits,
        collector_party_id=behind.collector,
        funding=behind.funding,
    )


def may_receive(rate: Rate, *, collector: PartyId | None) -> bool:
    """Whether a party may get its part through the channel: a person never does, and the payee has it already."""
    if collector is None:
        return rate.kind not in PAID_OUTSIDE_CHANNEL
    return rate.kind is not PartyKind.GUIDE and rate.party_id != collector


def refuse_over_whole(rates: Iterable[Rate], *, named: str = "") -> None:
    """Refuse rates that add up to more than 10000 basis points, showing the sum and what kind of line (`named`) it is."""
    summed = sorted((rate for rate in rates if rate.rate_bps), key=lambda rate: (rate.kind, rate.party_id))
    total = sum(rate.rate_bps for rate in summed)
    if total > WHOLE:
        terms = " + ".join(f"{rate.kind} {rate.rate_bps}" for rate in summed)
        place = f"rates[{named}]" if named else "rates"
        raise RatesExceedWhole(details={place: f"{terms} = {total} > {WHOLE}"}, total_bps=total)


def guide_party_code(guide_id: GuideId) -> str:
    """The code of a guide's party."""
    return f"{PartyKind.GUIDE}:{guide_id}"


def party_id_of(tenant_id: TenantId, code: str) -> PartyId:
    """A party's id comes from its code, so that it can be named before its row exists."""
    return PartyId(derived_id(tenant_id, "party", code))
