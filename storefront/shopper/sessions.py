"""Shoppers log in through their mini-program; scene codes are resolved and touches kept, before log-in too."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from guides.commands import RecordTouch
from guides.contacts.bonds import recognise_contacts
from guides.errors import SceneExpired, SceneNotFound
from guides.queries import resolve_scene
from guides.share import recognise_visitor, record_touch
from guides.views import SceneLinkView, TouchView
from storefront.auth import CurrentTenant, CurrentVisitor, Joined, Now, public, visitor
from storefront.frame import refusals
from storefront.sessions import LIMITS, SessionView, count_refresh, session_view
from storefront.tokens import Audience, Principal
from storefront.wiring import Wiring
from tenants.directory import tenant_of_token, trades
from tenants.errors import (
    IdentityUnavailable,
    LoginCodeRefused,
    MerchantNotReady,
    SessionEnded,
    TenantNotFound,
    TenantSuspended,
)
from tenants.kernel.ids import ShopperId
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.log_in import Refresh
from tenants.ports import ShopperIdentity
from tenants.queries import find_tenant
from tenants.sessions import Grant, granted, open_session, rotate, tenant_book
from tenants.shoppers import meet_shopper
from tenants.states import PrincipalKind

SceneCode = Annotated[str, Meta(min_length=6, max_length=32, pattern=r"^[0-9A-Za-z]+$")]
LONGEST_SCENE = 32


class LogInShopper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What wx.login gave, the mini-program it gave it to, and how the shopper came."""

    code: Annotated[str, Meta(min_length=1, max_length=128)]
    appid: Annotated[str, Meta(min_length=1, max_length=40)]
    scene: SceneCode | None = None
    """The scene code of this launch, if there was one."""
    visitor: Annotated[str, Meta(min_length=16, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")] | None = None
    """The random string under which touches before log-in were kept."""


@post(
    "/shopper/v1/sessions",
    operation_id="logInShopper",
    tags=["sessions"],
    guards=[public],
    responses=refusals(
        TenantNotFound, TenantSuspended, LoginCodeRefused, IdentityUnavailable, MerchantNotReady
    ),
)
async def log_in(data: JSONBody[LogInShopper], wiring: Joined, now: Now) -> SessionView:
    """Log in with WeChat's one-use code; the session key stays with us."""
    tenant = await wiring.directory.find(named=None, appid=data.appid)
    provider = await wiring.logins.of(tenant)
    identity = await provider.identify(data.code)
    async with tenant.writing() as db:
        if not await trades(db):
            raise TenantSuspended
        grant = await _open(db, identity, command=data, now=now)
    return _view(wiring, tenant, grant=grant, now=now)


@post(
    "/shopper/v1/sessions/refresh",
    operation_id="refreshShopperSession",
    tags=["sessions"],
    guards=[public],
    responses=refusals(SessionEnded, TenantSuspended, *LIMITS),
)
async def refresh(data: JSONBody[Refresh], wiring: Joined, now: Now) -> SessionView:
    """Exchange a refresh token. Repeating the same exchange within ten seconds gives the same answer; later it ends the session."""
    async with wiring.database.platform() as db:
        tenant_id = await tenant_of_token(db, data.refresh_token)
    if tenant_id is None:
        raise SessionEnded
    await count_refresh(wiring, tenant_id, token=data.refresh_token)
    tenant = wiring.database.tenant(tenant_id)
    async with tenant.writing() as db:
        book = tenant_book(db, PrincipalKind.SHOPPER)
        use, grant = await rotate(db, book, token=data.refresh_token, key=wiring.refresh_key, now=now)
        suspended = not await trades(db)
    if suspended:
        raise TenantSuspended
    return _view(wiring, tenant, grant=granted(use, grant), now=now)


@get(
    "/shopper/v1/scenes/{code:str}",
    operation_id="resolveScene",
    tags=["scenes"],
    guards=[visitor],
    responses=refusals(SceneNotFound, SceneExpired),
)
async def get_scene(code: FromPath[str], tenant: CurrentTenant, now: Now) -> SceneLinkView:
    """What a scene code stands for: store, guide, campaign, target page."""
    async with tenant.reading() as db:
        return await resolve_scene(db, await _own_part(db, code), at=now)


@post(
    "/shopper/v1/touches",
    operation_id="recordTouch",
    tags=["scenes"],
    guards=[visitor],
    responses=refusals(SceneNotFound, SceneExpired),
)
async def touch(
    data: JSONBody[RecordTouch], tenant: CurrentTenant, visitor: CurrentVisitor, now: Now
) -> TouchView:
    """Keep that a shopper, or a visitor not logged in yet, came through a code."""
    shopper_id = ShopperId(visitor.subject) if visitor else None
    async with tenant.writing() as db:
        code = await _own_part(db, data.scene)
        return await record_touch(
            db, code, shopper_id=shopper_id, visitor=data.visitor, launch_scene=data.launch_scene, now=now
        )


async def _own_part(db: Reading, code: str) -> str:
    """The code without the tenant's public code; another tenant's code leads nowhere here."""
    public_code = (await find_tenant(db)).public_code
    if not code.startswith(public_code) or len(code) > LONGEST_SCENE or "\x00" in code:
        raise SceneNotFound
    return code.removeprefix(public_code)


async def _open(db: Writing, identity: ShopperIdentity, *, command: LogInShopper, now: datetime) -> Grant:
    shopper_id = await meet_shopper(db, identity, now=now)
    if identity.unionid is not None:
        await recognise_contacts(db, identity.unionid, shopper_id=shopper_id, now=now)
    if command.visitor is not None:
        await recognise_visitor(db, command.visitor, shopper_id=shopper_id, now=now)
    if command.scene is not None:
        await _touch_if_valid(db, command.scene, shopper_id=shopper_id, now=now)
    return await open_session(db, PrincipalKind.SHOPPER, principal_id=shopper_id, now=now)


async def _touch_if_valid(db: Writing, scene: str, *, shopper_id: ShopperId, now: datetime) -> None:
    # A stale poster must not keep anybody from logging in; both refusals come before anything is written.
    try:
        code = await _own_part(db, scene)
        await record_touch(db, code, shopper_id=shopper_id, visitor=None, launch_scene=None, now=now)
    except (SceneNotFound, SceneExpired):
        return


def _view(wiring: Wiring, tenant: TenantScope, *, grant: Grant, now: datetime) -> SessionView:
    principal = Principal(
        audience=Audience.SHOPPER,
        subject=grant.principal_id,
        session_id=grant.session_id,
        tenant_id=tenant.tenant_id,
    )
    return session_view(wiring, principal, grant=grant, now=now)


ROUTES = [log_in, refresh, get_scene, touch]
