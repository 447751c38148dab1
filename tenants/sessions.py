"""Sessions of refresh tokens: opened at log-in, rotated at every use, ended for good when an old token comes back.

A token is `<public code>.<secret>`; only its hash is stored. Its successor is computed from it with a key, so that several tabs
that refresh at once get the same answer without the secret being stored. What a session may do is the roof's question.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert, select, update

from tenants.errors import SessionEnded
from tenants.kernel.ids import SessionId, new_id, random_code
from tenants.kernel.scope import Reading, Writing
from tenants.models import AccessSession, PlatformSession, Tenant
from tenants.states import PrincipalKind

LIFETIME = timedelta(days=30)
REPLAY = timedelta(seconds=10)
"""Tabs and queued calls replay an old token at once; later than this it was stolen."""
SECRET_LENGTH = 43
PLATFORM_PREFIX = "op"
LONGEST_TOKEN = 200


class Grant(msgspec.Struct, frozen=True):
    """A refresh token as handed out, the session (family of tokens) it belongs to, and until when it can be used."""

    session_id: SessionId
    principal_id: UUID
    refresh_token: str
    expires_at: datetime


class Use(StrEnum):
    """What presenting a refresh token came to."""

    ROTATED = "rotated"
    """The token was current, or had been a moment ago."""
    UNKNOWN = "unknown"
    """No such token, or its session is over."""
    REUSED = "reused"
    """An old token came back: the whole session has been ended."""


@dataclass(frozen=True, slots=True)
class Book:
    """Where sessions are kept: one tenant's of one kind of principal, or the platform's."""

    table: type[AccessSession] | type[PlatformSession]
    owner: str
    fixed: Mapping[str, Any]

    def where(self, *conditions: Any) -> tuple[Any, ...]:
        """The rows of this book that meet `conditions`."""
        return (*(getattr(self.table, name) == value for name, value in self.fixed.items()), *conditions)


def tenant_book(db: Reading, kind: PrincipalKind) -> Book:
    """The sessions of the bound tenant's staff or shoppers."""
    return Book(AccessSession, "principal_id", {"tenant_id": db.tenant_id, "principal_kind": kind})


PLATFORM_BOOK = Book(PlatformSession, "operator_id", {})


async def open_session(db: Writing, kind: PrincipalKind, *, principal_id: UUID, now: datetime) -> Grant:
    """Open a session for a staff member or shopper of the bound tenant."""
    statement = select(Tenant.public_code).where(Tenant.tenant_id == db.tenant_id)
    public_code = (await db.execute(statement)).scalar_one()
    return await _open(db, tenant_book(db, kind), prefix=public_code, principal_id=principal_id, now=now)


async def open_platform_session(db: Writing, *, operator_id: UUID, now: datetime) -> Grant:
    """Open a session for an operator."""
    return await _open(db, PLATFORM_BOOK, prefix=PLATFORM_PREFIX, principal_id=operator_id, now=now)


async def rotate(
    db: Writing, book: Book, *, token: str, key: bytes, now: datetime
) -> tuple[Use, Grant | None]:
    """Exchange a refresh token for its successor. Returns instead of raising, because ending a stolen session must be committed."""
    if len(token) > LONGEST_TOKEN:
        return Use.UNKNOWN, None
    table = book.table
    row: Any = (
        await db.execute(select(table).where(*book.where(table.token_hash == _hash(token))))
    ).scalar_one_or_none()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        return Use.UNKNOWN, None
    if row.rotated_at is not None and now - row.rotated_at > REPLAY:
        await end(db, book, session_id=SessionId(row.family_id), now=now)
        return Use.REUSED, None
    successor = _successor(token, key=key)
    grant = Grant(SessionId(row.family_id), getattr(row, book.owner), successor, now + LIFETIME)
    if row.rotated_at is None:
        await _replace(db, book, row=row, grant=grant, now=now)
    return Use.ROTATED, grant


async def end(db: Writing, book: Book, *, session_id: SessionId, now: datetime) -> None:
    """End a session: every token of its family."""
    table = book.table
    family = book.where(table.family_id == session_id, table.revoked_at.is_(None))
    await db.execute(update(table).where(*family).values(revoked_at=now))


def granted(use: Use, grant: Grant | None) -> Grant:
    """The grant of a rotation that went well; raises SessionEnded otherwise. Call it after the transaction."""
    if grant is None:
        raise SessionEnded(use=use)
    return grant


async def _open(db: Writing, book: Book, *, prefix: str, principal_id: UUID, now: datetime) -> Grant:
    token = f"{prefix}.{random_code(SECRET_LENGTH)}"
    grant = Grant(SessionId(new_id()), principal_id, token, now + LIFETIME)
    await _keep(db, book, row_id=new_id(), grant=grant, now=now)
    return grant


async def _replace(db: Writing, book: Book, *, row: Any, grant: Grant, now: datetime) -> None:
    table, row_id = book.table, new_id()
    mark = update(table).where(*book.where(table.id == row.id, table.rotated_at.is_(None)))
    marked = await db.execute(mark.values(rotated_at=now, replaced_by=row_id).returning(table.id))
    if marked.scalar_one_or_none() is not None:  # else another tab was first, and its successor is the same
        await _keep(db, book, row_id=row_id, grant=grant, now=now)


async def _keep(db: Writing, book: Book, *, row_id: UUID, grant: Grant, now: datetime) -> None:
    row = {
        **book.fixed,
        book.owner: grant.principal_id,
        "id": row_id,
        "family_id": grant.session_id,
        "token_hash": _hash(grant.refresh_token),
        "created_at": now,
        "expires_at": grant.expires_at,
    }
    await db.execute(insert(book.table).values(**row))


def _hash(token: str) -> str:
    # A plain hash is enough: the secret has 256 bits, so there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


def _successor(token: str, *, key: bytes) -> str:
    prefix = token.partition(".")[0]
    digest = hmac.digest(key, b"refresh\x1f" + token.encode(), "sha256")
    return f"{prefix}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
