"""Counts attempts in Redis, in one round trip, and closes when Redis is away.

Guessing passwords must not become free because a cache is down. Windows are fixed, not sliding: at worst twice the limit passes around a window's edge.
"""

import hashlib
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from storefront.errors import LimitsUnavailable, TooManyAttempts
from storefront.redis_keys import redis_key
from tenants.kernel.ids import TenantId

COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""
"""INCR and the expiry in one step: a crash between the two would leave a counter that never ends."""

WINDOW_SECONDS = 60


async def count_attempt(
    redis: Redis,
    tenant_id: TenantId,
    *,
    purpose: str,
    subject: str,
    limit: int,
    seconds: int = WINDOW_SECONDS,
) -> None:
    """Count one attempt by `subject` (hashed: a log-in name is personal); raises TooManyAttempts beyond `limit` in the window."""
    tag = hashlib.sha256(subject.encode()).hexdigest()[:32]
    key = redis_key(tenant_id, purpose, tag=tag)
    evaluate: Any = redis.eval
    try:
        count = int(await evaluate(COUNT, 1, key, seconds * 1000))
    except (RedisError, OSError, TimeoutError) as error:
        raise LimitsUnavailable from error
    if count > limit:
        raise TooManyAttempts
