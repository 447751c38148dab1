"""Reads every statement the application sends and refuses what would leak on PostgreSQL or break on Citus.

Each tenant table of a statement must be tied to a tenant: by `tenant_id = $n`, or by equality with another table's tenant_id that is.
Statements that may cross tenants say so with the execution option `crosses_tenants` (the worker finding work; migrations).
"""

import re
from functools import cache
from typing import Any

from sqlalchemy import Engine, event

from storefront.migrations.metadata import full_metadata
from tenants.kernel.tables import Shard

TABLE = re.compile(
    r"\b(FROM|JOIN|UPDATE|INTO|USING|,)\s+(?:ONLY\s+)?app\.(\w+)(?![\w.])(?:\s+AS\s+(\w+)|\s+(?!ON\b|SET\b|WHERE\b|JOIN\b|LEFT\b|INNER\b|CROSS\b|ORDER\b|GROUP\b|FOR\b|LIMIT\b|USING\b|RETURNING\b|VALUES\b|SELECT\b|AS\b|DEFAULT\b|ON$)([a-z]\w*))?",
    re.IGNORECASE,
)
LITERAL = re.compile(r"'(?:[^']|'')*'")
BOUND = r"(?:\$\d+(?:::\w+)?|CAST\(\$\d+[^)]*\))"
FORBIDDEN = {
    r"\bset_config\s*\(": "set_config() is not forwarded on Citus",
    r"^\s*SET\s+(?!LOCAL\b)": "SET without LOCAL outlives the transaction",
    r"^\s*(LISTEN|NOTIFY)\b": "LISTEN/NOTIFY is per node",
    r"ON CONFLICT.*DO UPDATE SET.*\b(now|clock_timestamp|current_timestamp)\s*\(": "no functions of time in DO UPDATE",
    r"^\s*(WITH\b.*)?\bUPDATE\b.*\b(clock_timestamp|gen_random_uuid|random|uuidv7)\s*\(": "no volatile functions in UPDATE",
    r"\bSERIALIZABLE\b": "SERIALIZABLE is not safe over tenants on Citus",
}  # fmt: skip


class StatementRefused(AssertionError):
    """A statement breaks a rule of the house."""


@cache
def tenant_tables() -> frozenset[str]:
    """The tables whose rows belong to a tenant."""
    return frozenset(
        table.name for table in full_metadata().tables.values() if table.info["shard"] is Shard.TENANT
    )


def watch(engine: Engine) -> None:
    """Put the lint on every statement that this engine sends."""

    @event.listens_for(engine, "before_cursor_execute")
    def _look(
        _connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: Any
    ) -> None:
        options = context.execution_options if context is not None else {}
        look_at(statement, crosses_tenants=bool(options.get("crosses_tenants")))


@cache
def look_at(statement: str, *, crosses_tenants: bool = False) -> None:
    """Refuse a statement that breaks a rule."""
    plain = " ".join(LITERAL.sub("''", statement).split())
    for pattern, why in FORBIDDEN.items():
        if re.search(pattern, plain, re.IGNORECASE):
            raise StatementRefused(f"{why}: {plain[:300]}")
    advisory = re.search(r"\bpg_(try_)?advisory", plain)
    if advisory and not re.search(r"FROM app\.tenants\b", plain):
        raise StatementRefused(f"an advisory lock must be routed through a tenant's row: {plain[:300]}")
    if not crosses_tenants:
        _tied(plain)


def _tied(plain: str) -> None:
    places = _places(plain)
    if not places:
        return
    names = [name for _, name in places]
    if len(places) == 1 and re.search(rf"\btenant_id\s*=\s*{BOUND}", plain):
        return
    tied = {name for name in names if _anchored(plain, name)}
    growing = True
    while growing:
        joined = {
            name for name in names if name not in tied and any(_equal(plain, name, other) for other in tied)
        }
        growing = bool(joined)
        tied |= joined
    for verb, name in places:
        inserts = verb == "INTO" and re.search(r"INTO app\.\w+[^(]*\([^)]*\btenant_id\b", plain)
        if name not in tied and not inserts:
            raise StatementRefused(f"{name} is not tied to a tenant: {plain[:600]}")


def _places(plain: str) -> list[tuple[str, str]]:
    """(verb, name by which the statement calls it) of every tenant table."""
    found = []
    for verb, table, alias, bare in TABLE.findall(plain):
        if table in tenant_tables():
            found.append((verb.upper(), alias or bare or table))
    return found


def _anchored(plain: str, name: str) -> bool:
    column = rf"(?:app\.)?\b{name}\.tenant_id"
    return bool(re.search(rf"{column}\s*=\s*{BOUND}|{BOUND}\s*=\s*{column}\b", plain))


def _equal(plain: str, name: str, other: str) -> bool:
    mine, theirs = (rf"(?:app\.)?\b{each}\.tenant_id\b" for each in (name, other))
    pair = rf"{mine}\s*=\s*{theirs}|{theirs}\s*=\s*{mine}"
    in_tuple = rf"\({mine},[^)]*\)\s*=\s*\({theirs},|\({theirs},[^)]*\)\s*=\s*\({mine},"
    return bool(re.search(f"{pair}|{in_tuple}", plain))
