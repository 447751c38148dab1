"""What a kind of import takes, told to people: its fields as rows of a table, and a header line with a mapping to start from. Reads no file."""

import json
from collections.abc import Callable
from typing import Any

import msgspec

from storefront.imports import fields, history_kinds
from storefront.imports.fields import Cell, FieldSpec
from storefront.imports.kinds import NAMED_VALUE_FIELDS, Kind
from storefront.imports.sentences import SENTENCES

TYPES: dict[Callable[[Cell], Any], str] = {
    fields.plain_text: "text",
    fields.code: "code",
    fields.choice: "one of",
    fields.money: "amount in yuan",
    fields.price: "amount in yuan",
    fields.quantity: "whole number",
    fields.coordinate: "degrees",
    fields.boolean: "yes or no (是/否)",
    fields.moment: "date and time",
    fields.day: "date",
    fields.barcode: "barcode",
    fields.phone: "telephone",
    fields.image: "picture",
    fields.texts: "list of texts",
    fields.zone_name: "time zone",
    fields.clock: "time of day",
    history_kinds.exact: "number",
    history_kinds.local_moment: "date and time",
}
"""What each reader reads, in words."""


class FieldLine(msgspec.Struct, frozen=True, kw_only=True):
    """One field as the table shows it."""

    name: str
    required: bool
    type: str
    choices: tuple[str, ...]
    sentence: str


def field_lines(kind: Kind) -> list[FieldLine]:
    """The fields of a kind, required ones first."""
    lines = [
        FieldLine(
            name=spec.name,
            required=spec.required,
            type=_type_of(spec),
            choices=spec.choices,
            sentence=SENTENCES[kind.name][spec.name],
        )
        for spec in kind.fields
    ]
    return sorted(lines, key=lambda line: not line.required)


def header_line(kind: Kind) -> str:
    """A CSV header that needs no mapping."""
    return ",".join(line.name for line in field_lines(kind))


def mapping_skeleton(kind: Kind) -> str:
    """A mapping for that header: replace the texts on the right by your own column names, delete the lines you have no column for."""
    told = [f'kind = "{kind.name}"']
    if kind.begin is not None:
        told.append('source_name = "history"  # whose numbers these are: a till system, a marketplace')
    told += ["", "[fields]  # our field = your column"]
    for line in field_lines(kind):
        column = f'"{line.name}"'
        if line.choices:
            first = json.dumps(line.choices[0], ensure_ascii=False)
            column = f'{{column = "{line.name}", translate = {{"your word" = {first}}}}}'
        need = "required. " if line.required else ""
        choices = f" One of: {', '.join(line.choices)}." if line.choices else ""
        told.append(f"{line.name} = {column}  # {need}{line.sentence}{choices}")
    return "\n".join(told)


def _type_of(spec: FieldSpec) -> str:
    return "names and values" if spec.name in NAMED_VALUE_FIELDS else TYPES[spec.read]
