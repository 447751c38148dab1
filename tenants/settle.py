"""A tenant's settings: what other packages let a brand choose, each in a part of its own. Knows nothing of what a part means."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from tenants.audit import record_deed
from tenants.errors import TenantNotFound
from tenants.kernel.scope import Writing
from tenants.models import Tenant


async def settle(db: Writing, part: str, *, chosen: dict[str, Any], actor: str, now: datetime) -> None:
    """Put one part of the settings in place of what it was; the other parts stay."""
    statement = select(Tenant.settings).where(Tenant.tenant_id == db.tenant_id).with_for_update()
    known = (await db.execute(statement)).scalar_one_or_none()
    if known is None:
        raise TenantNotFound
    settings = {**known, part: chosen}
    await db.execute(update(Tenant).where(Tenant.tenant_id == db.tenant_id).values(settings=settings))
    await record_deed(db, actor=actor, action="settle", subject_id=db.tenant_id, now=now, reason=part)
