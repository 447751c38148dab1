"""Mapping files: which column of somebody's file feeds which of our fields, and how its text is cut before it is typed.

Owns the TOML format, its checks against a file's columns, and the way from a row's cells to a field's text. Types are `fields`' business,
second files are `joins`'. A mapping names columns and constants, never rows.
"""

import json
import re
import tomllib
from collections.abc import Mapping as Cells
from pathlib import Path
from typing import Any, Literal

import msgspec

from storefront.imports.reading import SourceOptions


class MappingWrong(Exception):
    """The mapping cannot be used with this file; the message names the field or column."""


class NotReadable(ValueError):
    """A cell does not have the shape its rule expects."""


class FieldRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field's text comes from and what is done to it, in this order: take, json, regex, split, empty, patterns, translate, default."""

    column: str | None = None
    columns: tuple[str, ...] = ()
    """Several columns: the first that is not empty."""
    template: str | None = None
    """Text with columns in braces, "{省}{市}"; empty when every column in it is."""
    constant: str | None = None
    json: str | None = None
    """A path into a JSON cell: "a.b" or "0.name"."""
    regex: str | None = None
    """Its first group is taken; a cell that does not match is empty."""
    split: str | None = None
    take: int | None = None
    """Which part after `split` (0 is the first); without it a list field takes them all."""
    empty: tuple[str, ...] = ()
    """Texts that mean nothing was given ("NA", "NULL", "-")."""
    patterns: tuple[tuple[str, str], ...] = ()
    """Regular expressions and what a text stands for that one of them matches; the first that does decides: [["^\\\\d+$", "goods"], …]."""
    translate: dict[str, str] = {}
    """Their words to ours; a word that is not listed passes unchanged."""
    default: str | None = None
    required: bool = False
    date_format: str | tuple[str, ...] = ()
    """strptime formats tried in order; "excel" reads a serial number."""
    unit: str | None = None
    """Money: "yuan" (the default) or "fen"."""
    round: str | None = None
    """Money with more than two decimals: "half_up" rounds it; without this it is refused."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Named values that stand in columns: [["Option1 Name", "Option1 Value"], …]."""
    names: tuple[str, ...] = ()
    """The names of bare values (a JSON list's, or the parts of a text), in order."""
    join: str | None = None
    """A join with many rows whose `name_column` and `value_column` give the named values, or the names of bare ones."""
    name_column: str | None = None
    value_column: str | None = None


class JoinRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second file beside the first, looked up by key; its columns are then called "join.column"."""

    file: str
    key: str
    on: str
    """Our column (or an earlier join's) that holds the key."""
    many: bool = False
    required: bool = False
    """Refuse a row whose key is not there."""
    source: SourceOptions = SourceOptions()


class FillDown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns that stand only in the first of several rows of one thing."""

    by: str
    columns: tuple[str, ...]


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping file."""

    kind: str
    note: str = ""
    source_name: str = "history"
    """History only: whose numbers these are (a till system, a marketplace). A document is known by this name and its number."""
    unknown_orders: Literal["charge_store", "refuse"] = "charge_store"
    """Refunds only: what becomes of one whose document nobody knows."""
    source: SourceOptions = SourceOptions()
    only: dict[str, tuple[str, ...]] = {}
    """Rows in which these columns hold one of these texts; all others are left out."""
    present: tuple[str, ...] = ()
    """Rows in which these columns are not empty; all others are left out."""
    fill_down: FillDown | None = None
    join: dict[str, JoinRule] = {}
    fields: dict[str, str | FieldRule] = {}

    def rules(self) -> dict[str, FieldRule]:
        """Every field's rule, the short form (a column's name) written out."""
        return {
            name: rule if isinstance(rule, FieldRule) else FieldRule(column=rule)
            for name, rule in self.fields.items()
        }


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file; MappingWrong says what in it cannot be understood."""
    try:
        return mapping_from_text(path.read_text(encoding="utf-8-sig"), name=path.name)
    except (OSError, UnicodeError) as error:
        raise MappingWrong(f"{path.name} cannot be read: {error}") from error


def mapping_from_text(text: str, *, name: str = "mapping") -> Mapping:
    """Read a mapping from TOML."""
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
        for field, rule in mapping.rules().items():
            _check_rule(field, rule, joins=mapping.join)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, re.error) as error:
        raise MappingWrong(f"{name}: {error}") from error
    return mapping


def identity_mapping(kind: str, *, headers: tuple[str, ...], fields: tuple[str, ...]) -> Mapping:
    """The mapping of a file whose headers already are our field names; MappingWrong when one of these stands twice."""
    twice = [name for name in fields if _stands_twice(name, headers)]
    if twice:
        raise MappingWrong(_twice(twice[0]))
    return Mapping(kind=kind, fields={name: name for name in headers if name in fields})


def _stands_twice(name: str, headers: tuple[str, ...]) -> bool:
    """Whether the file has this column more than once; reading has then numbered them."""
    return name not in headers and f"{name} (1)" in headers and f"{name} (2)" in headers


def _twice(name: str) -> str:
    return f"the column {name} stands twice; a mapping can name '{name} (1)' or '{name} (2)' (列名重复)"


def _check_rule(field: str, rule: FieldRule, *, joins: dict[str, JoinRule]) -> None:
    sources = [rule.column, rule.template, rule.constant, rule.columns or None, rule.pairs or None]
    given = sum(source is not None for source in sources)
    if given > 1 or (given == 0 and rule.join is None and rule.default is None):
        raise MappingWrong(
            f"field {field!r} needs exactly one of column, columns, template, constant, pairs, join"
        )
    if rule.join is not None and (rule.join not in joins or not joins[rule.join].many):
        raise MappingWrong(f"field {field!r} names the join {rule.join!r}, which is no join with many = true")
    if rule.join is not None and not (rule.name_column and rule.value_column):
        raise MappingWrong(
            f"field {field!r} takes named values from a join: say name_column and value_column"
        )
    if rule.unit not in {None, "yuan", "fen"} or rule.round not in {None, "half_up"}:
        raise MappingWrong(f'field {field!r}: unit is "yuan" or "fen", round is "half_up"')
    for pattern, _ in rule.patterns:
        re.compile(pattern)
    if rule.regex is not None and re.compile(rule.regex).groups < 1:
        raise MappingWrong(f"field {field!r}: the regex needs a group")


def check_against(
    mapping: Mapping,
    *,
    headers: tuple[str, ...],
    joined: dict[str, tuple[str, ...]],
    fields: Cells[str, bool],
) -> None:
    """Refuse a mapping that names fields we do not have, columns the file does not have, or leaves out a required field.

    `joined` are the columns of each second file, `fields` our fields with whether each is required.
    """
    columns = {*headers, *(f"{join}.{column}" for join, names in joined.items() for column in names)}
    unknown = [name for name in mapping.fields if name not in fields]
    if unknown:
        raise MappingWrong(
            f"{mapping.kind} has no field {', '.join(unknown)}; its fields are {', '.join(fields)};"
            f" `storefront import --fields {mapping.kind}` explains them (未知字段)"
        )
    wanted = {name: columns_of(rule) for name, rule in mapping.rules().items()}
    wanted["only"] = [*mapping.only, *mapping.present]
    wanted["fill_down"] = [mapping.fill_down.by, *mapping.fill_down.columns] if mapping.fill_down else []
    wanted["join"] = [join.on for join in mapping.join.values()]
    missing = [
        f"{column!r} (for {name})"
        for name, names in wanted.items()
        for column in names
        if column not in columns
    ]
    for name, rule in mapping.rules().items():
        if rule.join is not None:
            of_join = joined.get(rule.join, ())
            missing += [
                f"{rule.join}.{column} (for {name})"
                for column in (rule.name_column, rule.value_column)
                if column not in of_join
            ]
    if missing:
        twice = [name for names in wanted.values() for name in names if _stands_twice(name, headers)]
        if twice:
            raise MappingWrong(_twice(twice[0]))
        raise MappingWrong(
            f"the file has no column {', '.join(missing)}; its columns are {', '.join(headers)} (找不到列)"
        )
    absent = [name for name, is_required in fields.items() if is_required and name not in mapping.fields]
    if absent:
        raise MappingWrong(
            f"{mapping.kind} needs the field {', '.join(absent)} (缺少必填字段);"
            f" `storefront import --fields {mapping.kind}` lists its fields"
        )


def columns_of(rule: FieldRule) -> list[str]:
    """The columns a rule reads, for checks and for the report."""
    names = [rule.column] if rule.column else []
    names += [*rule.columns, *(name for pair in rule.pairs for name in pair)]
    if rule.template:
        names += re.findall(r"\{([^{}]+)\}", rule.template)
    return names


def text_of(rule: FieldRule, cells: Cells[str, str]) -> str:
    """The field's text in this row, with blanks at the ends stripped; "" when nothing was given. Raises NotReadable."""
    text = _taken(rule, cells)
    if rule.json is not None and text:
        text = _inside_json(text, path=rule.json)
    if rule.regex is not None and text:
        match = re.search(rule.regex, text)
        text = (match.group(1) or "").strip() if match else ""
    if rule.split is not None and rule.take is not None:
        parts = text.split(rule.split)
        text = parts[rule.take].strip() if -len(parts) <= rule.take < len(parts) else ""
    if text in rule.empty:
        text = ""
    if rule.patterns and text:
        text = next((word for pattern, word in rule.patterns if re.search(pattern, text)), text)
    text = rule.translate.get(text, text)
    return text or (rule.default or "")


def _taken(rule: FieldRule, cells: Cells[str, str]) -> str:
    if rule.constant is not None:
        return rule.constant
    if rule.column is not None:
        return cells.get(rule.column, "").strip()
    if rule.columns:
        return next((text for column in rule.columns if (text := cells.get(column, "").strip())), "")
    if rule.template is not None:
        names = re.findall(r"\{([^{}]+)\}", rule.template)
        if names and not any(cells.get(name, "").strip() for name in names):
            return ""
        return re.sub(
            r"\{([^{}]+)\}", lambda match: cells.get(match.group(1), "").strip(), rule.template
        ).strip()
    return ""


def _inside_json(text: str, *, path: str) -> str:
    found: Any = json_cell(text)
    for step in path.split(".") if path else []:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            found = None
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def json_cell(text: str) -> Any:
    """Decode a JSON cell; numbers keep the text they were written with. Raises NotReadable."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise NotReadable("the cell is not JSON (不是有效的 JSON)") from error
