"""What the ground floor shows: structs that go out. Nothing secret is in any of them."""

from datetime import datetime

import msgspec

from tenants.hours import Hours
from tenants.kernel.ids import (
    MallId,
    MerchantId,
    OrganisationId,
    ShopperId,
    StaffId,
    StoreGroupId,
    StoreId,
    TenantId,
)
from tenants.kernel.money import Bps
from tenants.levels import LevelPath
from tenants.states import Ownership, StaffRole, StoreStatus, TenantStatus


class TenantView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A brand's isolated space."""

    id: TenantId
    org_id: OrganisationId
    code: str
    public_code: str
    name: str
    appid: str
    status: TenantStatus
    time_zone: str
    platform_fee_bps: Bps
    created_at: datetime


class MerchantView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A merchant number, without its keys."""

    id: MerchantId
    merchant_no: str
    legal_name: str
    certificate_serial: str
    fee_bps: Bps
    is_default: bool


class StaffView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A staff member, without the password's hash."""

    id: StaffId
    login: str
    name: str
    role: StaffRole
    store_id: StoreId | None
    mall_id: MallId | None
    active: bool


class MallView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A mall."""

    id: MallId
    code: str
    name: str
    province: str | None
    city: str | None
    district: str | None
    address: str | None
    latitude: float | None
    longitude: float | None


class StoreView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A store as the floors above see it."""

    id: StoreId
    code: str
    name: str
    group_id: StoreGroupId | None
    merchant_id: MerchantId | None
    mall_id: MallId | None
    mall_floor: str | None
    ownership: Ownership
    status: StoreStatus
    is_flagship: bool
    pickup_offered: bool
    province: str | None
    city: str | None
    district: str | None
    address: str | None
    latitude: float | None
    longitude: float | None
    phone: str | None
    time_zone: str
    business_day_starts: str
    active_from: datetime | None
    active_to: datetime | None
    wechat_store_no: int | None


class StoreFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A store with what every order needs of it, read in one query: its level path and its hours."""

    store: StoreView
    path: LevelPath
    hours: Hours | None
    mall_name: str | None


class NearbyStore(msgspec.Struct, frozen=True, kw_only=True):
    """A store and how far away it is, in metres; None where either place is not known."""

    facts: StoreFacts
    distance_metres: int | None


class ShopperView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A shopper, personal details left out."""

    id: ShopperId
    nickname: str | None
    phone_tail: str | None
    is_member: bool
    created_at: datetime


class GroupView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A store group."""

    id: StoreGroupId
    code: str
    name: str
