"""Running the revisions: Alembic configured in code, each revision in a transaction of its own, as app_migrator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, pool
from sqlalchemy.ext.asyncio import create_async_engine

from storefront.migrations.head import VERSION_TABLE
from storefront.migrations.metadata import full_metadata

Result = TypeVar("Result")

HERE = Path(__file__).parent
SCHEMA = "app"

AT_THE_START_OF_EACH_MIGRATION = (
    # Without these two, Citus refuses a table with keys to both a reference and a tenant table, and grants after DDL.
    "SET LOCAL citus.multi_shard_modify_mode = 'sequential'",
    "SET LOCAL citus.enable_local_reference_table_foreign_keys = off",
    # A migration that cannot get its lock gives up instead of queueing the whole shop behind it.
    "SET LOCAL lock_timeout = '5s'",
)


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, in code: there is no alembic.ini to go stale."""
    config = Config(output_buffer=None)
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def configure_and_run(context: Any, connection: Connection) -> None:
    """Configure Alembic for this connection and run what was asked for, each revision in a transaction of its own."""
    context.configure(connection=connection, transaction_per_migration=True, **comparison_options())
    event.listen(connection, "begin", _begin_migration)
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        event.remove(connection, "begin", _begin_migration)
    _give_version_table_back(connection)


def comparison_options() -> dict[str, Any]:
    """How a database is compared with the models: our schema only, types and defaults included."""
    return {
        "target_metadata": full_metadata(),
        "version_table": VERSION_TABLE,
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": _is_ours,
        "compare_type": True,
        "compare_server_default": True,
    }


def _is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return name == SCHEMA if kind == "schema" else True


def _begin_migration(connection: Connection) -> None:
    for statement in AT_THE_START_OF_EACH_MIGRATION:
        connection.exec_driver_sql(statement)


def _give_version_table_back(connection: Connection) -> None:
    """The migrator made the version table; it belongs to app_owner like all tables, and the gate reads it as the application."""
    connection.commit()  # ends the transaction that reading the version opened, if nothing had to be run
    with connection.begin():
        if connection.exec_driver_sql(f"SELECT to_regclass('{SCHEMA}.{VERSION_TABLE}')").scalar() is None:
            return
        connection.exec_driver_sql(f"ALTER TABLE {SCHEMA}.{VERSION_TABLE} OWNER TO app_owner")
        connection.exec_driver_sql(f"GRANT SELECT ON {SCHEMA}.{VERSION_TABLE} TO app_rw, app_worker")


async def on_connection(url: str, work: Callable[[Connection], Result]) -> Result:
    """Run synchronous work on one connection of this URL, outside any transaction, and close everything after it."""
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def upgrade(url: str, *, revision: str = "head") -> None:
    """Bring the database to this revision; `url` is app_migrator's."""

    def work(connection: Connection) -> None:
        command.upgrade(alembic_config(connection), revision)

    await on_connection(url, work)


async def downgrade(url: str, *, revision: str) -> None:
    """Take the database back to this revision; for development, since a release only ever expands."""

    def work(connection: Connection) -> None:
        command.downgrade(alembic_config(connection), revision)

    await on_connection(url, work)
