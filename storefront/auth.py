"""Who may call what. Every route declares whom it admits, as a guard from this module; a route that declares none stops the app.

The guard reads the token and puts the principal and the tenant beside the request; dependencies hand them to routes by name:
`principal`, `tenant`, `store`, `chosen_store`, `now`. Opens no transaction: that is the route's, in sight.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import HeaderParameter, SkipValidation
from litestar.types import Scope

from storefront import errors
from storefront.tokens import Audience, Principal
from storefront.wiring import Wiring
from tenants.kernel.ids import StoreId
from tenants.kernel.scope import TenantScope
from tenants.ports import PasswordHasher
from tenants.states import StaffRole

PRINCIPAL = "principal"
_WECHAT_REFERER = re.compile(r"https://servicewechat\.com/(wx[0-9a-zA-Z]{1,30})/")
TenantHeader = Annotated[
    str | None,
    HeaderParameter(name="X-Tenant-Id", max_length=64, description="For guests: the brand's id or code."),
]
AppidHeader = Annotated[
    str | None,
    HeaderParameter(
        name="X-Appid",
        max_length=64,
        description="For guests: the mini-program's appid, instead of X-Tenant-Id.",
    ),
]
StoreHeader = Annotated[
    UUID | None, HeaderParameter(name="X-Store-Id", description="The store the shopper is in.")
]
Connection = ASGIConnection[Any, Any, Any, Any]


CurrentPrincipal = NamedDependency[SkipValidation[Principal]]
CurrentVisitor = NamedDependency[SkipValidation[Principal | None]]
CurrentTenant = NamedDependency[SkipValidation[TenantScope]]
CurrentStore = NamedDependency[SkipValidation[StoreId]]
ChosenStore = NamedDependency[SkipValidation[StoreId | None]]
Joined = NamedDependency[SkipValidation[Wiring]]
Passwords = NamedDependency[SkipValidation[PasswordHasher]]
Now = NamedDependency[SkipValidation[datetime]]
"""How routes annotate what they ask for by name: `tenant: CurrentTenant, now: Now`."""


class Admits:
    """A guard: which audiences and roles a route is for. Nothing else in the program decides this."""

    def __init__(
        self,
        *audiences: Audience,
        roles: Iterable[StaffRole] = (),
        guests: bool = False,
        signed: bool = False,
    ) -> None:
        """Admit these audiences and roles; `guests` need no token, `signed` requests carry a vendor's signature instead."""
        self.audiences = frozenset(audiences)
        self.roles = frozenset(roles)
        self.guests = guests
        self.signed = signed

    async def __call__(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Let the request through, or refuse it before anything of it is read."""
        presented = connection.headers.get("authorization", "")
        if not self.audiences or (self.guests and not presented):
            return
        principal = read_principal(connection.scope, presented)
        if principal.audience not in self.audiences:
            raise errors.AudienceNotAllowed
        if self.roles and principal.role not in self.roles:
            raise errors.RoleNotAllowed
        connection.scope["state"][PRINCIPAL] = principal
        structlog.contextvars.bind_contextvars(
            actor=principal.actor(), tenant_id=str(principal.tenant_id) if principal.tenant_id else None
        )


public = Admits()
"""Anybody, and no tenant is implied: health, log-in."""
signed = Admits(signed=True)
"""Vendors' callbacks: the route verifies the signature itself."""
shopper = Admits(Audience.SHOPPER)
"""A shopper who has logged in."""
visitor = Admits(Audience.SHOPPER, guests=True)
"""A shopper, logged in or not; without a token the tenant is named by X-Tenant-Id or X-Appid."""
operator = Admits(Audience.OPERATOR)
"""The platform's own people."""


class _Nobody(Admits):
    async def __call__(self, _connection: Connection, _handler: BaseRouteHandler) -> None:
        """Answer as if the address did not exist."""
        raise errors.RouteNotFound


nobody = _Nobody()
"""Closed: for addresses that the framework opens and we do not want."""


def staff(*roles: StaffRole) -> Admits:
    """Staff of a tenant in one of these roles (none named: every role except a mall's, who sees nothing but its statements)."""
    return Admits(Audience.STAFF, roles=roles or set(StaffRole) - {StaffRole.MALL_FINANCE})


def read_principal(scope: Scope, presented: str) -> Principal:
    """Verify the Authorization header, with or without the word Bearer."""
    wiring: Wiring = scope["app"].state.wiring
    word, _, rest = presented.strip().partition(" ")
    token = rest.strip() if word.lower() == "bearer" else presented.strip()
    if not token:
        raise errors.LoginRequired
    return wiring.tokens.read(token, now=wiring.clock())


def admitted_by(handler: BaseRouteHandler) -> Admits | None:
    """What a route declares; None when it declares nothing."""
    found = [guard for guard in handler.resolve_guards() if isinstance(guard, Admits)]
    return found[-1] if found else None


def own_handlers(app: Litestar) -> list[tuple[str, HTTPRouteHandler]]:
    """Every route of ours with its path; the framework's automatic OPTIONS answers are not ours."""
    return [
        (getattr(route, "path_format", route.path), handler)
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler) and not handler.fn.__module__.startswith("litestar.routes")
    ]


def refuse_undeclared_routes(app: Litestar) -> None:
    """Stop the start when a route admits nobody in particular: default deny, found before the first request."""
    routes = [(path, handler, admitted_by(handler)) for path, handler in own_handlers(app)]
    if bare := sorted(path for path, _, admits in routes if admits is None):
        raise RuntimeError(f"routes without an audience: {bare}")
    nameless = sorted(
        path
        for path, handler, admits in routes
        if admits
        and (admits.guests or not admits.audiences)
        and "principal" in handler.parsed_fn_signature.parameters
    )
    if nameless:
        raise RuntimeError(f"routes that admit guests and ask for their principal: {nameless}")


async def provide_wiring(scope: Scope) -> Wiring:
    """Everything the process holds open, for routes that need more than a tenant."""
    wiring: Wiring = scope["app"].state.wiring
    return wiring


async def provide_now(wiring: Joined) -> datetime:
    """The time, read once a request."""
    return wiring.clock()


async def provide_visitor(scope: Scope, now: Now) -> Principal | None:  # noqa: ARG001 for the order
    """Who is asking, where guests are admitted; empty for a guest."""
    principal: Principal | None = scope["state"].get(PRINCIPAL)
    return principal


async def provide_principal(visitor: CurrentVisitor) -> Principal | None:
    """Who is asking. A route that admits guests cannot ask for this: `refuse_undeclared_routes` sees to it."""
    return visitor


async def provide_tenant(
    principal: CurrentVisitor,
    wiring: Joined,
    scope: Scope,
    tenant_named: TenantHeader = None,
    appid_named: AppidHeader = None,
) -> TenantScope:
    """The tenant of the token; for guests the one that the headers name (id or code; or the mini-program's appid)."""
    if principal is not None and principal.tenant_id is not None:
        return wiring.database.tenant(principal.tenant_id)
    tenant = await wiring.directory.find(named=tenant_named, appid=appid_named or _appid_of_referer(scope))
    structlog.contextvars.bind_contextvars(tenant_id=str(tenant.tenant_id))
    return tenant


async def provide_chosen_store(
    tenant: CurrentTenant,  # noqa: ARG001 for the order
    principal: CurrentVisitor,
    store_named: StoreHeader = None,
) -> StoreId | None:
    """The store of X-Store-Id, or the staff member's own, or none. Whether it exists is the verb's question."""
    if principal is not None and principal.store_id is not None:
        return principal.store_id
    return StoreId(store_named) if store_named else None


async def provide_store(chosen_store: ChosenStore) -> StoreId:
    """The store that the request is about; refused when nothing names one."""
    if chosen_store is None:
        raise errors.StoreHeaderMissing
    return chosen_store


DEPENDENCIES = {
    "wiring": Provide(provide_wiring),
    "now": Provide(provide_now),
    "visitor": Provide(provide_visitor),
    "principal": Provide(provide_principal),
    "tenant": Provide(provide_tenant),
    "chosen_store": Provide(provide_chosen_store),
    "store": Provide(provide_store),
}
"""What a route may ask for by name. Keep path parameters and queries out of these names.

Each asks for the one before it, although it may not need it: the framework resolves what stands side by side in tasks of a task group,
which costs more than all of these together and hides what they tell the log.
"""


def _appid_of_referer(scope: Scope) -> str | None:
    """WeChat sends a fixed Referer that carries the mini-program's appid, which no script in it can change."""
    for name, value in scope["headers"]:
        if name == b"referer":
            found = _WECHAT_REFERER.match(value.decode("latin-1"))
            return found.group(1) if found else None
    return None
