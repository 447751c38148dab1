"""Once a day every tenant is told that a day began, however many workers run and whichever of them was away at midnight.

The event's id is worked out from the tenant and the day, so any worker may publish it and nobody publishes it twice. Tenants are
spread over the day's first hour, by their ids, so that a thousand of them do not call WeChat in one second.
"""

from datetime import date, datetime, timedelta

from tenants.directory import every_tenant
from tenants.events import DayBegan
from tenants.kernel.ids import EventId, TenantId, derived_id
from tenants.kernel.outbox import append
from tenants.kernel.scope import Database, TenantScope

SPREAD_SECONDS = 3600


async def begin_day_everywhere(database: Database, *, now: datetime) -> int:
    """Tell every tenant that today began, unless it was told; returns how many tenants there are."""
    async with database.platform() as db:
        known = await every_tenant(db)
    for _, tenant_id in known:
        later = timedelta(seconds=tenant_id.int % SPREAD_SECONDS)
        await begin_day(database.tenant(tenant_id), now=now, due_at=now + later)
    return len(known)


async def begin_day(tenant: TenantScope, *, now: datetime, due_at: datetime) -> None:
    """Tell one tenant."""
    on = now.date()
    async with tenant.writing() as db:
        await append(db, DayBegan(on=on), now=now, due_at=due_at, once=_event_of(tenant.tenant_id, on))


def _event_of(tenant_id: TenantId, on: date) -> EventId:
    return EventId(derived_id("day began", tenant_id, on.isoformat()))
