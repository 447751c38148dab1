"""What may be asked of settlement: structs that come in. Unknown fields are refused."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from settlement.agreements.agreed import (
    Bearer,
    GuaranteeKind,
    Invoice,
    OverRatio,
    ReturnsCount,
    TermLength,
    TierMode,
)
from settlement.errors import MonthUnreadable
from settlement.ports import Relation
from settlement.states import FunderRole, PartyKind, RateBase
from settlement.true_ups.period_terms import Tier
from tenants.kernel.ids import MallId, MerchantId, PartyId, StoreId
from tenants.kernel.money import LARGEST_AMOUNT

Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Zone = Annotated[str, Meta(min_length=1, max_length=64)]
Rate = Annotated[int, Meta(ge=0, le=10_000)]
Named = Annotated[str, Meta(max_length=64)]
Amount = Annotated[int, Meta(ge=0, le=LARGEST_AMOUNT)]
Moment = Annotated[datetime, Meta(tz=True)]
"""Without a zone it would be a moment of whichever machine reads it: a contract would begin hours early or late."""
MonthText = Annotated[str, Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class NamedParty(_Command, frozen=True):
    """A party of a contract: the brand and the platform by their kind alone, a mall by its id, others by code and name."""

    kind: PartyKind
    mall_id: MallId | None = None
    code: Code | None = None
    name: Name | None = None


class ContractRateRow(_Command, frozen=True):
    """One party's rate in basis points for the lines that have all it names; naming nothing, for everything.

    Most specific wins: promotion before SKU before category before everything, dated before undated. Both days are in it, counted in
    the contract's time zone.
    """

    party: NamedParty
    rate_bps: Rate
    category_code: Named = ""
    sku_code: Named = ""
    promotion_code: Named = ""
    valid_from_on: date | None = None
    valid_to_on: date | None = None


class PeriodTermsRow(_Command, frozen=True):
    """What one party's period gives it: tiers, a guarantee, a cap. Its rates above are what orders are split at until then."""

    party: NamedParty
    period: TermLength | None = None
    tiers: Annotated[list[Tier], Meta(max_length=50)] = []
    tier_mode: TierMode = TierMode.MARGINAL
    prorated_tiers: bool = False
    guarantee_kind: GuaranteeKind | None = None
    guarantee_fen: Amount = 0
    guarantee_in_tiers: bool = True
    higher_of: bool = True
    cap_fen: Amount | None = None
    returns_count: ReturnsCount = ReturnsCount.WHEN_RETURNED


class CreateContract(_Command, frozen=True):
    """A contract, or a new version of one: the version before it ends where this one starts."""

    code: Code
    name: Name
    active_from: Moment
    store_ids: Annotated[list[StoreId], Meta(max_length=20_000)]
    rates: Annotated[list[ContractRateRow], Meta(max_length=500)]
    active_to: Moment | None = None
    residual_party: NamedParty | None = None
    """Without one: whoever sells at the store, its franchisee or the brand."""
    collected_by: NamedParty | None = None
    """Whose till or cashier takes the money of sales that do not run through our channel; without one nobody but us holds any."""
    collected_sources: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=50)
    ] = []
    """Only the sales of these sources; all that are not ours when none is named."""
    profit_sharing: bool = False
    time_zone: Zone | None = None
    base: RateBase = RateBase.PAID_GOODS
    base_includes_funded_by: Annotated[list[PartyKind], Meta(max_length=8)] = []
    """Whose part of a discount counts as if it had been paid."""
    period_terms: Annotated[list[PeriodTermsRow], Meta(max_length=20)] = []
    cut_off_day: Annotated[int, Meta(ge=1, le=28)] | None = None
    payment_days: Annotated[int, Meta(ge=0, le=365)] = 0
    tax_bps: Rate = 0
    invoice: Invoice = Invoice.NONE
    channel_fee_by: Bearer = Bearer.RESIDUAL
    channel_fee_party: NamedParty | None = None
    coupons_by: Bearer = Bearer.RESIDUAL
    coupons_party: NamedParty | None = None
    over_ratio: OverRatio = OverRatio.REFUSE


class RehearseContract(CreateContract, frozen=True, kw_only=True):
    """A contract that is not made: what it would have done to the orders of a month."""

    month: MonthText


class FunderRow(_Command, frozen=True):
    """One funder's part of a promotion's discounts, in basis points."""

    role: FunderRole
    rate_bps: Annotated[int, Meta(ge=1, le=10_000)]


class StartPromotion(_Command, frozen=True):
    """A promotion and who pays for it: funders' portions rounded down, the rest to one of them that has no rate."""

    code: Code
    name: Name
    active_from: Moment
    active_to: Moment | None = None
    funders: Annotated[list[FunderRow], Meta(max_length=4)] = []
    residual_funder: FunderRole = FunderRole.BRAND


class EndPromotion(_Command, frozen=True):
    """Let a promotion end earlier."""

    active_to: Moment


class CloseMonth(_Command, frozen=True):
    """Close a month: `through` closes every earlier open month first, `early` allows a month that is not over yet."""

    month: MonthText
    through: bool = False
    early: bool = False


class AddReceiver(_Command, frozen=True):
    """Let a party receive its parts under a merchant number. `merchantId` is the payee; without one the default merchant."""

    party_id: PartyId
    account: Annotated[str, Meta(pattern=r"^[0-9]{6,32}$")]
    legal_name: Annotated[str, Meta(min_length=1, max_length=120)]
    relation: Relation = Relation.PARTNER
    merchant_id: MerchantId | None = None


EARLIEST_YEAR, LATEST_YEAR = 1900, 2999
"""Books are about these; beyond them there is no next month, or no month before."""


def month_from_text(text: str) -> date:
    """The first day of a month written YYYY-MM."""
    try:
        first_day = msgspec.convert(f"{text}-01", date)
    except msgspec.ValidationError as error:
        raise MonthUnreadable(details={"month": "expected YYYY-MM"}) from error
    if not EARLIEST_YEAR <= first_day.year <= LATEST_YEAR:
        raise MonthUnreadable(details={"month": f"the year lies outside {EARLIEST_YEAR} to {LATEST_YEAR}"})
    return first_day


def month_text(first_day: date) -> str:
    """A month as YYYY-MM."""
    return first_day.isoformat()[:7]
