"""What the models declare and what the catalogue holds, in the same words, so that the two can be compared.

That is tables, constraints, indexes, privileges and the worker's doors; of a CHECK and of a partial index only the name, because
PostgreSQL prints conditions in words of its own. Cheap enough for every start: one query, and no Alembic. The columns' types and defaults are compared by `drift`, which asks Alembic.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import (
    CheckConstraint,
    Column,
    Constraint,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.sql.elements import UnaryExpression

from storefront.migrations.head import VERSION_TABLE

FOUND = (Path(__file__).parent / "declared.sql").read_text(encoding="utf-8")
"""Rows of (part, whose, what), for the tables of schema app."""
APPLICATION = ("app_rw", "app_worker")
_PRIVILEGE = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)\s*(?:\(([^)]*)\))?")

Part = tuple[str, str, str]
"""A kind of thing, the table it belongs to, and its description."""


def declared(metadata: MetaData) -> set[Part]:
    """Everything the models say there is."""
    parts = {part for table in metadata.tables.values() for part in _parts(table)}
    parts.add(("constraint", VERSION_TABLE, f"PRIMARY KEY {VERSION_TABLE}_pkc (version_num)"))
    return parts | {("privilege", VERSION_TABLE, f"{role} SELECT") for role in APPLICATION}


def compared(wanted: set[Part], found: set[Part]) -> list[Part]:
    """What differs, as (fault, whose, what). Tables of no model are left to the other checks; a missing table stands for its parts.

    A further plain index is no fault: it changes no answer, and whoever runs the database may need one at once.
    """
    tables = {table for part, table, _ in found if part == "table"}
    ours = {table for _, table, _ in wanted}
    missing = {
        (f"{part}_missing", table, what)
        for part, table, what in wanted - found
        if part == "table" or table in tables
    }
    undeclared = {
        (f"{part}_undeclared", table, what)
        for part, table, what in found - wanted
        if part != "table" and (table in ours or what.startswith("PUBLIC ")) and not what.startswith("INDEX ")
    }
    return sorted(missing | undeclared)


def declared_privileges(text_of_grant: str) -> set[str]:
    """'SELECT, UPDATE (a, b)' as {'SELECT', 'UPDATE (a)', 'UPDATE (b)'}."""
    privileges = set()
    for privilege, columns in _PRIVILEGE.findall(text_of_grant):
        names = [name.strip() for name in columns.split(",") if name.strip()]
        privileges |= {f"{privilege} ({name})" for name in names} or {privilege}
    return privileges


def _parts(table: Table) -> Iterator[Part]:
    name = table.name
    yield "table", name, name
    for constraint in table.constraints:
        yield "constraint", name, _constraint(constraint)
    for index in table.indexes:
        yield "index", name, _index(index)
    for role in APPLICATION:
        for privilege in declared_privileges(str(table.info[role])):
            yield "privilege", name, f"{role} {privilege}"
    if table.info["worker_finds"]:
        yield "door", name, "worker_find"


def _constraint(constraint: Constraint) -> str:
    match constraint:
        case CheckConstraint():
            return f"CHECK {constraint.name}"
        case PrimaryKeyConstraint():
            return f"PRIMARY KEY {constraint.name} ({_names(constraint.columns)})"
        case UniqueConstraint():
            return f"UNIQUE {constraint.name} ({_names(constraint.columns)})"
        case ForeignKeyConstraint():
            far = [element.column for element in constraint.elements]
            erasing = " ON DELETE CASCADE" if constraint.ondelete == "CASCADE" else ""
            return (
                f"FOREIGN KEY {constraint.name} ({_names(constraint.columns)})"
                f" TO {far[0].table.name} ({_names(far)}){erasing}"
            )
    raise NotImplementedError(f"constraints like {constraint} are not compared yet")


def _index(index: Index) -> str:
    kind = "UNIQUE INDEX" if index.unique else "INDEX"
    columns = ", ".join(_indexed(expression) for expression in index.expressions)
    some = " WHERE …" if index.dialect_options["postgresql"]["where"] is not None else ""
    return f"{kind} {index.name} ({columns}){some}"


def _indexed(expression: object) -> str:
    while isinstance(expression, UnaryExpression):  # DESC, NULLS LAST
        expression = expression.element
    return expression.name if isinstance(expression, Column) else "…"


def _names(columns: Iterable[Column[object]]) -> str:
    return ", ".join(column.name for column in columns)
