"""Where a migrated database differs from the models: columns, keys, indexes, CHECKs, policies' doors and grants.

Alembic's comparison does not see CHECK constraints, grants or policies, so those are compared here.
"""

import re

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, MetaData, Table, text

from storefront.migrations.run import comparison_options

_CHECKS = text(
    "SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'app' AND k.contype = 'c'"
)
_TABLE_GRANTS = text(
    "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants"
    " WHERE table_schema = 'app' AND grantee IN ('app_rw', 'app_worker')"
)
_COLUMN_GRANTS = text(
    "SELECT c.relname, r.rolname, acl.privilege_type, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(a.attacl) acl"
    " JOIN pg_roles r ON r.oid = acl.grantee WHERE n.nspname = 'app' AND r.rolname IN ('app_rw', 'app_worker')"
)
_FOUND_BY_WORKER = text(
    "SELECT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'app' AND p.polname = 'worker_find'"
)
_PRIVILEGE = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)\s*(?:\(([^)]*)\))?")


def differences(connection: Connection) -> list[str]:
    """Every difference, one line each; empty when the database is what the models say."""
    options = comparison_options()
    metadata = options.pop("target_metadata")
    context = MigrationContext.configure(connection, opts={**options, "target_metadata": metadata})
    lines = [f"schema: {difference}" for difference in compare_metadata(context, metadata)]
    return lines + _check_differences(connection, metadata) + _grant_differences(connection, metadata)


def _check_differences(connection: Connection, metadata: MetaData) -> list[str]:
    wanted = {
        (table.name, str(constraint.name))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    found = {(row.relname, row.conname) for row in connection.execute(_CHECKS)}
    missing = [f"CHECK {name} of {table} is missing" for table, name in sorted(wanted - found)]
    return missing + [f"CHECK {name} of {table} is in no model" for table, name in sorted(found - wanted)]


def _grant_differences(connection: Connection, metadata: MetaData) -> list[str]:
    wanted = {
        (str(table.name), role, privilege)
        for table in metadata.tables.values()
        for role in ("app_rw", "app_worker")
        for privilege in declared_privileges(str(table.info[role]))
    }
    ours = {str(table.name) for table in metadata.tables.values()}
    found = {(row[0], row[1], row[2]) for row in connection.execute(_TABLE_GRANTS) if row[0] in ours}
    found |= {
        (row[0], row[1], f"{row[2]} ({row[3]})")
        for row in connection.execute(_COLUMN_GRANTS)
        if row[0] in ours
    }
    lines = [f"{role} lacks {what} on {table}" for table, role, what in sorted(wanted - found)]
    lines += [f"{role} has {what} on {table}, undeclared" for table, role, what in sorted(found - wanted)]
    doors = {row.relname for row in connection.execute(_FOUND_BY_WORKER)}
    declared = {str(table.name) for table in metadata.tables.values() if _worker_finds(table)}
    return lines + [f"worker_find differs on {table}" for table in sorted(doors ^ declared)]


def _worker_finds(table: Table) -> bool:
    return bool(table.info["worker_finds"])


def declared_privileges(text_of_grant: str) -> set[str]:
    """'SELECT, UPDATE (a, b)' as {'SELECT', 'UPDATE (a)', 'UPDATE (b)'}."""
    privileges = set()
    for privilege, columns in _PRIVILEGE.findall(text_of_grant):
        names = [name.strip() for name in columns.split(",") if name.strip()]
        privileges |= {f"{privilege} ({name})" for name in names} or {privilege}
    return privileges
