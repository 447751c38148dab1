"""What may be asked of the ground floor: structs that come in. Unknown fields are refused."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from tenants.hours import Span, WeeklySpan
from tenants.kernel.ids import MallId, MerchantId, OrganisationId, StoreGroupId, StoreId
from tenants.states import Ownership, StaffRole, StoreStatus

Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\s\x00-\x1f]+$")]
Slug = Annotated[str, Meta(min_length=2, max_length=40, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]
"""A moment with its zone."""
Basis = Annotated[int, Meta(ge=0, le=10_000)]
ZoneName = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z_+\-0-9]+(/[A-Za-z_+\-0-9]+)*$")]


OwnerCode = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""Settlement names a party by it, so it has the form of a party's code."""


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class MerchantKeys(_Command, frozen=True):
    """A merchant number at WeChat Pay with the keys to speak for it. Keys are sealed at once and never shown again."""

    merchant_no: Annotated[str, Meta(pattern=r"^[0-9]{6,20}$")]
    legal_name: Name
    certificate_serial: Annotated[str, Meta(pattern=r"^[0-9A-F]{8,64}$")]
    private_key: Annotated[str, Meta(max_length=10_000)]
    """PEM."""
    api_v3_key: Annotated[str, Meta(pattern=r"^[\x21-\x7e]{32}$")]
    """32 visible ASCII characters."""
    wechat_public_keys: dict[str, str] = msgspec.field(default_factory=dict)
    """Serial (PUB_KEY_ID_… or a platform certificate's) -> PEM."""
    fee_bps: Basis = 60


class AddMerchant(MerchantKeys, frozen=True):
    """A further merchant number, and whose it is: the brand's, or that of the franchisee or agent with this code."""

    ownership: Ownership = Ownership.DIRECT
    owner_code: OwnerCode | None = None


class CreateTenant(_Command, frozen=True):
    """Open a brand's isolated space."""

    code: Slug
    name: Name
    appid: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{6,40}$")]
    app_secret: Annotated[str, Meta(min_length=8, max_length=128)]
    merchant: MerchantKeys
    time_zone: ZoneName = "Asia/Shanghai"
    platform_fee_bps: Basis = 0
    org_id: OrganisationId | None = None


class EmployStaff(_Command, frozen=True):
    """Give a person a log-in and a role."""

    login: Annotated[str, Meta(min_length=2, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")]
    name: Name
    password: Annotated[str, Meta(min_length=10, max_length=200)]
    role: StaffRole
    store_id: StoreId | None = None
    mall_id: MallId | None = None


class OpenStore(_Command, frozen=True):
    """Open a store, or change what is known of it (same code)."""

    code: Code
    name: Name
    group_id: StoreGroupId | None = None
    merchant_id: MerchantId | None = None
    mall_id: MallId | None = None
    mall_floor: Annotated[str, Meta(max_length=40)] | None = None
    ownership: Ownership = Ownership.DIRECT
    status: StoreStatus = StoreStatus.OPEN
    is_flagship: bool = False
    pickup_offered: bool = True
    province: Annotated[str, Meta(max_length=60)] | None = None
    city: Annotated[str, Meta(max_length=60)] | None = None
    district: Annotated[str, Meta(max_length=60)] | None = None
    address: Annotated[str, Meta(max_length=300)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    phone: Annotated[str, Meta(max_length=60)] | None = None
    time_zone: ZoneName | None = None
    business_day_starts: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "00:00"
    active_from: Instant | None = None
    active_to: Instant | None = None


class OwnStore(_Command, frozen=True):
    """From when somebody runs a store, and which merchant takes its money then (the brand's default one when none is named)."""

    ownership: Ownership
    active_from: Instant
    active_to: Instant | None = None
    owner_code: OwnerCode | None = None
    """A franchisee's or agent's; stores of the brand and joint ones have none."""
    owner_name: Name | None = None
    merchant_id: MerchantId | None = None


class OwnMerchant(_Command, frozen=True):
    """Whose merchant number it is: a franchisee's or an agent's by code, the brand's for every other ownership."""

    ownership: Ownership
    owner_code: OwnerCode | None = None


class SetHours(_Command, frozen=True):
    """Set opening hours at one level (brand, group or store): a weekly table and the dates that differ."""

    weekly: list[WeeklySpan] | None = None
    exceptions: dict[str, list[Span]] = msgspec.field(default_factory=dict)
    """ISO date -> spans; an empty list is a closed day."""
    source_text: Annotated[str, Meta(max_length=1000)] | None = None


class NameGroup(_Command, frozen=True):
    """Make a store group."""

    code: Code
    name: Name


class RegisterMall(_Command, frozen=True):
    """Make a mall known. Malls are shared by all brands: an existing code keeps what it says."""

    code: Code
    name: Name
    province: Annotated[str, Meta(max_length=60)] | None = None
    city: Annotated[str, Meta(max_length=60)] | None = None
    district: Annotated[str, Meta(max_length=60)] | None = None
    address: Annotated[str, Meta(max_length=300)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
