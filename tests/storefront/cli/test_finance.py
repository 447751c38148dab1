"""Finance's commands and scripts: dry run first, the same bytes twice and twice at once, one batch, an exit code that tells."""

import asyncio
import hashlib
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from settlement.payouts.queries import payouts
from storefront.cli.main import storefront
from storefront.cli.settle_all import settle
from storefront.cli.settle_close import STEPS
from tenants.kernel.scope import TenantScope
from tests.storefront.cli.test_commands import environment
from tests.support.books import MallStore, open_mall_store, sell
from tests.support.rows import rows, value
from tests.support.statements import THIRD, approve, close, give_account, release, stated

__all__ = ["environment"]

ROOT = Path(__file__).resolve().parents[3]
EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
FIRST = EARLIER.date().replace(day=1)
MONTH = EARLIER.strftime("%Y-%m")
SCRIPTS = ("run_splits", "close_period", "statements", "payouts", "month_end")


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, 899, at=EARLIER)
    return shop


async def run(tenant: TenantScope, *arguments: str) -> Result:
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    return await asyncio.to_thread(
        CliRunner().invoke, storefront, ["settle", *arguments, "--tenant", code], catch_exceptions=False
    )


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*.*"))}


def month_end(out: Path, *more: str) -> tuple[str, ...]:
    return ("month-end", "--month", MONTH, "--out", str(out), "--skip", "reconcile", *more)


async def test_a_dry_run_of_the_whole_month_end_writes_nothing(
    environment, shop: MallStore, tmp_path: Path
) -> None:
    done = await run(shop.tenant, *month_end(tmp_path / "out", "--dry-run"))
    assert done.exit_code == 0, done.output
    assert "dry run" in done.output
    assert not (tmp_path / "out").exists()
    assert await rows(shop.tenant, "SELECT 1 FROM app.statements WHERE tenant_id = :t") == []


async def test_the_month_end_twice_and_twice_at_once_gives_the_same_files_and_one_batch(
    environment, shop: MallStore, tmp_path: Path, keys
) -> None:
    first = await run(shop.tenant, *month_end(tmp_path / "first"))
    assert first.exit_code == 0, first.output
    assert "wait for a second person's approval" in first.output
    mall = await stated(shop.tenant, month=FIRST)
    await give_account(shop.tenant, mall.party.id, keys)
    await approve(shop.tenant, month=FIRST)
    again = await asyncio.gather(
        *(run(shop.tenant, *month_end(tmp_path / each)) for each in ("second", "third"))
    )
    assert [each.exit_code for each in again] == [0, 0], again[0].output
    both = [digests(tmp_path / each) for each in ("second", "third")]
    assert digests(tmp_path / "first") == both[0] == both[1]  # no file of a batch that nobody released
    alone = await run(shop.tenant, *month_end(tmp_path / "alone"))  # two runners at once share one screen
    assert "waits for a second person (who approved none of its statements)" in alone.output
    async with shop.tenant.reading() as db:
        [payout] = await payouts(db)
    await release(shop.tenant, payout, by=THIRD)
    after = await run(shop.tenant, *month_end(tmp_path / "fourth"))
    assert (after.exit_code, f"{payout.payout_no} was released by" in after.output) == (0, True), after.output
    assert digests(tmp_path / "fourth") == both[0]


async def test_a_month_end_that_was_killed_goes_on_where_it_was(
    environment, shop: MallStore, tmp_path: Path
) -> None:
    await close(shop.tenant, FIRST, now=datetime.now(UTC))
    done = await run(shop.tenant, *month_end(tmp_path))
    assert done.exit_code == 0, done.output
    assert "was closed already" in done.output


async def test_what_a_killed_run_left_half_written_is_swept_and_what_a_living_one_writes_is_not(
    environment, shop: MallStore, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert (await run(shop.tenant, *month_end(out))).exit_code == 0
    before = digests(out)
    folder = next(path for path in out.iterdir() if path.is_dir())
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    dead, alive = (folder / f"2026-10_brand.csv.{process}.7.part" for process in (ended.pid, os.getpid()))
    for part in (dead, alive):
        part.write_text("half")
    assert (await run(shop.tenant, *month_end(out))).exit_code == 0
    assert (dead.exists(), alive.exists()) == (False, True)
    alive.unlink()
    assert digests(out) == before


async def test_files_of_a_month_without_statements_are_refused_in_words(
    environment, shop: MallStore, tmp_path: Path
) -> None:
    done = await run(shop.tenant, "statements", "--month", MONTH, "--out", str(tmp_path / "out"))
    assert (done.exit_code, f"{MONTH} has no statements" in done.output) == (1, True), done.output
    ahead = await run(shop.tenant, "month-end", "--month", "2999-01", "--out", str(tmp_path / "out"))
    assert (ahead.exit_code, "has not begun" in ahead.output) == (2, True), ahead.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_says_what_it_does_and_takes_the_same_options(name: str) -> None:
    more = ["prepare"] if name == "payouts" else []
    said = subprocess.run(
        [sys.executable, f"scripts/{name}.py", *more, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for option in ("--tenant", "--all", "--dry-run"):
        assert option in said.stdout
    missing = [*more, "--month", MONTH] if name in {"close_period", "statements", "month_end"} else more
    refused = subprocess.run(
        [sys.executable, f"scripts/{name}.py", *missing],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2


@pytest.mark.parametrize("step", STEPS)
def test_every_step_of_the_month_end_is_one_word_that_is_a_command(step: str) -> None:
    assert re.fullmatch(r"[a-z-]+", step)
    assert step in settle.commands


def test_the_help_lists_commands_as_finance_uses_them() -> None:
    said = CliRunner().invoke(storefront, ["settle", "--help"]).output
    places = [said.index(f"│ {name} ") for name in settle.commands]
    assert places == sorted(places)
    assert set(settle.commands) >= {
        *STEPS,
        "approve",
        "agree",
        "differences",
        "disputes",
        "adjustments",
        "claims",
    }


def test_what_belongs_to_one_brand_does_not_offer_all() -> None:
    groups = [each for each in settle.commands.values() if isinstance(each, click.Group)]
    offering = {
        f"{group.name} {command.name}".strip()
        for group in (settle, *groups)
        for command in group.commands.values()
        if any("--all" in option.opts for option in command.params)
    }
    assert {each.removeprefix("settle ") for each in offering} == {
        "adjustments list", "claims", "close", "differences list", "month-end", "payouts list", "payouts payees",
        "payouts prepare", "post", "reconcile", "run-splits", "seal", "statements", "verify",
    }  # fmt: skip
