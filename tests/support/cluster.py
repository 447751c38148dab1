"""One throw-away PostgreSQL and Valkey per test run, a migrated template database, and one clone of it per xdist worker.

`TEST_DATABASE_URL` (a superuser of a server kept for tests) takes the place of the embedded PostgreSQL, `TEST_REDIS_URL` of Valkey.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

from storefront.embedded.servers import EmbeddedServers, start_servers
from storefront.migrations.run import upgrade
from storefront.provision import APP, MIGRATOR, WORKER, connect, provision

TEMPLATE = "storefront_template"


@dataclass(frozen=True)
class ClusterAddress:
    """What a test process must know to use the run's servers; plain strings, so that xdist can hand it to its workers."""

    superuser_url: str
    redis_url: str
    template: str

    def url(self, role: str, *, database: str) -> str:
        """A database's URL under one of the application's roles."""
        return _under_role(self.superuser_url, role, database=database)


def run_apart(work: Coroutine[object, object, None]) -> None:
    """Run to the end on a loop of its own, leaving the tests' loop alone."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(work)


class ThrowawayCluster:
    """The run's servers, started in its first process."""

    def __init__(self) -> None:
        external, redis_url = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
        self.folder = Path(tempfile.mkdtemp(prefix="storefront-tests-"))
        self.folder.chmod(0o755)
        self.servers: EmbeddedServers | None = None
        if not external or not redis_url:
            self.servers = start_servers(
                self.folder, throwaway=True, with_postgres=not external, with_valkey=not redis_url
            )
        self.template = TEMPLATE if not external else f"{TEMPLATE}_{uuid4().hex[:8]}"
        superuser = external or self.servers.superuser_url
        self.address = ClusterAddress(superuser, redis_url or self.servers.redis_url, self.template)
        run_apart(self._make_template())

    async def _make_template(self) -> None:
        await provision(self.address.superuser_url, database=self.template)
        password = urlsplit(self.address.superuser_url).password
        if password:
            connection = await connect(self.address.superuser_url)
            try:
                for role in (MIGRATOR, APP, WORKER):
                    await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
            finally:
                await connection.close()
        await upgrade(self.address.url(MIGRATOR, database=self.template))

    def stop(self) -> None:
        """Stop what was started and leave nothing behind."""
        if self.servers is not None:
            self.servers.stop()
        elif os.environ.get("TEST_DATABASE_URL"):
            run_apart(drop_database(self.address, self.template))
        shutil.rmtree(self.folder, ignore_errors=True)


async def clone_template(address: ClusterAddress, name: str) -> None:
    """Make a database of this name as a copy of the migrated template (about 30 ms)."""
    connection = await connect(address.superuser_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        # Copying reads the template's files, so two clones may not be made at the same instant; the lock lines them up.
        await connection.execute("SELECT pg_advisory_lock(20260101)")
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{address.template}"')
    finally:
        await connection.close()


async def drop_database(address: ClusterAddress, name: str) -> None:
    """Remove a clone."""
    connection = await connect(address.superuser_url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


def _under_role(url: str, role: str, *, database: str) -> str:
    """The same server, another role and database; the superuser's password, if any, is the roles' as well (tests only)."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    login = f"{role}:{quote(parts.password)}" if parts.password else role
    scheme = parts.scheme if "+" in parts.scheme else "postgresql+asyncpg"
    return urlunsplit((scheme, f"{login}@{place}", f"/{database}", parts.query, ""))
