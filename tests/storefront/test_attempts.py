"""Counting attempts, and the one way to write a Redis key."""

import asyncio
import re
from pathlib import Path

import pytest
from redis.asyncio import Redis

from storefront.attempts import count_attempt
from storefront.errors import LimitsUnavailable, TooManyAttempts
from storefront.redis_keys import PLATFORM, redis_key
from tenants.kernel.ids import TenantId, new_id

PHONE = "13912340077"


async def attempt(redis, tenant_id, **changed):
    options = {"purpose": "log_in", "subject": PHONE, "limit": 5, "seconds": 60} | changed
    await count_attempt(redis, tenant_id, **options)


async def outcomes(redis, tenant_id, count, **changed) -> int:
    """How many of `count` attempts at once were let through."""
    tries = (attempt(redis, tenant_id, **changed) for _ in range(count))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert all(result is None or isinstance(result, TooManyAttempts) for result in results)
    return results.count(None)


async def test_exactly_the_limit_is_let_through_however_many_come_at_once(redis):
    assert await outcomes(redis, TenantId(new_id()), 50) == 5


async def test_names_purposes_and_tenants_are_counted_apart(redis):
    tenant_id = TenantId(new_id())
    assert await outcomes(redis, tenant_id, 10) == 5
    assert await outcomes(redis, tenant_id, 10, subject="another") == 5
    assert await outcomes(redis, tenant_id, 10, purpose="refresh") == 5
    assert await outcomes(redis, TenantId(new_id()), 10) == 5


async def test_a_window_ends(redis):
    tenant_id = TenantId(new_id())
    assert await outcomes(redis, tenant_id, 10, seconds=1) == 5
    await asyncio.sleep(1.1)
    assert await outcomes(redis, tenant_id, 10, seconds=1) == 5


async def test_every_counter_ends_by_itself_and_names_nobody(redis):
    tenant_id = TenantId(new_id())
    await attempt(redis, tenant_id)
    keys = [key.decode() async for key in redis.scan_iter(match=f"*{tenant_id}*")]
    assert len(keys) == 1
    assert PHONE not in keys[0]
    assert 0 < await redis.ttl(keys[0]) <= 60


async def test_without_redis_nothing_is_let_through():
    away = Redis.from_url("redis://127.0.0.1:1")
    with pytest.raises(LimitsUnavailable):
        await attempt(away, PLATFORM)
    await away.aclose()


def test_a_key_names_its_tenant_in_the_hash_tag():
    tenant_id = TenantId(new_id())
    assert redis_key(tenant_id, "log_in", tag="abc") == f"storefront:{{{tenant_id}}}:log_in:abc"


@pytest.mark.parametrize("tenant_id", [None, "", "all", 7])
def test_a_key_without_a_tenant_cannot_be_written(tenant_id):
    with pytest.raises(TypeError):
        redis_key(tenant_id, "log_in", tag="abc")


@pytest.mark.parametrize(("purpose", "tag"), [("", "x"), ("x", ""), ("x", "{y}"), ("{x", "y")])
def test_a_key_without_a_purpose_or_with_braces_cannot_be_written(purpose, tag):
    with pytest.raises(ValueError):
        redis_key(PLATFORM, purpose, tag=tag)


def test_nobody_writes_a_redis_key_by_hand():
    command = re.compile(r"redis\.(?:get|set|setex|incr|eval|hset|zadd|sadd|delete|expire)\(\s*f?[\"']")
    for path in Path("storefront").rglob("*.py"):
        assert not command.search(path.read_text(encoding="utf-8")), path
