"""A downloaded bill over HTTP and at the command line: of real sizes, of a day or a month, and refused whole with the exact reason when anything is wrong."""

import gzip
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest

from settlement.reconciliation.billed import of_bill
from storefront.adapters.wechat_pay.bill_files import open_bill_file
from storefront.bodies import LARGEST_BODY
from storefront.brand.bill_uploads import LARGEST_UPLOAD
from tenants.states import StaffRole
from tests.storefront.cli.test_commands import environment
from tests.storefront.cli.test_reconcile import run
from tests.support.bills import (
    FIRST,
    HEADER,
    a_day,
    account_of_tenant,
    file_of,
    rows_of,
    summary_of,
    write_books,
    yuan,
)
from tests.support.http import Client, answered, refused
from tests.support.rows import value

__all__ = ["environment"]
PATH = "/brand/v1/settlement/reconciliation/bills"
KEPT = ("bill_files", "bill_rows", "reconciled_days", "differences")


@pytest.fixture
async def account(tenant):
    async with tenant.writing() as db:
        return await account_of_tenant(db)


@pytest.fixture
def finance(app, tenant):
    return Client(app).as_staff(tenant, StaffRole.FINANCE)


def day_rows(account, *, day=FIRST, count=3, fen=100):
    return rows_of(a_day(day, count, fens=[fen] * count), account.name)


async def send(finance, raw, query=""):
    return await finance.post(
        f"{PATH}{query}", content=raw, headers={"content-type": "application/octet-stream"}
    )


async def nothing_kept(tenant):
    for table in KEPT:
        assert await value(tenant, f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t") == 0, table


async def test_a_bill_many_times_a_bodys_limit_is_taken_in_row_by_row(tenant, account, finance):
    sold = a_day(FIRST, 3_000, fens=[199] * 3_000)
    async with tenant.writing_much() as db:
        await write_books(db, sold, day=FIRST, merchant_id=account.merchant_id)
    raw = file_of([row | {"商品名称": "衣" * 300} for row in rows_of(sold, account.name)])
    assert len(raw) > 2 * LARGEST_BODY
    tried = answered(await send(finance, raw, "?dryRun=true"))
    assert tried["rowsRead"] == 3_000
    await nothing_kept(tenant)
    for pack in (lambda each: each, gzip.compress):
        taken = answered(await send(finance, pack(raw)))
        assert (taken["rowsRead"], taken["bills"][0]["rows"], taken["bills"][0]["version"]) == (
            3_000,
            3_000,
            1,
        )
        (day,) = taken["days"]
        assert (day["matched"], day["openDifferences"]) == (3_000, 0)
    assert taken["bills"][0]["isNew"] is False
    assert await value(tenant, "SELECT count(*) FROM app.bill_rows WHERE tenant_id = :t") == 3_000


async def test_above_the_bound_it_is_refused_clearly_and_no_other_operation_takes_more(
    tenant, account, finance
):
    announced = {"content-type": "application/octet-stream", "content-length": str(LARGEST_UPLOAD + 1)}
    refused(await finance.post(PATH, content=b"x", headers=announced), 413, "BODY_TOO_LARGE")
    elsewhere = "/brand/v1/settlement/differing-payments/00000000-0000-0000-0000-000000000000/refund"
    large = {"reason": "x" * LARGEST_BODY}
    refused(await finance.post(elsewhere, json=large), 413, "BODY_TOO_LARGE")
    await nothing_kept(tenant)


async def test_a_months_file_becomes_a_bill_a_day_and_an_honest_daily_file_is_known_again(
    tenant, account, finance
):
    days = [FIRST + timedelta(days=each) for each in range(5)]
    listed = [row for day in days for row in day_rows(account, day=day)]
    taken = answered(await send(finance, file_of(listed)))
    assert (taken["rowsRead"], [each["rows"] for each in taken["bills"]]) == (15, [3] * 5)
    assert [each["day"] for each in taken["bills"]] == [str(day) for day in days]
    again = answered(await send(finance, file_of(day_rows(account, day=days[2]))))
    assert (again["bills"][0]["isNew"], again["bills"][0]["version"]) == (False, 1)
    wrong = summary_of(listed) | {"订单总金额": "1.00"}
    refused(await send(finance, file_of(listed, summary=wrong)), 422, "BILL_ALTERED")


def altered(raw):
    """One amount a fen higher, and nothing else."""
    return raw.replace(b"`1.00,`0.00\r\n", b"`1.01,`0.00\r\n", 1)


def spoilt(account, *, tail=""):
    """What is wrong -> the file, the refusal's code, and words of the reason."""
    rows = day_rows(account)
    raw = file_of(rows)
    other = [row | {"商户号": "1900009999"} for row in rows]
    return {
        "cut off": (raw.rpartition("总交易单数".encode())[0], "BILL_FILE_UNREADABLE", "the sums at the end of the file are missing"),
        "cut off in a row": (raw[: len(raw) // 2], "BILL_FILE_UNREADABLE", "another number of values"),
        "cut off while packed": (gzip.compress(raw)[:-30], "BILL_FILE_UNREADABLE", "cut off"),
        "altered": (file_of(rows, summary=summary_of(rows) | {"订单总金额": yuan(301)}), "BILL_ALTERED", "its rows add up to"),
        "an unknown column": (raw.replace("商品名称".encode(), "商品编号".encode(), 1), "BILL_FILE_UNKNOWN", "商品编号"),
        "no bill at all": ("姓名,电话\r\n张三,1\r\n".encode(), "BILL_FILE_UNKNOWN", "姓名"),
        "another merchant": (file_of(other), "BILL_OF_ANOTHER_MERCHANT", "1900009999"),
        "two merchants": (file_of([*rows, *other]), "BILL_OF_ANOTHER_MERCHANT", "1900009999"),
        "another day": (file_of(day_rows(account, day=FIRST + timedelta(days=1))), "BILL_OF_ANOTHER_DAY", f"expected {FIRST}"),
        "the same file twice over": (raw + raw, "BILL_FILE_UNREADABLE", "not one header and one row"),
        "another currency": (file_of([rows[0] | {"货币种类": "USD"}]), "BILL_IN_ANOTHER_CURRENCY", "USD"),
        "no text": (b"\xff\xfe\x81\x00", "BILL_FILE_UNREADABLE", ""),
        "nothing": (b"", "BILL_FILE_UNREADABLE", "empty"),
    }  # fmt: skip


WRONG = [
    "cut off", "cut off in a row", "cut off while packed", "altered", "an unknown column", "no bill at all", "another merchant",
    "two merchants", "another day", "the same file twice over", "another currency", "no text", "nothing",
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
async def test_over_http_a_wrong_file_is_refused_with_its_reason_and_nothing_is_kept(
    tenant, account, finance, wrong
):
    raw, code, words = spoilt(account)[wrong]
    answer = await send(finance, raw, f"?day={FIRST}")
    refused(answer, 422, code)
    assert words in answer.text
    await nothing_kept(tenant)


async def test_at_the_command_line_each_wrong_file_is_refused_with_its_reason_and_the_good_one_is_taken(
    environment, tenant, account, tmp_path
):
    files = {name: tmp_path / f"{number}.csv" for number, name in enumerate(WRONG)}
    for name, (raw, _, _) in spoilt(account).items():
        files[name].write_bytes(raw)
    arguments = [each for path in files.values() for each in ("--file", str(path))]
    shown = await run(tenant, "--day", str(FIRST), *arguments)
    assert shown.exit_code == 1
    said = shown.output.splitlines()
    for name, (_, _, words) in spoilt(account).items():
        start = next(number for number, line in enumerate(said) if line.startswith(files[name].name))
        assert words in " ".join(said[start : start + 4]), (name, said[start : start + 4])
    await nothing_kept(tenant)
    good = tmp_path / "good.csv"
    good.write_bytes(file_of(day_rows(account)))
    assert (
        "3 rows, version 1: taken in" in (await run(tenant, "--day", str(FIRST), "--file", str(good))).output
    )


async def test_a_day_wrong_in_the_middle_of_a_month_keeps_the_others_out_as_well(tenant, account, finance):
    days = [FIRST + timedelta(days=each) for each in range(3)]
    listed = [row for day in days for row in day_rows(account, day=day)]
    listed[-1] |= {"商户号": "1900009999"}
    refused(await send(finance, file_of(listed)), 422, "BILL_OF_ANOTHER_MERCHANT")
    await nothing_kept(tenant)


async def test_a_neighbours_merchant_is_answered_as_nobodys(tenant, other_tenant, account, finance):
    async with other_tenant.writing() as db:
        theirs = (await account_of_tenant(db)).name
    raw = file_of(day_rows(account))
    answers = [await send(finance, raw, f"?merchant={number}") for number in (theirs, "1" * len(theirs))]
    told = [answer.json()["data"] for answer in answers]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert str(told[0]).replace(theirs, "") == str(told[1]).replace("1" * len(theirs), "")


async def test_every_rows_copy_is_reported_where_the_sums_follow(tenant, account, finance):
    """A file whose rows were doubled with its sums: read whole, and each copy is a difference."""
    sold = a_day(FIRST, 3, fens=[100] * 3)
    async with tenant.writing() as db:
        await write_books(db, sold, day=FIRST, merchant_id=account.merchant_id)
    listed = rows_of(sold, account.name)
    taken = answered(await send(finance, file_of([*listed, *listed])))
    (day,) = taken["days"]
    assert (taken["rowsRead"], day["matched"], day["classes"]) == (6, 3, [{"kind": "duplicated", "count": 3}])


def test_reading_takes_no_more_memory_for_a_file_ten_times_as_long(tmp_path: Path):
    def peak(count):
        path = tmp_path / f"{count}.csv"
        rows = rows_of(a_day(FIRST, 1, fens=[100]), "1900000001")
        row = ",".join("`" + rows[0][name] for name in HEADER)
        summary = summary_of(rows * count)
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(",".join(HEADER) + "\r\n")
            file.writelines(f"{row}\r\n" for _ in range(count))
            file.write(
                ",".join(summary) + "\r\n" + ",".join("`" + each for each in summary.values()) + "\r\n"
            )
        tracemalloc.start()
        with open_bill_file(path) as (kind, days):
            bill = of_bill(days[0].bill, kind=kind, merchant_no="1900000001", day=FIRST, origin="file")
            assert len(bill.rows) == count
            bill.digest()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    small, large = peak(500), peak(5_000)
    assert large < small * 1.5, (small, large)
