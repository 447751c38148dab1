"""Events whose reactions failed too often and now need a person: look at them, and let them try again."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, tuple_

from tenants.audit import record_deed
from tenants.errors import JobNotParked
from tenants.kernel.ids import EventId
from tenants.kernel.outbox import OutboxEvent, unpark
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading, Writing


class JobView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A parked event: what happened, how often it was tried, and the class of the last failure. The payload stays inside."""

    id: EventId
    kind: str
    occurred_at: datetime
    attempts: int
    parked_at: datetime
    last_error: str | None


class JobPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Parked events, the oldest first."""

    jobs: list[JobView]
    next_cursor: str | None


async def parked_jobs(db: Reading, *, cursor: str | None = None, limit: int | None = None) -> JobPage:
    """The bound tenant's parked events."""
    size = page_limit(limit)
    table = OutboxEvent
    conditions: list[Any] = [
        table.tenant_id == db.tenant_id,
        table.parked_at.is_not(None),
        table.done_at.is_(None),
    ]
    if cursor is not None:
        conditions.append(tuple_(table.parked_at, table.id) > read_cursor(cursor, tuple[datetime, EventId]))
    columns = [getattr(table, name) for name in JobView.__struct_fields__]
    statement = select(*columns).where(*conditions).order_by(table.parked_at, table.id).limit(size + 1)
    jobs = [JobView(**row._mapping) for row in await db.execute(statement)]  # noqa: SLF001 SQLAlchemy's public name
    more = len(jobs) > size
    last = jobs[size - 1] if more else None
    return JobPage(jobs=jobs[:size], next_cursor=write_cursor(last.parked_at, last.id) if last else None)


async def retry_job(db: Writing, event_id: EventId, *, actor: str, reason: str, now: datetime) -> None:
    """Let a parked event try again from its first attempt; writes down who wanted it and why. Raises JobNotParked."""
    if not await unpark(db, event_id=event_id, now=now):
        raise JobNotParked(event_id=event_id)
    await record_deed(db, actor=actor, action="retry_job", subject_id=event_id, reason=reason, now=now)
