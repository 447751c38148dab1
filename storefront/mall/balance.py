"""A landlord's own balance with a brand: nothing of another mall can be reached from here."""

from litestar import get

from settlement.errors import PartyNotFound
from settlement.money.balance import parties_of_mall, party_balance
from settlement.money.views import PartyBalance
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.frame import refusals
from storefront.mall.statements import ACCOUNTANT, own_mall


@get(
    "/mall/v1/balance", operation_id="getMallBalance", tags=["mall"], guards=[ACCOUNTANT],
    responses=refusals(PartyNotFound),
)  # fmt: skip
async def get_balance(tenant: CurrentTenant, principal: CurrentPrincipal, now: Now) -> PartyBalance:
    """What the brand owes the mall: frozen, matured, payable and paid."""
    mall_id = own_mall(principal)
    async with tenant.reporting() as db:
        found = await parties_of_mall(db, mall_id)
        if not found:
            raise PartyNotFound
        return await party_balance(db, found[0], now=now, mall_id=mall_id)


ROUTES = [get_balance]
