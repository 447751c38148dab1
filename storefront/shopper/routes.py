"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.shopper import home, listings, orders, pages, quotes, sessions, stores

ROUTES: Final[list[ControllerRouterHandler]] = [
    *sessions.ROUTES,
    *quotes.ROUTES,
    *orders.ROUTES,
    *home.ROUTES,
    *pages.ROUTES,
    *listings.ROUTES,
    *stores.ROUTES,
]
