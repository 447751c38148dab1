"""Pages other than home, as a store shows them."""

from typing import Annotated

from litestar import get
from litestar.params import PathParameter

from catalog.errors import PageNotFound
from catalog.faces import PageView, page
from storefront.auth import ChosenStore, CurrentTenant, Now, visitor
from storefront.frame import refusals
from tenants.errors import StoreNotFound
from tenants.kernel.scope import TextUnstorable

PageKey = Annotated[str, PathParameter(max_length=40, description="The page's key.")]


@get(
    "/shopper/v1/pages/{page_key:str}",
    operation_id="getPage",
    tags=["faces"],
    guards=[visitor],
    responses=refusals(StoreNotFound, PageNotFound, TextUnstorable),
)
async def get_page(page_key: PageKey, tenant: CurrentTenant, chosen_store: ChosenStore, now: Now) -> PageView:
    """A page with its goods."""
    async with tenant.reading() as db:
        return await page(db, store_id=chosen_store, page_key=page_key, now=now)


ROUTES = [get_page]
