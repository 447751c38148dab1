"""A whole file into the database: figures that add up, dry runs that keep nothing, bad rows that sink nobody."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xlsxwriter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storefront.imports import run
from storefront.imports.kinds import KINDS
from storefront.imports.mapping import mapping_from_text
from storefront.imports.report import ImportOutcome
from storefront.imports.run import ImportRequest, import_file
from tenants.import_outcomes import RowOutcome
from tenants.kernel.scope import TenantScope, Writing


def request(
    folder: Path, kind: str, content: str, *, mapping: str | None = None, **options: Any
) -> ImportRequest:
    path = folder / "file.csv"
    path.write_text(content, encoding="utf-8")
    return ImportRequest(
        kind=KINDS[kind],
        path=path,
        mapping=mapping_from_text(f'kind = "{kind}"\n{mapping}') if mapping else None,
        report=folder / "report.csv",
        **options,
    )


def figures(outcome: ImportOutcome) -> tuple[int, int, int, int, int]:
    assert outcome.rows_read == outcome.imported + outcome.unchanged + outcome.refused + outcome.left_out
    return outcome.rows_read, outcome.imported, outcome.unchanged, outcome.refused, outcome.left_out


def reported(folder: Path) -> list[tuple[str, str, str]]:
    with (folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(line["row"], line["column"], line["outcome"]) for line in csv.DictReader(file)]


async def counted(tenant: TenantScope, table: str) -> int:
    async with tenant.reading() as db:
        statement = text(f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t")
        return int(await db.scalar(statement, {"t": tenant.tenant_id}) or 0)


DIRTY = """sku_code,title,price,barcode
A,衬衫,12.50,6908512108211
B,裤子,12.505,
C,,1,
D,外套,free,6908512108212
A,衬衫,12.50,6908512108211
A,衬衫,13.00,6908512108211
E,鞋,9,1
F,袜
"""


async def test_rows_read_are_imported_unchanged_or_refused_and_every_refused_one_is_reported(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    order = request(tmp_path, "catalogue", DIRTY)
    assert figures(await import_file(tenant, order, now=now)) == (8, 2, 1, 5, 0)
    assert figures(await import_file(tenant, order, now=now)) == (8, 0, 3, 5, 0)
    refused = {int(row) for row, _, outcome in reported(tmp_path) if outcome == "refused"}
    assert refused == {3, 4, 5, 7, 9}
    assert await counted(tenant, "skus") == 2


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
async def test_the_figures_do_not_depend_on_where_batches_are_cut(
    tenant: TenantScope, tmp_path: Path, now: datetime, batch: int
) -> None:
    order = request(tmp_path, "catalogue", DIRTY, batch=batch)
    assert figures(await import_file(tenant, order, now=now)) == (8, 2, 1, 5, 0)


async def test_a_dry_run_says_the_same_and_keeps_nothing(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    order = request(tmp_path, "catalogue", DIRTY, batch=2)
    dry = await import_file(tenant, msgspec.structs.replace(order, dry_run=True), now=now)
    assert await counted(tenant, "skus") == 0
    assert figures(dry) == figures(await import_file(tenant, order, now=now))


async def test_the_columns_of_the_report_are_the_files_own(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    mapping = '[fields]\nsku_code = "款号"\non_hand = "数量"'
    await import_file(
        tenant, request(tmp_path, "stock", "款号,数量\nX,1\nY,两件\n", mapping=mapping), now=now
    )
    assert sorted(reported(tmp_path)) == [("2", "款号", "refused"), ("3", "数量", "refused")]


async def test_the_second_of_two_equal_rows_shares_the_refusal_of_the_first(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    order = request(tmp_path, "stock", "sku_code,on_hand\nX,1\nX,1\n")
    assert figures(await import_file(tenant, order, now=now)) == (2, 0, 0, 2, 0)


async def test_a_product_that_rows_describe_differently_keeps_the_first_words_however_often_it_is_imported(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    content = "spu_code,sku_code,title\nP,A,白衬衫\nP,B,黑衬衫\nP,C,白衬衫\n"
    for batch in (1, 1000):
        order = request(tmp_path, "catalogue", content, batch=batch)
        outcome = await import_file(tenant, order, now=now)
        assert (outcome.refused, outcome.warnings) == (0, 1)
    assert outcome.unchanged == 3
    async with tenant.reading() as db:
        statement = text("SELECT title FROM app.spus WHERE tenant_id = :t")
        assert await db.scalar(statement, {"t": tenant.tenant_id}) == "白衬衫"


async def test_a_row_that_only_the_database_refuses_sinks_no_other(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    async def careless(db: Writing, rows: list[Any], *, now: datetime) -> list[RowOutcome]:
        for row in rows:
            await db.execute(text("SELECT 1 / CAST(:amount AS integer)"), {"amount": row.on_hand})
        return await KINDS["stock"].verb(db, rows, now=now)

    await import_file(tenant, request(tmp_path, "catalogue", "sku_code,title\nA,甲\nB,乙\nC,丙\n"), now=now)
    kind = msgspec.structs.replace(KINDS["stock"], verb=careless)
    order = request(tmp_path, "stock", "sku_code,on_hand\nA,1\nB,0\nC,3\n")
    outcome = await import_file(tenant, msgspec.structs.replace(order, kind=kind), now=now)
    assert figures(outcome) == (3, 2, 0, 1, 0)
    assert reported(tmp_path) == [("3", "", "refused")]


async def test_progress_reaches_the_number_of_rows(
    tenant: TenantScope, tmp_path: Path, now: datetime
) -> None:
    seen: list[tuple[int, int]] = []
    order = request(tmp_path, "store-groups", "code,name\na,甲\nb,乙\nc,丙\n", batch=2)
    await import_file(tenant, order, now=now, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]


async def test_control_without_trying_rows_one_by_one_a_refused_row_sinks_its_batch(
    tenant: TenantScope, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(db: Writing, rows: list[Any], *, now: datetime) -> list[RowOutcome]:
        await db.execute(
            text("SELECT 1 / CAST(:amount AS integer)"), {"amount": min(r.on_hand for r in rows)}
        )
        return await KINDS["stock"].verb(db, rows, now=now)

    async def all_or_nothing(self: Any, db: Writing, rows: list[Any]) -> list[RowOutcome]:
        return await careless(db, rows, now=self.now)

    await import_file(tenant, request(tmp_path, "catalogue", "sku_code,title\nA,甲\nB,乙\n"), now=now)
    monkeypatch.setattr(run._Run, "_write_in", all_or_nothing)
    with pytest.raises(DBAPIError):
        await import_file(tenant, request(tmp_path, "stock", "sku_code,on_hand\nA,1\nB,0\n"), now=now)
    assert await counted(tenant, "stock") == 0


async def test_a_busy_database_is_tried_again_and_no_row_is_blamed_for_it(
    tenant: TenantScope, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    async def busy_at_first(db: Writing, rows: list[Any], *, now: datetime) -> list[RowOutcome]:
        tries.append(len(rows))
        if len(tries) < 3:
            await db.execute(text("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$"))
        return await KINDS["malls"].verb(db, rows, now=now)

    monkeypatch.setattr(run, "PAUSES", (0.0, 0.0))
    code = tmp_path.name
    order = request(tmp_path, "malls", f"code,name\n{code}-{now:%f}a,甲\n{code}-{now:%f}b,乙\n")
    kind = msgspec.structs.replace(KINDS["malls"], verb=busy_at_first)
    outcome = await import_file(tenant, msgspec.structs.replace(order, kind=kind), now=now)
    assert (figures(outcome), tries) == ((2, 2, 0, 0, 0), [2, 2, 2])


async def test_a_workbook_is_imported_as_a_csv_is(tenant: TenantScope, tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "门店.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["code", "name", "hours", "is_flagship", "latitude", "opened_on"])
    sheet.write_row(1, 0, [1001, "一店", "10:00-22:00", True, 30.25, 43_831])
    sheet.write_row(2, 0, [1002, "二店", "看情况", False, 130.0, "去年"])
    book.close()
    order = ImportRequest(kind=KINDS["stores"], path=path, report=tmp_path / "report.csv")
    assert figures(await import_file(tenant, order, now=now)) == (2, 2, 0, 0, 0)
    assert sorted(reported(tmp_path)) == [
        ("3", "hours", "kept_as_text"),
        ("3", "latitude", "warning"),
        ("3", "opened_on", "warning"),
    ]
    async with tenant.reading() as db:
        statement = text("SELECT code, opened_on::text FROM app.stores WHERE tenant_id = :t ORDER BY code")
        found = [tuple(row) for row in await db.execute(statement, {"t": tenant.tenant_id})]
    assert found == [("1001", "2020-01-01"), ("1002", None)]
