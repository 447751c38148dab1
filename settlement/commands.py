"""What may be asked of settlement: structs that come in. Unknown fields are refused."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from settlement.errors import MonthUnreadable
from settlement.ports import Relation
from settlement.states import FunderRole, PartyKind
from tenants.kernel.ids import MallId, MerchantId, PartyId, StoreId

Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Zone = Annotated[str, Meta(min_length=1, max_length=64)]
Rate = Annotated[int, Meta(ge=0, le=10_000)]
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
    """One party's rate in basis points, for one category or (without one) for everything."""

    party: NamedParty
    rate_bps: Rate
    category_code: Annotated[str, Meta(max_length=64)] = ""


class CreateContract(_Command, frozen=True):
    """A contract, or a new version of one: the version before it ends where this one starts."""

    code: Code
    name: Name
    active_from: datetime
    store_ids: Annotated[list[StoreId], Meta(max_length=20_000)]
    rates: Annotated[list[ContractRateRow], Meta(max_length=500)]
    active_to: datetime | None = None
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


class FunderRow(_Command, frozen=True):
    """One funder's part of a promotion's discounts, in basis points."""

    role: FunderRole
    rate_bps: Annotated[int, Meta(ge=1, le=10_000)]


class StartPromotion(_Command, frozen=True):
    """A promotion and who pays for it: funders' portions rounded down, the rest to one of them that has no rate."""

    code: Code
    name: Name
    active_from: Annotated[datetime, Meta(tz=True)]
    active_to: Annotated[datetime, Meta(tz=True)] | None = None
    funders: Annotated[list[FunderRow], Meta(max_length=4)] = []
    residual_funder: FunderRole = FunderRole.BRAND


class EndPromotion(_Command, frozen=True):
    """Let a promotion end earlier."""

    active_to: Annotated[datetime, Meta(tz=True)]


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


def month_from_text(text: str) -> date:
    """The first day of a month written YYYY-MM."""
    try:
        return msgspec.convert(f"{text}-01", date)
    except msgspec.ValidationError as error:
        raise MonthUnreadable(details={"month": "expected YYYY-MM"}) from error


def month_text(first_day: date) -> str:
    """A month as YYYY-MM."""
    return first_day.isoformat()[:7]


def next_month(first_day: date) -> date:
    """The first day of the month after."""
    return date(first_day.year + first_day.month // 12, first_day.month % 12 + 1, 1)
