"""Stores as shoppers see them: near where they are, or one of them."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from catalog.faces import StoreFace, StoreFaces, store, stores_near
from storefront.auth import CurrentTenant, Now, visitor
from storefront.frame import refusals
from tenants.errors import StoreNotFound
from tenants.kernel.ids import StoreId
from tenants.kernel.paging import PageTooLarge, page_limit

Latitude = Annotated[float | None, QueryParameter(name="latitude", ge=-90, le=90)]
Longitude = Annotated[float | None, QueryParameter(name="longitude", ge=-180, le=180)]


@get(
    "/shopper/v1/stores",
    operation_id="listNearbyStores",
    tags=["stores"],
    guards=[visitor],
    responses=refusals(PageTooLarge),
)
async def list_nearby_stores(
    tenant: CurrentTenant, now: Now, latitude: Latitude = None, longitude: Longitude = None,
    limit: FromQuery[int | None] = None,
) -> StoreFaces:  # fmt: skip
    """Stores by distance from where the shopper is, or by code when that is not said."""
    size = page_limit(limit)
    async with tenant.reading() as db:
        return await stores_near(db, latitude=latitude, longitude=longitude, limit=size, now=now)


@get(
    "/shopper/v1/stores/{store_id:uuid}",
    operation_id="getStore",
    tags=["stores"],
    guards=[visitor],
    responses=refusals(StoreNotFound),
)
async def get_store(store_id: FromPath[UUID], tenant: CurrentTenant, now: Now) -> StoreFace:
    """One store with its hours."""
    async with tenant.reading() as db:
        return await store(db, store_id=StoreId(store_id), now=now)


ROUTES = [list_nearby_stores, get_store]
