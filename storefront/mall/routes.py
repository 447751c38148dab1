"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.mall import balance, disputes, statements

ROUTES: Final[list[ControllerRouterHandler]] = [*statements.ROUTES, *disputes.ROUTES, *balance.ROUTES]
