"""What parties owe, for finance: per party its balance, and the refunds that nothing came back for."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromQuery, QueryParameter

from settlement import claims
from settlement.views import ClaimList
from storefront.auth import CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from tenants.kernel.ids import PartyId
from tenants.kernel.paging import PageTooLarge

OfParty = Annotated[UUID | None, QueryParameter(name="partyId", description="One party's claims alone.")]


@get(
    "/brand/v1/settlement/claims",
    operation_id="listClaims",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(PageTooLarge),
)
async def list_claims(
    tenant: CurrentTenant, now: Now, party_id: OfParty = None, limit: FromQuery[int | None] = None
) -> ClaimList:  # fmt: skip
    """Parties that owe, the largest debt first, with the refunds it comes from; the next statements net them."""
    chosen = PartyId(party_id) if party_id else None
    async with tenant.reading() as db:
        return await claims.claims(db, now=now, party_id=chosen, limit=limit)


ROUTES = [list_claims]
