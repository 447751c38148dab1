"""Access tokens: HS256 signed claims that live fifteen minutes and name who is asking, for which tenant, to which audience.

The algorithm is pinned, the clock comes in, and unknown claims are ignored. Refresh tokens are the ground floor's: they are rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from storefront.errors import LoginRequired, TokenExpired
from tenants.kernel.ids import GuideId, MallId, SessionId, StoreId, TenantId
from tenants.states import StaffRole

LIFETIME = timedelta(minutes=15)
ALGORITHM = "HS256"
LONGEST_TOKEN = 4096


class Audience(StrEnum):
    """Which part of the system a token opens."""

    SHOPPER = "shopper"
    """A brand's mini-program."""
    STAFF = "staff"
    """A brand's, store's or mall's people."""
    OPERATOR = "operator"
    """The platform's own people."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking. `tenant_id` is empty for operators alone; store, mall and guide are those of the staff member."""

    audience: Audience
    subject: UUID
    session_id: SessionId
    tenant_id: TenantId | None = None
    role: StaffRole | None = None
    store_id: StoreId | None = None
    mall_id: MallId | None = None
    guide_id: GuideId | None = None

    def actor(self) -> str:
        """How logs, audit entries and idempotency keys name this principal."""
        return f"{self.audience}:{self.subject}"


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in a token."""

    aud: Audience
    sub: UUID
    ses: UUID
    exp: int
    iat: int
    tid: UUID | None = None
    role: StaffRole | None = None
    sid: UUID | None = None
    mall: UUID | None = None
    gid: UUID | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AccessTokens:
    """Signs and reads access tokens with one key."""

    key: OctKey
    registry: JWSRegistry

    @classmethod
    def with_key(cls, key: bytes) -> "AccessTokens":
        """Use this signing key."""
        return cls(OctKey.import_key(key), JWSRegistry(algorithms=[ALGORITHM]))

    def issue(self, principal: Principal, *, now: datetime) -> tuple[str, datetime]:
        """Sign a token for `principal`; returns it with the moment it expires."""
        expires_at = now.replace(microsecond=0) + LIFETIME
        claims = Claims(
            aud=principal.audience, sub=principal.subject, ses=principal.session_id, tid=principal.tenant_id,
            role=principal.role, sid=principal.store_id, mall=principal.mall_id, gid=principal.guide_id,
            iat=int(now.timestamp()), exp=int(expires_at.timestamp()),
        )  # fmt: skip
        body: dict[str, Any] = msgspec.to_builtins(claims)
        return jwt.encode(
            {"alg": ALGORITHM, "typ": "JWT"}, body, self.key, registry=self.registry
        ), expires_at

    def read(self, token: str, *, now: datetime) -> Principal:
        """Verify a token; raises TokenExpired for a genuine old one, LoginRequired for anything else that is wrong."""
        if len(token) > LONGEST_TOKEN:
            raise LoginRequired
        try:
            decoded = jwt.decode(token, self.key, algorithms=[ALGORITHM], registry=self.registry)
            claims = msgspec.convert(decoded.claims, Claims)
        except (JoseError, msgspec.ValidationError, ValueError, TypeError, RecursionError) as error:
            raise LoginRequired from error
        if claims.exp <= now.timestamp():
            raise TokenExpired
        if claims.exp - claims.iat > LIFETIME.total_seconds():  # signed by us, but never meant to be
            raise LoginRequired
        if (claims.aud is Audience.OPERATOR) != (claims.tid is None) or (claims.aud is Audience.STAFF) != (
            claims.role is not None
        ):
            raise LoginRequired
        return Principal(
            audience=claims.aud, subject=claims.sub, session_id=SessionId(claims.ses), role=claims.role,
            tenant_id=TenantId(claims.tid) if claims.tid else None,
            store_id=StoreId(claims.sid) if claims.sid else None,
            mall_id=MallId(claims.mall) if claims.mall else None,
            guide_id=GuideId(claims.gid) if claims.gid else None,
        )  # fmt: skip
