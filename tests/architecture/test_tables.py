"""Every table keeps the rules that let one schema run on plain PostgreSQL and on Citus; every rule finds its planted fault."""

from collections.abc import Callable
from enum import StrEnum

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from storefront.migrations.metadata import full_metadata
from tenants.kernel.tables import Shard

LONGEST_NAME = 50
SHARDED = (Shard.TENANT, Shard.ROLLUP)


def class_of(table: Table) -> Shard | None:
    return table.info.get("shard")


def faults_of(table: Table) -> list[str]:
    """What is wrong with a table, by rule number of the distribution rules."""
    shard = class_of(table)
    if shard is None:
        return ["class: none declared"]
    found = [*_names(table), *_columns(table), *_foreign_keys(table)]
    return found + (_keys(table) if shard is Shard.TENANT else [])


def _keys(table: Table) -> list[str]:
    found = []
    if not table.primary_key.columns:
        found.append("A15: no primary key")
    unique = [c for c in table.constraints if isinstance(c, UniqueConstraint | PrimaryKeyConstraint)]
    keys = [*(c.columns.keys() for c in unique), *(i.columns.keys() for i in table.indexes)]
    found += [
        f"A1: a key on {list(key)} is not led by tenant_id" for key in keys if list(key)[:1] != ["tenant_id"]
    ]
    if "tenant_id" not in table.c or table.c.tenant_id.nullable:
        found.append("A5: tenant_id is missing or may be null")
    return found


def _foreign_keys(table: Table) -> list[str]:
    found = []
    for key in (c for c in table.constraints if isinstance(c, ForeignKeyConstraint)):
        target = key.referred_table
        if class_of(target) in SHARDED:
            if class_of(table) not in SHARDED:
                found.append(f"A4: {class_of(table)} points at tenant table {target.name}")
            pairs = [(element.parent.name, element.column.name) for element in key.elements]
            if pairs[:1] != [("tenant_id", "tenant_id")]:
                found.append(f"A2: the key to {target.name} does not lead with tenant_id")
        if (key.ondelete or "").upper() in {"SET NULL", "SET DEFAULT"} or key.onupdate:
            found.append(f"A3: {key.ondelete or key.onupdate} on the key to {target.name}")
        if key.deferrable:
            found.append("A11: deferrable")
    return found


def _columns(table: Table) -> list[str]:
    found = []
    for column in table.c:
        if column.identity is not None or (
            column.server_default is not None and "nextval" in str(column.server_default.arg)
        ):
            found.append(f"A6: {column.name} is numbered by the database")
        if isinstance(column.type, Enum | Numeric) and column.type.python_type is not float:
            found.append(f"leakproof: {column.name} is {column.type!r}")
        if column.name.endswith("_fen") and not isinstance(column.type, BigInteger):
            found.append(f"money: {column.name} is {column.type!r}, not bigint")
    return found


def _names(table: Table) -> list[str]:
    names = [
        table.name,
        *(str(c.name) for c in table.constraints if c.name),
        *(str(i.name) for i in table.indexes),
    ]
    return [f"A13: {name}" for name in names if len(name) > LONGEST_NAME or name.rpartition("_")[2].isdigit()]


@pytest.mark.parametrize("name", sorted(full_metadata().tables))
def test_a_table_keeps_every_rule(name: str) -> None:
    assert faults_of(full_metadata().tables[name]) == []


class Colour(StrEnum):
    RED = "red"


def _planted(*parts: object, shard: Shard | None = Shard.TENANT, name: str = "planted") -> Table:
    metadata = MetaData(schema="app")
    Table(
        "stores",
        metadata,
        Column("tenant_id", Uuid, primary_key=True),
        Column("id", Uuid, primary_key=True),
        info={"shard": Shard.TENANT},
    )
    info = {"shard": shard} if shard else {}
    return Table(name, metadata, *parts, info=info)


def _key() -> list[Column]:
    return [Column("tenant_id", Uuid, primary_key=True), Column("id", Uuid, primary_key=True)]


PLANTED: dict[str, Callable[[], Table]] = {
    "class": lambda: _planted(*_key(), shard=None),
    "A1": lambda: _planted(*_key(), Column("no", Text), UniqueConstraint("no")),
    "A1 index": lambda: _planted(*_key(), Column("no", Text), Index("ix", "no")),
    "A2": lambda: _planted(*_key(), Column("store_id", Uuid, ForeignKey("app.stores.id"))),
    "A3": lambda: _planted(*_key(), Column("s", Uuid), ForeignKeyConstraint(["tenant_id", "s"], ["app.stores.tenant_id", "app.stores.id"], ondelete="SET NULL")),
    "A3 cascade": lambda: _planted(*_key(), Column("s", Uuid), ForeignKeyConstraint(["tenant_id", "s"], ["app.stores.tenant_id", "app.stores.id"], onupdate="CASCADE")),
    "A4": lambda: _planted(Column("id", Uuid, primary_key=True), Column("t", Uuid), ForeignKeyConstraint(["t", "id"], ["app.stores.tenant_id", "app.stores.id"]), shard=Shard.LOCAL),
    "A5": lambda: _planted(Column("id", Uuid, primary_key=True)),
    "A6": lambda: _planted(*_key(), Column("n", BigInteger, Identity())),
    "A11": lambda: _planted(*_key(), Column("s", Uuid), ForeignKeyConstraint(["tenant_id", "s"], ["app.stores.tenant_id", "app.stores.id"], deferrable=True)),
    "A13": lambda: _planted(*_key(), name="a_table_with_a_name_far_longer_than_citus_has_room_for"),
    "A13 digits": lambda: _planted(*_key(), name="orders_2026"),
    "leakproof": lambda: _planted(*_key(), Column("c", Enum(Colour))),
    "leakproof numeric": lambda: _planted(*_key(), Column("c", Numeric(10, 2))),
    "money": lambda: _planted(*_key(), Column("paid_fen", Text)),
}  # fmt: skip


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_fault_is_found(rule: str) -> None:
    assert any(fault.startswith(rule.split(maxsplit=1)[0]) for fault in faults_of(PLANTED[rule]()))
