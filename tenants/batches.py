"""Many rows of one tenant table in one statement: insert what is new, change what differs, touch nothing else.

Row-level security refuses COPY, so rows travel as one array a column through unnest(). Says which rows changed and nothing about why; the
verbs decide what a row may say. Rows of one call all have the same columns.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Dialect, Table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import dialect as PostgreSQL  # noqa: N812 a dialect is called by its product's name

from tenants.kernel.scope import Reading, Writing

_DIALECT: Dialect = PostgreSQL()  # type: ignore[no-untyped-call]
_JSON = msgspec.json.Encoder()


async def upsert_batch(
    db: Writing,
    table: Table,
    *,
    rows: Sequence[Mapping[str, Any]],
    key: tuple[str, ...],
    insert_only: frozenset[str] = frozenset({"id", "created_at"}),
    stamps: frozenset[str] = frozenset({"updated_at"}),
    guard: str = "",
) -> set[tuple[Any, ...]]:
    """Write rows by `key` (their unique columns beside tenant_id); return the keys of rows that were new or really changed.

    `insert_only` columns are given to new rows alone, `stamps` change only along with something else, `guard` is one more
    condition (SQL over the table's name and `excluded`) for changing a row that is there.
    """
    if not rows:
        return set()
    # In the order of their keys, as orders lock stock: two writers of the same rows then wait for each other instead of deadlocking.
    rows = sorted(rows, key=lambda row: tuple(row[name] for name in key))
    columns = list(rows[0])
    changing = [name for name in columns if name not in insert_only and name not in key]
    compared = [name for name in changing if name not in stamps]
    name = table.name
    action = "DO NOTHING"
    if compared:
        old = ", ".join(f"{name}.{column}" for column in compared)
        new = ", ".join(f"excluded.{column}" for column in compared)
        sets = ", ".join(f"{column} = excluded.{column}" for column in changing)
        extra = f" AND ({guard})" if guard else ""
        action = f"DO UPDATE SET {sets} WHERE ROW({old}) IS DISTINCT FROM ROW({new}){extra}"
    arrays = ", ".join(
        f"CAST(:c{place} AS {_array_of(table, column)})" for place, column in enumerate(columns)
    )
    taken = ", ".join(
        f"u.{column}::jsonb" if _is_json(table, column) else f"u.{column}" for column in columns
    )
    returned = ", ".join(f"{name}.{column}" for column in key)
    statement = text(
        f"INSERT INTO {table.fullname} AS {name} (tenant_id, {', '.join(columns)})"
        f" SELECT CAST(:tenant_id AS uuid), {taken} FROM unnest({arrays}) AS u({', '.join(columns)})"
        f" ON CONFLICT (tenant_id, {', '.join(key)}) {action} RETURNING {returned}"
    )
    values: dict[str, Any] = {
        f"c{place}": [_carried(table, column, row[column]) for row in rows]
        for place, column in enumerate(columns)
    }
    found = await db.execute(statement, {"tenant_id": db.tenant_id, **values})
    return {tuple(row) for row in found}


async def ids_of(
    db: Reading, table: Table, *, codes: Iterable[str | None], code: str = "code"
) -> dict[str, UUID]:
    """The ids of the tenant's rows with these codes; what is not found is absent, None is passed over.

    A join with the codes instead of an IN list: without statistics (a first import) the planner reads the whole table a thousand times over
    for the list, and looks each code up in the unique index for the join.
    """
    wanted = sorted({each for each in codes if each})
    if not wanted:
        return {}
    found = await db.execute(
        text(
            f"SELECT t.{code}, t.id FROM unnest(CAST(:codes AS text[])) AS wanted(code)"
            f" JOIN {table.fullname} AS t ON t.tenant_id = :tenant_id AND t.{code} = wanted.code"
        ),
        {"tenant_id": db.tenant_id, "codes": wanted},
    )
    return dict(found.all())


def _is_json(table: Table, column: str) -> bool:
    return isinstance(table.c[column].type, JSONB)


def _array_of(table: Table, column: str) -> str:
    """The array type a column travels in; JSON travels as text and is cast on arrival, because its arrays cannot be told from lists."""
    if _is_json(table, column):
        return "text[]"
    return f"{table.c[column].type.compile(dialect=_DIALECT)}[]"


def _carried(table: Table, column: str, value: Any) -> Any:
    if value is not None and _is_json(table, column):
        return _JSON.encode(value).decode()
    return value
