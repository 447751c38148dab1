"""The literal list of this audience's route handlers; a module that is not listed here serves nothing."""

from typing import Final

from litestar.types import ControllerRouterHandler

from storefront.brand import (
    assortments,
    bill_uploads,
    catalogue,
    claims,
    contracts,
    differing_payments,
    disputes,
    money,
    owners,
    pages,
    payouts,
    people,
    prices,
    promotions,
    reconciliation,
    relations,
    settlement,
    signing,
    splits,
    stores,
)

ROUTES: Final[list[ControllerRouterHandler]] = [
    *people.ROUTES,
    *relations.ROUTES,
    *stores.ROUTES,
    *owners.ROUTES,
    *catalogue.ROUTES,
    *prices.ROUTES,
    *assortments.ROUTES,
    *pages.ROUTES,
    *contracts.ROUTES,
    *promotions.ROUTES,
    *claims.ROUTES,
    *settlement.ROUTES,
    *money.ROUTES,
    *splits.ROUTES,
    *signing.ROUTES,
    *disputes.ROUTES,
    *payouts.ROUTES,
    *differing_payments.ROUTES,
    *reconciliation.ROUTES,
    *bill_uploads.ROUTES,
]
