"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.operator import connections, jobs, sessions, tenants

ROUTES: Final[list[ControllerRouterHandler]] = [
    *sessions.ROUTES,
    *tenants.ROUTES,
    *connections.ROUTES,
    *jobs.ROUTES,
]
