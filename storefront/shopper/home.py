"""Home: everything a mini-program's first screen needs, in one call."""

from litestar import get

from catalog.faces import HomeView, home
from storefront.auth import ChosenStore, CurrentTenant, Now, visitor
from storefront.frame import refusals
from tenants.errors import StoreNotFound


@get(
    "/shopper/v1/home",
    operation_id="getHome",
    tags=["faces"],
    guards=[visitor],
    responses=refusals(StoreNotFound),
)
async def get_home(tenant: CurrentTenant, chosen_store: ChosenStore, now: Now) -> HomeView:
    """The store's card, its page with its goods, and the face's version; without X-Store-Id the flagship's, or the brand's own."""
    async with tenant.reading() as db:
        return await home(db, store_id=chosen_store, now=now)


ROUTES = [get_home]
