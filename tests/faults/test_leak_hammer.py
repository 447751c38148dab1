"""Five thousand hostile requests of two hundred tenants over five connections: nobody ever sees another's row.

Requests are cancelled, aborted, rolled back to savepoints and left unbound at random, and they read without the explicit predicate, so
that row-level security alone has to hold. The control sets the tenant for the session, as so many do, and is caught.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storefront.settings import Settings
from tenants.kernel.ids import TenantId, new_id
from tenants.kernel.scope import Database, TenantScope, Writing, open_database

TENANTS, REQUESTS, CONNECTIONS, AT_ONCE, ROWS = 200, 5_000, 5, 40, 3
READ = text("SELECT tenant_id FROM app.store_groups")
WRONG = text("SELECT 1 / 0")
ABORTED = "aborted on purpose"


@pytest.fixture(scope="module")
async def crowd(settings: Settings) -> AsyncIterator[tuple[Database, list[TenantId]]]:
    """Two hundred tenants with three rows each, behind a pool of five connections."""
    database = open_database(str(settings.database_url), pool_size=CONNECTIONS, pool_timeout=60)
    tenants = [TenantId(new_id()) for _ in range(TENANTS)]
    for tenant_id in tenants:
        await _found(database.tenant(tenant_id))
    yield database, tenants
    await database.close()


async def _found(tenant: TenantScope) -> None:
    facts = {
        "t": tenant.tenant_id,
        "o": new_id(),
        "code": tenant.tenant_id.hex,
        "ids": [new_id() for _ in range(ROWS)],
    }
    async with tenant.writing() as db:
        await db.execute(
            text(
                "INSERT INTO app.tenants (tenant_id, org_id, code, public_code, callback_key, name, appid, status, time_zone,"
                " platform_fee_bps, settings, created_at) VALUES (:t, :o, :code, :code, :code, 'hammer', :code, 'active', 'UTC', 0, '{}', now())"
            ),
            facts,
        )
        for at, group_id in enumerate(facts["ids"]):
            await db.execute(
                text(
                    "INSERT INTO app.store_groups (tenant_id, id, code, name) VALUES (:t, :id, :code, 'hammer')"
                ),
                {"t": tenant.tenant_id, "id": group_id, "code": f"g{at}"},
            )


async def seen(db: Writing) -> list[UUID]:
    return [row.tenant_id for row in await db.execute(READ)]


async def read_plainly(tenant: TenantScope) -> list[UUID]:
    async with tenant.writing() as db:
        return await seen(db)


async def read_after_a_failed_savepoint(tenant: TenantScope) -> list[UUID]:
    async with tenant.writing() as db:
        try:
            async with db.begin_nested():
                await db.execute(WRONG)
        except DBAPIError:
            pass
        return await seen(db)


async def abort(tenant: TenantScope) -> list[UUID]:
    try:
        async with tenant.writing() as db:
            rows = await seen(db)
            raise RuntimeError(ABORTED)
    except RuntimeError:
        return rows


async def fail_in_the_database(tenant: TenantScope) -> list[UUID]:
    try:
        async with tenant.writing() as db:
            rows = await seen(db)
            await db.execute(WRONG)
    except DBAPIError:
        pass
    return rows


async def be_cancelled(tenant: TenantScope) -> list[UUID]:
    task = asyncio.ensure_future(read_plainly(tenant))
    await asyncio.sleep(random.random() * 0.004)
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return []


Act = Callable[[TenantScope], Awaitable[list[UUID]]]
ACTS: tuple[Act, ...] = (
    read_plainly,
    read_plainly,
    read_after_a_failed_savepoint,
    abort,
    fail_in_the_database,
    be_cancelled,
)


async def test_no_request_ever_sees_another_tenants_row(crowd: tuple[Database, list[TenantId]]) -> None:
    database, tenants = crowd
    chance, done = random.Random(20261121), Counter[str]()
    gate = asyncio.Semaphore(AT_ONCE)

    async def request(number: int) -> None:
        async with gate:
            if number % 12 == 0:
                async with database.platform() as db:
                    done["unbound"] += 1
                    done["leaks"] += len(await seen(db))
                return
            tenant_id, act = chance.choice(tenants), chance.choice(ACTS)
            rows = await act(database.tenant(tenant_id))
            done[act.__name__] += 1
            done["rows"] += len(rows)
            done["leaks"] += sum(row != tenant_id for row in rows)
            done["empty"] += act is not be_cancelled and len(rows) != ROWS

    await asyncio.gather(*(request(number) for number in range(REQUESTS)))
    assert (done["leaks"], done["empty"]) == (0, 0), done
    assert done["rows"] > REQUESTS, "the hammer must have read its own rows, or the zero proves nothing"
    assert done["be_cancelled"] > REQUESTS // 20


async def test_setting_the_tenant_for_the_session_leaks(crowd: tuple[Database, list[TenantId]]) -> None:
    """Control: SET without LOCAL on a pooled connection, and a request that forgets to set, sees the last one's rows."""
    database, tenants = crowd
    chance, leaks = random.Random(7), 0
    for _ in range(200):
        tenant_id = chance.choice(tenants)
        async with database.tx.connect() as connection:
            await connection.exec_driver_sql(f"SET app.tenant_id = '{tenant_id}'")
            await connection.commit()
        async with database.tx.connect() as connection:
            leaks += len((await connection.execute(READ)).all())
    async with database.tx.connect() as connection:
        await connection.exec_driver_sql("RESET app.tenant_id")
        await connection.commit()
    assert leaks > 0
