"""A statement as CSV: UTF-8 with a byte order mark, so that Excel reads the Chinese; one row a line, nothing else.

Lines first, then adjustments, then payments: the amounts of the whole file add up to closing less opening.
"""

import csv
import io
from collections.abc import Iterable

from storefront.statements.columns import HEADINGS

BOM = "\ufeff"


def csv_head() -> bytes:
    """The file's first row, after the mark."""
    return (BOM + csv_text([HEADINGS])).encode()


def csv_rows(rows: Iterable[tuple[str, ...]]) -> bytes:
    """These rows."""
    return csv_text(rows).encode()


def csv_text(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as a spreadsheet reads them."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()
