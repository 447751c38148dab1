"""Headquarters' stores, groups, malls and opening hours."""

from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.brand.levels import LevelRef, check_own_level, level_named
from storefront.frame import refusals
from tenants import queries
from tenants.audit import record_deed
from tenants.commands import NameGroup, OpenStore, RegisterMall, SetHours
from tenants.errors import (
    FlagshipTaken,
    HoursUnreadable,
    LevelUnknown,
    MallNotFound,
    MerchantNotFound,
    StoreCodeTaken,
    StoreGroupNotFound,
    StoreNotFound,
    StoreTimesReversed,
    TimeZoneUnknown,
)
from tenants.kernel.ids import StoreId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge, page_limit, read_cursor, write_cursor
from tenants.levels import Level
from tenants.open_store import change_store, make_group, open_store, register_mall, set_hours
from tenants.states import StaffRole
from tenants.views import GroupView, MallView, StoreView

HEADQUARTERS = staff(StaffRole.BRAND_HQ)
OFFICE = staff(StaffRole.BRAND_HQ, StaffRole.FINANCE)
UNKNOWN_REFERENCES = (
    StoreGroupNotFound, MerchantNotFound, MallNotFound, TimeZoneUnknown, FlagshipTaken, StoreTimesReversed,
)  # fmt: skip


class StorePage(msgspec.Struct, frozen=True, rename="camel"):
    """Stores by code, and where the list goes on."""

    stores: list[StoreView]
    next_cursor: str | None


class HoursKept(msgspec.Struct, frozen=True, rename="camel"):
    """The opening hours were kept."""

    level_id: UUID


@get(
    "/brand/v1/stores",
    operation_id="listStores",
    tags=["stores"],
    guards=[OFFICE],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_stores(
    tenant: CurrentTenant, cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None
) -> StorePage:
    """The brand's stores by code."""
    rows = page_limit(limit)
    (after,) = read_cursor(cursor, tuple[str]) if cursor else ("",)
    async with tenant.reading() as db:
        stores = await queries.stores(db, after_code=after, limit=rows)
    return StorePage(stores, write_cursor(stores[-1].code) if len(stores) == rows else None)


@post(
    "/brand/v1/stores",
    operation_id="openStore",
    tags=["stores"],
    guards=[HEADQUARTERS],
    responses=refusals(StoreCodeTaken, *UNKNOWN_REFERENCES),
)
async def open_new_store(
    data: JSONBody[OpenStore], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> StoreView:
    """Open a store."""
    async with tenant.writing() as db:
        store = await open_store(db, data, now=now)
        await record_deed(db, actor=principal.actor(), action="open_store", subject_id=store.id, now=now)
    return store


@put(
    "/brand/v1/stores/{store_id:uuid}",
    operation_id="changeStore",
    tags=["stores"],
    guards=[HEADQUARTERS],
    responses=refusals(StoreNotFound, StoreCodeTaken, *UNKNOWN_REFERENCES),
)
async def change_known_store(
    store_id: FromPath[UUID],
    data: JSONBody[OpenStore],
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    now: Now,
) -> StoreView:
    """Replace what is known of a store."""
    async with tenant.writing() as db:
        store = await change_store(db, data, store_id=StoreId(store_id))
        await record_deed(db, actor=principal.actor(), action="change_store", subject_id=store_id, now=now)
    return store


@get("/brand/v1/store-groups", operation_id="listStoreGroups", tags=["stores"], guards=[OFFICE])
async def list_groups(tenant: CurrentTenant) -> list[GroupView]:
    """The brand's store groups."""
    async with tenant.reading() as db:
        return await queries.store_groups(db)


@put("/brand/v1/store-groups", operation_id="nameStoreGroup", tags=["stores"], guards=[HEADQUARTERS])
async def name_group(data: JSONBody[NameGroup], tenant: CurrentTenant) -> GroupView:
    """Make a store group, or rename the one with this code."""
    async with tenant.writing() as db:
        return await make_group(db, data)


@get("/brand/v1/malls", operation_id="listMalls", tags=["stores"], guards=[OFFICE])
async def list_malls(tenant: CurrentTenant, code: FromQuery[list[str] | None] = None) -> list[MallView]:
    """Malls by code: shared by all brands."""
    async with tenant.reading() as db:
        return await queries.malls(db, codes=code)


@put("/brand/v1/malls", operation_id="registerMall", tags=["stores"], guards=[HEADQUARTERS])
async def make_mall_known(data: JSONBody[RegisterMall], tenant: CurrentTenant) -> MallView:
    """Make a mall known; one that is known already is returned as it is."""
    async with tenant.writing() as db:
        return await register_mall(db, data)


@put(
    "/brand/v1/opening-hours/{level:str}",
    operation_id="setOpeningHours",
    tags=["stores"],
    guards=[staff(StaffRole.BRAND_HQ, StaffRole.STORE_MANAGER)],
    responses=refusals(LevelUnknown, HoursUnreadable),
)
async def set_level_hours(
    level: FromPath[Level],
    data: JSONBody[SetHours],
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    level_id: LevelRef = None,
) -> HoursKept:
    """Set opening hours for the brand, a group or a store (levelId)."""
    where_id = level_named(tenant.tenant_id, level=level, level_id=level_id)
    check_own_level(principal, level=level, level_id=where_id)
    async with tenant.writing() as db:
        await set_hours(db, data, level=level, level_id=where_id)
    return HoursKept(where_id)


ROUTES = [
    list_stores,
    open_new_store,
    change_known_store,
    list_groups,
    name_group,
    list_malls,
    make_mall_known,
    set_level_hours,
]
