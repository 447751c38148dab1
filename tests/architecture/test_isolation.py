"""For every tenant table there is: another tenant's row cannot be seen, changed, deleted, or written by anybody but its owner.

Generated from the metadata, so a new table is covered the moment it is declared. Rows are written as the bootstrap superuser with
foreign keys switched off for that session, so that each table needs no neighbours; reading and writing happen as the application.
"""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from storefront.migrations.metadata import full_metadata
from tenants.kernel.ids import new_id
from tenants.kernel.scope import Database, TenantScope
from tenants.kernel.tables import Shard
from tests.support.cluster import ClusterAddress

TABLES = sorted(
    (table for table in full_metadata().tables.values() if table.info["shard"] is Shard.TENANT),
    key=lambda table: table.name,
)
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


def value_for(table: Table, column: Any) -> Any:
    """Some value that the column's type and checks allow."""
    for check in (c for c in table.constraints if isinstance(c, CheckConstraint)):
        condition = str(check.sqltext)
        if condition.startswith(f"{column.name} IN ("):
            return condition.partition("'")[2].partition("'")[0]
    kinds = {
        Uuid: new_id, BigInteger: lambda: 1, Integer: lambda: 1, Boolean: lambda: False, Date: lambda: date(2026, 11, 1),
        DateTime: lambda: MOMENT, Double: lambda: 1.0, LargeBinary: lambda: b"x", JSONB: lambda: "{}",
    }  # fmt: skip
    for kind, make in kinds.items():
        if isinstance(column.type, kind):
            return make()
    assert isinstance(column.type, Text)
    return f"{column.name}-{new_id().hex[-8:]}"


SPECIAL = {
    "orders": {
        "goods_fen": 1,
        "total_fen": 1,
        "freight_fen": 0,
        "other_fen": 0,
        "discount_fen": 0,
        "paid_fen": 1,
        "refunded_fen": 0,
        "split_fen": 0,
    },
    "relation_moves": {"contact_id": UUID(int=1)},
    "ledger_entries": {"cause": "fee_charged"},
}


def row_for(table: Table, tenant_id: UUID) -> dict[str, Any]:
    row = {c.name: value_for(table, c) for c in table.c if not c.nullable} | {"tenant_id": tenant_id}
    return row | SPECIAL.get(table.name, {})


@pytest.fixture(scope="module")
async def superuser(cluster: ClusterAddress, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    url = cluster.url("storefront", database=database_name).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def plant(superuser: asyncpg.Connection, table: Table, tenant_id: UUID) -> dict[str, Any]:
    row = row_for(table, tenant_id)
    if table.name == "tenants":
        await superuser.execute("DELETE FROM app.tenants WHERE tenant_id = $1", tenant_id)
    names, marks = ", ".join(row), ", ".join(f"${at + 1}" for at in range(len(row)))
    await superuser.execute(f"INSERT INTO app.{table.name} ({names}) VALUES ({marks})", *row.values())
    return row


def key_of(table: Table, row: dict[str, Any]) -> tuple[str, list[Any]]:
    names = [column.name for column in table.primary_key.columns]
    return " AND ".join(f"{name} = ${at + 1}" for at, name in enumerate(names)), [row[name] for name in names]


async def as_app(database: Database, tenant: TenantScope | None, statement: str, arguments: list[Any]) -> Any:
    """Run one statement as app_rw on a bare connection, bound as the recipe says or not at all."""
    async with database.tx.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        transaction = raw.transaction()
        await transaction.start()
        try:
            if tenant is not None:
                await raw.execute(f"SET LOCAL app.tenant_id = '{tenant.tenant_id}'")
            if statement.startswith("SELECT"):
                return len(await raw.fetch(statement, *arguments))
            return int((await raw.execute(statement, *arguments)).rpartition(" ")[2])
        finally:
            await transaction.rollback()


async def attempts(
    database: Database, tenant: TenantScope | None, statement: str, arguments: list[Any]
) -> int:
    """How many rows a statement touched; a refusal by GRANT touches none."""
    try:
        return await as_app(database, tenant, statement, arguments)
    except asyncpg.InsufficientPrivilegeError:
        return 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_another_tenants_row_does_not_exist(
    table: Table,
    superuser: asyncpg.Connection,
    database: Database,
    tenant: TenantScope,
    other_tenant: TenantScope,
) -> None:
    row = await plant(superuser, table, tenant.tenant_id)
    where, key = key_of(table, row)
    some = next(c.name for c in table.c)
    read = f"SELECT 1 FROM app.{table.name} WHERE {where}"
    assert await as_app(database, tenant, read, key) == 1, (
        "the owner must see it, or the zeros below prove nothing"
    )
    for stranger in (other_tenant, None):
        assert await as_app(database, stranger, read, key) == 0
        assert (
            await as_app(
                database, stranger, f"SELECT 1 FROM app.{table.name} WHERE tenant_id = $1", [tenant.tenant_id]
            )
            == 0
        )
        assert await attempts(database, stranger, f"DELETE FROM app.{table.name} WHERE {where}", key) == 0
        assert (
            await attempts(
                database, stranger, f"UPDATE app.{table.name} SET {some} = {some} WHERE {where}", key
            )
            == 0
        )


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_nobody_writes_a_row_for_another_tenant(
    table: Table, database: Database, tenant: TenantScope, other_tenant: TenantScope
) -> None:
    row = row_for(table, tenant.tenant_id)
    names, marks = ", ".join(row), ", ".join(f"${at + 1}" for at in range(len(row)))
    for stranger in (other_tenant, None):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"row-level security|permission denied"):
            await as_app(
                database,
                stranger,
                f"INSERT INTO app.{table.name} ({names}) VALUES ({marks})",
                list(row.values()),
            )


async def test_without_the_policy_the_row_would_be_there(
    superuser: asyncpg.Connection, database: Database, tenant: TenantScope, other_tenant: TenantScope
) -> None:
    """Control: the very same question, once row-level security is off, finds the other tenant's row."""
    table = full_metadata().tables["app.store_groups"]
    row = await plant(superuser, table, tenant.tenant_id)
    where, key = key_of(table, row)
    await superuser.execute("ALTER TABLE app.store_groups DISABLE ROW LEVEL SECURITY")
    try:
        assert await as_app(database, other_tenant, f"SELECT 1 FROM app.store_groups WHERE {where}", key) == 1
    finally:
        await superuser.execute("ALTER TABLE app.store_groups ENABLE ROW LEVEL SECURITY")
