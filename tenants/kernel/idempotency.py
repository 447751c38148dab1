"""One key, one effect: a request's key, its fingerprint and its stored answer, written in the transaction of the effect itself.

The key is scoped to tenant, principal and route. A repeat gets the stored answer; the same key with another body is refused; a
request still running is refused with a hint to wait. Server errors are never stored, because the transaction that failed kept nothing.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Index, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from tenants.kernel.errors import Conflict, Invalid
from tenants.kernel.scope import Writing
from tenants.kernel.tables import Base, Moment, TenantKey, tenant_table

KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255
LOCK_TIMEOUT = "55P03"


class IdempotencyKeyMissing(Invalid):
    """This request needs an Idempotency-Key header of 1 to 255 visible characters."""

    zh = "此请求需要 Idempotency-Key 请求头（1 至 255 个可见字符）"


class IdempotencyConflict(Invalid):
    """This Idempotency-Key was used for another request."""

    zh = "该 Idempotency-Key 已用于另一个请求"


class IdempotencyInFlight(Conflict):
    """A request with this Idempotency-Key is still running."""

    zh = "相同 Idempotency-Key 的请求仍在执行"


class IdempotencyKey(Base):
    """A key that was used, what it was used for, and what was answered."""

    __tablename__ = "idempotency_keys"
    __table_args__ = tenant_table(Index("idempotency_keys_ix_expires", "tenant_id", "expires_at"))

    tenant_id: Mapped[TenantKey]
    principal: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    answer: Mapped[bytes | None]
    expires_at: Mapped[datetime] = mapped_column(Moment)


class Keyed(msgspec.Struct, frozen=True):
    """A request under its key: who sent it, to which route, and the fingerprint of its body."""

    principal: str
    route: str
    key: str
    fingerprint: str


class StoredAnswer(msgspec.Struct, frozen=True):
    """What an earlier request with this key was answered: HTTP status and the encoded data."""

    status: int
    answer: bytes


def keyed(*, principal: str, route: str, key: str | None, body: Any) -> Keyed:
    """Name a request: `body` is JSON of builtins; key order does not matter, array order does, `null` differs from absent."""
    if key is None or not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyMissing
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return Keyed(principal, route, key, hashlib.sha256(canonical.encode()).hexdigest())


async def begin(db: Writing, request: Keyed, *, now: datetime) -> StoredAnswer | None:
    """Take the key for this transaction; return the stored answer when the request was already done.

    A second request with the same key waits here for the first one's commit (the unique key makes it wait), so two never run at once.
    """
    row = {
        "tenant_id": db.tenant_id, "principal": request.principal, "route": request.route, "key": request.key,
        "fingerprint": request.fingerprint, "expires_at": now + KEPT_FOR,
    }  # fmt: skip
    # DO UPDATE would turn a finished key back into a running one: the famous bug. Only an expired key may be taken over.
    statement = upsert(IdempotencyKey).values(**row).on_conflict_do_nothing().returning(IdempotencyKey.key)
    try:
        taken = (await db.execute(statement)).scalar_one_or_none() is not None
    except DBAPIError as error:
        # The first request holds the key for longer than the role's lock_timeout: it is running, not broken.
        if getattr(error.orig, "sqlstate", None) == LOCK_TIMEOUT:
            raise IdempotencyInFlight from error
        raise
    if taken:
        return None
    found = (
        await db.execute(
            select(IdempotencyKey).where(*_same(db, request)).execution_options(populate_existing=True)
        )
    ).scalar_one_or_none()
    if found is None or found.answer is None or found.status is None:
        raise IdempotencyInFlight
    if found.expires_at <= now:
        await _take_over(db, request, expired_at=found.expires_at, now=now)
        return None
    if found.fingerprint != request.fingerprint:
        raise IdempotencyConflict
    return StoredAnswer(found.status, found.answer)


async def _take_over(db: Writing, request: Keyed, *, expired_at: datetime, now: datetime) -> None:
    """Re-use an expired key; of two that try at once the guard lets one through."""
    taken = await db.execute(
        update(IdempotencyKey)
        .where(*_same(db, request), IdempotencyKey.expires_at == expired_at)
        .values(fingerprint=request.fingerprint, status=None, answer=None, expires_at=now + KEPT_FOR)
        .returning(IdempotencyKey.key)
    )
    if taken.scalar_one_or_none() is None:
        raise IdempotencyInFlight


async def complete(db: Writing, request: Keyed, *, status: int, answer: bytes) -> None:
    """Store the answer in the same transaction as the effect."""
    await db.execute(update(IdempotencyKey).where(*_same(db, request)).values(status=status, answer=answer))


def _same(db: Writing, request: Keyed) -> tuple[Any, ...]:
    return (
        IdempotencyKey.tenant_id == db.tenant_id,
        IdempotencyKey.principal == request.principal,
        IdempotencyKey.route == request.route,
        IdempotencyKey.key == request.key,
    )
