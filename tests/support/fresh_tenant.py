"""A tenant of its own for each test: the isolation between tests."""

from datetime import UTC, datetime

from sqlalchemy import text

from tenants.kernel.ids import TenantId, new_id, random_code
from tenants.kernel.scope import Database, TenantScope

_DIRECTORY = text("INSERT INTO app.tenant_directory (kind, key, tenant_id) VALUES (:kind, :key, :tenant_id)")
_TENANT = text(
    "INSERT INTO app.tenants (tenant_id, org_id, code, public_code, callback_key, name, appid, status, time_zone,"
    " platform_fee_bps, settings, created_at) VALUES (:tenant_id, :org_id, :code, :public_code, :callback_key, :name, :appid,"
    " 'active', 'Asia/Shanghai', 0, '{}', :now)"
)


async def make_tenant(database: Database, *, name: str = "春序服饰") -> TenantScope:
    """A new, empty brand that can be found by all its identifiers."""
    tenant_id = TenantId(new_id())
    outside = {
        "code": f"brand-{random_code(10).lower()}",
        "public": random_code(6),
        "appid": f"wx{random_code(16).lower()}",
        "callback": random_code(32),
    }
    async with database.platform() as db:
        rows = [{"kind": kind, "key": key, "tenant_id": tenant_id} for kind, key in outside.items()]
        await db.execute(_DIRECTORY, rows)
    tenant = database.tenant(tenant_id)
    async with tenant.writing() as db:
        row = {
            "tenant_id": tenant_id,
            "org_id": new_id(),
            "code": outside["code"],
            "public_code": outside["public"],
            "callback_key": outside["callback"],
            "name": name,
            "appid": outside["appid"],
            "now": datetime.now(UTC),
        }
        await db.execute(_TENANT, row)
    return tenant
