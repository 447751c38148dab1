"""A store's face: the page with its goods looked up, the store's card with its hours, and home, which is both in one answer.

The same for every shopper of a store, so that its bytes can be kept: who the shopper's guide is, or what lies in the cart, is asked elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from catalog.components import Component, GoodsRef, LayerContent
from catalog.layers import merged, visible
from catalog.page_queries import HOME, layers_shown, page_version, stacked
from catalog.queries import Filter, Sorting, carried_products, products_by_id, summaries
from catalog.versions import face_version
from catalog.views import ProductSummary
from tenants.errors import StoreNotFound
from tenants.hours import Hours, is_open, next_opening
from tenants.kernel.ids import LevelId, StoreId
from tenants.kernel.scope import Reading
from tenants.levels import LevelPath, path_of
from tenants.queries import find_tenant, nearest_stores, store_facts
from tenants.states import StoreStatus
from tenants.views import StoreFacts, StoreView


class ShownComponent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A component as this store shows it; `items` are the goods behind its `dataRef`, if it has one."""

    id: str
    type: str
    props: dict[str, Any]
    data_ref: GoodsRef | None
    items: list[ProductSummary] | None


class PageView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page as one store shows it now."""

    key: str
    title: str | None
    background: str | None
    components: list[ShownComponent]


class StoreFace(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A store as shoppers see it. `openNow` is null when its hours are not known; `selling` says whether it takes orders at all."""

    id: StoreId
    code: str
    name: str
    status: StoreStatus
    is_flagship: bool
    selling: bool
    pickup_offered: bool
    open_now: bool | None
    next_opening_at: datetime | None
    hours: list[str]
    hours_text: str | None
    address: str
    mall_name: str | None
    mall_floor: str | None
    phone: str | None
    latitude: float | None
    longitude: float | None
    distance_metres: int | None = None


class StoreFaces(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Stores, nearest first where it is known how far away they are."""

    items: list[StoreFace]


class HomeView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything a mini-program's first screen needs. Without a store (`store` null) it is the brand's own face."""

    brand_name: str
    store: StoreFace | None
    page: PageView
    face_version: str


class Face(msgspec.Struct, frozen=True):
    """Which face is meant: a store's, the flagship's when no store is known, or the brand's when it has no flagship."""

    path: LevelPath
    facts: StoreFacts | None


async def face_of(db: Reading, store_id: StoreId | None) -> Face:
    """Find the face that a shopper in this store (or in none) sees; StoreNotFound when the store named does not exist."""
    try:
        facts = await store_facts(db, store_id)
    except StoreNotFound:
        if store_id is not None:
            raise
        return Face(path_of(db.tenant_id), None)
    return Face(facts.path, facts)


async def shown_version(db: Reading, *, store_id: StoreId | None) -> str:
    """What changes whenever a store's face does: the levels on its path, and their versions."""
    path = (await face_of(db, store_id)).path
    return f"{'.'.join(level_id.hex for level_id in path.ids())}:{await face_version(db, path)}"


async def home(db: Reading, *, store_id: StoreId | None, now: datetime) -> HomeView:
    """The first screen in one answer."""
    face = await face_of(db, store_id)
    store = store_face(face.facts, now=now) if face.facts else None
    layers = await layers_shown(db, path=face.path, page_key=HOME, at=now)
    return HomeView(
        brand_name=(await find_tenant(db)).name,
        store=store,
        page=await _page(db, layers, path=face.path, page_key=HOME, at=now, store_open=_open(store)),
        face_version=await face_version(db, face.path),
    )


async def page(db: Reading, *, store_id: StoreId | None, page_key: str, now: datetime) -> PageView:
    """Another page of a store."""
    face = await face_of(db, store_id)
    store = store_face(face.facts, now=now) if face.facts else None
    layers = await layers_shown(db, path=face.path, page_key=page_key, at=now)
    return await _page(db, layers, path=face.path, page_key=page_key, at=now, store_open=_open(store))


async def preview(
    db: Reading, *, store_id: StoreId | None, page_key: str, level_id: LevelId, version: int, at: datetime
) -> PageView:
    """A page as a store would show it at a time with this version in place of what its level shows."""
    face = await face_of(db, store_id)
    path = face.path if store_id else path_of(db.tenant_id)
    layers = await layers_shown(db, path=path, page_key=page_key, at=at)
    chosen = await page_version(db, page_key=page_key, level_id=level_id, version=version)
    if level_id not in path.ids():
        path = LevelPath(path.brand, level_id)
    layers[level_id] = chosen.content
    return await _page(db, layers, path=path, page_key=page_key, at=at, store_open=None)


async def store(db: Reading, *, store_id: StoreId, now: datetime) -> StoreFace:
    """One store."""
    return store_face(await store_facts(db, store_id), now=now)


async def stores_near(
    db: Reading, *, latitude: float | None, longitude: float | None, limit: int, now: datetime
) -> StoreFaces:
    """The stores that are not closed for good, nearest first; by code when nobody knows where the shopper is."""
    near = await nearest_stores(db, latitude=latitude, longitude=longitude, limit=limit)
    return StoreFaces(
        items=[store_face(each.facts, now=now, distance_metres=each.distance_metres) for each in near]
    )


def store_face(facts: StoreFacts, *, now: datetime, distance_metres: int | None = None) -> StoreFace:
    """Show a store as it stands now."""
    store, hours = facts.store, facts.hours
    open_now = is_open(hours, at=now, time_zone=store.time_zone)
    return StoreFace(
        id=store.id,
        code=store.code,
        name=store.name,
        status=store.status,
        is_flagship=store.is_flagship,
        selling=_selling(store, now),
        pickup_offered=store.pickup_offered,
        open_now=False if store.status is StoreStatus.CLOSED else open_now,
        next_opening_at=next_opening(hours, at=now, time_zone=store.time_zone) if open_now is False else None,
        hours=_hours_lines(hours),
        hours_text=hours.source_text if hours else None,
        address="".join(part for part in (store.province, store.city, store.district, store.address) if part),
        mall_name=facts.mall_name,
        mall_floor=store.mall_floor,
        phone=store.phone,
        latitude=store.latitude,
        longitude=store.longitude,
        distance_metres=distance_metres,
    )


_DAYS = "一二三四五六日"


def _hours_lines(hours: Hours | None) -> list[str]:
    """The weekly hours as fronts print them: `周一至周五 10:00-22:00`."""
    lines = []
    for span in (hours.weekly if hours else None) or ():
        days = sorted(span.days)
        joined = "、".join(f"周{_DAYS[day - 1]}" for day in days)
        if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):  # noqa: PLR2004 two days are not a range
            joined = f"周{_DAYS[days[0] - 1]}至周{_DAYS[days[-1] - 1]}"
        lines.append(f"{joined} {span.opens}-{span.closes}")
    return lines


def _selling(store: StoreView, now: datetime) -> bool:
    begun = store.active_from is None or store.active_from <= now
    over = store.active_to is not None and store.active_to <= now
    return store.status is not StoreStatus.CLOSED and begun and not over


def _open(store: StoreFace | None) -> bool | None:
    return store.open_now if store else None


async def _page(
    db: Reading,
    layers: dict[LevelId, LayerContent],
    *,
    path: LevelPath,
    page_key: str,
    at: datetime,
    store_open: bool | None,
) -> PageView:
    page = merged(stacked(layers, path=path, page_key=page_key))
    components = [each for each in page.components if visible(each, at=at, store_open=store_open)]
    goods = await _goods(db, [each.data_ref for each in components if each.data_ref], path=path, at=at)
    return PageView(
        key=page_key,
        title=page.title,
        background=page.background,
        components=[_shown(each, goods) for each in components],
    )


def _shown(component: Component, goods: dict[bytes, list[ProductSummary]]) -> ShownComponent:
    ref = component.data_ref
    return ShownComponent(
        id=component.id,
        type=type(component).__name__,
        props=msgspec.to_builtins(component.props),
        data_ref=ref,
        items=goods[_key(ref)] if ref else None,
    )


async def _goods(
    db: Reading, refs: Sequence[GoodsRef], *, path: LevelPath, at: datetime
) -> dict[bytes, list[ProductSummary]]:
    """The goods behind each reference; the listings of all of them are looked up together."""
    rows: dict[bytes, Sequence[Any]] = {}
    for ref in refs:
        if _key(ref) not in rows:
            rows[_key(ref)] = await _referred(db, ref, path=path, at=at)
    wanted = {row.id: row for found in rows.values() for row in found}
    shown = {each.spu_id: each for each in await summaries(db, list(wanted.values()), path=path, at=at)}
    limits = {_key(ref): ref.limit for ref in refs}
    return {
        key: [shown[row.id] for row in found if row.id in shown][: limits[key]] for key, found in rows.items()
    }


async def _referred(db: Reading, ref: GoodsRef, *, path: LevelPath, at: datetime) -> Sequence[Any]:
    if ref.by == "ids":
        return await products_by_id(db, ref.ids)
    chosen = Filter(
        tag=ref.tag if ref.by == "tag" else None, category=ref.category if ref.by == "category" else None
    )
    sorting = Sorting.NEWEST if ref.by == "newest" else Sorting.POSITION
    return await carried_products(db, path=path, at=at, chosen=chosen, limit=ref.limit, sorting=sorting)


def _key(ref: GoodsRef) -> bytes:
    return msgspec.json.encode(ref)
