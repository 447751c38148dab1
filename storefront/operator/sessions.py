"""Operators log in by name and password; their sessions belong to the platform, not to a tenant."""

from datetime import datetime

from litestar import post
from litestar.params import JSONBody

from storefront.auth import Joined, Now, public
from storefront.frame import refusals
from storefront.redis_keys import PLATFORM
from storefront.sessions import LIMITS, SessionView, count_log_in, count_refresh, session_view
from storefront.tokens import Audience, Principal
from storefront.wiring import Wiring
from tenants.errors import LogInRefused, SessionEnded
from tenants.log_in import LogInOperator, Refresh, log_in_operator, refresh_operator
from tenants.sessions import Grant


@post(
    "/operator/v1/sessions",
    operation_id="logInOperator",
    tags=["sessions"],
    guards=[public],
    responses=refusals(LogInRefused, *LIMITS),
)
async def log_in(data: JSONBody[LogInOperator], wiring: Joined, now: Now) -> SessionView:
    """Log in as an operator of the platform."""
    await count_log_in(wiring, PLATFORM, login=f"operator {data.login}")
    grant = await log_in_operator(wiring.database, data, now=now, passwords=wiring.passwords)
    return _view(wiring, grant=grant, now=now)


@post(
    "/operator/v1/sessions/refresh",
    operation_id="refreshOperatorSession",
    tags=["sessions"],
    guards=[public],
    responses=refusals(SessionEnded, *LIMITS),
)
async def refresh(data: JSONBody[Refresh], wiring: Joined, now: Now) -> SessionView:
    """Exchange a refresh token. Repeating the same exchange within ten seconds gives the same answer; later it ends the session."""
    await count_refresh(wiring, PLATFORM, token=data.refresh_token)
    grant = await refresh_operator(wiring.database, data, key=wiring.refresh_key, now=now)
    return _view(wiring, grant=grant, now=now)


def _view(wiring: Wiring, *, grant: Grant, now: datetime) -> SessionView:
    principal = Principal(audience=Audience.OPERATOR, subject=grant.principal_id, session_id=grant.session_id)
    return session_view(wiring, principal, grant=grant, now=now)


ROUTES = [log_in, refresh]
