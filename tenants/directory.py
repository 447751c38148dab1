"""Finding the tenant behind an identifier that comes from outside: code, public code, appid, callback path, or the id itself."""

from uuid import UUID

import msgspec
from sqlalchemy import select

from tenants.kernel.ids import TenantId
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading, TenantScope
from tenants.models import DirectoryKind, Tenant, TenantDirectory
from tenants.states import TenantStatus


async def tenant_behind(db: Reading, kind: DirectoryKind, *, key: str) -> TenantId | None:
    """The tenant known under `key`, or None. `db` needs no tenant: the directory is the one table that every session may read.

    The kind must be said: one brand's code may be another brand's public code.
    """
    statement = select(TenantDirectory.tenant_id).where(
        TenantDirectory.kind == kind, TenantDirectory.key == key
    )
    found: UUID | None = (await db.execute(statement)).scalar_one_or_none()
    return TenantId(found) if found else None


async def tenant_coded(db: Reading, code: str) -> TenantId | None:
    """The tenant with this readable code."""
    return await tenant_behind(db, DirectoryKind.CODE, key=code)


async def tenant_with_appid(db: Reading, appid: str) -> TenantId | None:
    """The tenant whose mini-program this is."""
    return await tenant_behind(db, DirectoryKind.APPID, key=appid)


async def tenant_of_token(db: Reading, token: str) -> TenantId | None:
    """The tenant whose public code stands before the first dot of a refresh token."""
    return await tenant_behind(db, DirectoryKind.PUBLIC, key=token.partition(".")[0])


async def tenant_called_back(db: Reading, callback_key: str) -> TenantId | None:
    """The tenant that vendors call back under this path part."""
    return await tenant_behind(db, DirectoryKind.CALLBACK, key=callback_key)


async def every_tenant(db: Reading) -> list[tuple[str, TenantId]]:
    """All tenants by code, from the directory: for operators and for scripts that go through all of them."""
    statement = (
        select(TenantDirectory.key, TenantDirectory.tenant_id)
        .where(TenantDirectory.kind == DirectoryKind.CODE)
        .order_by(TenantDirectory.key)
    )
    return [(row.key, TenantId(row.tenant_id)) for row in await db.execute(statement)]


class KnownTenant(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A tenant as the directory knows it; the rest is its own and can only be read in its scope."""

    id: TenantId
    code: str


class TenantPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Tenants by code."""

    tenants: list[KnownTenant]
    next_cursor: str | None


async def known_tenants(db: Reading, *, cursor: str | None = None, limit: int | None = None) -> TenantPage:
    """All tenants of the platform by code; for operators."""
    size = page_limit(limit)
    after = read_cursor(cursor, tuple[str])[0] if cursor is not None else ""
    statement = (
        select(TenantDirectory.tenant_id, TenantDirectory.key)
        .where(TenantDirectory.kind == DirectoryKind.CODE, TenantDirectory.key > after)
        .order_by(TenantDirectory.key)
        .limit(size + 1)
    )
    rows = (await db.execute(statement)).all()
    found = [KnownTenant(id=TenantId(row.tenant_id), code=row.key) for row in rows[:size]]
    return TenantPage(tenants=found, next_cursor=write_cursor(found[-1].code) if len(rows) > size else None)


async def exists(tenant: TenantScope) -> bool:
    """Whether there is a tenant with this id at all."""
    async with tenant.reading() as db:
        statement = select(Tenant.tenant_id).where(Tenant.tenant_id == db.tenant_id)
        return (await db.execute(statement)).scalar_one_or_none() is not None


async def trades(db: Reading) -> bool:
    """Whether the tenant is active; a suspended one is refused at log-in and at refresh."""
    statement = select(Tenant.status).where(Tenant.tenant_id == db.tenant_id)
    return (await db.execute(statement)).scalar_one_or_none() == TenantStatus.ACTIVE
