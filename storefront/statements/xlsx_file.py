"""A statement as a workbook: a summary sheet and the lines. The same bytes every time: no date of writing is in it anywhere.

Rows are written through to disk (constant memory). A sheet holds 1,048,576 rows; longer statements go on in a further sheet.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from settlement.views import StatementLine, StatementView
from storefront.statements.columns import HEADINGS, MONEY, WHOLE_NUMBERS, cells, summary

LINES_A_SHEET = 1_000_000
CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 the file format knows no time zones
WIDTHS = (11, 10, 22, 6, 16, 12, 12, 8, 14, 16, 9, 38, 24)


class Workbook:
    """A workbook being written."""

    def __init__(self, path: Path, statement: StatementView, *, brand_name: str) -> None:
        """Begin the file with its summary sheet."""
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "use_zip64": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        self._book.set_properties({"created": CREATED, "title": "结算单"})
        self._bold = self._book.add_format({"bold": True})
        self._money = self._book.add_format({"num_format": "#,##0.00"})
        sheet = self._book.add_worksheet("汇总")
        sheet.set_column(0, 0, 16)
        sheet.set_column(1, 1, 40)
        for row, (heading, told) in enumerate(summary(statement, brand_name=brand_name)):
            sheet.write_string(row, 0, heading, self._bold)
            sheet.write_string(row, 1, told)
        self._sheets = 0
        self._row = 0
        self._sheet = self._next_sheet()

    def add(self, lines: Iterable[StatementLine]) -> None:
        """Write further lines."""
        for line in lines:
            if self._row > LINES_A_SHEET:
                self._sheet = self._next_sheet()
            for place, told in enumerate(cells(line)):
                self._write(place, told)
            self._row += 1

    def close(self) -> None:
        """Finish the file."""
        self._book.close()

    def _write(self, place: int, told: str) -> None:
        if place in MONEY:
            # Up to 15 digits a spreadsheet's number is exact; a larger amount stays text rather than lose a fen.
            exact = len(told) < 16  # noqa: PLR2004 see above
            if exact:
                self._sheet.write_number(self._row, place, Decimal(told), self._money)
                return
        if place in WHOLE_NUMBERS and told:
            self._sheet.write_number(self._row, place, int(told))
            return
        self._sheet.write_string(self._row, place, told)

    def _next_sheet(self) -> Any:
        self._sheets += 1
        sheet = self._book.add_worksheet("明细" if self._sheets == 1 else f"明细{self._sheets}")
        for place, width in enumerate(WIDTHS):
            sheet.set_column(place, place, width)
        sheet.freeze_panes(1, 0)
        for place, heading in enumerate(HEADINGS):
            sheet.write_string(0, place, heading, self._bold)
        self._row = 1
        return sheet
