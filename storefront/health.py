"""Whether this process lives, and whether it can serve. Reads the database as the application does, never as its owner."""

import asyncio
from datetime import timedelta

import msgspec
from litestar import get
from litestar.types import Scope
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from storefront.auth import public
from storefront.errors import NotReady
from storefront.frame import refusals
from storefront.migrations.head import VERSION_TABLE, head_revision
from storefront.observability import CLOCK_OFFSET, CONNECTIONS, log
from storefront.wiring import Wiring
from tenants.kernel.errors import Refusal

FURTHEST_CLOCK = timedelta(seconds=2)
PATIENCE_SECONDS = 3
CLOCK_INTERVAL_SECONDS = 60
APPLICATION_ROLE = "app_rw"
NEWEST_REVISION = head_revision() or ""


class Alive(msgspec.Struct, frozen=True, rename="camel"):
    """The process answers."""

    alive: bool


class Readiness(msgspec.Struct, frozen=True, rename="camel"):
    """What was looked at."""

    database: bool
    redis: bool
    clock: bool


@get("/health/live", operation_id="isAlive", guards=[public], tags=["health"])
async def live() -> Alive:
    """Answer at all: the process and its event loop live."""
    return Alive(alive=True)


@get("/health/ready", operation_id="isReady", guards=[public], tags=["health"], responses=refusals(NotReady))
async def ready(scope: Scope) -> Readiness:
    """Answer 200 only when the database (as the right role), Redis and the clock are well; else 503 with details."""
    wiring: Wiring = scope["app"].state.wiring
    database, redis = await asyncio.gather(database_fault(wiring), redis_fault(wiring))
    found = {"database": database, "redis": redis, "clock": scope["app"].state.clock_fault}
    CONNECTIONS.set(float(getattr(wiring.database.tx.pool, "checkedout", int)()))
    faults = {name: fault for name, fault in found.items() if fault}
    if faults:
        raise NotReady(details=faults)
    return Readiness(database=True, redis=True, clock=True)


async def database_fault(wiring: Wiring) -> str | None:
    """What is wrong with the database, in words fit for anybody."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), wiring.database.platform() as db:
            row = (await db.execute(text(f"SELECT current_user, to_regclass('app.{VERSION_TABLE}')"))).one()
            if row[0] != APPLICATION_ROLE:
                return "is open as the wrong role"
            revision = (
                row[1] and (await db.execute(text(f"SELECT version_num FROM app.{VERSION_TABLE}"))).scalar()
            )
    except (Refusal, SQLAlchemyError, OSError, TimeoutError):
        return "cannot be reached"
    # A newer revision is a deploy under way: what it added does not disturb us, and the next process passes the gate or does not.
    return None if (revision or "") >= NEWEST_REVISION else "is not migrated"


async def redis_fault(wiring: Wiring) -> str | None:
    """What is wrong with Redis."""
    try:
        await wiring.redis.ping()
    except (RedisError, OSError, TimeoutError):
        return "cannot be reached"
    return None


async def clock_fault(wiring: Wiring) -> str | None:
    """Compare the clock with the database's: the verbs' time is ours, the leases' time is the database's."""
    before = wiring.clock()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), wiring.database.platform() as db:
            theirs = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
    except (Refusal, SQLAlchemyError, OSError, TimeoutError):
        return "cannot be compared"
    middle = before + (wiring.clock() - before) / 2
    CLOCK_OFFSET.set((middle - theirs).total_seconds())
    if abs(middle - theirs) > FURTHEST_CLOCK:
        log.error("clock_off", seconds=round((middle - theirs).total_seconds(), 3))
        return "differs from the database's by more than two seconds"
    return None
