"""Four eyes across doors: whoever closed over HTTP does not sign at the command line, nor the other way round; and nobody signs for another."""

from datetime import UTC, datetime, timedelta

import pytest

from storefront.cli import settle_person
from tenants.employ import dismiss_staff
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole
from tests.storefront.cli.test_commands import environment
from tests.support.books import MallStore, open_mall_store, sell
from tests.support.http import Client, answered, refused
from tests.support.people import PASSWORD, Person, person, settle
from tests.support.rows import rows, value
from tests.support.statements import stated

__all__ = ["environment"]

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
FIRST = EARLIER.date().replace(day=1)
MONTH = EARLIER.strftime("%Y-%m")
BASE = "/brand/v1/settlement"


@pytest.fixture
async def shop(environment, tenant: TenantScope) -> MallStore:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=EARLIER)
    return shop


@pytest.fixture
async def lin(tenant: TenantScope, passwords, tmp_path) -> Person:
    return await person(tenant, "lin", passwords=passwords, folder=tmp_path)


@pytest.fixture
async def wang(tenant: TenantScope, passwords, tmp_path) -> Person:
    return await person(tenant, "wang", passwords=passwords, folder=tmp_path, role=StaffRole.BRAND_HQ)


def over_http(client: Client, tenant: TenantScope, who: Person) -> Client:
    return client.as_staff(tenant, who.view.role, staff_id=who.view.id)


def close_arguments(tmp_path) -> tuple[str, ...]:
    return ("close", "--month", MONTH, "--out", str(tmp_path / "out"))


async def test_who_closed_at_the_command_line_does_not_sign_over_http(
    shop: MallStore, client: Client, lin: Person, wang: Person, tmp_path
) -> None:
    closed = await settle(shop.tenant, *close_arguments(tmp_path), by=lin)
    assert closed.exit_code == 0, closed.output
    statement = await stated(shop.tenant, month=FIRST)
    assert statement.closed_by == lin.actor
    path = f"{BASE}/statements/{statement.id}/approval"
    refused(await over_http(client, shop.tenant, lin).post(path), 403, "SECOND_PERSON_NEEDED")
    assert answered(await over_http(client, shop.tenant, wang).post(path))["approvedBy"] == wang.actor


async def test_who_closed_over_http_does_not_sign_at_the_command_line(
    shop: MallStore, client: Client, lin: Person, wang: Person
) -> None:
    answered(await over_http(client, shop.tenant, lin).post(f"{BASE}/closings", json={"month": MONTH}))
    asked = ("approve", "--month", MONTH)
    tried = await settle(shop.tenant, *asked, by=lin)
    assert (tried.exit_code, "second person" in " ".join(tried.output.split())) == (1, True), tried.output
    assert (await stated(shop.tenant, month=FIRST)).state == "closed"
    for _ in range(2):
        signed = await settle(shop.tenant, *asked, by=wang)
        assert signed.exit_code == 0, signed.output
    statement = await stated(shop.tenant, month=FIRST)
    assert (statement.state, statement.approved_by) == ("approved", wang.actor)
    doors = await rows(
        shop.tenant, "SELECT actor, reason FROM app.audit_log WHERE tenant_id = :t AND action = 'act_at_command_line' ORDER BY at"
    )  # fmt: skip
    assert [row.actor for row in doors] == [lin.actor, wang.actor, wang.actor]
    assert all("settle approve, by " in row.reason for row in doors)


async def test_control_a_door_with_names_of_its_own_would_make_two_people_of_one(
    shop: MallStore, client: Client, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(await over_http(client, shop.tenant, lin).post(f"{BASE}/closings", json={"month": MONTH}))
    monkeypatch.setattr(settle_person, "STAFF", "staff:cli")
    signed = await settle(shop.tenant, "approve", "--month", MONTH, by=lin)
    assert signed.exit_code == 0, signed.output
    assert (await stated(shop.tenant, month=FIRST)).state == "approved"


async def test_a_run_that_names_nobody_closes_and_prepares_and_decides_nothing(
    shop: MallStore, wang: Person, tmp_path
) -> None:
    closed = await settle(shop.tenant, *close_arguments(tmp_path))
    assert closed.exit_code == 0, closed.output
    statement = await stated(shop.tenant, month=FIRST)
    assert str(statement.closed_by).startswith("cli:")
    assert (await settle(shop.tenant, "payouts", "prepare")).exit_code == 0
    one, because, evidence = ("--statement", str(statement.id)), ("--reason", "对账"), ("--evidence", "邮件")
    number = ("--payout", "P1")
    for asked in (
        ("approve", *one), ("agree", *one, *evidence), ("payouts", "release", *number), ("payouts", "withdraw", *number),
        ("payouts", "mark", *number, "--every-line", "--as", "paid"), ("disputes", "open", *one, *because),
        ("differences", "resolve", str(statement.id), *because),
        ("adjustments", "propose", *one, "--contract", "mall", "--amount", "1", *because),
        ("adjustments", "decide", str(statement.id), "--agree"),
    ):  # fmt: skip
        done = await settle(shop.tenant, *asked)
        assert (done.exit_code, "say who with --staff LOGIN" in done.output) == (2, True), done.output
    assert (await settle(shop.tenant, "approve", "--month", MONTH, by=wang)).exit_code == 0


async def test_only_finance_of_this_brand_with_their_own_password_decides(
    shop: MallStore, lin: Person, wang: Person, other_tenant: TenantScope, passwords, tmp_path
) -> None:
    tenant = shop.tenant
    manager = await person(
        tenant, "chen", passwords=passwords, folder=tmp_path, role=StaffRole.STORE_MANAGER, store_id=shop.store_id
    )  # fmt: skip
    stranger = await person(other_tenant, "zhao", passwords=passwords, folder=tmp_path)
    async with tenant.writing() as db:
        await dismiss_staff(db, lin.view.id)
    assert (await settle(tenant, *close_arguments(tmp_path))).exit_code == 0
    asked = ("approve", "--month", MONTH)
    for who, why in ((manager, "store_manager"), (stranger, "wrong"), (lin, "wrong")):
        done = await settle(tenant, *asked, by=who)
        assert (done.exit_code, why in done.output) == (1, True), done.output
    wang.file.write_text("guess\n")
    guessed = await settle(tenant, *asked, by=wang)
    assert (guessed.exit_code, "wrong" in guessed.output) == (1, True)
    assert (await stated(tenant, month=FIRST)).state == "closed"
    assert await value(tenant, "SELECT count(*) FROM app.audit_log WHERE tenant_id = :t AND action = 'act_at_command_line'") == 0  # fmt: skip


async def test_a_password_is_read_from_standard_input_and_never_guessed_from_nothing(
    shop: MallStore, lin: Person, tmp_path
) -> None:
    closing = (*close_arguments(tmp_path), "--staff", "lin")
    nobody_there = await settle(shop.tenant, *closing, said=PASSWORD)
    assert (nobody_there.exit_code, "--password-file" in nobody_there.output) == (2, True)
    done = await settle(shop.tenant, *closing, "--password-file", "-", said=f"{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert (await stated(shop.tenant, month=FIRST)).closed_by == lin.actor
    alone = await settle(shop.tenant, *close_arguments(tmp_path), "--password-file", "-")
    assert (alone.exit_code, "belongs to --staff" in alone.output) == (2, True)


async def test_a_dry_run_shows_who_could_sign_and_keeps_nothing(
    shop: MallStore, lin: Person, wang: Person, tmp_path
) -> None:
    await settle(shop.tenant, *close_arguments(tmp_path), by=lin)
    before = await value(shop.tenant, "SELECT count(*) FROM app.audit_log WHERE tenant_id = :t")
    asked = ("approve", "--month", MONTH, "--dry-run")
    looked, tried, could = [await settle(shop.tenant, *asked, by=by) for by in (None, lin, wang)]
    assert [each.exit_code for each in (looked, tried, could)] == [0, 1, 0], tried.output
    assert "lin 20" in looked.output, looked.output
    assert "Asia/Shanghai" in looked.output
    assert (await stated(shop.tenant, month=FIRST)).state == "closed"
    assert await value(shop.tenant, "SELECT count(*) FROM app.audit_log WHERE tenant_id = :t") == before
