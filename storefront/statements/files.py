"""Writes a closed statement's files, a day of lines at a time, each read in a short transaction of its own: the month no longer changes."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec

from settlement.queries import parties
from settlement.statement_lines import statement_days, statement_lines
from settlement.states import PartyKind
from settlement.views import StatementLine, StatementView
from storefront.statements.columns import readable_file_name
from storefront.statements.csv_file import csv_head, csv_rows
from storefront.statements.xlsx_file import Workbook
from tenants.kernel.scope import TenantScope

Seen = Callable[[int], None]


class FileKind(StrEnum):
    """In which form."""

    CSV = "csv"
    """One row a line, for systems and for Excel."""
    XLSX = "xlsx"
    """A workbook with a summary."""


MEDIA_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A statement whose files stand."""

    statement: StatementView
    paths: dict[FileKind, Path]
    lines: int
    portions_fen: int
    """The sum of the lines' portions, counted while they were written."""

    @property
    def agrees(self) -> bool:
        """Whether the lines add up to the statement."""
        moved = self.statement.earned_fen - self.statement.reversed_fen
        return self.portions_fen == moved and self.lines == self.statement.lines


def _silent(_lines: int) -> None:
    """Say nothing."""


async def write_files(
    tenant: TenantScope, statement: StatementView, *, out: Path, seen: Seen = _silent
) -> Written:
    """Write both files into a folder; each appears whole under its name, or not at all."""
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    paths = {kind: out / readable_file_name(statement, kind) for kind in FileKind}
    parts = {kind: path.with_name(f"{path.name}.{os.getpid()}.part") for kind, path in paths.items()}
    lines = portions = 0
    try:
        book = Workbook(parts[FileKind.XLSX], statement, brand_name=await _brand_name(tenant))
        with parts[FileKind.CSV].open("wb") as sheet:
            sheet.write(csv_head())
            async for day in _days(tenant, statement):
                await asyncio.to_thread(_add_day, day, sheet=sheet, book=book)
                lines, portions = lines + len(day), portions + sum(line.portion_fen for line in day)
                seen(len(day))
        await asyncio.to_thread(book.close)
        for kind, part in parts.items():
            part.replace(paths[kind])
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return Written(statement=statement, paths=paths, lines=lines, portions_fen=portions)


async def file_bytes(tenant: TenantScope, statement: StatementView, *, kind: FileKind) -> bytes:
    """One of the files, for a download."""
    with tempfile.TemporaryDirectory(prefix="storefront-statement-") as folder:
        written = await write_files(tenant, statement, out=Path(folder))
        return await asyncio.to_thread(written.paths[kind].read_bytes)


async def _days(tenant: TenantScope, statement: StatementView) -> AsyncIterator[list[StatementLine]]:
    async with tenant.reporting() as db:
        days = await statement_days(db, statement.party.id, month=statement.period_on)
    for day in days:
        async with tenant.reporting() as db:
            lines = await statement_lines(db, statement.party.id, month=statement.period_on, day=day)
        yield lines


def _add_day(day: list[StatementLine], *, sheet: BinaryIO, book: Workbook) -> None:
    sheet.write(csv_rows(day))
    book.add(day)


async def _brand_name(tenant: TenantScope) -> str:
    """What the brand was called when its books were opened: a later name must not change an old file."""
    async with tenant.reading() as db:
        people = await parties(db)
    return next(party.name for party in people.values() if party.kind is PartyKind.BRAND)
