"""Who gets in: tokens, audiences, roles, tenants, and that no route is open by accident."""

import base64
import json
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from litestar import get

from storefront import tokens
from storefront.app import create_app
from storefront.auth import (
    ChosenStore,
    CurrentPrincipal,
    CurrentStore,
    CurrentTenant,
    admitted_by,
    own_handlers,
    shopper,
    staff,
    visitor,
)
from storefront.tokens import Audience, Principal
from tenants.kernel.ids import SessionId, StoreId, new_id
from tenants.queries import find_tenant
from tenants.states import StaffRole
from tests.support.http import Client, answered, refused


@get("/test/v1/who", operation_id="testWho", guards=[shopper])
async def who(principal: CurrentPrincipal, tenant: CurrentTenant) -> dict[str, str]:
    """Say who asks."""
    return {"subject": str(principal.subject), "tenant": str(tenant.tenant_id)}


@get("/test/v1/books", operation_id="testBooks", guards=[staff(StaffRole.FINANCE)])
async def books() -> None:
    """For finance."""


@get("/test/v1/counter", operation_id="testCounter", guards=[staff()])
async def counter(store: CurrentStore) -> dict[str, str]:
    """For a store's people."""
    return {"store": str(store)}


@get("/test/v1/face", operation_id="testFace", guards=[visitor])
async def face(tenant: CurrentTenant, chosen_store: ChosenStore) -> dict[str, str]:
    """For anybody in a mini-program."""
    return {"tenant": str(tenant.tenant_id), "store": str(chosen_store)}


@pytest.fixture(scope="module")
def client(app) -> Client:
    return Client(create_app(wiring=app.state.wiring, routes=[who, books, counter, face]))


def token_for(client, principal, *, now, **changed):
    """Sign by hand, with claims or headers that we would never sign."""
    claims = {
        "aud": principal.audience,
        "sub": str(principal.subject),
        "ses": str(new_id()),
        "iat": int(now.timestamp()),
    }
    claims |= {"exp": int(now.timestamp()) + 900, "tid": str(principal.tenant_id)}
    header = {"alg": changed.pop("alg", "HS256")}
    key = changed.pop("key", base64.b64decode(client.wiring.settings.storefront_token_key))
    claims |= changed
    return jwt.encode(header, claims, OctKey.import_key(key), algorithms=[header["alg"]])


@pytest.fixture
def buyer(tenant) -> Principal:
    return Principal(
        audience=Audience.SHOPPER,
        subject=new_id(),
        session_id=SessionId(new_id()),
        tenant_id=tenant.tenant_id,
    )


async def test_a_token_is_taken_with_and_without_the_word_bearer(client, buyer, now):
    token, _ = client.wiring.tokens.issue(buyer, now=now)
    for presented in (f"Bearer {token}", f"bearer {token}", token):
        caller = client.with_headers(authorization=presented)
        assert answered(await caller.get("/test/v1/who"))["subject"] == str(buyer.subject)


async def test_no_token_and_an_expired_token_are_told_apart(client, buyer, now):
    refused(await client.get("/test/v1/who"), 401, "LOGIN_REQUIRED")
    old = client.as_principal(buyer, at=now - tokens.LIFETIME - timedelta(seconds=1))
    refused(await old.get("/test/v1/who"), 401, "TOKEN_EXPIRED")


async def test_forged_tokens_are_no_tokens(client, buyer, now):
    good, _ = client.wiring.tokens.issue(buyer, now=now)
    head, body, signature = good.split(".")
    none_head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    other = json.loads(base64.urlsafe_b64decode(body + "=="))
    other["sub"] = str(new_id())
    other_body = base64.urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    forged = {
        "alg none": f"{none_head}.{body}.",
        "alg none with signature": f"{none_head}.{body}.{signature}",
        "another subject": f"{head}.{other_body}.{signature}",
        "cut": good[:-1],
        "empty": "Bearer ",
        "garbage": "x.y.z",
        "huge": "a" * 5000,
        "another key": token_for(client, buyer, now=now, key=b"k" * 32),
        "HS512": token_for(client, buyer, now=now, alg="HS512", key=b"t" * 32),
        "no audience": token_for(client, buyer, now=now, aud="root"),
        "operator with a tenant": token_for(client, buyer, now=now, aud="operator"),
        "staff without a role": token_for(client, buyer, now=now, aud="staff"),
        "shopper with a role": token_for(client, buyer, now=now, role="finance"),
        "shopper without a tenant": token_for(client, buyer, now=now, tid=None),
        "expiry as text": token_for(client, buyer, now=now, exp="tomorrow"),
        "expiry beyond the calendar": token_for(client, buyer, now=now, exp=2**60),
        "subject no uuid": token_for(client, buyer, now=now, sub="1 OR 1=1"),
    }
    for name, token in forged.items():
        response = await client.with_headers(authorization=token).get("/test/v1/who")
        assert (response.status_code, response.json()["code"]) == (401, "LOGIN_REQUIRED"), name


async def test_a_genuine_hand_made_token_would_pass(client, buyer, now):
    """The control of the test above: its hand-made tokens fail for their fault, not for being hand-made."""
    token = token_for(client, buyer, now=now)
    answered(await client.with_headers(authorization=token).get("/test/v1/who"))


async def test_an_audience_opens_its_own_part_only(client, tenant):
    callers = {
        Audience.SHOPPER: client.as_shopper(tenant),
        Audience.STAFF: client.as_staff(tenant, StaffRole.FINANCE),
        Audience.OPERATOR: client.as_operator(),
    }
    doors = {
        Audience.SHOPPER: "/test/v1/who",
        Audience.STAFF: "/test/v1/books",
        Audience.OPERATOR: "/operator/v1/tenants",
    }
    for caller, one in callers.items():
        for door, path in doors.items():
            response = await one.get(path)
            if caller is door:
                answered(response)
            else:
                refused(response, 403, "AUDIENCE_NOT_ALLOWED")


@pytest.mark.parametrize("role", StaffRole)
async def test_a_role_opens_what_names_it(client, tenant, role):
    response = await client.as_staff(tenant, role).get("/test/v1/books")
    if role is StaffRole.FINANCE:
        answered(response)
    else:
        refused(response, 403, "ROLE_NOT_ALLOWED")


async def test_a_malls_accountant_is_no_store_staff_unless_named(client, tenant):
    refused(
        await client.as_staff(tenant, StaffRole.MALL_FINANCE).get("/test/v1/counter"), 403, "ROLE_NOT_ALLOWED"
    )


async def test_a_staff_member_stands_in_their_own_store_whatever_the_header_says(client, tenant):
    own = StoreId(new_id())
    caller = client.as_staff(tenant, StaffRole.GUIDE, store_id=own).with_headers(x_store_id=str(new_id()))
    assert answered(await caller.get("/test/v1/counter")) == {"store": str(own)}


async def test_headquarters_name_the_store_by_header(client, tenant):
    boss = client.as_staff(tenant, StaffRole.BRAND_HQ)
    refused(await boss.get("/test/v1/counter"), 400, "STORE_HEADER_MISSING")
    store = str(new_id())
    assert answered(await boss.with_headers(x_store_id=store).get("/test/v1/counter")) == {"store": store}
    refused(await boss.with_headers(x_store_id="7").get("/test/v1/counter"), 400, "MALFORMED_REQUEST")


async def test_a_guest_names_the_brand_in_three_ways(client, tenant):
    async with tenant.reading() as db:
        brand = await find_tenant(db)
    for headers in (
        {"x-tenant-id": str(brand.id)},
        {"x-tenant-id": brand.code},
        {"x-appid": brand.appid},
        {"referer": f"https://servicewechat.com/{brand.appid}/12/page-frame.html"},
    ):
        response = await client.get("/test/v1/face", headers=headers)
        assert answered(response) == {"tenant": str(brand.id), "store": "None"}


async def test_a_guest_of_no_brand_or_an_unknown_one_is_refused(client):
    refused(await client.get("/test/v1/face"), 400, "TENANT_NOT_NAMED")
    for named in (str(new_id()), "nobody", "0", "x" * 64, "%00", "' OR true --"):
        refused(await client.get("/test/v1/face", headers={"x-tenant-id": named}), 404, "TENANT_NOT_FOUND")


async def test_a_tokens_tenant_wins_over_the_header(client, tenant, other_tenant):
    caller = client.as_shopper(tenant).with_headers(x_tenant_id=str(other_tenant.tenant_id))
    assert answered(await caller.get("/test/v1/face"))["tenant"] == str(tenant.tenant_id)


def test_every_route_declares_whom_it_admits(app):
    assert [path for path, handler in own_handlers(app) if admitted_by(handler) is None] == []


def test_a_route_without_an_audience_stops_the_app(app):
    @get("/test/v1/bare", operation_id="testBare")
    async def bare() -> None:
        """Nobody in particular."""

    with pytest.raises(RuntimeError, match="/test/v1/bare"):
        create_app(wiring=app.state.wiring, routes=[bare])


def test_a_route_for_guests_that_asks_who_they_are_stops_the_app(app):
    @get("/test/v1/nameless", operation_id="testNameless", guards=[visitor])
    async def nameless(principal: CurrentPrincipal) -> None:
        """Anybody."""

    with pytest.raises(RuntimeError, match="/test/v1/nameless"):
        create_app(wiring=app.state.wiring, routes=[nameless])
