"""Vendors' access tokens, shared by all processes through Redis: one asks, the others wait, and losing Redis costs a few more calls.

Vendors give the same token until it ends to whoever asks in the stable way, so two askers harm nothing; the lease only saves calls.
Tokens lie in Redis sealed like every other secret. Who asks the vendor, and how, is the caller's.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from storefront.redis_keys import redis_key
from tenants.kernel.encryption import EnvelopeUnreadable, KeyRing
from tenants.kernel.ids import TenantId

MARGIN_SECONDS = 300
"""A token is dropped this long before it ends, so that none ends on its way."""
LEASE_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.05
PURPOSE = "access-token"


class GivenToken(msgspec.Struct, frozen=True):
    """What a vendor gave, and for how many seconds."""

    token: str
    seconds: int

    def __repr__(self) -> str:
        """Show nothing."""
        return f"GivenToken(seconds={self.seconds})"


Ask = Callable[[str | None], Awaitable[GivenToken]]
"""Asks the vendor; given the token that was just found useless, makes sure of another one."""


class AccessTokenCache:
    """The tokens of one tenant. `holder` says whose: an appid, or a corp's application."""

    def __init__(self, redis: Redis | None, *, tenant_id: TenantId, keys: KeyRing) -> None:
        self._redis = redis
        self._tenant_id = tenant_id
        self._keys = keys
        self._near: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def token(self, holder: str, ask: Ask, *, useless: str | None = None) -> str:
        """A token that was not just found useless; whatever `ask` raises goes through."""
        # One at a time in this process; between processes the lease does the same.
        async with self._locks.setdefault(holder, asyncio.Lock()):
            found = self._kept_near(holder)
            if found is not None and found != useless:
                return found
            try:
                return await self._shared(holder, ask, useless=useless)
            except RedisError:
                return self._keep_near(holder, await ask(useless))

    async def _shared(self, holder: str, ask: Ask, *, useless: str | None) -> str:
        if self._redis is None:
            return self._keep_near(holder, await ask(useless))
        lease, mine = self._key(f"{holder}:lease"), secrets.token_hex(8)
        ends = time.monotonic() + LEASE_SECONDS
        while True:
            found = await self._kept(holder)
            if found is not None and found != useless:
                return found
            got = await self._redis.set(lease, mine, nx=True, px=int(LEASE_SECONDS * 1000))
            if got or time.monotonic() > ends:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        try:
            # Between our look and our lease another may have asked, kept and let go: its token is the one that counts.
            found = await self._kept(holder)
            if found is not None and found != useless:
                return found
            given = await ask(useless)
            lives = given.seconds - MARGIN_SECONDS
            if lives > 0:
                await self._redis.set(self._key(holder), self._sealed(holder, given.token), ex=lives)
            return self._keep_near(holder, given)
        finally:
            if got:
                await self._redis.delete(lease)

    async def _kept(self, holder: str) -> str | None:
        if self._redis is None:
            return None
        kept = await self._redis.get(self._key(holder))
        if not isinstance(kept, bytes):
            return None
        try:
            return self._keys.unseal(kept, tenant_id=self._tenant_id, column=self._column(holder)).decode()
        except EnvelopeUnreadable:
            # Sealed under a master key that is gone: as good as lost.
            return None

    def _sealed(self, holder: str, token: str) -> bytes:
        return self._keys.seal(token.encode(), tenant_id=self._tenant_id, column=self._column(holder))

    def _column(self, holder: str) -> str:
        return f"{PURPOSE}.{holder}"

    def _key(self, tag: str) -> str:
        return redis_key(self._tenant_id, PURPOSE, tag=tag)

    def _kept_near(self, holder: str) -> str | None:
        token, until = self._near.get(holder, ("", 0.0))
        return token if until > time.monotonic() else None

    def _keep_near(self, holder: str, given: GivenToken) -> str:
        # Near copies serve while Redis is away; seconds only, so that a token another process renewed is soon seen here.
        lives = min(max(given.seconds - MARGIN_SECONDS, 0), 30)
        self._near[holder] = (given.token, time.monotonic() + lives)
        return given.token
