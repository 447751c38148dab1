"""The end of a month from the first booking to the last file: twice the same bytes, totals that agree, and an exit code that tells."""

import asyncio
import csv
import hashlib
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from orders.states import Source
from settlement.errors import EarlierPeriodOpen, PeriodNotOver
from settlement.posting.pending import post_pending, silent
from storefront.settings import Settings
from storefront.statements.columns import told
from storefront.statements.month_end import MonthEnd, end_month, preview
from tenants.kernel.scope import TenantScope
from tests.support.books import MallStore, give_back, give_back_loose, open_mall_store, sell
from tests.support.cluster import ClusterAddress
from tests.support.owner import as_superuser
from tests.support.rows import value

ROOT = Path(__file__).resolve().parents[2]
OCTOBER = date(2026, 10, 1)
SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        for day in (3, 12):
            sale = await sell(db, shop.store_id, 899, 12_345, at=SOLD.replace(day=day))
            await give_back(db, sale, {0: 10, 1: 345}, at=SOLD)
        await sell(db, shop.store_id, 7_700, at=SOLD, source=Source.HISTORY)
        await give_back_loose(db, shop.store_id, 2_500, at=SOLD)
    return shop


async def end(shop: MallStore, out: Path) -> MonthEnd:
    return await end_month(shop.tenant, OCTOBER, out=out, closed_by="staff:test", now=AFTER, say=silent)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


async def test_orders_ledger_statements_and_files_say_the_same(shop: MallStore, tmp_path: Path) -> None:
    ended = await end(shop, tmp_path)
    assert ended.agrees
    kept = 2 * (899 + 12_345 - 355) + 7_700 - 2_500
    [closing] = ended.closings
    assert closing.totals.orders_fen == kept
    for written in ended.files:
        rows = list(csv.reader(written.paths["csv"].read_text(encoding="utf-8-sig").splitlines()))
        fen = sum(int(row[8].replace(".", "")) for row in rows[1:])
        assert fen == written.statement.earned_fen - written.statement.reversed_fen
        book = CalamineWorkbook.from_path(str(written.paths["xlsx"]))
        lines = book.get_sheet_by_name("明细").to_python()
        assert len(lines) == len(rows)
        assert round(sum(row[8] for row in lines[1:]) * 100) == fen
        assert book.sheet_names == ["汇总", "明细", "调整", "税务", "结转"]
        summary = {row[0]: row[3] for row in book.get_sheet_by_name("汇总").to_python()}
        assert summary["账期"] == "2026-10"
        assert {told for name, told in summary.items() if name.startswith("勾稽")} == {"一致 agrees"}


async def test_running_it_again_and_twice_at_once_gives_the_same_bytes(
    shop: MallStore, tmp_path: Path
) -> None:
    await end(shop, tmp_path / "first")
    async with shop.tenant.writing() as db:
        await db.execute(
            text("UPDATE app.stores SET name = '改名店' WHERE tenant_id = :t"), {"t": db.tenant_id}
        )
        await db.execute(
            text("UPDATE app.tenants SET name = '改名品牌' WHERE tenant_id = :t"), {"t": db.tenant_id}
        )
    await asyncio.gather(end(shop, tmp_path / "second"), end(shop, tmp_path / "third"))
    first = digests(tmp_path / "first")
    assert len(first) == 6
    assert first == digests(tmp_path / "second") == digests(tmp_path / "third")


async def run_script(settings: Settings, *arguments: str) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": str(settings.database_url), "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "scripts/close_period.py", *arguments, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_script_prints_what_agrees_and_fails_when_something_differs(
    shop: MallStore, tmp_path: Path, settings: Settings, cluster: ClusterAddress, database_name: str
) -> None:
    async with shop.tenant.reading() as db:
        named = text("SELECT code FROM app.tenants WHERE tenant_id = :t")
        code = (await db.execute(named, {"t": db.tenant_id})).scalar_one()
    arguments = ("--tenant", code, "--month", "2026-10", "--out", str(tmp_path))
    status, said = await run_script(settings, *arguments)
    assert status == 0, said
    assert "everything agrees to the fen" in said
    async with as_superuser(cluster, database_name) as owner:
        edit = "UPDATE app.ledger_accounts SET balance_fen = balance_fen + 1 WHERE tenant_id = $1"
        await owner.execute(edit, shop.tenant.tenant_id)
    status, said = await run_script(settings, *arguments)
    assert status == 1
    assert "SOMETHING DIFFERS" in said
    assert (await run_script(settings, "--tenant", "no-such-brand", "--month", "2026-10"))[0] == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_cell_from_outside_cannot_become_a_formula(text: str) -> None:
    assert told(text) == f"'{text}"


JOURNALS = "SELECT count(*) FROM app.journals WHERE tenant_id = :t"


async def test_a_preview_refuses_what_closing_refuses_and_shows_every_month_that_would_be_shut(
    shop: MallStore,
) -> None:
    october, november = OCTOBER, date(2026, 11, 1)
    await post_pending(shop.tenant, now=AFTER)
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 5_000, at=AFTER, source=Source.HISTORY)
    before = await value(shop.tenant, JOURNALS)
    with pytest.raises(PeriodNotOver):
        await preview(shop.tenant, november, now=AFTER)
    with pytest.raises(EarlierPeriodOpen) as refusal:
        await preview(shop.tenant, november, now=AFTER, early=True)
    assert refusal.value.details == {"month": "2026-10 is open"}
    seen = await preview(shop.tenant, november, now=AFTER, early=True, through=True)
    assert [month for month, _ in seen.months] == [october, november]
    assert (seen.waiting.orders, seen.waiting.history_lines) == (0, 1)
    (_, first), (_, second) = seen.months
    assert {each.party_id: each.closing_fen for each in first} == {
        each.party_id: each.opening_fen for each in second
    }
    assert await value(shop.tenant, JOURNALS) == before
