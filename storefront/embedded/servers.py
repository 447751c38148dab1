"""Both servers together: started side by side, addressed by URL, stopped in order."""

import atexit
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from storefront.embedded.accounts import servers_account
from storefront.embedded.binaries import postgres_binaries, valkey_binary
from storefront.embedded.children import Child
from storefront.embedded.folder import StateFolder, open_folder
from storefront.embedded.postgres import (
    SUPERUSER,
    make_cluster,
    outlast_postgres,
    start_postgres,
    wait_for_postgres,
)
from storefront.embedded.valkey import outlast_valkey, start_valkey, wait_for_valkey

DATABASE = "storefront"


def _silent(_line: str) -> None:
    """Say nothing."""


@dataclass(slots=True)
class EmbeddedServers:
    """The running servers of one state folder."""

    state: StateFolder
    run: Path
    binaries: Path | None
    postgres: Child | None
    valkey: Child | None
    stopped: bool = False

    def database_url(self, role: str, *, database: str = DATABASE) -> str:
        """The URL for SQLAlchemy under this role."""
        return f"postgresql+asyncpg://{role}@/{database}?host={quote(str(self.run / 'pg'), safe='/')}"

    @property
    def superuser_url(self) -> str:
        """The bootstrap superuser's URL, for `storefront.provision` only."""
        return self.database_url(SUPERUSER, database="postgres")

    @property
    def redis_url(self) -> str:
        """The URL for redis-py."""
        return f"unix://{quote(str(self.run / 'valkey' / 'valkey.sock'), safe='/')}"

    def children(self) -> list[Child]:
        """The servers' processes."""
        return [child for child in (self.valkey, self.postgres) if child is not None]

    def wait_ready(self) -> None:
        """Wait until both answer; if one does not, stop both and raise with its last words."""
        try:
            if self.postgres is not None:
                wait_for_postgres(self.state, self.postgres)
            if self.valkey is not None:
                wait_for_valkey(self.valkey, run=self.run)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> list[str]:
        """Stop both, remove the run folder, free the lock; returns the names of servers that had to be killed."""
        if self.stopped:
            return []
        self.stopped = True
        atexit.unregister(self.stop)
        for child in self.children():  # ask both before waiting for either
            child.ask_to_stop()
        killed = [child.name for child in self.children() if not child.wait()]
        (self.state.home / "valkey.pid").unlink(missing_ok=True)
        self.state.close(self.run)
        return killed


def start_servers(
    home: Path,
    *,
    throwaway: bool = False,
    with_postgres: bool = True,
    with_valkey: bool = True,
    say: Callable[[str], None] = _silent,
) -> EmbeddedServers:
    """Start the servers of this state folder and wait until both answer; `throwaway` trades durability for speed (tests)."""
    servers = launch_servers(
        home, throwaway=throwaway, with_postgres=with_postgres, with_valkey=with_valkey, say=say
    )
    servers.wait_ready()
    return servers


def launch_servers(
    home: Path,
    *,
    throwaway: bool = False,
    with_postgres: bool = True,
    with_valkey: bool = True,
    say: Callable[[str], None] = _silent,
) -> EmbeddedServers:
    """Start the servers and return at once, for a caller that has something to do before `wait_ready`."""
    account = servers_account()
    state = open_folder(home, account=account)
    servers: EmbeddedServers | None = None
    try:
        outlast_postgres(state)
        outlast_valkey(state)
        servers = EmbeddedServers(state, state.make_run_folder(), None, None, None)
        atexit.register(servers.stop)
        if with_valkey:
            binary = valkey_binary(state.home, account=account)
            servers.valkey = start_valkey(state, binary=binary, run=servers.run, throwaway=throwaway)
        if with_postgres:
            servers.binaries = postgres_binaries(state.home, account=account)
            if not state.cluster.exists():
                say("creating the database cluster")
            make_cluster(state, binaries=servers.binaries, throwaway=throwaway)
            servers.postgres = start_postgres(
                state, binaries=servers.binaries, run=servers.run, throwaway=throwaway
            )
    except BaseException:
        if servers is not None:
            servers.stop()
        else:
            state.close()
        raise
    return servers
