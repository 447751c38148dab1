"""Roles, database, extensions and schema: what only a superuser may set up, and nothing else is ever done as one.

The same statements run on the embedded server, in the tests, and, printed by `storefront migrate --print-roles`, by whoever
administers an external server. All of them may be run again: they describe a state, not a step.
"""

from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

OWNER, MIGRATOR, APP, WORKER, BACKUP = (
    "app_owner", "app_migrator", "app_rw", "app_worker", "app_backup",
)  # fmt: skip
SCHEMA = "app"

ROLES = {
    OWNER: "NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION",
    # Under FORCE an owner's UPDATE touches nothing and its foreign keys are validated blindly, so migrations bypass policies.
    MIGRATOR: "LOGIN NOSUPERUSER BYPASSRLS INHERIT NOCREATEROLE NOCREATEDB NOREPLICATION",
    APP: "LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT NOCREATEROLE NOCREATEDB NOREPLICATION",
    WORKER: "LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT NOCREATEROLE NOCREATEDB NOREPLICATION",
    BACKUP: "LOGIN NOSUPERUSER BYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION",
    # Owns the one search function: text search operators are not leakproof and could use no index under row-level security.
}
MEMBERSHIPS = ((OWNER, MIGRATOR), ("pg_read_all_data", BACKUP))

CLIENT_SETTINGS = {
    "citus.propagate_set_commands": "local",  # without it SET LOCAL does not reach the workers: no rows
    "citus.override_table_visibility": "off",  # without it the driver's type look-up takes seconds there
    "lock_timeout": "3s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
}
"""Plain PostgreSQL accepts the citus.* names and ignores them."""
ROLE_SETTINGS = {
    APP: CLIENT_SETTINGS,
    WORKER: CLIENT_SETTINGS,
    # Default table visibility: with it off, reflection sees shard tables.
    MIGRATOR: {"citus.propagate_set_commands": "local", "lock_timeout": "5s"},
    BACKUP: {"citus.propagate_set_commands": "local"},
}
EXTENSIONS = ("btree_gin", "btree_gist", "pg_stat_statements")


def role_statements() -> list[str]:
    """Cluster-wide: the roles, their memberships and settings."""
    statements = []
    for role, attributes in ROLES.items():
        statements.append(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')"
            f" THEN CREATE ROLE {role}; END IF; END $$"
        )
        statements.append(f"ALTER ROLE {role} {attributes}")
    statements += [f"GRANT {group} TO {member}" for group, member in MEMBERSHIPS]
    statements += [
        f"ALTER ROLE {role} SET {name} = '{value}'"
        for role, settings in ROLE_SETTINGS.items()
        for name, value in settings.items()
    ]
    return statements


def schema_statements() -> list[str]:
    """In our database: extensions, the schema, and who may enter it. Tables and their grants belong to the migrations."""
    statements = [f"CREATE EXTENSION IF NOT EXISTS {extension}" for extension in EXTENSIONS]
    statements += [
        f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {OWNER}",
        f"ALTER SCHEMA {SCHEMA} OWNER TO {OWNER}",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {APP}, {WORKER}, {BACKUP}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ]
    return statements


def printed_roles(*, database: str = "storefront") -> str:
    """The whole set-up as a psql script for an external server; passwords are left to the person who runs it."""

    def block(statements: Iterable[str]) -> str:
        return "\n".join(f"{statement};" for statement in statements)

    passwords = "\n".join(f"\\password {role}" for role in (MIGRATOR, APP, WORKER, BACKUP))
    return f"""-- Run once as a superuser: psql -v ON_ERROR_STOP=1 -d postgres -f this-file
-- On a managed server without a superuser, the citus.* settings need GRANT SET ON PARAMETER, or Citus is not used there.
{block(role_statements())}
SELECT 'CREATE DATABASE {database} TEMPLATE template0 ENCODING ''UTF8'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
\\connect {database}
{block(schema_statements())}
-- Choose passwords (asked for one by one):
{passwords}
"""


def asyncpg_arguments(url: str) -> dict[str, object]:
    """What asyncpg's `connect` wants, from a SQLAlchemy URL; nothing is taken from PG* variables."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    arguments: dict[str, object] = {
        "host": query.get("host") or parts.hostname or "localhost",
        "port": parts.port or 5432,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")),
    }
    if "ssl" in query:
        arguments["ssl"] = query["ssl"]
    return arguments


async def connect(url: str, *, database: str | None = None) -> asyncpg.Connection:
    """Open one plain connection, for the few things that are not the application's."""
    arguments = asyncpg_arguments(url)
    if database is not None:
        arguments["database"] = database
    return await asyncpg.connect(**arguments)


async def provision(superuser_url: str, *, database: str) -> bool:
    """Bring roles, database, extensions and schema to their state; True if the database was made now."""
    connection = await connect(superuser_url)
    try:
        await connection.execute(";\n".join(role_statements()))
        exists = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database)
        if not exists:
            await connection.execute(f'CREATE DATABASE "{database}"')
    finally:
        await connection.close()
    inside = await connect(superuser_url, database=database)
    try:
        await inside.execute(";\n".join(schema_statements()))
    finally:
        await inside.close()
    return not exists
