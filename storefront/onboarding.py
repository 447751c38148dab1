"""Opening a brand: the tenant on the ground floor and its books on the settlement floor, in one transaction."""

from datetime import datetime

from settlement.contracts import open_books
from tenants.audit import record_deed
from tenants.commands import CreateTenant
from tenants.create import create_tenant
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id
from tenants.kernel.scope import Database
from tenants.views import TenantView


async def open_brand(
    database: Database, command: CreateTenant, *, actor: str, keys: KeyRing, now: datetime
) -> TenantView:
    """Create a tenant with everything it needs to trade and to be settled."""
    async with database.tenant(TenantId(new_id())).writing() as db:
        view = await create_tenant(db, command, now=now, keys=keys)
        await open_books(db, now=now)
        await record_deed(db, actor=actor, action="create_tenant", subject_id=view.id, now=now)
    return view
