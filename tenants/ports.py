"""What the ground floor needs from the outside world; the roof's adapters answer."""

from typing import Protocol

import msgspec


class ShopperIdentity(msgspec.Struct, frozen=True):
    """Who WeChat says is behind a one-use login code. The session key stays in the adapter: nobody else needs it."""

    openid: str
    unionid: str | None


class IdentityProvider(Protocol):
    """The mini-program platform's login (code2Session)."""

    async def identify(self, code: str) -> ShopperIdentity:
        """Exchange a one-use code; raises LoginCodeRefused for a bad or used code, IdentityUnavailable when WeChat is away."""
        ...


class PasswordHasher(Protocol):
    """Slow, salted password hashing, off the event loop and few at a time."""

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        ...

    async def verify(self, password: str, *, against: str | None) -> bool:
        """Whether the password belongs to the hash; without a hash it takes as long and says no, so that names cannot be probed."""
        ...
