"""Second files that complete the first: categories beside products, specification names beside units.

Owns loading them into memory by key and adding their columns to a row. A joined file is as large as a brand's master list, not as a
year of sales: the streamed file is always the first one.
"""

from collections.abc import Mapping as Cells
from pathlib import Path

import msgspec

from storefront.imports.mapping import JoinRule, Mapping, MappingWrong
from storefront.imports.reading import FileUnreadable, Row, open_source
from tenants.import_outcomes import Finding, refusal

LARGEST_JOIN = 2_000_000


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """One loaded file: its rule, its columns, its rows by key."""

    rule: JoinRule
    columns: tuple[str, ...]
    rows: dict[str, list[Cells[str, str]]]


def load_joins(mapping: Mapping, *, folder: Path) -> dict[str, Join]:
    """Load every second file of the mapping from the folder of the first. Raises FileUnreadable or MappingWrong."""
    return {name: _load(name, rule, folder=folder) for name, rule in mapping.join.items()}


def _load(name: str, rule: JoinRule, *, folder: Path) -> Join:
    path = folder / rule.file
    if not path.is_file():
        raise FileUnreadable(f"the join {name!r} needs {rule.file} beside the file (找不到关联文件)")
    source = open_source(path, rule.source)
    if source.row_count > LARGEST_JOIN:
        raise FileUnreadable(
            f"{rule.file} has more than {LARGEST_JOIN} rows: import it on its own (关联文件过大)"
        )
    if rule.key not in source.headers:
        raise MappingWrong(
            f"{rule.file} has no column {rule.key!r}; its columns are {', '.join(source.headers)} (找不到列)"
        )
    rows: dict[str, list[Cells[str, str]]] = {}
    for row in source.rows():
        rows.setdefault(row.cells[rule.key].strip(), []).append(row.cells)
    return Join(rule=rule, columns=source.headers, rows=rows)


def with_joined(row: Row, joins: Cells[str, Join]) -> tuple[Cells[str, str], list[Finding]]:
    """The row's cells with every one-row join's columns beside them as "join.column", and what was wrong with the keys.

    Joins are applied in the mapping's order, so that one may look up by a column of an earlier one.
    """
    if not joins:
        return row.cells, []
    cells = dict(row.cells)
    findings = []
    for name, join in joins.items():
        if join.rule.many:
            continue
        key = cells.get(join.rule.on, "").strip()
        found = join.rows.get(key, []) if key else []
        if len(found) > 1:
            reason = f"{join.rule.file} has {len(found)} rows for this key (关联键重复)"
            findings.append(refusal(join.rule.on, key, reason=reason))
        elif found:
            cells.update({f"{name}.{column}": text for column, text in found[0].items()})
        elif join.rule.required:
            findings.append(
                refusal(join.rule.on, key, reason=f"{join.rule.file} has no row for this key (找不到关联行)")
            )
    return cells, findings


def rows_beside(join: Join, cells: Cells[str, str]) -> list[Cells[str, str]]:
    """All rows that a join with many rows has for this row's key."""
    return join.rows.get(cells.get(join.rule.on, "").strip(), [])
