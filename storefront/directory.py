"""Remembers which tenant a guest's header names: directory rows are never changed, so a kept hit cannot grow stale.

Misses are not kept, or anybody could fill the memory with them.
"""

from collections import OrderedDict
from uuid import UUID

from storefront.errors import TenantNotNamed
from tenants.directory import exists, tenant_coded, tenant_with_appid
from tenants.errors import TenantNotFound
from tenants.kernel.ids import TenantId
from tenants.kernel.scope import Database, TenantScope

KEPT = 10_000


class Directory:
    """The tenants met so far by this process."""

    def __init__(self, database: Database) -> None:
        """Look in this database."""
        self._database = database
        self._met: OrderedDict[str, TenantId] = OrderedDict()

    async def find(self, *, named: str | None, appid: str | None) -> TenantScope:
        """The scope of the tenant named by id, code or appid; raises TenantNotNamed, TenantNotFound."""
        if not named and not appid:
            raise TenantNotNamed
        key = f"name {named}" if named else f"appid {appid}"
        tenant_id = self._met.get(key)
        if tenant_id is None:
            tenant_id = await self._look_up(named, appid)
            self._met[key] = tenant_id
            while len(self._met) > KEPT:
                self._met.popitem(last=False)
        return self._database.tenant(tenant_id)

    async def _look_up(self, named: str | None, appid: str | None) -> TenantId:
        if named and (tenant_id := _as_id(named)):
            if await exists(self._database.tenant(tenant_id)):
                return tenant_id
            raise TenantNotFound
        async with self._database.platform() as db:
            found = await (tenant_coded(db, named) if named else tenant_with_appid(db, appid or ""))
        if found is None:
            raise TenantNotFound
        return found


def _as_id(text: str) -> TenantId | None:
    try:
        return TenantId(UUID(text))
    except ValueError:
        return None
