"""The shape every table keeps: naming, column types, and the class that says where its rows live.

One schema serves plain PostgreSQL and Citus, so a table declares its class (tenant, reference, local, rollup) and what the
application's roles may do to it; migrations and the metadata lint read both from here. Knows no table itself.
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, mapped_column

from tenants.kernel.money import Fen

SCHEMA = "app"


class Shard(StrEnum):
    """Where a table's rows live once one machine is outgrown."""

    TENANT = "tenant"
    """Distributed by tenant_id, behind row-level security: anything a shop's request touches."""
    REFERENCE = "reference"
    """Small, copied to every node, rarely written."""
    LOCAL = "local"
    """The platform's own; never joined on a request's path."""
    ROLLUP = "rollup"
    """Sums for parties that cross tenants, filled from events."""


class Base(DeclarativeBase):
    """The one registry of tables, with names short enough for Citus to append its shard number."""

    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "pk": "%(table_name)s_pk",
            "uq": "%(table_name)s_uq_%(column_0_N_name)s",
            "ix": "%(table_name)s_ix_%(column_0_N_name)s",
            "ck": "%(table_name)s_ck_%(constraint_name)s",
            "fk": "%(table_name)s_fk_%(referred_table_name)s",
        },
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        UUID: PG_UUID(as_uuid=True),
        Fen: BigInteger(),
        str: Text(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


TenantKey = Annotated[UUID, mapped_column(PG_UUID(as_uuid=True), primary_key=True)]
"""tenant_id: the first column of every key of a tenant table."""
Key = Annotated[UUID, mapped_column(PG_UUID(as_uuid=True), primary_key=True)]
"""A further part of the primary key."""
Moment = TIMESTAMP(timezone=True)
"""timestamptz, for every `..._at` and `active_...` column."""


def tenant_table(
    *constraints: Any, app: str = "SELECT, INSERT, UPDATE, DELETE", worker: str = "", **options: Any
) -> tuple[Any, ...]:
    """Say that a table is a tenant's: constraints, and what app_rw (`app`) and app_worker (`worker`, default the same) may do.

    `worker_finds=True` opens the worker's own door: it may see rows of all tenants in order to find work, and nothing else.
    """
    finds = bool(options.pop("worker_finds", False))
    info = {"shard": Shard.TENANT, "app_rw": app, "app_worker": worker or app, "worker_finds": finds}
    return (*constraints, {"info": info, **options})


def open_table(shard: Shard, *constraints: Any, app: str = "SELECT") -> tuple[Any, ...]:
    """Say that a table belongs to no tenant (reference or local), and what the application's roles may do to it."""
    return (*constraints, {"info": {"shard": shard, "app_rw": app, "app_worker": app, "worker_finds": False}})


def belongs_to(
    table: str, *columns: str, key: tuple[str, ...] = ("id",), name: str | None = None, cascade: bool = False
) -> ForeignKeyConstraint:
    """Reference another tenant table by (tenant_id, columns): a one-column key could point at another tenant's row.

    `key=()` references the tenant itself.
    """
    return ForeignKeyConstraint(
        ["tenant_id", *columns],
        [f"{SCHEMA}.{table}.{part}" for part in ("tenant_id", *key)],
        name=name,
        ondelete="CASCADE" if cascade else None,
    )


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """Allow only the members of `states`: text with a CHECK, because an enum type loses its index under row-level security."""
    members = ", ".join(f"'{member.value}'" for member in states)
    return CheckConstraint(f"{column} IN ({members})", name=column)


def rule(name: str, condition: str) -> CheckConstraint:
    """A named CHECK."""
    return CheckConstraint(condition, name=name)
