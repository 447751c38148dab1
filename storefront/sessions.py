"""What every audience's log-in shares: counting attempts, and turning a grant into the two tokens that a front end keeps."""

from datetime import datetime

import msgspec

from storefront.attempts import count_attempt
from storefront.errors import LimitsUnavailable, TooManyAttempts
from storefront.tokens import Principal
from storefront.wiring import Wiring
from tenants.kernel.ids import TenantId
from tenants.sessions import Grant

LOG_INS_A_MINUTE = 10
REFRESHES_A_MINUTE = 60
LIMITS = (TooManyAttempts, LimitsUnavailable)
"""What counting attempts may answer."""


class SessionView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A log-in: send the access token in Authorization; when TOKEN_EXPIRED comes back, exchange the refresh token and repeat."""

    access_token: str
    expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime


def session_view(wiring: Wiring, principal: Principal, *, grant: Grant, now: datetime) -> SessionView:
    """Issue the access token that goes with a grant."""
    token, expires_at = wiring.tokens.issue(principal, now=now)
    return SessionView(
        access_token=token,
        expires_at=expires_at,
        refresh_token=grant.refresh_token,
        refresh_expires_at=grant.expires_at,
    )


async def count_log_in(wiring: Wiring, tenant_id: TenantId, *, login: str) -> None:
    """Count an attempt to log in under a name; raises TooManyAttempts, or LimitsUnavailable when nothing can be counted."""
    await count_attempt(wiring.redis, tenant_id, purpose="log_in", subject=login, limit=LOG_INS_A_MINUTE)


async def count_refresh(wiring: Wiring, tenant_id: TenantId, *, token: str) -> None:
    """Count an exchange of one refresh token."""
    await count_attempt(wiring.redis, tenant_id, purpose="refresh", subject=token, limit=REFRESHES_A_MINUTE)
