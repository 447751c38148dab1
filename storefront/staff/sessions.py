"""Staff log in by their brand's code, a name and a password. Role, store, mall and guide travel in the access token."""

from datetime import datetime

from litestar import post
from litestar.params import JSONBody

from guides.queries import guide_of_staff
from storefront.auth import Joined, Now, public
from storefront.frame import refusals
from storefront.redis_keys import PLATFORM
from storefront.sessions import LIMITS, SessionView, count_log_in, count_refresh, session_view
from storefront.tokens import Audience, Principal
from storefront.wiring import Wiring
from tenants.directory import tenant_coded, tenant_of_token
from tenants.errors import LogInRefused, SessionEnded, TenantSuspended
from tenants.kernel.scope import TenantScope
from tenants.log_in import LogInStaff, Refresh, log_in_staff, refresh_staff
from tenants.sessions import Grant
from tenants.views import StaffView


@post(
    "/staff/v1/sessions",
    operation_id="logInStaff",
    tags=["sessions"],
    guards=[public],
    responses=refusals(LogInRefused, TenantSuspended, *LIMITS),
)
async def log_in(data: JSONBody[LogInStaff], wiring: Joined, now: Now) -> SessionView:
    """Log in as a staff member."""
    async with wiring.database.platform() as db:
        tenant_id = await tenant_coded(db, data.tenant_code)
    await count_log_in(wiring, tenant_id or PLATFORM, login=f"{data.tenant_code} {data.login}")
    tenant = wiring.database.tenant(tenant_id) if tenant_id else None
    grant, staff = await log_in_staff(tenant, data, now=now, passwords=wiring.passwords)
    return await _view(wiring, tenant, grant=grant, staff=staff, now=now)


@post(
    "/staff/v1/sessions/refresh",
    operation_id="refreshStaffSession",
    tags=["sessions"],
    guards=[public],
    responses=refusals(SessionEnded, TenantSuspended, *LIMITS),
)
async def refresh(data: JSONBody[Refresh], wiring: Joined, now: Now) -> SessionView:
    """Exchange a refresh token. Repeating the same exchange within ten seconds gives the same answer; later it ends the session."""
    async with wiring.database.platform() as db:
        tenant_id = await tenant_of_token(db, data.refresh_token)
    if tenant_id is None:
        raise SessionEnded
    await count_refresh(wiring, tenant_id, token=data.refresh_token)
    tenant = wiring.database.tenant(tenant_id)
    grant, staff = await refresh_staff(tenant, data, key=wiring.refresh_key, now=now)
    return await _view(wiring, tenant, grant=grant, staff=staff, now=now)


async def _view(
    wiring: Wiring, tenant: TenantScope | None, *, grant: Grant, staff: StaffView, now: datetime
) -> SessionView:
    if tenant is None:
        raise LogInRefused
    async with tenant.reading() as db:
        guide_id = await guide_of_staff(db, staff.id, at=now)
    principal = Principal(
        audience=Audience.STAFF,
        subject=staff.id,
        session_id=grant.session_id,
        tenant_id=tenant.tenant_id,
        role=staff.role,
        store_id=staff.store_id,
        mall_id=staff.mall_id,
        guide_id=guide_id,
    )
    return session_view(wiring, principal, grant=grant, now=now)


ROUTES = [log_in, refresh]
