"""The start-up gate: what must be true of the database before we serve from it, and what to do where it is not.

Looks as the application itself, through its own role: a privilege this role should not have is a fault, not a help. Changes nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from storefront.catalogue_allow_list import ALLOWED
from storefront.migrations.declared import FOUND, compared, declared
from storefront.migrations.head import VERSION_TABLE, head_revision
from storefront.migrations.metadata import full_metadata
from storefront.provision import APP, CLIENT_SETTINGS, WORKER, connect
from storefront.settings import SettingInvalid, Settings

CATALOGUE = (Path(__file__).parent / "catalogue.sql").read_text(encoding="utf-8")
FURTHEST_CLOCK = timedelta(seconds=2)
DATABASE_AWAY_SECONDS = 30

SAFE_MINORS = {15: 14, 16: 10, 17: 6, 18: 0}
"""Older minors show rows through statistics that policies should hide (CVE-2025-8713). Newer majors are taken as safe."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and what a person does about it."""

    check: str
    line: str
    fix: str


class GateClosed(RuntimeError):
    """We refuse to serve from this database."""

    def __init__(self, faults: list[Fault]) -> None:
        """Say each fault on a line of its own."""
        self.faults = faults
        lines = "\n".join(f"  - {fault.line}\n    {fault.fix}" for fault in faults)
        super().__init__(f"refusing to serve:\n{lines}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check looks at: an open connection, and the role it should be."""

    connection: asyncpg.Connection
    role: str


Finding = tuple[str, str]
"""What is wrong, and the fix."""
Check = Callable[[Asked], Awaitable[list[Finding]]]


async def _role(asked: Asked) -> list[Finding]:
    row = await asked.connection.fetchrow(
        "SELECT current_user AS role, rolsuper, rolbypassrls, EXISTS ("
        "SELECT FROM pg_roles owner WHERE owner.rolname = 'app_owner' AND pg_has_role(owner.oid, 'MEMBER')) AS owns"
        " FROM pg_roles WHERE rolname = current_user"
    )
    fix = f"connect as {asked.role}, created by `storefront migrate --print-roles`"
    findings = []
    if row["role"] != asked.role:
        findings.append((f"the database is open as {row['role']}, not as {asked.role}", fix))
    if row["rolsuper"]:
        findings.append((f"{row['role']} is a superuser: row-level security does not hold for it", fix))
    elif row["rolbypassrls"]:
        findings.append((f"{row['role']} may bypass row-level security", fix))
    elif row["owns"]:
        findings.append((f"{row['role']} is a member of the tables' owner", fix))
    return findings


async def _role_settings(asked: Asked) -> list[Finding]:
    findings = []
    for name, wanted in CLIENT_SETTINGS.items():
        given = await asked.connection.fetchval("SELECT current_setting($1, true)", name)
        # Timeouts may be tuned but not switched off; the Citus names must be exact, or tenants see nothing there.
        wrong = given != wanted if name.startswith("citus.") else given in (None, "", "0")
        if wrong:
            fix = f"ALTER ROLE {asked.role} SET {name} = '{wanted}'"
            findings.append((f"the role setting {name} is {given or 'missing'}", fix))
    return findings


async def _version(asked: Asked) -> list[Finding]:
    number = int(await asked.connection.fetchval("SELECT current_setting('server_version_num')"))
    major, minor = divmod(number, 10000)
    oldest = min(SAFE_MINORS)
    if major < oldest:
        return [
            (
                f"PostgreSQL {major}.{minor} is too old",
                f"use PostgreSQL {oldest}.{SAFE_MINORS[oldest]} or newer",
            )
        ]
    if minor < SAFE_MINORS.get(major, 0):
        needed = f"{major}.{SAFE_MINORS[major]}"
        return [
            (f"PostgreSQL {major}.{minor} has a known leak through row-level security", f"update to {needed}")
        ]
    return []


async def _locale(asked: Asked) -> list[Finding]:
    encoding = await asked.connection.fetchval("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        return [(f"the database's encoding is {encoding}", "create it with ENCODING 'UTF8'")]
    knows_letters = await asked.connection.fetchval("SELECT '中' ~ '^\\w$' AND lower('É') = 'é'")
    if not knows_letters:
        return [
            (
                "the database's LC_CTYPE does not know Chinese characters as letters",
                "create it with LC_CTYPE 'C.UTF-8' (or any UTF-8 locale), not 'C'",
            )
        ]
    return []


async def _clock(asked: Asked) -> list[Finding]:
    before = datetime.now(UTC)
    theirs = await asked.connection.fetchval("SELECT clock_timestamp()")
    ours = before + (datetime.now(UTC) - before) / 2
    if abs(ours - theirs) <= FURTHEST_CLOCK:
        return []
    seconds = (ours - theirs).total_seconds()
    return [(f"our clock and the database's differ by {seconds:+.1f} s", "run NTP (chrony) on both machines")]


async def _revision(asked: Asked) -> list[Finding]:
    fix = "run `storefront migrate`"
    if await asked.connection.fetchval(f"SELECT to_regclass('app.{VERSION_TABLE}') IS NULL"):
        return [("the database has never been migrated", fix)]
    found = await asked.connection.fetchval(f"SELECT version_num FROM app.{VERSION_TABLE}")
    head = head_revision()
    if found == head:
        return []
    if (found or "") > (head or ""):
        fix = "update this installation: another one has migrated the database further"
    return [(f"the database is at revision {found or 'none'}, this program at {head}", fix)]


async def _durability(asked: Asked) -> list[Finding]:
    """A commit that was acknowledged is on disk; whoever starts a server for tests says otherwise on its command line."""
    rows = await asked.connection.fetch(
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        " AND setting = 'off' AND source <> 'command line' ORDER BY name"
    )
    fix = "switch it on: an order that was paid must outlive a power cut"
    return [(f"{row['name']} is off", fix) for row in rows]


async def _catalogue(asked: Asked) -> list[Finding]:
    fix = "a migration must put it right, or, if it is meant, storefront/catalogue_allow_list.py must name it with its reason"
    # At another revision every difference from the models is one sentence, and the check of migrations has said it.
    at_head = not await _revision(asked)
    found = await catalogue_faults(asked.connection, compare=at_head)
    return [(f"the catalogue has drifted: {fault} {what}", fix) for fault, what in found]


async def catalogue_faults(connection: asyncpg.Connection, *, compare: bool = True) -> list[tuple[str, str]]:
    """Every fault of the catalogue that the allow-list does not name; with `compare`, every difference from the models too."""
    async with connection.transaction(readonly=True):
        await connection.execute("SET LOCAL search_path = pg_catalog")  # so that names come with their schema
        rows = await connection.fetch(CATALOGUE)
        parts = await connection.fetch(FOUND) if compare else None
    faults = [(row["fault"], row["what"]) for row in rows]
    if parts is not None:
        found = {(row["part"], row["whose"], row["what"]) for row in parts}
        differences = compared(declared(full_metadata()), found)
        faults += [(fault, f"app.{whose}: {what}") for fault, whose, what in differences]
    return [fault for fault in faults if fault not in ALLOWED]


CHECKS: dict[str, Check] = {
    "role": _role,
    "role settings": _role_settings,
    "server version": _version,
    "encoding and locale": _locale,
    "clock": _clock,
    "durability": _durability,
    "migrations": _revision,
    "catalogue": _catalogue,
}


LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection says whose database went away in the middle of a check."""
GOING_AWAY = ("08", "57P")
"""What the database itself says then (connection exceptions, operator intervention)."""


async def look(url: str, *, role: str = APP) -> dict[str, list[Fault]]:
    """Run every check on this database as this role; what is found, by check."""
    try:
        connection = await connect(url)
    except (OSError, asyncpg.PostgresError) as error:
        return _unreachable(role, error)
    asked = Asked(connection, role)
    found: dict[str, list[Fault]] = {"connection": []}
    try:
        for name, check in CHECKS.items():
            found[name] = [Fault(name, line, fix) for line, fix in await _answered(check, asked)]
        await connection.close()
    except LOST as error:
        return _unreachable(role, error)
    finally:
        connection.terminate()
    return found


def _unreachable(role: str, error: Exception) -> dict[str, list[Fault]]:
    told = f"the database cannot be reached as {role}: {error}"
    return {
        "connection": [Fault("connection", told, "check DATABASE_URL, the server and the role's password")]
    }


async def _answered(check: Check, asked: Asked) -> list[Finding]:
    """A check that the database refuses to answer is a finding too."""
    try:
        return await check(asked)
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "").startswith(GOING_AWAY):
            raise ConnectionError(str(error)) from error
        return [(f"the database does not answer the check: {error}", "look at the server's log")]


def key_faults(settings: Settings) -> list[Fault]:
    """Whether the keys can be read at all: without them no secret opens and no token verifies."""
    faults = []
    readers: dict[str, Callable[[], Any]] = {
        "STOREFRONT_MASTER_KEYS": settings.key_ring,
        "STOREFRONT_TOKEN_KEY": settings.token_key,
    }
    for name, read in readers.items():
        try:
            read()
        except SettingInvalid as error:
            faults.append(Fault("keys", str(error), f"set {name}; `storefront up` makes its own"))
    return faults


async def require_open(settings: Settings, *, role: str = APP) -> None:
    """Refuse to serve (GateClosed) unless every check passes; `role` is app_rw for the API, app_worker for the worker."""
    url = settings.database_worker_url if role == WORKER else settings.database_url
    faults = key_faults(settings)
    if url is None:
        name = "DATABASE_WORKER_URL" if role == WORKER else "DATABASE_URL"
        faults.append(Fault("connection", f"{name} is not set", "set it, or use `storefront up`"))
    else:
        faults += [fault for findings in (await look(url, role=role)).values() for fault in findings]
    if faults:
        raise GateClosed(faults)


def require_open_at_load(settings: Settings) -> None:
    """The same for a program that is being loaded by its server: in a thread, because the server's event loop may be set already.

    A server that replaces a failed process while the database restarts would otherwise see it fail again, and give up: so it waits.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="gate") as apart:
        apart.submit(asyncio.run, _require_open_in_time(settings)).result()


async def _require_open_in_time(settings: Settings) -> None:
    deadline = time.monotonic() + DATABASE_AWAY_SECONDS
    while True:
        try:
            await require_open(settings)
        except GateClosed as closed:
            is_away = settings.database_url and all(fault.check == "connection" for fault in closed.faults)
            if not is_away or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return
