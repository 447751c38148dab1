"""Payouts at the command line: nothing to send before a second person released, everything booked once, dry runs that keep nothing."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from settlement.payouts.queries import payees, payouts
from settlement.payouts.states import LineState, PayoutState
from settlement.payouts.views import PayoutView
from storefront.cli import settle_payouts
from storefront.payouts.files import PayoutFile
from tenants.kernel.scope import TenantScope
from tests.storefront.cli.test_commands import environment
from tests.support.books import open_mall_store, sell
from tests.support.people import Person, person, settle
from tests.support.rows import value
from tests.support.statements import approve, close, give_account, stated

__all__ = ["environment"]

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
FIRST = EARLIER.date().replace(day=1)
ACCOUNT = "6222021001122334455"


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """A brand that owes its mall 15.00, two of its people, and where their files go."""

    tenant: TenantScope
    lin: Person
    wang: Person
    out: Path

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.out.rglob("*.csv")}

    async def batch(self) -> PayoutView:
        async with self.tenant.reading() as db:
            return (await payouts(db))[0]


@pytest.fixture
async def shop(environment, tenant: TenantScope, passwords, keys, tmp_path: Path) -> Shop:
    mall_store = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, mall_store.store_id, 10_000, at=EARLIER)
    lin, wang = [
        await person(tenant, login, passwords=passwords, folder=tmp_path) for login in ("lin", "wang")
    ]
    await close(tenant, FIRST, now=datetime.now(UTC))
    await give_account(tenant, (await stated(tenant, month=FIRST)).party.id, keys)
    await approve(tenant, month=FIRST)
    return Shop(tenant=tenant, lin=lin, wang=wang, out=tmp_path / "out")


async def prepared(shop: Shop) -> tuple[str, ...]:
    """The batch's options, once lin has prepared it."""
    done = await settle(shop.tenant, "payouts", "prepare", by=shop.lin)
    assert done.exit_code == 0, done.output
    batch = await shop.batch()
    assert (batch.prepared_by, f"{batch.payout_no} waits for a second person (not lin)" in done.output) == (
        shop.lin.actor, True,
    )  # fmt: skip
    return ("--payout", batch.payout_no)


async def test_files_exist_from_the_release_by_a_second_person_on(shop: Shop) -> None:
    number, out = await prepared(shop), ("--out", str(shop.out))
    early = await settle(shop.tenant, "payouts", "files", *number, *out)
    assert (early.exit_code, "is prepared" in early.output, shop.files()) == (1, True, {}), early.output
    own = await settle(shop.tenant, "payouts", "release", *number, *out, by=shop.lin)
    assert (own.exit_code, "second person" in own.output, shop.files()) == (1, True, {})
    dry = await settle(shop.tenant, "payouts", "release", *number, *out, "--dry-run", by=shop.wang)
    assert (dry.exit_code, "dry run" in dry.output, shop.files()) == (0, True, {})
    assert ACCOUNT not in dry.output
    assert (await shop.batch()).state is PayoutState.PREPARED
    done = await settle(shop.tenant, "payouts", "release", *number, *out, by=shop.wang)
    assert (done.exit_code, "released by wang" in done.output) == (0, True), done.output
    written = shop.files()
    assert sorted(name.rpartition("_")[2] for name in written) == ["companies.csv", "payroll.csv"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in shop.out.rglob("*.csv")} == {0o600}
    assert ACCOUNT in next(written[name] for name in written if "companies" in name).decode()
    for path in shop.out.rglob("*.csv"):
        path.unlink()
    assert (await settle(shop.tenant, "payouts", "files", *number, *out)).exit_code == 0
    assert shop.files() == written


async def test_of_two_releases_at_once_one_is_refused(shop: Shop) -> None:
    number = await prepared(shop)
    asked = ("payouts", "release", *number, "--out", str(shop.out))
    done = await asyncio.gather(*(settle(shop.tenant, *asked, by=shop.wang) for _ in range(2)))
    assert sorted(each.exit_code for each in done) == [0, 1], [each.output for each in done]
    again = await settle(shop.tenant, *asked, by=shop.wang)
    assert (again.exit_code, "was released already, by wang" in again.output) == (1, True)
    released = "SELECT count(*) FROM app.audit_log WHERE tenant_id = :t AND action = 'release_payout'"
    assert await value(shop.tenant, released) == 1


async def test_a_release_that_died_before_its_files_goes_on_with_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await prepared(shop)

    async def killed(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(settle_payouts, "write_payout", killed)
        died = await settle(shop.tenant, "payouts", "release", *number, "--out", str(shop.out), by=shop.wang)
    assert (died.exit_code, shop.files()) == (1, {})
    assert (await shop.batch()).state is PayoutState.RELEASED
    assert (await settle(shop.tenant, "payouts", "files", *number, "--out", str(shop.out))).exit_code == 0
    assert len(shop.files()) == len(PayoutFile)


async def test_results_and_marks_are_booked_once_and_what_is_not_done_ends_with_1(
    shop: Shop, tmp_path: Path
) -> None:
    number = await prepared(shop)
    await settle(shop.tenant, "payouts", "release", *number, "--out", str(shop.out), by=shop.wang)
    file = tmp_path / "bank.csv"
    line = (await shop.batch()).lines[0].line_no
    asked = ("payouts", "results", *number, "--file", str(file))
    file.write_text(f"付款编号,结果,原因\n{line},未知,\n", encoding="utf-8")
    wrong = await settle(shop.tenant, *asked, by=shop.lin)
    assert (wrong.exit_code, "row 2" in wrong.output) == (1, True)
    file.write_text(f"付款编号,结果,原因\n{line},成功,\n", encoding="utf-8")
    tried = await settle(shop.tenant, *asked, "--dry-run", by=shop.lin)
    assert (tried.exit_code, (await shop.batch()).lines[0].state) == (0, LineState.SENT), tried.output
    for _ in range(2):
        done = await settle(shop.tenant, *asked, by=shop.lin)
        assert done.exit_code == 0, done.output
    mark = ("payouts", "mark", *number, "--line", "1", "--as", "returned", "--trouble", "账号[有误]")
    back = await settle(shop.tenant, *mark, by=shop.wang)
    assert (back.exit_code, "账号[有误]" in back.output) == (0, True), back.output
    booked = "SELECT cause, count(*) FROM app.journals WHERE tenant_id = :t AND cause IN ('paid_out', 'payout_returned') GROUP BY 1"
    assert await value(shop.tenant, f"SELECT count(*) FROM ({booked}) AS each") == 2
    both = await settle(shop.tenant, "payouts", "mark", *number, "--as", "paid", by=shop.wang)
    assert (both.exit_code, "--every-line" in both.output) == (2, True)


async def test_a_batch_is_withdrawn_and_what_it_held_is_due_again(shop: Shop) -> None:
    number = await prepared(shop)
    assert (
        await settle(shop.tenant, "payouts", "withdraw", *number, "--dry-run", by=shop.lin)
    ).exit_code == 0
    assert (await shop.batch()).state is PayoutState.PREPARED
    assert (await settle(shop.tenant, "payouts", "withdraw", *number, by=shop.lin)).exit_code == 0
    assert await prepared(shop) != number
    listed = await settle(shop.tenant, "payouts", "list", "--state", "withdrawn")
    assert (listed.exit_code, number[1] in listed.output) == (0, True)


async def test_where_money_goes_comes_from_a_file_and_is_never_shown_whole(
    shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "account.toml"
    asked = ("payouts", "pay-to", "--party", "望江天地", "--account", str(file))
    for wrong in ("account_no = '1'", "account_name = '望江'\naccount_no = '-'\nbank_name = '某银行'", "="):
        file.write_text(wrong, encoding="utf-8")
        assert (await settle(shop.tenant, *asked, by=shop.lin)).exit_code == 2
    file.write_text(
        "account_name = '望江'\naccount_no = '622299998888'\nbank_name = '某银行'", encoding="utf-8"
    )
    name = (await stated(shop.tenant, month=FIRST)).party.name
    asked = (*asked[:3], name, *asked[4:])
    assert (await settle(shop.tenant, *asked, "--dry-run", by=shop.lin)).exit_code == 0
    async with shop.tenant.reading() as db:
        assert len(await payees(db)) == 1
    said = await settle(shop.tenant, *asked, by=shop.lin)
    assert (said.exit_code, "…8888" in said.output, "622299998888" in said.output) == (0, True, False), (
        said.output
    )
    listed = await settle(shop.tenant, "payouts", "payees")
    assert ("…8888" in listed.output, "…4455" in listed.output) == (True, True)
    unknown = await settle(shop.tenant, *asked[:3], "nobody", *asked[4:], by=shop.lin)
    assert (unknown.exit_code, "no such party" in unknown.output) == (1, True)
