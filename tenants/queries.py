"""Every read of the ground floor."""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Select, literal, or_, select

from tenants.errors import MerchantNotFound, ShopperNotFound, StaffNotFound, StoreNotFound, TenantNotFound
from tenants.hours import Hours, Span, WeeklySpan
from tenants.kernel.ids import MallId, MerchantId, ShopperId, StaffId, StoreId
from tenants.kernel.scope import Reading
from tenants.levels import LevelPath, path_of
from tenants.models import (
    Mall,
    Merchant,
    OpeningHours,
    Shopper,
    Staff,
    Store,
    StoreGroup,
    Tenant,
)
from tenants.views import (
    GroupView,
    MallView,
    MerchantView,
    NearbyStore,
    ShopperView,
    StaffView,
    StoreFacts,
    StoreView,
    TenantView,
)

View = TypeVar("View", bound=msgspec.Struct)

EARTH_RADIUS_METRES = 6_371_000


async def find_tenant(db: Reading) -> TenantView:
    """The tenant of this transaction."""
    columns = (
        Tenant.tenant_id.label("id"), Tenant.org_id, Tenant.code, Tenant.public_code, Tenant.name, Tenant.appid,
        Tenant.status, Tenant.time_zone, Tenant.platform_fee_bps, Tenant.created_at,
    )  # fmt: skip
    row = (await db.execute(select(*columns).where(Tenant.tenant_id == db.tenant_id))).one_or_none()
    if row is None:
        raise TenantNotFound
    return shown(TenantView, row)


async def callback_key(db: Reading) -> str:
    """The unguessable part of the addresses under which vendors call the tenant back; raises TenantNotFound."""
    statement = select(Tenant.callback_key).where(Tenant.tenant_id == db.tenant_id)
    key = (await db.execute(statement)).scalar_one_or_none()
    if key is None:
        raise TenantNotFound
    return key


async def tenant_settings(db: Reading) -> dict[str, Any]:
    """The tenant's settings as stored; each package reads its own part of them."""
    statement = select(Tenant.settings).where(Tenant.tenant_id == db.tenant_id)
    return (await db.execute(statement)).scalar_one_or_none() or {}


async def merchants(db: Reading) -> list[MerchantView]:
    """The tenant's merchant numbers, the default one first."""
    statement = (
        select(*_columns(Merchant, MerchantView))
        .where(Merchant.tenant_id == db.tenant_id)
        .order_by(Merchant.is_default.desc(), Merchant.merchant_no)
    )
    return [shown(MerchantView, row) for row in await db.execute(statement)]


async def merchant_of_store(db: Reading, store_id: StoreId) -> MerchantId:
    """Who takes a store's money: its own merchant, else the tenant's default one."""
    own = select(Store.merchant_id).where(Store.tenant_id == db.tenant_id, Store.id == store_id)
    found = (await db.execute(own)).one_or_none()
    if found is None:
        raise StoreNotFound(store_id=store_id)
    if found.merchant_id is not None:
        return MerchantId(found.merchant_id)
    default = select(Merchant.id).where(Merchant.tenant_id == db.tenant_id, Merchant.is_default)
    merchant_id = (await db.execute(default)).scalar_one_or_none()
    if merchant_id is None:
        raise MerchantNotFound
    return MerchantId(merchant_id)


async def merchants_of_stores(db: Reading, store_ids: Sequence[StoreId]) -> dict[StoreId, MerchantId]:
    """Who takes each store's money, of many stores at once; stores that nobody could take money for are absent."""
    default = select(Merchant.id).where(Merchant.tenant_id == db.tenant_id, Merchant.is_default)
    own = select(Store.id, Store.merchant_id).where(
        Store.tenant_id == db.tenant_id, Store.id.in_(list(store_ids))
    )
    house = (await db.execute(default)).scalar_one_or_none()
    found = {row.id: row.merchant_id or house for row in await db.execute(own)}
    return {StoreId(store_id): MerchantId(each) for store_id, each in found.items() if each is not None}


async def find_staff(db: Reading, staff_id: StaffId) -> StaffView:
    """One staff member."""
    statement = select(*_columns(Staff, StaffView)).where(
        Staff.tenant_id == db.tenant_id, Staff.id == staff_id
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise StaffNotFound(staff_id=staff_id)
    return shown(StaffView, row)


async def all_staff(db: Reading) -> list[StaffView]:
    """The tenant's staff by log-in name."""
    statement = (
        select(*_columns(Staff, StaffView)).where(Staff.tenant_id == db.tenant_id).order_by(Staff.login)
    )
    return [shown(StaffView, row) for row in await db.execute(statement)]


async def store_groups(db: Reading) -> list[GroupView]:
    """The tenant's store groups."""
    statement = (
        select(*_columns(StoreGroup, GroupView))
        .where(StoreGroup.tenant_id == db.tenant_id)
        .order_by(StoreGroup.code)
    )
    return [shown(GroupView, row) for row in await db.execute(statement)]


async def malls(db: Reading, *, codes: Sequence[str] | None = None) -> list[MallView]:
    """Malls by code (all of them when no codes are given); a reference table, the same for every tenant."""
    statement = select(*_columns(Mall, MallView)).order_by(Mall.code)
    if codes is not None:
        statement = statement.where(Mall.code.in_(codes))
    return [shown(MallView, row) for row in await db.execute(statement)]


async def find_mall(db: Reading, mall_id: MallId) -> MallView | None:
    """One mall."""
    row = (await db.execute(select(*_columns(Mall, MallView)).where(Mall.id == mall_id))).one_or_none()
    return None if row is None else shown(MallView, row)


async def stores(db: Reading, *, after_code: str = "", limit: int = 100) -> list[StoreView]:
    """Stores by code, a page at a time (key-set)."""
    statement = (
        select(*_columns(Store, StoreView))
        .where(Store.tenant_id == db.tenant_id, Store.code > after_code)
        .order_by(Store.code)
        .limit(limit)
    )
    return [shown(StoreView, row) for row in await db.execute(statement)]


async def store_ids_by_code(db: Reading, codes: Sequence[str]) -> dict[str, StoreId]:
    """Which of these store codes exist, and their ids."""
    statement = select(Store.code, Store.id).where(Store.tenant_id == db.tenant_id, Store.code.in_(codes))
    return {row.code: StoreId(row.id) for row in await db.execute(statement)}


async def store_codes(db: Reading, store_ids: Sequence[StoreId]) -> dict[StoreId, str]:
    """Which of these stores exist, and their codes."""
    statement = select(Store.id, Store.code).where(Store.tenant_id == db.tenant_id, Store.id.in_(store_ids))
    return {StoreId(row.id): row.code for row in await db.execute(statement)}


async def store_names(db: Reading, store_ids: Iterable[StoreId]) -> dict[StoreId, str]:
    """The names of these stores."""
    statement = select(Store.id, Store.name).where(
        Store.tenant_id == db.tenant_id, Store.id.in_(list(store_ids))
    )
    return {StoreId(row.id): row.name for row in await db.execute(statement)}


async def store_facts(db: Reading, store_id: StoreId | None) -> StoreFacts:
    """A store with its level path, hours and mall (the flagship when no store is named)."""
    chosen = Store.is_flagship if store_id is None else Store.id == store_id
    found = (await db.execute(_stores_with_mall(db).where(chosen))).one_or_none()
    if found is None:
        raise StoreNotFound(store_id=store_id)
    store = shown(StoreView, found)
    path = path_of(db.tenant_id, group_id=store.group_id, store_id=store.id)
    return StoreFacts(store=store, path=path, hours=await opening_hours(db, path), mall_name=found.mall_name)


async def nearest_stores(
    db: Reading, *, latitude: float | None, longitude: float | None, limit: int = 20
) -> list[NearbyStore]:
    """Stores that are not closed, by distance; by code when nobody knows where the asker is. All of a brand's coordinates are compared: a thousand stores are a millisecond's work."""
    rows = (await db.execute(_stores_with_mall(db).where(Store.status != "closed"))).all()
    here = (latitude, longitude)
    measured = [(_metres(here, (row.latitude, row.longitude)), row) for row in rows]
    measured.sort(key=lambda each: (each[0] is None, each[0] or 0, each[1].code))
    near = [(metres, row, shown(StoreView, row)) for metres, row in measured[:limit]]
    paths = [path_of(db.tenant_id, group_id=store.group_id, store_id=store.id) for _, _, store in near]
    hours = await _hours_along(db, paths)
    return [
        NearbyStore(
            facts=StoreFacts(store=store, path=path, hours=found, mall_name=row.mall_name),
            distance_metres=metres,
        )
        for (metres, row, store), path, found in zip(near, paths, hours, strict=True)
    ]


async def opening_hours(db: Reading, path: LevelPath) -> Hours | None:
    """The hours of the most specific level that has any; None when nobody ever set them."""
    return (await _hours_along(db, [path]))[0]


async def _hours_along(db: Reading, paths: Sequence[LevelPath]) -> list[Hours | None]:
    """The hours of each path, read at once."""
    levels = {level_id for path in paths for level_id in path.ids()}
    statement = select(
        OpeningHours.level_id, OpeningHours.weekly, OpeningHours.exceptions, OpeningHours.source_text
    ).where(OpeningHours.tenant_id == db.tenant_id, OpeningHours.level_id.in_(levels))
    said = {row.level_id: _hours(row) for row in await db.execute(statement)}
    return [
        next((said[level_id] for level_id in reversed(path.ids()) if level_id in said), None)
        for path in paths
    ]


def _hours(row: Any) -> Hours:
    return Hours(
        weekly=None if row.weekly is None else msgspec.convert(row.weekly, tuple[WeeklySpan, ...]),
        exceptions={
            date.fromisoformat(day): msgspec.convert(spans, tuple[Span, ...])
            for day, spans in row.exceptions.items()
        },
        source_text=row.source_text,
    )


async def level_exists(db: Reading, level_id: Any) -> bool:
    """Whether a level id is this tenant, one of its groups or one of its stores."""
    if level_id == db.tenant_id:
        return True
    group = select(literal(1)).where(StoreGroup.tenant_id == db.tenant_id, StoreGroup.id == level_id)
    store = select(literal(1)).where(Store.tenant_id == db.tenant_id, Store.id == level_id)
    return (await db.execute(select(or_(group.exists(), store.exists())))).scalar_one()


async def find_shopper(db: Reading, shopper_id: ShopperId) -> ShopperView:
    """One shopper, personal details left out."""
    columns = (
        Shopper.id, Shopper.nickname, Shopper.phone_tail, Shopper.member_since.is_not(None).label("is_member"),
        Shopper.created_at,
    )  # fmt: skip
    statement = select(*columns).where(Shopper.tenant_id == db.tenant_id, Shopper.id == shopper_id)
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise ShopperNotFound(shopper_id=shopper_id)
    return shown(ShopperView, row)


async def phone_tails(db: Reading, shopper_ids: Iterable[ShopperId]) -> dict[ShopperId, str | None]:
    """The last digits of these shoppers' phones, for the counter."""
    statement = select(Shopper.id, Shopper.phone_tail).where(
        Shopper.tenant_id == db.tenant_id, Shopper.id.in_(list(shopper_ids))
    )
    return {ShopperId(row.id): row.phone_tail for row in await db.execute(statement)}


async def shopper_with_unionid(db: Reading, unionid: str) -> ShopperId | None:
    """The shopper of this union id, if one has logged in with it."""
    statement = select(Shopper.id).where(Shopper.tenant_id == db.tenant_id, Shopper.unionid == unionid)
    found = (await db.execute(statement.order_by(Shopper.id).limit(1))).scalar_one_or_none()
    return None if found is None else ShopperId(found)


async def shopper_openid(db: Reading, shopper_id: ShopperId) -> str:
    """The openid under which a shopper pays: for the payment channel only, never for an answer."""
    statement = select(Shopper.openid).where(Shopper.tenant_id == db.tenant_id, Shopper.id == shopper_id)
    openid = (await db.execute(statement)).scalar_one_or_none()
    if openid is None:
        raise ShopperNotFound(shopper_id=shopper_id)
    return openid


def shown(view: type[View], row: Any) -> View:
    """Fill a view from a row whose columns bear the view's field names."""
    return view(**{field: getattr(row, field) for field in view.__struct_fields__})


def _columns(model: type[Any], view: type[Any]) -> list[Any]:
    return [getattr(model, field) for field in view.__struct_fields__]


def _stores_with_mall(db: Reading) -> Select[Any]:
    return (
        select(*_columns(Store, StoreView), Mall.name.label("mall_name"))
        .outerjoin(Mall, Mall.id == Store.mall_id)
        .where(Store.tenant_id == db.tenant_id)
    )


def _metres(here: tuple[float | None, float | None], there: tuple[float | None, float | None]) -> int | None:
    """The great-circle distance (haversine); None when either place is not known."""
    known = [math.radians(degrees) for degrees in (*here, *there) if degrees is not None]
    if len(known) < len(here) + len(there):
        return None
    lat_a, lon_a, lat_b, lon_b = known
    chord = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    )
    return round(2 * EARTH_RADIUS_METRES * math.asin(math.sqrt(chord)))
