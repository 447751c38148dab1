"""Excel sheets (.xlsx, .xls, .xlsb, .ods) as lines of text: numbers without float noise, dates as ISO.

A spreadsheet stores "12" as 12.0 and a day as a serial number; this module gives back what the person typed, as far as the file
still knows it. Decides nothing about meaning.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from tenants.import_outcomes import Finding, Verdict

EXACT_DIGITS = 10**15
"""Excel keeps fifteen digits; a longer number has lost its end before it reached us."""

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def sheet_lines(path: Path, *, sheet: str | None) -> Iterator[tuple[int, list[str], tuple[Finding, ...]]]:
    """Number the sheet's rows as the spreadsheet does; without a name, the first sheet. Raises LookupError for a sheet that is not there."""
    try:
        workbook = CalamineWorkbook.from_path(path)
        if sheet is not None and sheet not in workbook.sheet_names:
            raise LookupError(
                f"there is no sheet {sheet!r}; the sheets are {', '.join(workbook.sheet_names)} (找不到工作表)"
            )
        found = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
    except CalamineError as error:
        raise OSError(f"not a workbook: {error}") from error
    yield from _lines(found)


def _lines(sheet: CalamineSheet) -> Iterator[tuple[int, list[str], tuple[Finding, ...]]]:
    for number, line in enumerate(sheet.iter_rows(), start=1):
        remarks = tuple(_cut_number(cell) for cell in line if _is_cut(cell))
        yield number, [cell_text(cell) for cell in line], remarks


def cell_text(cell: Cell) -> str:
    """One cell as the text a person sees: 12.0 is "12", a decimal its shortest form, a day "2026-10-01"."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return str(int(cell)) if cell == int(cell) else f"{Decimal(repr(cell)):f}"
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return cell.isoformat()


def _is_cut(cell: Cell) -> bool:
    return isinstance(cell, float) and cell.is_integer() and abs(cell) >= EXACT_DIGITS


def _cut_number(cell: Cell) -> Finding:
    return Finding(
        column="",
        value=cell_text(cell),
        reason="a number of more than 15 digits: a spreadsheet has cut it, store such codes as text (长数字已被截断)",
        verdict=Verdict.WARNING,
    )
