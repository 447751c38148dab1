"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.brand import (
    assortments,
    catalogue,
    contracts,
    money,
    pages,
    people,
    prices,
    relations,
    settlement,
    splits,
    stores,
)

ROUTES: Final[list[ControllerRouterHandler]] = [
    *people.ROUTES,
    *relations.ROUTES,
    *stores.ROUTES,
    *catalogue.ROUTES,
    *prices.ROUTES,
    *assortments.ROUTES,
    *pages.ROUTES,
    *contracts.ROUTES,
    *settlement.ROUTES,
    *money.ROUTES,
    *splits.ROUTES,
]
