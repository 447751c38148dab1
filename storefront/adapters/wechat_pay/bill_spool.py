"""A downloaded bill of any size, read line by line and laid out on the disk by the days it speaks of: memory does not grow with the file.

A file of several days (as the merchant platform gives them for a month) becomes a bill for each day; its sums are compared as a whole
first. Whoever reads a bill's rows again reads them from the disk again.
"""

import gzip
import io
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from typing import IO, Any, overload

import msgspec

from settlement.reconciliation.bills import BEIJING, Bill
from settlement.reconciliation.errors import BillAltered
from settlement.reconciliation.states import BillKind
from storefront.adapters.errors import BillColumnUnknown, BillUnreadable
from storefront.adapters.wechat_pay.bill_rows import (
    SHAPES,
    TICK,
    Cells,
    Shape,
    cells_of,
    columns_of,
    plain_name,
)
from storefront.adapters.wechat_pay.bills import GZIP_MAGIC, LARGEST_BILL

LONGEST_LINE = 65_536
MOST_DAYS = 92
ENCODINGS = ("utf-8-sig", "gb18030")
CUT_OFF = "cut off: the sums at the end of the file are missing"


class SpooledRows(Sequence[Any]):
    """The rows of one day, read from the disk each time they are gone through."""

    def __init__(self, path: Path, *, columns: list[str], shape: Shape, count: int) -> None:
        self._path, self._columns, self._shape, self._count = path, columns, shape, count

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count

    def __iter__(self) -> Iterator[Any]:
        """Each row, typed."""
        with self._path.open(encoding="utf-8", newline="\n") as lines:
            for line in lines:
                yield self._shape.row(cells_of(line.rstrip("\n"), self._columns))

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        """One row by its place; the first one is had at once."""
        if place == 0:
            return next(iter(self))
        return list(self)[place]


class DayBill(msgspec.Struct, frozen=True, kw_only=True):
    """What a file tells of one day."""

    day: date
    bill: Bill[Any, Any]


def spool(path: Path, *, folder: Path) -> tuple[BillKind, list[DayBill]]:
    """Read a file into `folder`; raises BillUnreadable, BillColumnUnknown, and BillAltered where several days' sums are not those of the rows."""
    for encoding in ENCODINGS:
        try:
            return _spool(path, encoding=encoding, folder=folder)
        except UnicodeDecodeError:
            continue
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BillUnreadable(reason="not gzip, or cut off") from error
    raise BillUnreadable(reason="neither UTF-8 nor GB18030")


def _spool(path: Path, *, encoding: str, folder: Path) -> tuple[BillKind, list[DayBill]]:
    with ExitStack() as stack:
        lines = stack.enter_context(closing(_lines(path, encoding=encoding)))
        first = next(lines, None)
        if first is None:
            raise BillUnreadable(reason="empty")
        kind, shape = _kind_of(first[1])
        columns = columns_of(first[1], needed=shape.needed, allowed=shape.allowed)
        days = _Days(folder, stack)
        sums: list[str] = []
        for number, line in lines:
            if sums or not line.startswith(TICK):
                sums.append(line)
                if len(sums) > len(("header", "row")):
                    raise BillUnreadable(line=number, reason="the summary is not one header and one row")
                continue
            try:
                row = shape.row(cells_of(line, columns))
            except BillUnreadable as error:
                error.fields["line"] = number
                raise
            days.add(line, row=row, shape=shape)
    if len(sums) != len(("header", "row")):
        raise BillUnreadable(reason=CUT_OFF)
    told = shape.told(_told(sums, shape))
    return kind, _bills(days, columns=columns, shape=shape, told=told)


def _kind_of(header: str) -> tuple[BillKind, Shape]:
    first = plain_name(header.split(",", maxsplit=1)[0])
    for kind, shape in SHAPES.items():
        if first == shape.begins:
            return kind, shape
    raise BillColumnUnknown(unknown=[first[:40]], missing=sorted(each.begins for each in SHAPES.values()))


def _told(sums: list[str], shape: Shape) -> Cells:
    return cells_of(sums[1], columns_of(sums[0], needed=shape.sums, allowed=shape.sums))


def _bills(days: "_Days", *, columns: list[str], shape: Shape, told: Any) -> list[DayBill]:
    if not days.sums:
        raise BillUnreadable(reason="a bill without a row")
    whole = shape.totals(*(sum(each) for each in zip(*days.sums.values(), strict=True)))
    if len(days.sums) > 1 and told != whole:
        differing = {
            name: f"the file tells {getattr(told, name)}, its rows add up to {getattr(whole, name)}"
            for name in told.__struct_fields__
            if getattr(told, name) != getattr(whole, name)
        }
        raise BillAltered(details=differing)
    found = []
    for day, sums in sorted(days.sums.items()):
        counted = shape.totals(*sums)
        rows = SpooledRows(days.path(day), columns=columns, shape=shape, count=days.rows[day])
        # One day of several tells what an honest file of that day alone would tell, and is known again as that file.
        found.append(
            DayBill(
                day=day, bill=Bill(rows=rows, told=told if len(days.sums) == 1 else counted, counted=counted)
            )
        )
    return found


class _Days:
    """The rows so far, a file a day, with what they add up to."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._files: dict[date, IO[str]] = {}
        self.sums: dict[date, list[int]] = {}
        self.rows: dict[date, int] = {}

    def path(self, day: date) -> Path:
        return self._folder / f"{day}.rows"

    def add(self, line: str, *, row: Any, shape: Shape) -> None:
        day = row.at.astimezone(BEIJING).date()
        if day not in self._files:
            if len(self._files) == MOST_DAYS:
                raise BillUnreadable(reason=f"more than {MOST_DAYS} days in one file")
            self._files[day] = self._stack.enter_context(
                self.path(day).open("w", encoding="utf-8", newline="\n")
            )
            self.sums[day], self.rows[day] = [0] * shape.width, 0
        self._files[day].write(line + "\n")
        self.rows[day] += 1
        for place, part in enumerate(shape.parts(row)):
            self.sums[day][place] += part


def _lines(path: Path, *, encoding: str) -> Generator[tuple[int, str], None, None]:
    """The lines that hold something, counted from 1, unpacked as they are read; never more than the largest bill."""
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        with io.TextIOWrapper(gzip.GzipFile(fileobj=raw) if packed else raw, encoding=encoding) as text:
            number = seen = 0
            while line := text.readline(LONGEST_LINE):
                seen += len(line)
                if seen > LARGEST_BILL:
                    raise BillUnreadable(reason=f"it unpacks to more than {LARGEST_BILL // 1024**2} MiB")
                if line.strip():
                    number += 1
                    yield number, line.rstrip("\r\n")
