"""`storefront settle reconcile` as finance runs it: over the channel's HTTP and over files, what it prints, and how it ends."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders.states import Source
from settlement.posting.pending import post_pending
from settlement.reconciliation.bills import BEIJING
from storefront.cli.main import storefront
from tests.settlement.conftest import (
    _keys_made_once,
    http,
    merchant_key,
    new_split_shop,
    own_control,
    shop,
    wechat_keys,
)
from tests.settlement.reconciliation.test_fetch import morning, plant, traded
from tests.storefront.cli.test_commands import environment
from tests.support.bills import FIRST, a_day, account_of_tenant, file_of, rows_of, write_books
from tests.support.books import add_store, sell
from tests.support.rows import rows, value

__all__ = [
    "_keys_made_once", "environment", "http", "merchant_key", "new_split_shop", "own_control", "shop", "wechat_keys",
]  # fmt: skip
ROOT = Path(__file__).parents[3]


async def run(tenant, *arguments):
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    command = ["settle", "reconcile", "--tenant", code, *arguments]
    return await asyncio.to_thread(CliRunner().invoke, storefront, command)


@pytest.fixture
def at_simulator(environment, shop):
    environment.setenv("WECHAT_PAY_URL", shop.control.url)
    environment.setenv("WECHAT_API_URL", shop.control.url)
    return shop


async def test_an_honest_day_ends_with_nought_and_says_the_same_again(at_simulator):
    shop = at_simulator
    await traded(shop)
    day = await morning(shop)
    await post_pending(shop.tenant, now=shop.now)
    tried = await run(shop.tenant, "--day", str(day), "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert "nothing kept" in tried.output
    assert await rows(shop.tenant, "SELECT 1 FROM app.bill_files WHERE tenant_id = :t") == []
    first, second = [await run(shop.tenant, "--day", str(day)) for _ in range(2)]
    assert first.exit_code == 0, first.output
    assert "bill = ledger: holds" in first.output
    assert "everything there is agrees to the fen" in first.output
    assert report_of(first) == report_of(second)


def report_of(result):
    """What is printed after the bars, whose times differ, and without the log."""
    return [line for line in result.stdout.splitlines() if "0:00:0" not in line and "debug" not in line]


@pytest.mark.parametrize("asked", [["--day"], ["--from", "2026-11-20", "--to"]])
async def test_a_day_that_is_not_over_is_a_refusal_of_the_command_and_nothing_is_written(at_simulator, asked):
    shop = at_simulator
    today = (await shop.control.advance(0)).astimezone(BEIJING).date()
    refused = await run(shop.tenant, *asked, str(today))
    assert refused.exit_code == 3, refused.output
    said = " ".join(refused.output.replace("│", " ").split())
    assert f"{today} is not over" in said
    assert f"{today + timedelta(days=1)} 10:00 Beijing" in said
    assert "latest day that can be compared" in said
    assert "SOMETHING DIFFERS" not in said
    for table in ("reconciled_days", "bill_files", "differences"):
        assert await rows(shop.tenant, f"SELECT 1 FROM app.{table} WHERE tenant_id = :t") == []


async def test_a_taken_day_that_is_refused_now_keeps_its_bill_and_says_so(at_simulator):
    shop = at_simulator
    await traded(shop)
    day = await morning(shop)
    await post_pending(shop.tenant, now=shop.now)
    assert (await run(shop.tenant, "--day", str(day))).exit_code == 0
    await plant(shop, day, "hash")
    again = await run(shop.tenant, "--day", str(day))
    assert again.exit_code == 0, again.output
    said = " ".join(again.output.split())
    assert "not the one that was announced" in said
    assert "the bill that was taken in before (version 1) stays" in said
    assert "bill = ledger: holds" in said


async def test_exactly_what_was_planted_is_shown_and_the_end_is_one(at_simulator):
    shop = at_simulator
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "drop", row=1)
    await plant(shop, day, "alter", row=1, column="订单金额", value="200.00")
    shown = await run(shop.tenant, "--from", str(day), "--to", str(day))
    assert shown.exit_code == 1
    assert "amount 1" in shown.output
    assert "missing_there 1" in shown.output
    assert "DOES NOT HOLD" in shown.output
    assert "SOMETHING DIFFERS" in shown.output
    found = await rows(shop.tenant, "SELECT match_class FROM app.differences WHERE tenant_id = :t ORDER BY 1")
    assert [row.match_class for row in found] == ["amount", "missing_there"]


async def test_files_are_read_and_a_wrong_one_is_refused_with_its_reason(environment, tenant, tmp_path):
    sold = a_day(FIRST, 3, fens=[100, 200, 300])
    async with tenant.writing() as db:
        account = await account_of_tenant(db)
        await write_books(db, sold, day=FIRST, merchant_id=account.merchant_id)
    good, cut = tmp_path / "good.csv", tmp_path / "cut.csv"
    good.write_bytes(file_of(rows_of(sold, account.name)))
    cut.write_bytes(good.read_bytes().rpartition("总交易单数".encode())[0])
    refused = await run(tenant, "--file", str(cut))
    assert refused.exit_code == 1
    assert "the sums at the end of the file are missing" in refused.output
    assert await rows(tenant, "SELECT 1 FROM app.bill_files WHERE tenant_id = :t") == []
    taken = await run(tenant, "--file", str(good))
    assert "3 rows, version 1: taken in" in taken.output
    assert "payments" in taken.output
    assert taken.exit_code == 1  # the ledger has booked none of these
    again = await run(tenant, "--file", str(good))
    assert "was there already: unchanged" in again.output
    assert again.stdout == taken.stdout


MAPPING = """
kind = "statement"
[source]
encoding = "gb18030"
[fields]
external_no = "外部单号"
business_on = "业务日期"
gross = "订单金额"
deduction = "扣点"
net = "结算金额"
[fields.kind]
column = "类型"
[fields.kind.translate]
"销售" = "order"
"退货" = "refund"
"""


async def test_a_cashiers_statement_is_compared_with_the_sales_imported_under_its_name(
    environment, tenant, tmp_path
):
    async with tenant.writing() as db:
        store = await add_store(db)
        sales = [await sell(db, store, 10_000, source=Source.HISTORY) for _ in range(3)]
    numbers = [
        await value(tenant, "SELECT external_no FROM app.orders WHERE tenant_id = :t AND id = :o", o=sale.id)
        for sale in sales
    ]
    day = await value(tenant, "SELECT business_on FROM app.orders WHERE tenant_id = :t LIMIT 1")
    lines = [
        "外部单号,业务日期,订单金额,扣点,结算金额,类型",
        f"{numbers[0]},{day},100.00,15.00,85.00,销售",
        f"{numbers[1]},{day},100.01,15.00,85.01,销售",
        f"X-nobody,{day},-20.00,-3.00,-17.00,退货",
    ]
    statement, mapping = tmp_path / "jd.csv", tmp_path / "jd.toml"
    statement.write_bytes("\r\n".join(lines).encode("gb18030"))
    mapping.write_text(MAPPING, encoding="utf-8")
    asked = (
        "--kind",
        "cashier",
        "--source-name",
        "till",
        "--mapping",
        str(mapping),
        "--file",
        str(statement),
    )
    shown = await run(tenant, *asked)
    assert shown.exit_code == 1, shown.output
    found = await rows(
        tenant, "SELECT match_class, key, amount_fen FROM app.differences WHERE tenant_id = :t ORDER BY 1"
    )
    assert found == [
        ("amount", f"order:{numbers[1]}", 1),
        ("missing_here", "refund:X-nobody", 2_000),
        ("missing_there", f"order:{numbers[2]}", -10_000),
    ]
    statement.write_bytes("\r\n".join([*lines, f"{numbers[2]},{day},一百,0,0,销售"]).encode("gb18030"))
    refused = await run(tenant, *asked)
    assert refused.exit_code == 1
    assert "row 5, 订单金额: '一百'" in refused.output
    assert await value(tenant, "SELECT count(*) FROM app.bill_files WHERE tenant_id = :t") == 1


async def test_a_tills_day_file_has_a_row_a_line_and_is_compared_by_document(environment, tenant, tmp_path):
    async with tenant.writing() as db:
        store = await add_store(db)
        sales = [await sell(db, store, 6_000, 4_000, source=Source.HISTORY) for _ in range(2)]
    number = "SELECT external_no FROM app.orders WHERE tenant_id = :t AND id = :o"
    first, second = [await value(tenant, number, o=sale.id) for sale in sales]
    day = await value(tenant, "SELECT business_on FROM app.orders WHERE tenant_id = :t LIMIT 1")
    lines = [
        "external_no,business_on,gross", f"{first},{day},60.00", f"{first},{day},40.00", f"{second},{day},60.00",
        f"{second},{day},39.99",
    ]  # fmt: skip
    file = tmp_path / "day.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    shown = await run(tenant, "--kind", "till", "--source-name", "till", "--file", str(file))
    assert shown.exit_code == 1, shown.output
    found = await rows(
        tenant, "SELECT match_class, key, amount_fen FROM app.differences WHERE tenant_id = :t"
    )
    assert found == [("amount", f"order:{second}", -1)]
    assert await value(tenant, "SELECT count(*) FROM app.bill_rows WHERE tenant_id = :t") == 4


@pytest.mark.parametrize(
    "wrong",
    [
        ["--day", "2026-10-08", "--from", "2026-10-01"],
        ["--kind", "till"],
        ["--from", "2026-10-08", "--to", "2026-10-01"],
    ],
)
async def test_what_cannot_be_meant_is_refused_in_words(environment, tenant, wrong):
    refused = await run(tenant, *wrong)
    assert refused.exit_code == 2
    assert "Usage" in refused.output


def test_the_script_explains_itself():
    said = subprocess.run(
        [sys.executable, ROOT / "scripts/reconcile.py", "--help"], capture_output=True, text=True, check=True
    )
    assert "--dry-run" in said.stdout
