"""The other side's numbers, read from the file they sent: their columns named, their rows typed, everything or nothing.

Which level a row is about (a line, an order, a day) follows from which columns are named. Matching is settlement's.
"""

import hashlib
import tempfile
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from settlement.disputes.commands import TheirNumber, TheirNumbers
from settlement.disputes.states import Compared, Grain
from settlement.errors import NumbersUnreadable
from storefront.imports.reading import FileUnreadable, Row, SourceOptions, open_source
from tenants.kernel.money import Fen, NotMoney, fen_from_text

SHOWN = 10
MOST_ROWS = 200_000
FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y年%m月%d日",
)
Column = Annotated[str, Meta(min_length=1, max_length=120)]


class NumberColumns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Which of their columns says what. Without an order a row is a day; with a line number it is a line of its order."""

    amount: Column
    order_no: Column | None = None
    line_no: Column | None = None
    day: Column | None = None
    in_fen: bool = False
    compares: Compared = Compared.PORTION
    header_row: Annotated[int, Meta(ge=1, le=100)] = 1
    sheet: Column | None = None
    skip_words: tuple[Column, ...] = ("合计", "总计", "小计", "Total")
    """A row whose order or day is one of these is a sum of theirs."""

    @property
    def level(self) -> Grain:
        """What one row is about."""
        if self.order_no is None:
            return Grain.DAY
        return Grain.ORDER if self.line_no is None else Grain.LINE


class UploadNumbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A file (CSV or a workbook, base64) and its columns."""

    file_name: Annotated[str, Meta(min_length=1, max_length=120)]
    content: bytes
    columns: NumberColumns


def read_numbers(path: Path, columns: NumberColumns, *, month: date) -> TheirNumbers:
    """Read a file; raises NumbersUnreadable with row, column and value of what is wrong."""
    if columns.order_no is None and columns.day is None:
        raise NumbersUnreadable(details={"columns": "name the column of the order number or of the day"})
    try:
        source = open_source(path, SourceOptions(header_row=columns.header_row, sheet=columns.sheet))
    except FileUnreadable as error:
        raise NumbersUnreadable(details={"file": str(error)}) from error
    named = {columns.amount, columns.order_no, columns.line_no, columns.day} - {None}
    if missing := sorted(str(name) for name in named - set(source.headers)):
        raise NumbersUnreadable(
            details={name: f"there is no such column; there are {', '.join(source.headers[:20])}" for name in missing}
        )  # fmt: skip
    if source.row_count > MOST_ROWS:
        raise NumbersUnreadable(details={"file": f"{source.row_count} rows, more than {MOST_ROWS}"})
    rows, wrong = _typed(source.rows(), columns, month=month)
    if wrong:
        shown = dict(list(wrong.items())[:SHOWN])
        raise NumbersUnreadable(details=shown, rows=len(wrong))
    if not rows:
        raise NumbersUnreadable(details={"file": "it has no row with an amount"})
    return TheirNumbers(
        level=columns.level, compares=columns.compares, file_name=path.name,
        file_sha256=hashlib.sha256(path.read_bytes()).hexdigest(), rows=rows,
    )  # fmt: skip


def read_upload(upload: UploadNumbers, *, month: date) -> TheirNumbers:
    """Read an uploaded file, which touches the disk only while it is read."""
    with tempfile.TemporaryDirectory(prefix="storefront-numbers-") as folder:
        path = Path(folder) / (Path(upload.file_name).name.lstrip(".") or "numbers")
        path.write_bytes(upload.content)
        return read_numbers(path, upload.columns, month=month)


def _typed(
    rows: Iterable[Row], columns: NumberColumns, *, month: date
) -> tuple[list[TheirNumber], dict[str, str]]:
    """Every row as a number of theirs, and what is wrong: place -> why."""
    found: list[TheirNumber] = []
    wrong: dict[str, str] = {}
    for row in rows:
        told = {name: cell.strip() for name, cell in row.cells.items()}
        if told.get(columns.order_no or columns.day or "") in columns.skip_words:
            continue
        for finding in row.findings:
            wrong[f"row {row.number}"] = finding.reason
        try:
            found.append(_number(row.number, told, columns=columns, month=month))
        except ValueError as error:
            wrong[f"row {row.number}"] = str(error)
    return found, wrong


def _number(number: int, told: dict[str, str], *, columns: NumberColumns, month: date) -> TheirNumber:
    amount = told[columns.amount]
    try:
        fen = Fen(int(amount)) if columns.in_fen else fen_from_text(amount)
    except (NotMoney, ValueError) as error:
        raise ValueError(f"{columns.amount}: {amount!r} is no amount (金额有误)") from error
    on = _day(told[columns.day], columns.day) if columns.day else month
    if columns.order_no is None:
        return TheirNumber(row_no=number, about=on.isoformat(), on=on, amount_fen=fen)
    order_no = told[columns.order_no].lstrip("'")
    if not order_no:
        raise ValueError(f"{columns.order_no}: empty (订单号为空)")
    about = order_no if columns.line_no is None else f"{order_no}#{told[columns.line_no]}"
    return TheirNumber(row_no=number, about=about, on=on, amount_fen=fen)


def _day(text: str, column: str) -> date:
    for form in FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 a day of their calendar
        except ValueError:
            continue
    raise ValueError(f"{column}: {text!r} is no day (日期有误)")
