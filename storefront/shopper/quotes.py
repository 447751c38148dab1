"""Quotes: what a cart costs at a store, before anybody logs in."""

from litestar import post
from litestar.params import JSONBody

from orders.commands import AskQuote
from orders.errors import AmountTooLarge, SkuRepeated
from orders.quote import quote
from orders.views import QuoteView
from storefront.auth import CurrentTenant, Now, visitor
from storefront.frame import refusals
from tenants.errors import StoreNotFound, StoreNotSelling, TenantSuspended


@post(
    "/shopper/v1/quotes",
    operation_id="quote",
    tags=["orders"],
    guards=[visitor],
    status_code=200,
    responses=refusals(StoreNotFound, StoreNotSelling, TenantSuspended, SkuRepeated, AmountTooLarge),
)
async def ask_quote(data: JSONBody[AskQuote], tenant: CurrentTenant, now: Now) -> QuoteView:
    """Good lines with their amounts, and four lists of what cannot be ordered. Nothing is held."""
    async with tenant.reading() as db:
        return await quote(db, data, now=now)


ROUTES = [ask_quote]
