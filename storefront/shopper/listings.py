"""What a store offers: lists, search, details, barcodes, categories. Without X-Store-Id the flagship's, or the brand's own."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery, PathParameter, QueryParameter

from catalog.errors import BarcodeUnknown, CategoryNotFound, NotRangedHere, ProductNotFound
from catalog.faces import face_of
from catalog.queries import Filter, Sorting, browse, categories, product, with_barcode
from catalog.views import BarcodeMatches, CategoryView, ProductPage, ProductView
from storefront.auth import ChosenStore, CurrentTenant, Now, visitor
from storefront.frame import refusals
from tenants.errors import StoreNotFound
from tenants.kernel.ids import SpuId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.kernel.scope import TextUnstorable

Searched = Annotated[
    str | None, QueryParameter(name="q", max_length=200, description="One or two characters suffice.")
]
CategoryCode = Annotated[
    str | None, QueryParameter(name="category", max_length=64, description="The category's code.")
]
Tag = Annotated[str | None, QueryParameter(name="tag", max_length=64)]


@get(
    "/shopper/v1/listings",
    operation_id="listListings",
    tags=["listings"],
    guards=[visitor],
    responses=refusals(StoreNotFound, CategoryNotFound, CursorUnreadable, PageTooLarge, TextUnstorable),
)
async def list_listings(
    tenant: CurrentTenant, chosen_store: ChosenStore, now: Now, category: CategoryCode = None, tag: Tag = None,
    searched: Searched = None, sort: FromQuery[Sorting] = Sorting.POSITION,
    cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None,
) -> ProductPage:  # fmt: skip
    """The products this store carries, a page at a time, narrowed by category (with all below it), tag and search text."""
    chosen = Filter(category=category, tag=tag, searched=searched)
    async with tenant.reading() as db:
        path = (await face_of(db, chosen_store)).path
        return await browse(db, path=path, at=now, chosen=chosen, cursor=cursor, limit=limit, sorting=sort)


@get(
    "/shopper/v1/products/{spu_id:uuid}",
    operation_id="getProduct",
    tags=["listings"],
    guards=[visitor],
    responses=refusals(StoreNotFound, ProductNotFound, NotRangedHere),
)
async def get_product(
    spu_id: FromPath[UUID], tenant: CurrentTenant, chosen_store: ChosenStore, now: Now
) -> ProductView:
    """A product with the units this store carries; NOT_RANGED_HERE when it carries none of them."""
    async with tenant.reading() as db:
        path = (await face_of(db, chosen_store)).path
        return await product(db, path=path, spu_id=SpuId(spu_id), at=now)


@get(
    "/shopper/v1/barcodes/{barcode:str}",
    operation_id="findBarcode",
    tags=["listings"],
    guards=[visitor],
    responses=refusals(StoreNotFound, BarcodeUnknown, NotRangedHere, TextUnstorable),
)
async def find_barcode(
    barcode: Annotated[str, PathParameter(max_length=64)],
    tenant: CurrentTenant,
    chosen_store: ChosenStore,
    now: Now,
) -> BarcodeMatches:
    """Everything this store carries under a barcode; several units may share one."""
    async with tenant.reading() as db:
        path = (await face_of(db, chosen_store)).path
        return await with_barcode(db, path=path, barcode=barcode, at=now)


@get("/shopper/v1/categories", operation_id="listCategories", tags=["listings"], guards=[visitor])
async def list_categories(tenant: CurrentTenant) -> list[CategoryView]:
    """The brand's categories in the order of the menu."""
    async with tenant.reading() as db:
        return await categories(db)


ROUTES = [list_listings, get_product, find_barcode, list_categories]
