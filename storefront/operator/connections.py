"""Operators connect a brand with its vendors: a service provider for its merchant, its corp in WeCom, its message push."""

from uuid import UUID

from litestar import post
from litestar.params import FromPath, JSONBody

from storefront.auth import CurrentPrincipal, Joined, Now, operator
from storefront.connections import CallbackAddresses, Connections, connect_brand
from storefront.frame import refusals
from tenants.errors import (
    MerchantKeyUnreadable,
    MerchantNotFound,
    MerchantNotReady,
    PartnerAppidForeign,
    TenantNotFound,
)
from tenants.kernel.ids import TenantId


@post(
    "/operator/v1/tenants/{tenant_id:uuid}/connections",
    operation_id="connectTenant",
    tags=["tenants"],
    guards=[operator],
    status_code=200,
    responses=refusals(
        TenantNotFound, MerchantNotFound, MerchantNotReady, MerchantKeyUnreadable, PartnerAppidForeign
    ),
)
async def connect(
    tenant_id: FromPath[UUID],
    data: JSONBody[Connections],
    principal: CurrentPrincipal,
    wiring: Joined,
    now: Now,
) -> CallbackAddresses:
    """Set who speaks for the brand's merchant, its corp in WeCom, its message push; answers the addresses for their consoles."""
    tenant = wiring.database.tenant(TenantId(tenant_id))
    return await connect_brand(tenant, data, settings=wiring.settings, actor=principal.actor(), now=now)


ROUTES = [connect]
