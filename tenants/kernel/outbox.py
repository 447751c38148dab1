"""Events that exist if and only if the transaction that caused them commits, and the inbox of messages from outside.

`append` writes an event beside the business rows; the worker finds tenants with work, claims inside one tenant with SKIP LOCKED
and a lease in database time, and records each (event, verb) once. Nothing here runs a reaction: that is the roof's worker.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Index, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, mapped_column

from tenants.kernel.ids import EventId, TenantId, new_id
from tenants.kernel.scope import Writing
from tenants.kernel.tables import Base, Key, Moment, TenantKey, tenant_table

LEASE_SECONDS = 60
ATTEMPTS = 8
"""After this many failed attempts a reaction is parked where an operator sees it."""
LEASE_RAN_OUT = "LEASE_RAN_OUT"
"""The last error of an event whose workers never came back from it."""


class OutboxEvent(Base):
    """A fact waiting for its reactions."""

    __tablename__ = "outbox"
    __table_args__ = tenant_table(
        Index(
            "outbox_ix_waiting",
            "tenant_id",
            "due_at",
            postgresql_where=text("done_at IS NULL AND parked_at IS NULL"),
        ),
        Index(
            "outbox_ix_parked",
            "tenant_id",
            "parked_at",
            postgresql_where=text("parked_at IS NOT NULL AND done_at IS NULL"),
        ),
        app="SELECT, INSERT, UPDATE (due_at, attempts, parked_at, last_error)",
        worker="SELECT, INSERT, UPDATE (leased_until, fence, done_at, due_at, attempts, parked_at, last_error)",
        worker_finds=True,
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime] = mapped_column(Moment)
    due_at: Mapped[datetime] = mapped_column(Moment)
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None] = mapped_column(Moment)
    fence: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    parked_at: Mapped[datetime | None] = mapped_column(Moment)
    last_error: Mapped[str | None]


class Reaction(Base):
    """One verb's completed reaction to one event: the row that makes running it twice harmless."""

    __tablename__ = "reactions"
    __table_args__ = tenant_table(app="SELECT, INSERT")

    tenant_id: Mapped[TenantKey]
    event_id: Mapped[Key]
    verb: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime] = mapped_column(Moment)


class InboxMessage(Base):
    """A message from outside, kept raw and once by the sender's own id."""

    __tablename__ = "inbox"
    __table_args__ = tenant_table(app="SELECT, INSERT")

    tenant_id: Mapped[TenantKey]
    source: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[bytes]
    received_at: Mapped[datetime] = mapped_column(Moment)


class Claimed(msgspec.Struct, frozen=True):
    """An event that this worker holds until `leased_until`."""

    tenant_id: TenantId
    id: EventId
    kind: str
    payload: dict[str, Any]
    occurred_at: datetime
    attempts: int
    fence: int


async def append(
    db: Writing,
    fact: msgspec.Struct,
    *,
    now: datetime,
    due_at: datetime | None = None,
    once: EventId | None = None,
) -> EventId:
    """Publish `fact` (a struct of an `events` module) in this transaction; reactions start at `due_at` (default at once).

    With `once`, a derived id that everybody who publishes this fact works out alike, it is published only the first time.
    """
    event_id = once or EventId(new_id())
    row = {
        "tenant_id": db.tenant_id,
        "id": event_id,
        "kind": type(fact).__name__,
        "payload": msgspec.to_builtins(fact),
        "occurred_at": now,
        "due_at": due_at or now,
    }
    if once is None:
        await db.execute(insert(OutboxEvent).values(**row))
    else:
        await db.execute(upsert(OutboxEvent).values(**row).on_conflict_do_nothing())
    return event_id


async def receive(db: Writing, *, source: str, external_id: str, body: bytes, now: datetime) -> bool:
    """Keep a message from outside; False when the sender's id is already there (a repeat)."""
    row = {
        "tenant_id": db.tenant_id,
        "source": source,
        "external_id": external_id,
        "body": body,
        "received_at": now,
    }
    statement = (
        upsert(InboxMessage).values(**row).on_conflict_do_nothing().returning(InboxMessage.external_id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def received(db: Writing, *, source: str, external_id: str) -> bytes | None:
    """The raw body of a kept message."""
    statement = select(InboxMessage.body).where(
        InboxMessage.tenant_id == db.tenant_id,
        InboxMessage.source == source,
        InboxMessage.external_id == external_id,
    )
    return (await db.execute(statement)).scalar_one_or_none()


async def tenants_with_work(db: Writing) -> list[TenantId]:
    """Find tenants that have due events, as app_worker in an unbound transaction: finding crosses tenants, claiming never does."""
    statement = text(
        "SELECT DISTINCT tenant_id FROM app.outbox WHERE done_at IS NULL AND parked_at IS NULL AND due_at <= now()"
        " AND (leased_until IS NULL OR leased_until < now())"
    ).execution_options(crosses_tenants=True)
    return [TenantId(row.tenant_id) for row in await db.execute(statement)]


async def claim(db: Writing, *, limit: int = 100) -> list[Claimed]:
    """Lease up to `limit` due events of the bound tenant, oldest first; the lease and its fencing number live in database time.

    A lease that ran out is a failed attempt: whoever held it died or hung. Such an event is claimed alone, so that one that kills
    its worker is parked by itself and does not take those claimed beside it along.
    """
    waiting = text(
        "SELECT id, leased_until IS NOT NULL AS lost FROM app.outbox"
        " WHERE tenant_id = :tenant_id AND done_at IS NULL AND parked_at IS NULL AND due_at <= now()"
        " AND (leased_until IS NULL OR leased_until < now()) ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED"
    )
    found = (await db.execute(waiting, {"tenant_id": db.tenant_id, "limit": limit})).all()
    lost: list[UUID] = [row.id for row in found if row.lost]
    parked = await _park_abandoned(db, lost) if lost else set()
    alone = [event_id for event_id in lost if event_id not in parked][:1]
    ids: list[UUID] = alone or [row.id for row in found if not row.lost]
    if not ids:
        return []
    lease = text(
        f"UPDATE app.outbox SET leased_until = now() + interval '{LEASE_SECONDS} seconds', fence = fence + 1,"
        " attempts = attempts + CASE WHEN leased_until IS NULL THEN 0 ELSE 1 END"
        " WHERE tenant_id = :tenant_id AND id = ANY(:ids) RETURNING id, kind, payload, occurred_at, attempts, fence"
    )
    rows = (await db.execute(lease, {"tenant_id": db.tenant_id, "ids": ids})).all()
    claimed = [
        Claimed(db.tenant_id, EventId(r.id), r.kind, r.payload, r.occurred_at, r.attempts, r.fence)
        for r in rows
    ]
    return sorted(claimed, key=lambda event: event.id)


async def _park_abandoned(db: Writing, lost: list[UUID]) -> set[UUID]:
    """Park those events whose lease ran out on their last attempt."""
    parking = text(
        "UPDATE app.outbox SET attempts = attempts + 1, parked_at = now(), leased_until = NULL, last_error = :error"
        " WHERE tenant_id = :tenant_id AND id = ANY(:ids) AND attempts >= :last RETURNING id"
    )
    named = {"tenant_id": db.tenant_id, "ids": lost, "last": ATTEMPTS - 1, "error": LEASE_RAN_OUT}
    return {row.id for row in await db.execute(parking, named)}


async def begin_reaction(db: Writing, *, event_id: EventId, verb: str, now: datetime) -> bool:
    """Record that `verb` reacts to the event in this transaction; False when it already has."""
    row = {"tenant_id": db.tenant_id, "event_id": event_id, "verb": verb, "done_at": now}
    statement = upsert(Reaction).values(**row).on_conflict_do_nothing().returning(Reaction.event_id)
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def finish(db: Writing, event: Claimed, *, now: datetime) -> None:
    """Mark the event done; a worker whose lease was taken over (another fence) changes nothing."""
    await db.execute(_held(event).values(done_at=now, leased_until=None))


async def postpone(db: Writing, event: Claimed, *, now: datetime, due_at: datetime, error: str) -> None:
    """Give the event back for another attempt at `due_at`, or park it once its attempts are used up."""
    attempts = event.attempts + 1
    parked_at = now if attempts >= ATTEMPTS else None
    await db.execute(
        _held(event).values(
            attempts=attempts, due_at=due_at, parked_at=parked_at, last_error=error[:500], leased_until=None
        )
    )


async def release(db: Writing, event: Claimed) -> None:
    """Give a claimed event back untried, so that a worker that stops keeps nobody waiting for its lease to end."""
    await db.execute(_held(event).values(leased_until=None))


async def unpark(db: Writing, *, event_id: EventId, now: datetime) -> bool:
    """Let a parked event try again from its first attempt; False when no such event is parked."""
    statement = (
        update(OutboxEvent)
        .where(
            OutboxEvent.tenant_id == db.tenant_id,
            OutboxEvent.id == event_id,
            OutboxEvent.parked_at.is_not(None),
        )
        .values(parked_at=None, attempts=0, due_at=now)
        .returning(OutboxEvent.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


def _held(event: Claimed) -> Any:
    return update(OutboxEvent).where(
        OutboxEvent.tenant_id == event.tenant_id, OutboxEvent.id == event.id, OutboxEvent.fence == event.fence
    )
