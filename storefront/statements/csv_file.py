"""A statement as CSV: UTF-8 with a byte order mark, so that Excel reads the Chinese; one row a line, nothing else."""

import csv
import io
from collections.abc import Iterable

from settlement.views import StatementLine
from storefront.statements.columns import HEADINGS, cells

BOM = "\ufeff"


def csv_head() -> bytes:
    """The file's first row, after the mark."""
    return (BOM + _rows([HEADINGS])).encode()


def csv_rows(lines: Iterable[StatementLine]) -> bytes:
    """The rows of these lines."""
    return _rows(cells(line) for line in lines).encode()


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
