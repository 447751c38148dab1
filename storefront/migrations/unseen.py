"""What Alembic does not see of tables that exist: CHECKs whose condition changed, and grants.

PostgreSQL prints a condition in words of its own, so the declared one is given to it on an empty copy of the table, and the two prints are
compared. A developer's tool, for `generate` and `drift`: the start-up gate compares names, which is cheap enough for every start.
"""

from collections.abc import Iterator

import msgspec
from alembic.operations import ops
from sqlalchemy import CheckConstraint, Connection, MetaData, Table, text
from sqlalchemy.sql.elements import conv

from storefront.migrations.declared import APPLICATION, FOUND, Part, declared
from tenants.kernel.tables import SCHEMA

_PRINTED = text(
    "SELECT conname, pg_get_constraintdef(oid) AS printed FROM pg_constraint"
    " WHERE contype = 'c' AND conrelid = to_regclass(:table)"
)
COPY = "declared_copy"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A CHECK that differs: declared (None: nowhere) and found (None: missing), as PostgreSQL prints them."""

    table: str
    name: str
    condition: str | None
    declared: str | None
    found: str | None


def changed_checks(connection: Connection, metadata: MetaData) -> list[Check]:
    """Every CHECK of an existing table that is missing, superfluous or says something else."""
    changed = [check for table in metadata.sorted_tables for check in _of_table(connection, table)]
    connection.rollback()
    return changed


def _of_table(connection: Connection, table: Table) -> Iterator[Check]:
    found = _printed(connection, f"{table.schema}.{table.name}")
    if (
        connection.execute(text("SELECT to_regclass(:t)"), {"t": f"{table.schema}.{table.name}"}).scalar()
        is None
    ):
        return
    conditions = {
        str(constraint.name): str(constraint.sqltext)
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    wanted = _printed_as_declared(connection, table)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield Check(
                table=table.name, name=name, condition=conditions.get(name), declared=wanted.get(name), found=found.get(name)
            )  # fmt: skip


def _printed(connection: Connection, table: str) -> dict[str, str]:
    return {row.conname: row.printed for row in connection.execute(_PRINTED, {"table": table})}


def _printed_as_declared(connection: Connection, table: Table) -> dict[str, str]:
    """The declared CHECKs as PostgreSQL prints them, on an empty temporary table with the same columns."""
    columns = ", ".join(
        f"{column.name} {column.type.compile(connection.dialect)}" for column in table.columns
    )
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {COPY} ({columns})")
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            connection.exec_driver_sql(
                f"ALTER TABLE pg_temp.{COPY} ADD CONSTRAINT {constraint.name} CHECK ({constraint.sqltext})"
            )
    printed = _printed(connection, f"pg_temp.{COPY}")
    connection.exec_driver_sql(f"DROP TABLE pg_temp.{COPY}")
    return printed


def check_operations(
    connection: Connection, metadata: MetaData
) -> tuple[list[ops.MigrateOperation], list[ops.MigrateOperation]]:
    """The operations that bring every CHECK of an existing table to what is declared, and those that take them back."""
    up: list[ops.MigrateOperation] = []
    down: list[ops.MigrateOperation] = []
    for check in changed_checks(connection, metadata):
        name = conv(check.name)  # the naming convention has been applied already
        drop = ops.DropConstraintOp(name, check.table, type_="check", schema=SCHEMA)
        if check.found is not None:
            up.append(drop)
            before = check.found.removeprefix("CHECK ")
            down.append(ops.CreateCheckConstraintOp(name, check.table, before, schema=SCHEMA))
        if check.condition is not None:
            up.append(ops.CreateCheckConstraintOp(name, check.table, check.condition, schema=SCHEMA))
            down.append(drop)
    return up, down[::-1]


def tables_with_other_grants(connection: Connection, metadata: MetaData) -> list[Table]:
    """Existing tables whose grants to the application's roles are not the declared ones."""
    found: set[Part] = {(row.part, row.whose, row.what) for row in connection.execute(text(FOUND))}
    connection.rollback()
    there = {whose for part, whose, _ in found if part == "table"}
    off = {
        whose
        for part, whose, what in declared(metadata) ^ found
        if part == "privilege" and whose in there and what.split(" ")[0] in APPLICATION
    }
    return [table for table in metadata.sorted_tables if table.name in off]
