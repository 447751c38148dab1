"""One import from a file to the database: batches, transactions, the guard against a file contradicting itself, the figures.

A batch is one transaction; a row that the database refuses is found by trying ever smaller parts of the batch, so that it sinks nobody else.
Rows that belong together (a document's lines) are tried, kept and refused together: what a part of a document would come to is nobody's money.
A dry run does all of it in one transaction and throws that away at the end.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.exc import DBAPIError

from orders.errors import HistoryChangedMeanwhile
from storefront.imports.kinds import Kind
from storefront.imports.mapping import Mapping
from storefront.imports.reading import open_source
from storefront.imports.report import ImportOutcome, Report
from storefront.imports.rows import RowReader, TypedRow
from tenants.import_outcomes import Finding, RowOutcome, RowState, Verdict, refusal, warning
from tenants.kernel.errors import Refusal, Unavailable
from tenants.kernel.money import NotMoney
from tenants.kernel.scope import BUSY, DatabaseBusy, TenantScope, Writing

BATCH = 1_000
PAUSES = (0.2, 0.8, 3.0)
"""Seconds between tries of a batch that met a busy database."""
Progress = Callable[[int, int], None]
"""Called with rows done and rows in all after every batch."""


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to import and how."""

    kind: Kind
    path: Path
    mapping: Mapping | None = None
    dry_run: bool = False
    report: Path | None = None
    batch: int = BATCH

    @property
    def size(self) -> int:
        """Rows in one transaction: as asked, else what suits the kind."""
        return self.kind.batch if self.batch == BATCH else self.batch


async def import_file(
    tenant: TenantScope,
    request: ImportRequest,
    *,
    now: datetime,
    progress: Progress = lambda _done, _total: None,
) -> ImportOutcome:
    """Import one file. Raises FileUnreadable and MappingWrong before anything is written; bad rows are in the report."""
    source = open_source(request.path, request.mapping.source if request.mapping else None)
    reader = RowReader(source, request.kind, mapping=request.mapping)
    began = time.monotonic()
    with Report(request.report) as report:
        report.add(source.options.header_row, reader.of_header())
        run = _Run(tenant, request, reader, report, now=now)
        async with run.transactions():
            for batch in _batches(reader.rows(), size=request.size, together=request.kind.together):
                await run.take(batch)
                progress(run.rows_read, source.row_count)
    return ImportOutcome(
        kind=request.kind.name,
        file=request.path.name,
        rows_read=run.rows_read,
        imported=run.states[RowState.IMPORTED],
        unchanged=run.states[RowState.UNCHANGED],
        refused=run.states[RowState.REFUSED],
        left_out=run.left_out,
        warnings=report.counts[Verdict.WARNING],
        kept_as_text=report.counts[Verdict.KEPT_AS_TEXT],
        seconds=time.monotonic() - began,
        dry_run=request.dry_run,
        columns_not_read=reader.columns_not_read,
        report=request.report,
    )


def _batches(
    rows: Iterator[TypedRow], *, size: int, together: Callable[[Any], Hashable] | None
) -> Iterator[list[TypedRow]]:
    """Cut rows into batches; a run of rows that belong together is cut only where it would make a batch twice as long."""
    batch: list[TypedRow] = []
    last: Hashable = None
    for row in rows:
        belongs = together(row.row) if together is not None and row.row is not None else None
        if len(batch) >= size and (belongs is None or belongs != last or len(batch) >= 2 * size):
            yield batch
            batch = []
        batch.append(row)
        last = belongs
    if batch:
        yield batch


class _Run:
    """One import under way."""

    def __init__(
        self, tenant: TenantScope, request: ImportRequest, reader: RowReader, report: Report, *, now: datetime
    ) -> None:
        self.tenant = tenant
        self.request = request
        self.reader = reader
        self.report = report
        self.now = now
        self.rows_read = 0
        self.left_out = 0
        self.states = dict.fromkeys(RowState, 0)
        self._seen = _Seen(request.kind)
        self._refused: set[int] = set()
        begin = request.kind.begin
        self._verb = request.kind.verb if begin is None else begin(reader.mapping)
        self._whole: Writing | None = None

    @asynccontextmanager
    async def transactions(self) -> AsyncIterator[None]:
        """For a dry run one transaction around everything, thrown away; else each batch opens its own."""
        if not self.request.dry_run:
            yield
            return
        try:
            async with self.tenant.writing() as db:
                self._whole = db
                yield
                await db.rollback()
        finally:
            self._whole = None

    async def take(self, batch: Sequence[TypedRow]) -> None:
        """Write one batch and report on it."""
        self.rows_read += len(batch)
        findings: dict[int, list[Finding]] = {each.number: list(each.findings) for each in batch}
        rows: list[Any] = []
        repeated: list[tuple[int, int]] = []
        for each in batch:
            if each.left_out:
                self.left_out += 1
            elif each.row is None:
                self.states[RowState.REFUSED] += 1
            else:
                looked = self._seen.look(each)
                findings[each.number] += looked.findings
                if looked.repeats is not None:
                    repeated.append((each.number, looked.repeats))
                elif looked.row is not None:
                    rows.append(looked.row)
                else:
                    self.states[RowState.REFUSED] += 1
        for outcome in await self._write(rows) if rows else []:
            self._count(outcome, into=findings[outcome.number])
        for number, earlier in repeated:
            # Two equal rows share their fate: the second of a refused one is no "unchanged" row.
            state = RowState.REFUSED if earlier in self._refused else RowState.UNCHANGED
            found = _repeats(earlier, state)
            self._count(RowOutcome(number, state, (found,)), into=findings[number])
        for number, found_here in findings.items():
            self.report.add(number, found_here)

    def _count(self, outcome: RowOutcome, *, into: list[Finding]) -> None:
        self.states[outcome.state] += 1
        if outcome.state is RowState.REFUSED:
            self._refused.add(outcome.number)
        into += [
            msgspec.structs.replace(found, column=self.reader.column_of(found.column))
            for found in outcome.findings
        ]

    async def _write(self, rows: Sequence[Any]) -> list[RowOutcome]:
        if self._whole is not None:
            return await self._write_in(self._whole, rows)
        for pause in PAUSES:
            try:
                async with self.tenant.writing() as db:
                    return await self._write_in(db, rows)
            except (DatabaseBusy, HistoryChangedMeanwhile):
                await asyncio.sleep(pause)
        async with self.tenant.writing() as db:
            return await self._write_in(db, rows)

    async def _write_in(self, db: Writing, rows: Sequence[Any]) -> list[RowOutcome]:
        try:
            async with db.begin_nested():
                return await self._verb(db, rows, now=self.now)
        except (DBAPIError, Refusal, NotMoney, ArithmeticError) as error:
            if _is_passing(error):
                raise
            parts = _halves(rows, together=self.request.kind.together)
            if len(parts) == 1:
                found = (refusal("", "", reason=_reason(error)),)
                return [RowOutcome(row.number, RowState.REFUSED, found) for row in rows]
        return [outcome for part in parts for outcome in await self._write_in(db, part)]


def _halves(rows: Sequence[Any], *, together: Callable[[Any], Hashable] | None) -> list[list[Any]]:
    """The rows in two parts, none of which holds a piece of what belongs together; one part when nothing can be parted."""
    groups: dict[Hashable, list[Any]] = {}
    for place, row in enumerate(rows):
        belongs = together(row) if together is not None else None
        groups.setdefault((place,) if belongs is None else belongs, []).append(row)
    whole = list(groups.values())
    middle = len(whole) // 2
    halves = (whole[:middle], whole[middle:])
    return [[row for group in half for row in group] for half in halves if half]


def _is_passing(error: Exception) -> bool:
    """Whether the database was busy or away, or another import was quicker: that says nothing about the row."""
    if isinstance(error, Unavailable | HistoryChangedMeanwhile):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return getattr(error, "connection_invalidated", False) or state in BUSY


def _reason(error: Exception) -> str:
    if isinstance(error, Refusal):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"the database refuses it: {str(error.orig).splitlines()[0][:200]}"
    return f"an amount of it cannot be reckoned with (金额无法计算): {error}"


def _repeats(earlier: int, state: RowState) -> Finding:
    reason = f"says the same as row {earlier} (与前行重复)"
    return refusal("", "", reason=reason) if state is RowState.REFUSED else warning("", "", reason=reason)


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a row: written, refused (`row` None), or the fate of the row it repeats."""

    row: Any = None
    findings: tuple[Finding, ...] = ()
    repeats: int | None = None


class _Seen:
    """What the file has said so far, as digests: a row may repeat an earlier one, but not contradict it."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._rows: dict[bytes, tuple[int, bytes]] = {}
        self._parts: dict[bytes, tuple[int, bytes]] = {}

    def look(self, typed: TypedRow) -> _Looked:
        """Compare a row with what the file has said of the same thing."""
        if self._kind.key is None:
            return _Looked(row=typed.row)
        row, key = typed.row, self._kind.key(typed.row)
        said = _digest(msgspec.structs.replace(row, number=0))
        earlier, it_said = self._rows.setdefault(_digest(key), (typed.number, said))
        if earlier != typed.number:
            if it_said == said:
                return _Looked(repeats=earlier)
            reason = f"row {earlier} of this file says otherwise of the same code (与前行矛盾)"
            shown = " / ".join(str(part) for part in _flat(key) if part)
            return _Looked(findings=(refusal("", shown, reason=reason),))
        part = self._kind.part(row)
        if part is None:
            return _Looked(row=row)
        of, says = _digest(part[0]), _digest(part[1])
        first, it_says = self._parts.setdefault(of, (typed.number, says))
        if first == typed.number or it_says == says:
            return _Looked(row=row)
        reason = f"row {first} describes the same product otherwise; its words were kept (商品信息与前行不同)"
        return _Looked(row=self._kind.without_part(row), findings=(warning("", str(part[0]), reason=reason),))


def _flat(key: Any) -> Iterator[Any]:
    if isinstance(key, tuple):
        for part in key:
            yield from _flat(part)
    else:
        yield key


def _digest(value: Hashable | msgspec.Struct) -> bytes:
    return blake2b(msgspec.msgpack.encode(value), digest_size=16).digest()
