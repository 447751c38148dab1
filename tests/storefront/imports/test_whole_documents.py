"""Documents stay whole: whatever else stands in the file, or is imported at the same moment, their money is the same."""

import asyncio
import csv
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from guides.commands import EmployGuide, PlanRate, StartPlan
from guides.employ import employ_guide
from guides.plans import start_plan
from orders.errors import HistoryChangedMeanwhile
from storefront.imports import run
from storefront.imports.kinds import KINDS
from storefront.imports.mapping import Mapping
from storefront.imports.run import ImportRequest, import_file
from tenants.import_outcomes import RowOutcome
from tenants.kernel.ids import LevelId
from tenants.kernel.scope import TenantScope, Writing
from tenants.levels import Level
from tests.support.books import LONG_AGO, add_mall, add_store, mall_contract
from tests.support.rows import rows

HEAD = "document,store_code,guide_code,sold_at,sku_code,quantity,unit_price,document_discount\n"
GOOD = "D1,S1,,2026-03-02 12:30:00,A,1,10.00,50.00\nD1,S1,,2026-03-02 12:30:00,B,1,90.00,50.00\n"
OTHER = "D2,S1,,2026-03-02 12:32:00,C,1,7.00,\n"
BEYOND_THE_WHOLE = "D9,S1,G1,2026-03-02 12:31:00,Y,1,1.00,\nD9,S1,G1,2026-03-02 12:31:00,Z,1,1.00,\n"
"""The mall's 90 % and the guide's 20 % leave the brand less than nothing: such a document cannot be settled."""

TILL = Mapping(kind="orders", source_name="till")
NewTenant = Callable[[], Awaitable[TenantScope]]


@pytest.fixture
async def shop(new_tenant: NewTenant) -> TenantScope:
    return await open_shop(new_tenant)


async def open_shop(new_tenant: NewTenant) -> TenantScope:
    tenant = await new_tenant()
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, "S1", mall_id=mall)
        await mall_contract(db, mall, [store], bps=9000)
        await employ_guide(db, EmployGuide(code="G1", name="小林", store_id=store), now=LONG_AGO)
        plan = StartPlan(name="高", rates=[PlanRate(rate_bps=2000)], active_from=LONG_AGO)
        await start_plan(db, plan, level=Level.BRAND, level_id=LevelId(db.tenant_id), now=LONG_AGO)
    return tenant


def request(folder: Path, content: str, *, name: str = "file", kind: str = "orders") -> ImportRequest:
    path = folder / f"{name}.csv"
    path.write_text(content, encoding="utf-8")
    return ImportRequest(kind=KINDS[kind], path=path, report=folder / f"{name}.report.csv")


def reported(folder: Path, *, name: str = "file") -> list[tuple[str, str, str]]:
    with (folder / f"{name}.report.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(line["row"], line["column"], line["outcome"]) for line in csv.DictReader(file)]


async def orders_of(tenant: TenantScope) -> list[tuple[Any, ...]]:
    columns = "external_no, total_fen, discount_fen, paid_fen"
    found = await rows(tenant, f"SELECT {columns} FROM app.orders WHERE tenant_id = :t ORDER BY 1")
    return [tuple(each) for each in found]


async def test_money_of_a_good_document_does_not_depend_on_a_bad_row_elsewhere_in_the_file(
    shop: TenantScope, tmp_path: Path, now: datetime
) -> None:
    outcome = await import_file(shop, request(tmp_path, HEAD + GOOD + BEYOND_THE_WHOLE + OTHER), now=now)
    assert (outcome.imported, outcome.refused) == (3, 2)
    assert await orders_of(shop) == [("D1", 5000, 5000, 5000), ("D2", 700, 0, 700)]
    assert reported(tmp_path) == [("4", "", "refused"), ("5", "", "refused")]


async def test_a_document_on_rows_apart_is_refused_whole(
    shop: TenantScope, tmp_path: Path, now: datetime
) -> None:
    first, second = BEYOND_THE_WHOLE.splitlines(keepends=True)
    sold = second.replace(",G1,", ",,")
    outcome = await import_file(shop, request(tmp_path, HEAD + first + GOOD + sold), now=now)
    assert (outcome.imported, outcome.refused) == (2, 2)
    assert await orders_of(shop) == [("D1", 5000, 5000, 5000)]


async def test_control_rows_tried_one_by_one_change_the_money_of_their_document(
    shop: TenantScope, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_by_one(batch: Sequence[Any], **_: object) -> list[list[Any]]:
        return [[row] for row in batch]

    monkeypatch.setattr(run, "_halves", one_by_one)
    refused = BEYOND_THE_WHOLE.splitlines(keepends=True)[0]
    await import_file(shop, request(tmp_path, HEAD + GOOD + refused), now=now)
    assert await orders_of(shop) == [("D1", 4000, 5000, 4000)]


def overlapping(first: int, last: int) -> str:
    lines = [
        f"D{n},S1,,2026-03-02 12:30:00,A,1,10.00,50.00\nD{n},S1,,2026-03-02 12:30:00,B,1,90.00,50.00\n"
        for n in range(first, last)
    ]
    return HEAD + "".join(lines)


async def test_two_overlapping_files_at_once_come_to_what_they_come_to_one_by_one(
    new_tenant: NewTenant, tmp_path: Path, now: datetime
) -> None:
    one, two = await open_shop(new_tenant), await open_shop(new_tenant)
    files = [
        msgspec.structs.replace(request(tmp_path, overlapping(*span), name=name), batch=100)
        for name, span in (("a", (0, 400)), ("b", (200, 600)))
    ]
    for file in files:
        await import_file(one, file, now=now)
    both = await asyncio.gather(*(import_file(two, file, now=now) for file in files))
    assert await orders_of(two) == await orders_of(one)
    assert sum(each.imported for each in both) == 1200
    assert sum(each.unchanged for each in both) == 400
    assert [each.refused for each in both] == [0, 0]


async def test_a_batch_that_another_import_overtook_is_tried_again_whole_and_counts_nothing_twice(
    shop: TenantScope, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def begin(mapping: Mapping) -> Callable[..., Awaitable[list[RowOutcome]]]:
        verb = (KINDS["orders"].begin or pytest.fail)(mapping)

        async def overtaken(db: Writing, batch: Sequence[Any], *, now: datetime) -> list[RowOutcome]:
            sizes.append(len(batch))
            outcomes: list[RowOutcome] = await verb(db, batch, now=now)
            if len(sizes) == 5:
                raise HistoryChangedMeanwhile
            return outcomes

        return overtaken

    monkeypatch.setattr(run, "PAUSES", (0.0, 0.0))
    order = request(tmp_path, HEAD + OTHER + OTHER + BEYOND_THE_WHOLE + GOOD)
    kind = msgspec.structs.replace(order.kind, begin=begin)
    outcome = await import_file(shop, msgspec.structs.replace(order, kind=kind), now=now)
    assert sizes == [6, 2, 4, 2, 2, 6, 2, 4, 2, 2]
    assert (outcome.imported, outcome.refused) == (4, 2)
    assert (await import_file(shop, order, now=now)).unchanged == 4
    assert await orders_of(shop) == [("D1", 5000, 5000, 5000), ("D2", 1400, 0, 1400)]


OF_DOCUMENT = ["document_total", "document_discount", "document_freight", "paid_total", "refund_amount"]


@pytest.mark.parametrize("column", [*OF_DOCUMENT, "freight", "unit_price", "discount"])
@pytest.mark.parametrize("absurd", ["99999999999999999", "1e30", "10000000000.01"])
async def test_an_absurd_amount_is_refused_by_its_column_and_sinks_nobody(
    shop: TenantScope, tmp_path: Path, now: datetime, column: str, absurd: str
) -> None:
    head = f"document,store_code,sold_at,sku_code,quantity,amount,{column}\n"
    bad = f"D8,S1,2026-03-02 12:30:00,A,1,10.00,{absurd}\nD8,S1,2026-03-02 12:30:00,B,1,10.00,\n"
    good = "D1,S1,2026-03-02 12:30:00,A,1,10.00,\n"
    outcome = await import_file(shop, request(tmp_path, head + bad + good), now=now)
    refused = [("2", column, "refused")]
    if column in OF_DOCUMENT:
        refused.append(("3", column, "refused"))
    assert reported(tmp_path) == refused
    assert outcome.imported == 3 - len(refused)
    assert ("D1", 1000, 0, 1000) in await orders_of(shop)


async def test_a_document_whose_lines_come_to_more_than_any_amount_is_refused(
    shop: TenantScope, tmp_path: Path, now: datetime
) -> None:
    head = "document,store_code,sold_at,sku_code,quantity,amount\n"
    line = "D8,S1,2026-03-02 12:30:00,A,1,{}\n"
    largest = line.format("9999999999.99")
    await import_file(shop, request(tmp_path, head + largest + line.format("0.02")), now=now)
    assert reported(tmp_path) == [("2", "amount", "refused"), ("3", "amount", "refused")]
    assert (await import_file(shop, request(tmp_path, head + largest), now=now)).imported == 1


async def test_an_amount_that_cannot_be_reckoned_with_refuses_its_document_alone(
    shop: TenantScope, tmp_path: Path, now: datetime
) -> None:
    async def broken(db: Writing, batch: Sequence[Any], *, now: datetime) -> list[RowOutcome]:
        if any(row.document == "D2" for row in batch):
            raise ArithmeticError("no such number")
        outcomes: list[RowOutcome] = await (KINDS["orders"].begin or pytest.fail)(TILL)(db, batch, now=now)
        return outcomes

    order = request(tmp_path, HEAD + GOOD + OTHER)
    kind = msgspec.structs.replace(order.kind, begin=lambda _: broken)
    outcome = await import_file(shop, msgspec.structs.replace(order, kind=kind), now=now)
    assert (outcome.imported, outcome.refused) == (2, 1)
    assert reported(tmp_path) == [("4", "", "refused")]
