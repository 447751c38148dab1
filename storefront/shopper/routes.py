"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.shopper import orders, quotes, sessions

ROUTES: Final[list[ControllerRouterHandler]] = [*sessions.ROUTES, *quotes.ROUTES, *orders.ROUTES]
