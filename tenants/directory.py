"""Finding the tenant behind an identifier that comes from outside: code, public code, appid, callback path, or the id itself."""

from uuid import UUID

from sqlalchemy import select

from tenants.kernel.ids import TenantId
from tenants.kernel.scope import Reading, TenantScope
from tenants.models import DirectoryKind, Tenant, TenantDirectory
from tenants.states import TenantStatus

NAMES = (DirectoryKind.CODE, DirectoryKind.PUBLIC)


async def tenant_named(db: Reading, key: str, *, kinds: tuple[DirectoryKind, ...] = NAMES) -> TenantId | None:
    """The tenant known under `key`, or None. `db` needs no tenant: the directory is the one table that every session may read."""
    statement = select(TenantDirectory.tenant_id).where(
        TenantDirectory.kind.in_(kinds), TenantDirectory.key == key
    )
    found: UUID | None = (await db.execute(statement)).scalars().first()
    return TenantId(found) if found else None


async def tenant_with_appid(db: Reading, appid: str) -> TenantId | None:
    """The tenant whose mini-program this is."""
    return await tenant_named(db, appid, kinds=(DirectoryKind.APPID,))


async def tenant_called_back(db: Reading, callback_key: str) -> TenantId | None:
    """The tenant that vendors call back under this path part."""
    return await tenant_named(db, callback_key, kinds=(DirectoryKind.CALLBACK,))


async def every_tenant(db: Reading) -> list[tuple[str, TenantId]]:
    """All tenants by code, from the directory: for operators and for scripts that go through all of them."""
    statement = (
        select(TenantDirectory.key, TenantDirectory.tenant_id)
        .where(TenantDirectory.kind == DirectoryKind.CODE)
        .order_by(TenantDirectory.key)
    )
    return [(row.key, TenantId(row.tenant_id)) for row in await db.execute(statement)]


async def exists(tenant: TenantScope) -> bool:
    """Whether there is a tenant with this id at all."""
    async with tenant.reading() as db:
        statement = select(Tenant.tenant_id).where(Tenant.tenant_id == db.tenant_id)
        return (await db.execute(statement)).scalar_one_or_none() is not None


async def trades(db: Reading) -> bool:
    """Whether the tenant is active; a suspended one is refused at log-in and at refresh."""
    statement = select(Tenant.status).where(Tenant.tenant_id == db.tenant_id)
    return (await db.execute(statement)).scalar_one_or_none() == TenantStatus.ACTIVE
