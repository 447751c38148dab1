"""Operators open brands and look them up."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from storefront.auth import CurrentPrincipal, Joined, Now, operator
from storefront.frame import refusals
from storefront.onboarding import open_brand
from tenants.audit import record_deed
from tenants.commands import CreateTenant, EmployStaff
from tenants.directory import TenantPage, known_tenants
from tenants.employ import employ_staff
from tenants.errors import (
    AppidTaken,
    MallNotFound,
    MerchantKeyUnreadable,
    PartnerAppidForeign,
    StaffLoginTaken,
    StaffRoleNeedsStore,
    StoreNotFound,
    TenantCodeTaken,
    TenantNotFound,
    TimeZoneUnknown,
)
from tenants.kernel.ids import TenantId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.queries import find_tenant
from tenants.views import StaffView, TenantView


@post(
    "/operator/v1/tenants",
    operation_id="createTenant",
    tags=["tenants"],
    guards=[operator],
    responses=refusals(
        TenantCodeTaken, AppidTaken, MerchantKeyUnreadable, PartnerAppidForeign, TimeZoneUnknown
    ),
)
async def create(
    data: JSONBody[CreateTenant], principal: CurrentPrincipal, wiring: Joined, now: Now
) -> TenantView:
    """Open a brand: its mini-program, its payee merchant, its secrets sealed."""
    return await open_brand(wiring.database, data, actor=principal.actor(), keys=wiring.keys, now=now)


@post(
    "/operator/v1/tenants/{tenant_id:uuid}/staff",
    operation_id="employFirstStaff",
    tags=["tenants"],
    guards=[operator],
    responses=refusals(TenantNotFound, StaffLoginTaken, StaffRoleNeedsStore, StoreNotFound, MallNotFound),
)
async def employ(
    tenant_id: FromPath[UUID],
    data: JSONBody[EmployStaff],
    principal: CurrentPrincipal,
    wiring: Joined,
    now: Now,
) -> StaffView:
    """Give a brand its first log-in; headquarters employs the others itself."""
    password_hash = await wiring.passwords.hash(data.password)
    async with wiring.database.tenant(TenantId(tenant_id)).writing() as db:
        await find_tenant(db)
        employed = await employ_staff(db, data, password_hash=password_hash, now=now)
        await record_deed(db, actor=principal.actor(), action="employ_staff", subject_id=employed.id, now=now)
    return employed


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


ROUTES = [create, employ, list_tenants, get_tenant]
