"""A statement as a workbook: 汇总, 明细, 调整, 税务, 结转. The same bytes every time: no date of writing is in it anywhere.

Rows are written through to disk (constant memory). A sheet holds 1,048,576 rows; longer statements go on in a further sheet.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from settlement.views import StatementLine
from storefront.statements.columns import COLUMNS, MONEY, WHOLE_NUMBERS, cells, told
from storefront.statements.content import Content, Tally
from storefront.statements.sheets import (
    Cell,
    Sheet,
    Yuan,
    adjustments_sheet,
    carried_sheet,
    summary_sheet,
    tax_sheet,
)
from tenants.kernel.money import yuan_text

LINES_A_SHEET = 1_000_000
CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 the file format knows no time zones
EXACT = 16
"""Up to 15 digits a spreadsheet's number is exact; a larger amount stays text rather than lose a fen."""
HEAD_HEIGHT = 36
ROW_HEIGHT = 17
PLAIN_NUMBER = re.compile(r"-?[0-9.]+|[+=]")
"""A negative amount or a sign is no formula, whatever it begins with."""


class Workbook:
    """A workbook being written."""

    def __init__(self, path: Path, content: Content) -> None:
        """Begin the file; sheets stand in the order in which they are read."""
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "use_zip64": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties({"created": CREATED, "title": "结算单"})
        font = {"font_name": "Microsoft YaHei", "font_size": 10}
        line = {**font, "bottom": 4, "bottom_color": "#C9CED6"}
        head = {
            **font, "bold": True, "text_wrap": True, "valign": "vcenter", "bg_color": "#1F3A5F", "font_color": "white",
            "border": 1, "border_color": "#1F3A5F",
        }  # fmt: skip
        money = {"num_format": '#,##0.00;[Red]-#,##0.00;"-"??'}
        total = {**font, "bold": True, "top": 1, "bottom": 6}
        self._formats = {
            name: self._book.add_format(given)
            for name, given in {
                "head": head, "text": line, "money": {**line, **money}, "total": total,
                "total money": {**total, **money},
            }.items()
        }  # fmt: skip
        self._content = content
        self._sheets: dict[str, Any] = {}
        for name in ("汇总", "明细", "调整", "税务", "结转"):
            self._sheets[name] = self._book.add_worksheet(name)
        self._line_sheets = 0
        self._row = 0
        self._sheet = self._next_sheet()

    def add(self, lines: Iterable[StatementLine]) -> None:
        """Write further lines."""
        for line in lines:
            if self._row > LINES_A_SHEET:
                self._sheet = self._next_sheet()
            for place, text in enumerate(cells(line, self._content.tax(line.contract_id))):
                self._write(place, text)
            self._row += 1

    def close(self, tally: Tally) -> None:
        """Write the sheets that only now are known, and finish the file."""
        content = self._content
        for sheet in (
            summary_sheet(content, tally), adjustments_sheet(content), tax_sheet(tally),
            carried_sheet(content),
        ):  # fmt: skip
            self._fill(self._sheets[sheet.zh], sheet)
        self._book.close()

    def _fill(self, place: Any, sheet: Sheet) -> None:
        self._begin(place, sheet.headings)
        for number, row in enumerate(sheet.rows, start=1):
            is_total = number > len(sheet.rows) - sheet.totals
            for column, cell in enumerate(row):
                self._cell(place, (number, column), cell=cell, is_total=is_total)

    def _cell(self, sheet: Any, at: tuple[int, int], *, cell: Cell, is_total: bool) -> None:
        text = self._formats["total" if is_total else "text"]
        money = self._formats["total money" if is_total else "money"]
        if isinstance(cell, Yuan):
            amount = yuan_text(cell.fen)
            if len(amount) < EXACT:
                sheet.write_number(*at, Decimal(amount), money)
            else:
                sheet.write_string(*at, amount, text)
        elif isinstance(cell, int):
            sheet.write_number(*at, cell, text)
        else:
            sheet.write_string(*at, cell if PLAIN_NUMBER.fullmatch(cell) else told(cell), text)

    def _begin(self, sheet: Any, headings: Iterable[tuple[str, str, int]]) -> None:
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer("&L结算单 Statement&C&P / &N&R&A")
        sheet.set_default_row(ROW_HEIGHT)
        sheet.set_row(0, HEAD_HEIGHT)
        sheet.freeze_panes(1, 0)
        for place, (zh, en, width) in enumerate(headings):
            sheet.set_column(place, place, width)
            sheet.write_string(0, place, f"{zh}\n{en}" if en else zh, self._formats["head"])

    def _write(self, place: int, text: str) -> None:
        if place in MONEY and len(text) < EXACT:
            self._sheet.write_number(self._row, place, Decimal(text), self._formats["money"])
        elif place in WHOLE_NUMBERS and text:
            self._sheet.write_number(self._row, place, int(text), self._formats["text"])
        else:
            self._sheet.write_string(self._row, place, text, self._formats["text"])

    def _next_sheet(self) -> Any:
        self._line_sheets += 1
        first = self._line_sheets == 1
        sheet = self._sheets["明细"] if first else self._book.add_worksheet(f"明细{self._line_sheets}")
        self._begin(sheet, COLUMNS)
        self._row = 1
        return sheet
