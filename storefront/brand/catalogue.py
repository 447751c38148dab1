"""Headquarters' view of its products, and how each stands at a store."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from catalog.brand_queries import BrandProductDetail, BrandProducts, brand_product, brand_products
from catalog.errors import ProductNotFound
from storefront.auth import CurrentTenant, Now, staff
from storefront.frame import refusals
from tenants.errors import StoreNotFound
from tenants.kernel.ids import SpuId, StoreId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.levels import path_of
from tenants.queries import store_facts
from tenants.states import StaffRole

READERS = staff(StaffRole.BRAND_HQ, StaffRole.STORE_MANAGER)
CodeStarts = Annotated[
    str | None, QueryParameter(name="code", max_length=64, description="Codes that start so.")
]
AtStore = Annotated[UUID | None, QueryParameter(name="storeId", description="Resolve for this store.")]


@get(
    "/brand/v1/products",
    operation_id="listBrandProducts",
    tags=["catalogue"],
    guards=[READERS],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_products(
    tenant: CurrentTenant, code: CodeStarts = None, cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> BrandProducts:  # fmt: skip
    """All products by code, on sale or not."""
    async with tenant.reading() as db:
        return await brand_products(db, code_starts=code, cursor=cursor, limit=limit)


@get(
    "/brand/v1/products/{spu_id:uuid}",
    operation_id="getBrandProduct",
    tags=["catalogue"],
    guards=[READERS],
    responses=refusals(ProductNotFound, StoreNotFound),
)
async def get_brand_product(
    spu_id: FromPath[UUID], tenant: CurrentTenant, now: Now, store_id: AtStore = None
) -> BrandProductDetail:
    """A product and how its units resolve at a store (or for the brand alone), with the evidence: which level's price, whose stock."""
    async with tenant.reading() as db:
        path = (await store_facts(db, StoreId(store_id))).path if store_id else path_of(tenant.tenant_id)
        return await brand_product(db, spu_id=SpuId(spu_id), path=path, at=now)


ROUTES = [list_products, get_brand_product]
