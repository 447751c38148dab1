"""What every vendor's callback needs: the tenant behind its unguessable address, and the message kept once together with its event."""

from datetime import datetime

import msgspec

from orders.errors import CallbackLost
from storefront.errors import RouteNotFound
from storefront.wiring import Wiring
from tenants.directory import tenant_called_back
from tenants.kernel.outbox import append, receive, received
from tenants.kernel.scope import TenantScope

LONGEST_KEY = 64


async def called_tenant(wiring: Wiring, callback_key: str) -> TenantScope:
    """The tenant that is called back under this path part; raises RouteNotFound, as for any address that leads nowhere."""
    if not callback_key.isascii() or not callback_key.isalnum() or len(callback_key) > LONGEST_KEY:
        raise RouteNotFound
    async with wiring.database.platform() as db:
        tenant_id = await tenant_called_back(db, callback_key)
    if tenant_id is None:
        raise RouteNotFound
    return wiring.database.tenant(tenant_id)


async def keep_once(
    tenant: TenantScope,
    kept: msgspec.Struct,
    *,
    source: str,
    external_id: str,
    fact: msgspec.Struct,
    now: datetime,
) -> bool:
    """Keep a verified message and publish that it came; False when the same one is there already."""
    async with tenant.writing() as db:
        is_new = await receive(
            db, source=source, external_id=external_id, body=msgspec.json.encode(kept), now=now
        )
        if is_new:
            await append(db, fact, now=now)
    return is_new


async def kept_message(tenant: TenantScope, *, source: str, external_id: str) -> bytes:
    """A message that was kept; raises CallbackLost."""
    async with tenant.writing() as db:
        raw = await received(db, source=source, external_id=external_id)
    if raw is None:
        raise CallbackLost(external_id=external_id)
    return raw
