"""From a file's rows to an import verb's rows: joins, conditions, field rules, types. Pure of databases.

Every row comes out exactly once: typed, left out by the mapping's own conditions, or refused with its findings.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from storefront.imports.fields import Cell, FieldSpec, read_field
from storefront.imports.joins import Join, load_joins, with_joined
from storefront.imports.kinds import NAMED_VALUE_FIELDS, Kind, RowWrong
from storefront.imports.mapping import (
    FieldRule,
    MappingWrong,
    NotReadable,
    check_against,
    columns_of,
    identity_mapping,
    text_of,
)
from storefront.imports.mapping import Mapping as FileMapping
from storefront.imports.pairs import pairs_of
from storefront.imports.reading import Row, Source
from tenants.import_outcomes import Finding, Verdict, refusal, warning

REMEMBERED, LONGEST_REMEMBERED = 10_000, 100
"""Cells a field remembers the value of, and the longest such cell."""


class TypedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row after reading: `row` for the verb, or None when it was refused (`findings`) or left out."""

    number: int
    row: Any = None
    findings: tuple[Finding, ...] = ()
    left_out: bool = False


def _memory(spec: FieldSpec, rule: FieldRule) -> dict[str, Any] | None:
    """Where a field's values are remembered by its cell, when nothing else decides them: most columns of a long file repeat themselves."""
    if rule.column is None or rule.join is not None or spec.name in NAMED_VALUE_FIELDS:
        return None
    return {}


class RowReader:
    """Reads one source under one mapping. Raises MappingWrong before the first row when they do not fit."""

    def __init__(self, source: Source, kind: Kind, *, mapping: FileMapping | None) -> None:
        """Without a mapping the file's headers must be our field names."""
        requirements = kind.requirements()
        self.columns_not_read = (
            tuple(name for name in source.headers if name not in requirements) if mapping is None else ()
        )
        mapping = mapping or identity_mapping(kind.name, headers=source.headers, fields=tuple(requirements))
        if mapping.kind != kind.name:
            raise MappingWrong(f"this mapping is for {mapping.kind}, not for {kind.name} (映射文件类型不符)")
        self.source = source
        self.kind = kind
        self.mapping = mapping
        self.joins: Mapping[str, Join] = load_joins(mapping, folder=source.path.parent)
        joined = {name: join.columns for name, join in self.joins.items()}
        check_against(mapping, headers=source.headers, joined=joined, fields=requirements)
        try:
            self.zone = ZoneInfo(mapping.source.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise MappingWrong(f"there is no time zone {mapping.source.time_zone!r}") from error
        rules = mapping.rules()
        self.mapped: list[tuple[FieldSpec, FieldRule, str, dict[str, Any] | None]] = [
            (spec, rule, self.column_of(spec.name), _memory(spec, rule))
            for spec in kind.fields
            if (rule := rules.get(spec.name)) is not None
        ]
        self._above: dict[str, str] = {}

    def column_of(self, field: str) -> str:
        """The file's column behind one of our fields, as the report names it."""
        rule = self.mapping.rules().get(field)
        return (" + ".join(columns_of(rule)) or field) if rule else field

    def of_header(self) -> list[Finding]:
        """What the report says of the header: with a mapping, leaving columns out is its author's business; without one it may be a slip."""
        if not self.columns_not_read:
            return []
        named = ", ".join(self.columns_not_read)
        return [warning("", named, reason=f"columns not read: {named} (未读取的列)")]

    def rows(self) -> Iterator[TypedRow]:
        """Read every row of the source."""
        for row in self.source.rows():
            yield self.typed(row)

    def typed(self, row: Row) -> TypedRow:
        """Read one row."""
        cells, wrong_keys = with_joined(self._filled(row), self.joins)
        if self._is_left_out(cells):
            return TypedRow(number=row.number, left_out=True)
        findings = [*row.findings, *wrong_keys]
        values: dict[str, Any] = {}
        for spec, rule, column, known in self.mapped:
            raw = cells.get(rule.column or "", "") if known is not None else ""
            if known is not None and raw in known:
                values[spec.name] = known[raw]
                continue
            value, finding = self._value(spec, rule, cells, column=column)
            values[spec.name] = value
            if finding is not None:
                findings.append(finding)
            elif known is not None and len(known) < REMEMBERED and len(raw) <= LONGEST_REMEMBERED:
                known[raw] = value
        if any(finding.verdict is Verdict.REFUSED for finding in findings):
            return TypedRow(number=row.number, findings=tuple(findings))
        try:
            built = self.kind.build(row.number, values)
        except RowWrong as wrong:
            findings.append(
                msgspec.structs.replace(wrong.finding, column=self.column_of(wrong.finding.column))
            )
            return TypedRow(number=row.number, findings=tuple(findings))
        return TypedRow(number=row.number, row=built, findings=tuple(findings))

    def _value(
        self, spec: FieldSpec, rule: FieldRule, cells: Mapping[str, str], *, column: str
    ) -> tuple[Any, Finding | None]:
        text = ""
        try:
            text = text_of(rule, cells)
            if spec.name in NAMED_VALUE_FIELDS:
                return pairs_of(rule, text, cells=cells, joins=self.joins), None
        except NotReadable as error:
            return None, refusal(column, text or cells.get(rule.column or "", ""), reason=str(error))
        cell = Cell(text=text, spec=spec, rule=rule, zone=self.zone, from_workbook=self.source.is_workbook)
        return read_field(cell, column=column)

    def _filled(self, row: Row) -> Row:
        """Give a row the values that stand only in the first row of the same thing."""
        fill = self.mapping.fill_down
        if fill is None:
            return row
        key = row.cells.get(fill.by, "")
        if self._above.get(fill.by) != key:
            self._above = {}
        cells = dict(row.cells)
        for column in fill.columns:
            cells[column] = cells[column] or self._above.get(column, "")
        self._above = {fill.by: key, **{column: cells[column] for column in fill.columns}}
        return msgspec.structs.replace(row, cells=cells)

    def _is_left_out(self, cells: Mapping[str, str]) -> bool:
        if any(not cells.get(column, "").strip() for column in self.mapping.present):
            return True
        return any(
            cells.get(column, "").strip() not in wanted for column, wanted in self.mapping.only.items()
        )
