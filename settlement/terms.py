"""Chooses the terms a line is sold on: which contract covers the store at that time, and each party's rate. Pure.

A contract naming the store wins over the house contract; a rate for the line's category wins over the party's rate for everything; a
platform rate in the contract wins over the tenant's platform fee. Knows no tables; guarantees, tiers and caps will stand here too.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from orders.funding import Funding
from settlement.errors import NoTermsInForce, RatesExceedWhole
from settlement.split import Portion
from settlement.states import PartyKind
from tenants.kernel.ids import ContractId, GuideId, PartyId, StoreId, TenantId, TermsId, derived_id
from tenants.kernel.money import WHOLE, Bps

HOUSE = "house"
"""The code of the contract that covers every store no other contract names."""
EVERYTHING = ""
"""The category code of a rate that applies to all categories."""
PAID_OUTSIDE_CHANNEL = frozenset({PartyKind.BRAND, PartyKind.GUIDE})
"""A split at the channel cannot be taken back from a person, so commission is paid by payroll; the brand is the payee itself."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One party's rate for a category, or for everything."""

    party_id: PartyId
    kind: PartyKind
    category_code: str = EVERYTHING
    rate_bps: Bps


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


def rates_for(rates: Sequence[Rate], *, category_code: str | None) -> dict[PartyId, Rate]:
    """Each party's rate for a category: its own row for the category, else its row for everything."""
    chosen = {rate.party_id: rate for rate in rates if rate.category_code == EVERYTHING}
    if category_code:
        chosen |= {rate.party_id: rate for rate in rates if rate.category_code == category_code}
    return chosen


def line_split(
    contract: ContractVersion,
    *,
    category_code: str | None,
    platform: Rate | None,
    guide: Rate | None,
    collector: PartyId | None = None,
    funding: Funding | None = None,
) -> LineSplit:
    """Join a contract's rates with the platform's fee and a guide's commission; raises RatesExceedWhole with the sum."""
    chosen = rates_for(contract.rates, category_code=category_code)
    for extra in (platform, guide):
        if extra is not None and extra.party_id != contract.residual_party_id:
            chosen.setdefault(extra.party_id, extra)
    owed = [rate for rate in chosen.values() if rate.rate_bps]
    refuse_over_whole(owed)
    splits = contract.profit_sharing and any(may_receive(rate, collector=collector) for rate in owed)
    return LineSplit(
        contract_id=contract.contract_id,
        residual_party_id=contract.residual_party_id,
        portions=tuple(sorted(Portion(rate.party_id, rate.rate_bps) for rate in owed)),
        profit_sharing=splits,
        collector_party_id=collector,
        funding=funding,
    )


def may_receive(rate: Rate, *, collector: PartyId | None) -> bool:
    """Whether a party may get its part through the channel: a person never does, and the payee has it already."""
    if collector is None:
        return rate.kind not in PAID_OUTSIDE_CHANNEL
    return rate.kind is not PartyKind.GUIDE and rate.party_id != collector


def refuse_over_whole(rates: Iterable[Rate], *, category_code: str | None = None) -> None:
    """Refuse rates that add up to more than 10000 basis points, showing the sum."""
    summed = sorted((rate for rate in rates if rate.rate_bps), key=lambda rate: (rate.kind, rate.party_id))
    total = sum(rate.rate_bps for rate in summed)
    if total > WHOLE:
        terms = " + ".join(f"{rate.kind} {rate.rate_bps}" for rate in summed)
        place = f"rates[{category_code}]" if category_code else "rates"
        raise RatesExceedWhole(details={place: f"{terms} = {total} > {WHOLE}"}, total_bps=total)


def guide_party_code(guide_id: GuideId) -> str:
    """The code of a guide's party."""
    return f"{PartyKind.GUIDE}:{guide_id}"


def party_id_of(tenant_id: TenantId, code: str) -> PartyId:
    """A party's id comes from its code, so that it can be named before its row exists."""
    return PartyId(derived_id(tenant_id, "party", code))
