"""Looking at rows behind the verbs' back, as the tenant itself."""

from typing import Any

from sqlalchemy import Row, text

from tenants.kernel.scope import TenantScope


async def rows(tenant: TenantScope, statement: str, **parameters: object) -> list[Row[Any]]:
    """Run a statement that names the tenant as :t."""
    async with tenant.reading() as db:
        return list((await db.execute(text(statement), {"t": db.tenant_id, **parameters})).all())


async def value(tenant: TenantScope, statement: str, **parameters: object) -> Any:
    """The one value that a statement finds."""
    ((found,),) = await rows(tenant, statement, **parameters)
    return found


async def events(tenant: TenantScope, kind: str) -> list[dict[str, Any]]:
    """The payloads of every event of a kind, oldest first."""
    found = await rows(
        tenant, "SELECT payload FROM app.outbox WHERE tenant_id = :t AND kind = :kind ORDER BY id", kind=kind
    )
    return [row.payload for row in found]
