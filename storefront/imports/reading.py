"""Rows of a file that somebody else wrote, as text: CSV (plain or gzipped) and Excel workbooks, told apart by their first bytes.

Owns encodings, delimiters, headers, ragged rows and row numbers. Nothing is typed here: a cell is the text a person sees, and
what it means is decided by the mapping. A CSV of any length is read in constant memory.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec

from storefront.imports.workbooks import sheet_lines
from tenants.import_outcomes import Finding, Verdict

LARGEST_CELL = 1_000_000
"""Characters. A larger cell is nearly always a quote that was never closed, swallowing the rest of the file."""
CHUNK = 1 << 20
DELIMITERS = ",;\t|"
SNIFFED_RECORDS = 50
WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
"""Names that promise a workbook. Not .xls: under that name tills export text, and it is read."""
END_OF_FILE = "\x00end of file\x00"
"""A record fed after the last one: if it does not come back by itself, an open quote has swallowed it."""
Lines = Iterator[tuple[int, list[str], tuple[Finding, ...]]]
"""Record number, cells, and what was noticed while reading them."""
UNREADABLE = (OSError, EOFError, UnicodeError, csv.Error, zlib.error)


class FileUnreadable(Exception):
    """The file cannot be read as a table; the message says where and why."""


class SourceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mapping may say about the file itself; everything has a default that looks at the file."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int = 1
    short_rows: str = "refuse"
    """What a row with fewer cells than the header is: "refuse" (columns may have shifted) or "fill" (the rest is empty)."""
    time_zone: str = "Asia/Shanghai"
    """The zone of times that carry none."""


class Row(msgspec.Struct, frozen=True):
    """One record: its number as a spreadsheet shows it (the header is usually 1) and its cells by column name."""

    number: int
    cells: dict[str, str]
    findings: tuple[Finding, ...] = ()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was looked over: how to read it, its columns, and how many rows it has."""

    path: Path
    options: SourceOptions
    is_workbook: bool
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    """Stripped of blanks at the ends; a name that stands twice is numbered ("price (1)", "price (2)")."""
    row_count: int

    def rows(self) -> Iterator[Row]:
        """Stream the rows below the header; rows without any text are passed over, as a spreadsheet's empty rows."""
        if self.is_workbook:
            lines = sheet_lines(self.path, sheet=self.options.sheet)
        else:
            lines = _text_lines(self.path, encoding=self.encoding, delimiter=self.delimiter)
        fill = self.options.short_rows == "fill" or self.is_workbook
        for number, cells, remarks in lines:
            if number > self.options.header_row and any(cells):
                yield _row(number, cells, headers=self.headers, fill=fill, remarks=remarks)


def open_source(path: Path, options: SourceOptions | None = None) -> Source:
    """Look the whole file over once: encoding, delimiter, headers, row count. Raises FileUnreadable, never half way through an import."""
    options = options or SourceOptions()
    try:
        with path.open("rb") as file:
            start = file.read(8)
        if not start:
            raise FileUnreadable(f"{path.name} is empty (文件为空)")
        if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            return _examined(
                path,
                options,
                lambda: sheet_lines(path, sheet=options.sheet),
                is_workbook=True,
                encoding="",
                delimiter="",
            )
        if path.suffix.lower() in WORKBOOK_SUFFIXES:
            raise FileUnreadable(
                f"{path.name} is no workbook: it was damaged, or another file was given this name (不是有效的工作簿)"
            )
        encoding = options.encoding or _encoding_of(path)
        delimiter = options.delimiter or _delimiter_of(path, encoding=encoding, skip=options.header_row - 1)
        return _examined(
            path,
            options,
            lambda: _text_lines(path, encoding=encoding, delimiter=delimiter),
            is_workbook=False,
            encoding=encoding,
            delimiter=delimiter,
        )
    except LookupError as error:
        raise FileUnreadable(f"{path.name}: {error}") from error
    except UNREADABLE as error:
        raise FileUnreadable(f"{path.name} cannot be read: {error}") from error


def _examined(
    path: Path,
    options: SourceOptions,
    lines: Callable[[], Lines],
    *,
    is_workbook: bool,
    encoding: str,
    delimiter: str,
) -> Source:
    headers: tuple[str, ...] | None = None
    count = 0
    for number, cells, _ in lines():
        if number == options.header_row:
            headers = _headers(cells)
        elif number > options.header_row and any(cells):
            count += 1
    if headers is None or not any(headers):
        raise FileUnreadable(f"{path.name} has no header in row {options.header_row} (找不到表头)")
    return Source(
        path=path,
        options=options,
        is_workbook=is_workbook,
        encoding=encoding,
        delimiter=delimiter,
        headers=headers,
        row_count=count,
    )


def _headers(cells: list[str]) -> tuple[str, ...]:
    """Name the columns: blanks at the ends go, an empty name becomes its place, a repeated one is numbered."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    names = [cell.strip().strip("\ufeff") or f"column {place}" for place, cell in enumerate(cells, start=1)]
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return tuple(numbered)


def _row(
    number: int, cells: list[str], *, headers: tuple[str, ...], fill: bool, remarks: tuple[Finding, ...]
) -> Row:
    """Pair cells with columns; a row that does not fit its header is kept and says so, because its columns may have shifted."""
    findings = list(remarks)
    if len(cells) > len(headers):
        surplus = [cell for cell in cells[len(headers) :] if cell.strip()]
        if surplus:
            reason = (
                f"{len(cells)} cells under {len(headers)} columns: columns may have shifted (单元格多于表头)"
            )
            findings.append(Finding(column="", value=surplus[0], reason=reason, verdict=Verdict.REFUSED))
    elif len(cells) < len(headers):
        if not fill:
            reason = (
                f"{len(cells)} cells under {len(headers)} columns: columns may have shifted (单元格少于表头)"
            )
            findings.append(Finding(column="", value=cells[-1], reason=reason, verdict=Verdict.REFUSED))
        cells = cells + [""] * (len(headers) - len(cells))
    column = next((name for name, cell in zip(headers, cells, strict=False) if "\x00" in cell), None)
    if column is not None:
        reason = "the cell holds a NUL character (含有空字符)"
        findings.append(Finding(column=column, value="", reason=reason, verdict=Verdict.REFUSED))
    return Row(number=number, cells=dict(zip(headers, cells, strict=False)), findings=tuple(findings))


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        is_zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_zipped else path.open("rb")  # type: ignore[return-value]


def _text_lines(path: Path, *, encoding: str, delimiter: str) -> Lines:
    """Number the records of a CSV. Line breaks inside quotes stay inside their cell; every kind of line end is understood."""
    csv.field_size_limit(LARGEST_CELL)
    number = 0
    with _opened(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        reader = csv.reader(_until_marked(text), delimiter=delimiter)
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise FileUnreadable(
                    f"{path.name}, row {number + 1}: {error} (a quote left open? 引号未闭合)"
                ) from error
            number += 1
            if cells == [END_OF_FILE]:
                return
            if cells is None:
                raise FileUnreadable(
                    f"{path.name}, row {number - 1}: a quote is opened and never closed (引号未闭合)"
                )
            yield number, cells, ()


def _until_marked(text: IO[str]) -> Iterator[str]:
    yield from text
    yield END_OF_FILE


def _encoding_of(path: Path) -> str:
    """UTF-8 if the whole file is, else GB18030 if the whole file is; anything else is refused naming the first wrong byte."""
    with _opened(path) as file:
        start = file.read(4)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    wrong_at = _first_wrong_byte(path, "utf-8")
    if wrong_at is None:
        return "utf-8-sig"
    also_wrong_at = _first_wrong_byte(path, "gb18030")
    if also_wrong_at is None:
        return "gb18030"
    raise FileUnreadable(
        f"{path.name} is neither UTF-8 (byte {wrong_at}) nor GB18030 (byte {also_wrong_at});"
        " name its encoding in the mapping (无法识别编码)"
    )


def _first_wrong_byte(path: Path, encoding: str) -> int | None:
    """The offset of the first byte that is not this encoding, None if there is none; reads in chunks."""
    decode = codecs.getincrementaldecoder(encoding)()
    offset = 0
    with _opened(path) as file:
        while True:
            chunk = file.read(CHUNK)
            pending = len(decode.getstate()[0]) if chunk else 0
            try:
                decode.decode(chunk, not chunk)
            except UnicodeDecodeError as error:
                return offset - pending + error.start
            if not chunk:
                return None
            offset += len(chunk)


def _delimiter_of(path: Path, *, encoding: str, skip: int) -> str:
    """The delimiter under which the header has the most columns and the next records agree with it."""
    with _opened(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        for _ in range(skip):
            text.readline(LARGEST_CELL)
        sample = list(islice(iter(lambda: text.readline(LARGEST_CELL), ""), SNIFFED_RECORDS))

    def fitness(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(cells) for cells in csv.reader(sample, delimiter=delimiter) if cells]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] == 1:
            return 0, 0
        return sum(width == widths[0] for width in widths) * 100 // len(widths), widths[0]

    return max(DELIMITERS, key=fitness)
