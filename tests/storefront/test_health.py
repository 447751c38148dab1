"""Living and being ready are two things."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from storefront import health
from storefront.app import create_app
from storefront.health import clock_fault, database_fault
from storefront.wiring import wire
from tests.support.http import Client, answered, refused


async def test_a_live_process_says_so(client):
    assert answered(await client.get("/health/live"), 200) == {"alive": True}


async def test_a_process_with_its_servers_is_ready(client):
    assert answered(await client.get("/health/ready"), 200) == {
        "database": True,
        "redis": True,
        "clock": True,
    }


async def test_without_redis_it_lives_but_is_not_ready(settings, database):
    away = Redis.from_url("redis://127.0.0.1:1")
    client = Client(create_app(wiring=wire(settings, database=database, redis=away)))
    answered(await client.get("/health/live"), 200)
    assert refused(await client.get("/health/ready"), 503, "NOT_READY") == {"redis": "cannot be reached"}
    await away.aclose()


async def test_the_wrong_database_role_is_not_ready(settings, worker_database, redis):
    assert (
        await database_fault(wire(settings, database=worker_database, redis=redis))
        == "is open as the wrong role"
    )


async def test_a_clock_three_seconds_off_is_not_ready(settings, database, redis):
    wiring = wire(settings, database=database, redis=redis)
    assert await clock_fault(wiring) is None
    ahead = replace(wiring, clock=lambda: datetime.now(UTC) + timedelta(seconds=3))
    assert "two seconds" in str(await clock_fault(ahead))
    app = create_app(wiring=ahead)
    app.state.clock_fault = await clock_fault(ahead)
    assert "clock" in refused(await Client(app).get("/health/ready"), 503, "NOT_READY")


async def test_a_database_that_lacks_a_migration_is_not_ready_one_that_is_ahead_is(
    settings, database, redis, monkeypatch
):
    wiring = wire(settings, database=database, redis=redis)
    monkeypatch.setattr(health, "NEWEST_REVISION", "0000")
    assert await database_fault(wiring) is None
    monkeypatch.setattr(health, "NEWEST_REVISION", "9999")
    assert await database_fault(wiring) == "is not migrated"
    app = create_app(wiring=wiring)
    assert refused(await Client(app).get("/health/ready"), 503, "NOT_READY") == {
        "database": "is not migrated"
    }
