"""Where a migrated database differs from the models: columns, keys, indexes, CHECKs, the worker's doors and grants.

Alembic compares columns with their types and defaults; it does not see CHECK constraints, grants or policies. `declared` and `unseen` do.
"""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from storefront.migrations.declared import FOUND, compared, declared
from storefront.migrations.run import comparison_options
from storefront.migrations.unseen import changed_checks


def differences(connection: Connection) -> list[str]:
    """Every difference, one line each; empty when the database is what the models say."""
    options = comparison_options()
    metadata = options.pop("target_metadata")
    context = MigrationContext.configure(connection, opts={**options, "target_metadata": metadata})
    lines = [f"schema: {difference}" for difference in compare_metadata(context, metadata)]
    found = {(row.part, row.whose, row.what) for row in connection.execute(text(FOUND))}
    lines += [
        f"check: {check.table}: {check.name}: declared {check.declared}, found {check.found}"
        for check in changed_checks(connection, metadata)
        if check.declared and check.found
    ]
    return lines + [f"{fault}: {whose}: {what}" for fault, whose, what in compared(declared(metadata), found)]
