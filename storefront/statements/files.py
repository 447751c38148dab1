"""Writes a closed statement's files, a day of lines at a time, each read in a short transaction of its own: the month no longer changes."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec

from settlement.sheets.lines import statement_days, statement_lines
from settlement.views import StatementLine, StatementView
from storefront.statements.columns import adjustment_cells, cells, payment_cells, readable_file_name
from storefront.statements.content import Check, Content, Tally, read_content
from storefront.statements.csv_file import csv_head, csv_rows
from storefront.statements.html_file import statement_page
from storefront.statements.xlsx_file import Workbook
from tenants.kernel.scope import TenantScope

Seen = Callable[[int], None]


class FileKind(StrEnum):
    """In which form."""

    CSV = "csv"
    """One row a line, for systems and for Excel."""
    XLSX = "xlsx"
    """A workbook with summary, lines, adjustments, tax and what is carried forward."""
    HTML = "html"
    """A page to print and sign."""


MEDIA_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.HTML: "text/html; charset=utf-8",
}


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A statement whose files stand."""

    statement: StatementView
    paths: dict[FileKind, Path]
    lines: int
    portions_fen: int
    """The sum of the lines' portions, counted while they were written."""
    checks: list[Check]

    @property
    def agrees(self) -> bool:
        """Whether every total of the statement equals what its files add up to."""
        return all(check.agrees for check in self.checks)


def _silent(_lines: int) -> None:
    """Say nothing."""


async def write_files(
    tenant: TenantScope, statement: StatementView, *, out: Path, seen: Seen = _silent
) -> Written:
    """Write all files into a folder; each appears whole under its name, or not at all."""
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(_sweep, out)
    paths = {kind: out / readable_file_name(statement, kind) for kind in FileKind}
    parts = {
        kind: path.with_name(f"{path.name}.{os.getpid()}.{id(tenant)}.part") for kind, path in paths.items()
    }
    content = await read_content(tenant, statement)
    tally = Tally(content)
    try:
        book = Workbook(parts[FileKind.XLSX], content)
        with parts[FileKind.CSV].open("wb") as sheet:
            sheet.write(csv_head())
            async for day in _days(tenant, content):
                await asyncio.to_thread(_add_day, day, sheet=sheet, book=book, tally=tally)
                seen(len(day))
            sheet.write(_csv_rest(content))
        await asyncio.to_thread(book.close, tally)
        await asyncio.to_thread(parts[FileKind.HTML].write_bytes, statement_page(content, tally))
        for kind, part in parts.items():
            part.replace(paths[kind])
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return Written(
        statement=statement, paths=paths, lines=tally.all.lines, portions_fen=tally.all.portion_fen,
        checks=tally.checks(),
    )  # fmt: skip


def _sweep(out: Path) -> None:
    """Remove half-written files whose writer was killed; one that still runs keeps its own."""
    for part in out.glob("*.part"):
        writer = part.name.split(".")[-3]
        if writer.isdigit() and not _runs(int(writer)):
            part.unlink(missing_ok=True)


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def file_bytes(tenant: TenantScope, statement: StatementView, *, kind: FileKind) -> bytes:
    """One of the files, for a download."""
    with tempfile.TemporaryDirectory(prefix="storefront-statement-") as folder:
        written = await write_files(tenant, statement, out=Path(folder))
        return await asyncio.to_thread(written.paths[kind].read_bytes)


async def _days(tenant: TenantScope, content: Content) -> AsyncIterator[list[StatementLine]]:
    statement = content.statement
    party, month, version = statement.party.id, statement.period_on, statement.version
    async with tenant.reporting() as db:
        days = await statement_days(db, party, month=month, version=version)
    for day in days:
        async with tenant.reporting() as db:
            lines = await statement_lines(
                db, party, month=month, day=day, version=version, stores=content.names.stores
            )
        yield lines


def _add_day(day: list[StatementLine], *, sheet: BinaryIO, book: Workbook, tally: Tally) -> None:
    sheet.write(csv_rows(cells(line, tally.content.tax(line.contract_id)) for line in day))
    book.add(day)
    tally.add(day)


def _csv_rest(content: Content) -> bytes:
    """Adjustments and payments, below the lines."""
    adjusted = [adjustment_cells(line, content.tax(line.contract_id)) for line in content.adjustments]
    return csv_rows([*adjusted, *(payment_cells(line) for line in content.payments)])
