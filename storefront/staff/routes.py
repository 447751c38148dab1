"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.staff import links, orders, pickups, prices, refunds, sessions

ROUTES: Final[list[ControllerRouterHandler]] = [
    *sessions.ROUTES,
    *links.ROUTES,
    *orders.ROUTES,
    *pickups.ROUTES,
    *prices.ROUTES,
    *refunds.ROUTES,
]
