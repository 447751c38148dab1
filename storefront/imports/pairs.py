"""Named values (颜色: 白, 尺码: M) in the shapes catalogues write them: JSON, text, pairs of columns, or names kept in a second file.

Gives an ordered list of {name, value}. Types of single values are `fields`' business.
"""

import re
from collections.abc import Mapping as Cells
from typing import Any

from storefront.imports.joins import Join, rows_beside
from storefront.imports.mapping import FieldRule, NotReadable, json_cell

NAME_KEYS = ("name", "key", "attribute", "specification", "名称")
VALUE_KEYS = ("value", "values", "值")
UNNAMED = "规格"

Pair = dict[str, str]


def pairs_of(rule: FieldRule, text: str, *, cells: Cells[str, str], joins: Cells[str, Join]) -> list[Pair]:
    """The named values that this rule finds in the row. Raises NotReadable."""
    if rule.pairs:
        return [
            {"name": name, "value": value}
            for name_column, value_column in rule.pairs
            if (name := cells.get(name_column, "").strip() or UNNAMED)
            and (value := cells.get(value_column, "").strip())
        ]
    if rule.join is not None:
        beside = rows_beside(joins[rule.join], cells)
        named = [
            (row[rule.name_column or ""].strip(), row[rule.value_column or ""].strip()) for row in beside
        ]
        if rule.column is None:
            return [{"name": name, "value": value} for name, value in named if name and value]
        return _named_by_value(_values(text), named=named)
    return _inside_text(rule, text) if text else []


def _values(text: str) -> list[str]:
    found = json_cell(text) if text.startswith("[") else [text] if text else []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise NotReadable("is not a list of values (不是取值列表)")
    return found


def _named_by_value(values: list[str], *, named: list[tuple[str, str]]) -> list[Pair]:
    """Give each bare value the name under which the second file lists it; two names for one value are no answer."""
    pairs = []
    for value in values:
        names = {name for name, of in named if of == value.strip()}
        if len(names) != 1:
            raise NotReadable(f"{value!r} has {len(names)} names in the second file (规格名称不明确)")
        pairs.append({"name": names.pop(), "value": value.strip()})
    return pairs


def _inside_text(rule: FieldRule, text: str) -> list[Pair]:
    if text[0] not in "[{":
        if rule.names:
            return _named_in_order(rule.names, text.split(rule.split) if rule.split else [text])
        return _between_signs(text, split=rule.split or ";")
    found = json_cell(text)
    if isinstance(found, dict):
        return [{"name": str(name), "value": _scalar(value)} for name, value in found.items()]
    if all(isinstance(each, str) for each in found):
        return _named_in_order(rule.names or (UNNAMED,) * len(found), found)
    return [_pair(each) for each in found]


def _named_in_order(names: tuple[str, ...], values: list[str]) -> list[Pair]:
    if len(names) != len(values):
        raise NotReadable(f"{len(values)} values for {len(names)} names (规格数量不符)")
    return [
        {"name": name, "value": value.strip()}
        for name, value in zip(names, values, strict=True)
        if value.strip()
    ]


def _pair(found: Any) -> Pair:
    if not isinstance(found, dict):
        raise NotReadable("is not a list of named values (不是规格列表)")
    name = next((found[key] for key in NAME_KEYS if key in found), None)
    value = next((found[key] for key in VALUE_KEYS if key in found), None)
    if name is None or value is None:
        raise NotReadable("a named value needs a name and a value (规格缺少名称或取值)")
    return {"name": _scalar(name), "value": _scalar(value)}


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise NotReadable("a named value is a text, not a structure (规格值不是文本)")
    return value.strip()


def _between_signs(text: str, *, split: str) -> list[Pair]:
    pairs = []
    for part in re.split(f"[{re.escape(split)}；]", text):
        if not part.strip():
            continue
        name, sign, value = part.replace("：", ":").replace("=", ":").partition(":")
        pairs.append(
            {"name": name.strip(), "value": value.strip()}
            if sign
            else {"name": UNNAMED, "value": part.strip()}
        )
    return pairs
