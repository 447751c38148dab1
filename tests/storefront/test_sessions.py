"""Logging in, staying logged in, and being thrown out."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from storefront.app import create_app
from storefront.sessions import LOG_INS_A_MINUTE
from storefront.tokens import Audience
from tenants.commands import EmployStaff
from tenants.employ import dismiss_staff, employ_staff
from tenants.kernel.ids import new_id
from tenants.queries import find_tenant
from tenants.states import StaffRole
from tests.support.http import Client, answered, refused

PASSWORD = "correct horse battery"


@pytest.fixture
async def brand(tenant):
    async with tenant.reading() as db:
        return await find_tenant(db)


@pytest.fixture
async def finance(tenant, passwords, now, brand):
    command = EmployStaff(login="lin", name="林会计", password=PASSWORD, role=StaffRole.FINANCE)
    async with tenant.writing() as db:
        return await employ_staff(db, command, password_hash=await passwords.hash(PASSWORD), now=now)


@pytest.fixture
async def operator_login(database, passwords, now):
    login = f"ops-{new_id()}"
    row = {"id": new_id(), "login": login, "hash": await passwords.hash(PASSWORD), "now": now}
    statement = "INSERT INTO app.platform_users (id, login, name, password_hash, active, created_at) VALUES (:id, :login, 'Ops', :hash, true, :now)"
    async with database.platform() as db:
        await db.execute(text(statement), row)
    return login


@pytest.fixture
def clocked(app):
    """The same app with its clock moved: `clocked(seconds)`."""

    def moved(seconds: float) -> Client:
        wiring = app.state.wiring
        clock = wiring.clock
        return Client(create_app(wiring=replace(wiring, clock=lambda: clock() + timedelta(seconds=seconds))))

    return moved


async def log_in(client, brand, password=PASSWORD, login="lin"):
    body = {"tenantCode": brand.code, "login": login, "password": password}
    return await client.post("/staff/v1/sessions", json=body)


async def refresh(client, token):
    return await client.post("/staff/v1/sessions/refresh", json={"refreshToken": token})


async def test_a_staff_members_token_says_who_they_are(client, app, tenant, brand, finance, now):
    session = answered(await log_in(client, brand), 201)
    principal = app.state.wiring.tokens.read(session["accessToken"], now=now)
    assert (principal.audience, principal.role, principal.tenant_id, principal.subject) == (
        Audience.STAFF, StaffRole.FINANCE, tenant.tenant_id, finance.id,
    )  # fmt: skip
    assert session["refreshToken"].startswith(f"{brand.public_code}.")


async def test_unknown_brand_unknown_name_wrong_password_and_dismissed_answer_alike(
    client, tenant, brand, finance
):
    async with tenant.writing() as db:
        await db.execute(
            text("UPDATE app.staff SET active = false WHERE tenant_id = :t"), {"t": tenant.tenant_id}
        )
    nobody = replace_code(brand, "no-such-brand")
    answers = [
        await log_in(client, nobody),
        await log_in(client, brand, login="nobody"),
        await log_in(client, brand, password="wrong"),
        await log_in(client, brand),
    ]
    for answer in answers:
        refused(answer, 403, "LOG_IN_REFUSED")
    assert len({answer.text.replace(answer.json()["requestId"], "") for answer in answers}) == 1


def replace_code(brand, code):
    return type(brand)(**{name: getattr(brand, name) for name in brand.__struct_fields__} | {"code": code})


async def test_a_suspended_brands_staff_cannot_log_in_or_refresh(client, tenant, brand, finance):
    session = answered(await log_in(client, brand))
    async with tenant.writing() as db:
        await db.execute(
            text("UPDATE app.tenants SET status = 'suspended' WHERE tenant_id = :t"), {"t": tenant.tenant_id}
        )
    refused(await log_in(client, brand), 403, "TENANT_SUSPENDED")
    refused(await refresh(client, session["refreshToken"]), 403, "TENANT_SUSPENDED")


async def test_tabs_that_refresh_at_once_get_the_same_successor(client, brand, finance):
    first = answered(await log_in(client, brand))["refreshToken"]
    tabs = await asyncio.gather(*(refresh(client, first) for _ in range(6)))
    tokens = {answered(tab)["refreshToken"] for tab in tabs}
    assert len(tokens) == 1
    successor = tokens.pop()
    assert successor != first
    answered(await refresh(client, successor), 201)


async def test_an_old_token_that_comes_back_later_ends_the_whole_session(client, clocked, brand, finance):
    first = answered(await log_in(client, brand))["refreshToken"]
    second = answered(await refresh(client, first))["refreshToken"]
    refused(await refresh(clocked(11), first), 403, "SESSION_ENDED")
    refused(await refresh(client, second), 403, "SESSION_ENDED")


async def test_a_session_ends_after_thirty_days_without_use(client, clocked, brand, finance):
    first = answered(await log_in(client, brand))["refreshToken"]
    refused(await refresh(clocked(30 * 24 * 3600 + 1), first), 403, "SESSION_ENDED")


async def test_dismissed_staff_cannot_refresh(client, tenant, brand, finance):
    first = answered(await log_in(client, brand))["refreshToken"]
    async with tenant.writing() as db:
        await dismiss_staff(db, finance.id)
    refused(await refresh(client, first), 403, "SESSION_ENDED")


@pytest.mark.parametrize("token", ["x", ".", "nobody.abc", "a" * 200, "op.zzz", "\u202e.x"])
async def test_invented_refresh_tokens_open_nothing(client, token):
    refused(await refresh(client, token), 403, "SESSION_ENDED")


async def test_another_brands_prefix_does_not_find_the_token(client, brand, finance, other_tenant):
    first = answered(await log_in(client, brand))["refreshToken"]
    async with other_tenant.reading() as db:
        other = await find_tenant(db)
    forged = f"{other.public_code}.{first.partition('.')[2]}"
    refused(await refresh(client, forged), 403, "SESSION_ENDED")


async def test_refresh_tokens_are_stored_as_hashes_only(client, tenant, brand, finance):
    first = answered(await log_in(client, brand))["refreshToken"]
    async with tenant.reading() as db:
        rows = (
            await db.execute(
                text("SELECT * FROM app.access_sessions WHERE tenant_id = :t"), {"t": tenant.tenant_id}
            )
        ).all()
    assert len(rows) == 1
    assert first.partition(".")[2] not in str(rows)


async def test_guessing_a_password_is_stopped_for_that_name_alone(client, brand, finance):
    for _ in range(LOG_INS_A_MINUTE):
        refused(await log_in(client, brand, password="guess"), 403, "LOG_IN_REFUSED")
    refused(await log_in(client, brand), 429, "TOO_MANY_ATTEMPTS")
    refused(await log_in(client, brand, login="wang", password="guess"), 403, "LOG_IN_REFUSED")


async def test_log_in_closes_when_attempts_cannot_be_counted(app, brand, finance):
    away = Redis.from_url("redis://127.0.0.1:1")
    client = Client(create_app(wiring=replace(app.state.wiring, redis=away)))
    refused(await log_in(client, brand), 503, "LIMITS_UNAVAILABLE")
    await away.aclose()


async def test_an_operator_logs_in_and_refreshes(client, operator_login):
    body = {"login": operator_login, "password": PASSWORD}
    session = answered(await client.post("/operator/v1/sessions", json=body), 201)
    assert session["refreshToken"].startswith("op.")
    body = {"refreshToken": session["refreshToken"]}
    again = answered(await client.post("/operator/v1/sessions/refresh", json=body), 201)
    caller = client.with_headers(authorization=again["accessToken"])
    assert "tenants" in answered(await caller.get("/operator/v1/tenants"), 200)


async def test_an_operator_with_a_wrong_password_stays_outside(client, operator_login):
    body = {"login": operator_login, "password": "wrong"}
    refused(await client.post("/operator/v1/sessions", json=body), 403, "LOG_IN_REFUSED")
