"""The fixtures themselves: real roles, one loop, a fresh tenant, a closed network."""

import asyncio
import socket

import httpx
import pytest
from sqlalchemy import text

from tests.support.network import NetworkClosed

LOOPS = set()


async def test_tests_run_as_the_application_role_behind_row_level_security(db, worker_database):
    role = await db.execute(
        text("SELECT current_user, rolbypassrls, rolsuper FROM pg_roles WHERE rolname = current_user")
    )
    assert role.one() == ("app_rw", False, False)
    async with worker_database.platform() as worker:
        assert (await worker.execute(text("SELECT current_user"))).scalar_one() == "app_worker"
    LOOPS.add(asyncio.get_running_loop())


async def test_a_fresh_tenant_sees_itself_and_nobody_else(tenant, other_tenant, database):
    careless = text("SELECT tenant_id FROM app.tenants").execution_options(crosses_tenants=True)
    async with tenant.reading() as db:
        assert (await db.execute(careless)).scalars().all() == [tenant.tenant_id]
    async with database.platform() as unbound:
        assert (await unbound.execute(careless)).scalars().all() == []
    LOOPS.add(asyncio.get_running_loop())


async def test_all_tests_share_one_event_loop(redis):
    assert await redis.ping()
    LOOPS.add(asyncio.get_running_loop())
    assert len(LOOPS) == 1


async def test_the_network_is_closed_but_for_loopback():
    with pytest.raises(NetworkClosed):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(NetworkClosed):
        await asyncio.get_running_loop().getaddrinfo("example.com", 443)
    async with httpx.AsyncClient() as client:
        with pytest.raises(NetworkClosed):
            await client.get("http://example.com/")
