"""Operators open brands and look them up."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from storefront.auth import CurrentPrincipal, Joined, Now, operator
from storefront.frame import refusals
from tenants.audit import record_deed
from tenants.commands import CreateTenant
from tenants.create import create_tenant
from tenants.directory import TenantPage, known_tenants
from tenants.errors import (
    AppidTaken,
    MerchantKeyUnreadable,
    TenantCodeTaken,
    TenantNotFound,
    TimeZoneUnknown,
)
from tenants.kernel.ids import TenantId, new_id
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.queries import find_tenant
from tenants.views import TenantView


@post(
    "/operator/v1/tenants",
    operation_id="createTenant",
    tags=["tenants"],
    guards=[operator],
    responses=refusals(TenantCodeTaken, AppidTaken, MerchantKeyUnreadable, TimeZoneUnknown),
)
async def create(
    data: JSONBody[CreateTenant], principal: CurrentPrincipal, wiring: Joined, now: Now
) -> TenantView:
    """Open a brand: its mini-program, its payee merchant, its secrets sealed."""
    tenant = wiring.database.tenant(TenantId(new_id()))
    async with tenant.writing() as db:
        view = await create_tenant(db, data, now=now, keys=wiring.keys)
        await record_deed(db, actor=principal.actor(), action="create_tenant", subject_id=view.id, now=now)
    return view


@get(
    "/operator/v1/tenants",
    operation_id="listTenants",
    tags=["tenants"],
    guards=[operator],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_tenants(
    wiring: Joined, cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None
) -> TenantPage:
    """All brands by code."""
    async with wiring.database.platform() as db:
        return await known_tenants(db, cursor=cursor, limit=limit)


@get(
    "/operator/v1/tenants/{tenant_id:uuid}",
    operation_id="getTenant",
    tags=["tenants"],
    guards=[operator],
    responses=refusals(TenantNotFound),
)
async def get_tenant(tenant_id: FromPath[UUID], wiring: Joined) -> TenantView:
    """One brand."""
    async with wiring.database.tenant(TenantId(tenant_id)).reading() as db:
        return await find_tenant(db)


ROUTES = [create, list_tenants, get_tenant]
