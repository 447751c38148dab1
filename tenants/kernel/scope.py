"""A tenant's sessions: the only way to a tenant's rows, bound for row-level security before the first statement.

A `TenantScope` opens one transaction for one tenant, reading or writing; the two session types differ so that a query cannot
write. Binding is the statement SET LOCAL with a validated UUID; a session without a tenant sees nothing and may insert nothing.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction

from tenants.kernel.errors import Invalid, Unavailable
from tenants.kernel.ids import TenantId

Opened = TypeVar("Opened", "Reading", "Writing")

PATIENCE_SECONDS = 300
"""How long a statement of finance may take; the role's own limit is for requests."""
PREPARED_STATEMENTS = 500
"""Each tenant's SET LOCAL is a statement text of its own: the driver's cache must hold tenants in rotation plus our statements."""


class DatabaseBusy(Unavailable):
    """The database is busy; try again in a moment."""

    zh = "数据库繁忙，请稍后再试"


class DatabaseAway(Unavailable):
    """The database cannot be reached, or the outcome of the last step is not known; retry with the same Idempotency-Key."""

    zh = "数据库暂时不可用，请使用相同的 Idempotency-Key 重试"


class TextUnstorable(Invalid):
    """Text here may not contain a NUL character or half a surrogate pair."""

    zh = "文本不能包含空字符或不完整的代理字符"


BUSY = {"55P03", "57014", "40P01", "40001"}
"""Lock timeout, statement timeout, deadlock, serialization failure: the same request may succeed a moment later."""
UNSTORABLE = {"22021", "22P05"}


class Reading(AsyncSession):
    """A read-only transaction of one tenant."""

    @property
    def tenant_id(self) -> TenantId:
        """Whose transaction this is; asking an unbound session is a bug and raises."""
        tenant_id = self.info.get("tenant_id")
        if tenant_id is None:
            raise LookupError("this session belongs to no tenant")
        return TenantId(tenant_id)


class Writing(Reading):
    """A transaction of one tenant that may change its rows."""


@event.listens_for(Session, "after_begin")
def _bind(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """Bind every transaction of a tenant's session, a second one on the same session included."""
    tenant_id = session.info.get("tenant_id")
    if tenant_id is None:
        return
    if not isinstance(tenant_id, UUID):  # text never gets this far: SET takes no bind parameters
        raise TypeError("a tenant is named by a uuid.UUID")
    connection.exec_driver_sql(f"SET LOCAL app.tenant_id = '{tenant_id}'")
    patience = session.info.get("patience_seconds")
    if patience is not None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{int(patience)}s'")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's errors into refusals where the caller can act on them; anything else stays a bug of ours."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state in BUSY:
            raise DatabaseBusy(sqlstate=state) from error
        if state in UNSTORABLE:
            raise TextUnstorable from error
        # XX000 at COMMIT hides the real state on Citus: rolled back or unknown, so only the idempotency key may decide.
        if error.connection_invalidated or state.startswith(("08", "57P")) or state == "XX000":
            raise DatabaseAway(sqlstate=state) from error
        raise
    except (OSError, PoolTimeout) as error:
        raise DatabaseAway from error


@dataclass(frozen=True, slots=True)
class Database:
    """The application's engines: `tx` for everything that writes, `report` for long reads (equal to `tx` unless configured)."""

    tx: AsyncEngine
    report: AsyncEngine

    def tenant(self, tenant_id: TenantId) -> "TenantScope":
        """The scope of one tenant."""
        return TenantScope(tenant_id, self)

    @asynccontextmanager
    async def platform(self) -> AsyncIterator[Writing]:
        """Open a transaction that belongs to no tenant: reference and local tables only; tenant tables look empty in it."""
        with _translated():
            async with Writing(self.tx, expire_on_commit=False) as session, session.begin():
                yield session

    async def close(self) -> None:
        """Close every connection."""
        await self.tx.dispose()
        if self.report is not self.tx:
            await self.report.dispose()


@dataclass(frozen=True, slots=True)
class TenantScope:
    """One tenant's door to the database. Injected into routes and flows as `tenant`."""

    tenant_id: TenantId
    database: Database

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """Open a read-only transaction."""
        async with self._session(
            Reading, self.database.tx.execution_options(postgresql_readonly=True)
        ) as session:
            yield session

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[Reading]:
        """Open a read-only transaction on the report engine, for reads that may take long."""
        engine = self.database.report.execution_options(postgresql_readonly=True)
        async with self._session(Reading, engine, patience_seconds=PATIENCE_SECONDS) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """Open a transaction that commits when the block ends well and leaves no trace when it does not."""
        async with self._session(Writing, self.database.tx) as session:
            yield session

    @asynccontextmanager
    async def writing_much(self) -> AsyncIterator[Writing]:
        """Open a writing transaction whose statements may take minutes: closing a month, never a request."""
        async with self._session(Writing, self.database.tx, patience_seconds=PATIENCE_SECONDS) as session:
            yield session

    @asynccontextmanager
    async def _session(
        self, kind: type[Opened], engine: AsyncEngine, *, patience_seconds: int | None = None
    ) -> AsyncIterator[Opened]:
        info = {"tenant_id": self.tenant_id, "patience_seconds": patience_seconds}
        with _translated():
            async with kind(engine, expire_on_commit=False, info=info) as session, session.begin():
                yield session


def open_database(
    tx_url: str, *, report_url: str | None = None, pool_size: int = 10, **engine_options: Any
) -> Database:
    """Open the engines for these URLs (postgresql+asyncpg://…)."""

    def engine(url: str) -> AsyncEngine:
        arguments = {
            "prepared_statement_cache_size": PREPARED_STATEMENTS,
            "statement_cache_size": PREPARED_STATEMENTS,
        }
        return create_async_engine(
            url, pool_size=pool_size, max_overflow=0, connect_args=arguments, **engine_options
        )

    tx = engine(tx_url)
    return Database(tx=tx, report=engine(report_url) if report_url and report_url != tx_url else tx)
