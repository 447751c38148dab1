"""Writing a revision from the models: Alembic's autogenerate, plus what it does not see.

New tables get the `secure` and `open_table` lines that they need; existing ones the CHECKs and grants that changed.
A developer's tool (`scripts/make_migration`); nothing of it runs in production.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import renderers, rewriter
from alembic.operations import ops
from sqlalchemy import Connection, Table

from storefront.migrations.head import head_revision
from storefront.migrations.metadata import full_metadata
from storefront.migrations.run import alembic_config, on_connection
from storefront.migrations.unseen import check_operations, tables_with_other_grants
from tenants.kernel.tables import Shard

HELPERS = "from storefront.migrations.tenant_tables import open_table, secure"
GRANT_HELPER = "from storefront.migrations.tenant_tables import grant"


class ClassUndeclared(ValueError):
    """A table does not say where its rows live: use tenant_table() or open_table() in its __table_args__."""


class RenewGrants(ops.MigrateOperation):
    """The call that gives an existing table the grants it declares now."""

    def __init__(self, table: Table) -> None:
        """Remember whose call it is."""
        self.table = table


@renderers.dispatch_for(RenewGrants)
def _render_grants(context: Any, operation: RenewGrants) -> str:
    context.imports.add(GRANT_HELPER)
    info = operation.table.info
    worker = "" if info["app_worker"] == info["app_rw"] else f", worker={info['app_worker']!r}"
    return f"grant({operation.table.name!r}, app={info['app_rw']!r}{worker})"


class FinishTable(ops.MigrateOperation):
    """The call that secures or opens a table just made."""

    def __init__(self, table: Table) -> None:
        """Remember whose call it is."""
        self.table = table


@renderers.dispatch_for(FinishTable)
def _render_finish(context: Any, operation: FinishTable) -> str:
    context.imports.add(HELPERS)
    return finishing_call(operation.table)


def finishing_call(table: Table) -> str:
    """The line of a revision that gives this table its policy, grants, owner and place."""
    shard, app = table.info.get("shard"), table.info.get("app_rw")
    if shard is None or app is None:
        raise ClassUndeclared(f"table {table.name}: {ClassUndeclared.__doc__}")
    arguments = [repr(str(table.name))]
    if shard is not Shard.TENANT:
        arguments.append(repr(str(shard)))
    arguments.append(f"app={app!r}")
    worker = table.info["app_worker"]
    if worker != app:
        arguments.append(f"worker={worker!r}")
    if table.info["worker_finds"]:
        arguments.append("worker_finds=True")
    verb = "secure" if shard is Shard.TENANT else "open_table"
    return f"{verb}({', '.join(arguments)})"


_writer = rewriter.Rewriter()


@_writer.rewrites(ops.CreateTableOp)
def _finish_new_table(_context: Any, _revision: Any, operation: ops.CreateTableOp) -> Iterable[Any]:
    table = full_metadata().tables[f"{operation.schema}.{operation.table_name}"]
    operation.info.clear()  # the finishing call says it; Alembic would only print the object
    # At once, before indexes and children: on Citus a table is distributed while it is empty, parents first.
    return [operation, FinishTable(table)]


async def make_revision(migrator_url: str, *, message: str) -> Path | None:
    """Compare the models with this database (at head) and write the next revision; None if there is nothing to write."""
    number = f"{int(head_revision() or '0') + 1:04d}"
    metadata = full_metadata()
    checks, unchecks = await on_connection(
        migrator_url, lambda connection: check_operations(connection, metadata)
    )
    regranted = await on_connection(
        migrator_url, lambda connection: tables_with_other_grants(connection, metadata)
    )

    def _skip_empty(context: Any, revision: Any, directives: list[Any]) -> None:
        _writer(context, revision, directives)
        directives[0].upgrade_ops.ops.extend([*checks, *(RenewGrants(table) for table in regranted)])
        directives[0].downgrade_ops.ops[:0] = unchecks
        if directives[0].upgrade_ops.is_empty():
            directives.clear()

    def work(connection: Connection) -> Any:
        return command.revision(
            alembic_config(connection),
            message=message,
            autogenerate=True,
            rev_id=number,
            process_revision_directives=_skip_empty,
        )

    script = await on_connection(migrator_url, work)
    made = next((each for each in (script if isinstance(script, list) else [script]) if each), None)
    return Path(made.path) if made is not None else None
