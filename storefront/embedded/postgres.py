"""The embedded PostgreSQL: a cluster made once, a direct child on a unix socket, ready or explained."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from storefront.embedded.children import Child, clean_environment, outlast, start_child, wait_until
from storefront.embedded.errors import ServerFailed
from storefront.embedded.folder import StateFolder

SUPERUSER = "storefront"
"""The bootstrap account of initdb. It passes through row-level security, so only `storefront.provision` uses it."""

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_preload_libraries": "pg_stat_statements",
    "jit": "off",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_buffers": "64MB",
    "max_wal_size": "4GB",
    "work_mem": "16MB",
    "timezone": "UTC",
    # A fresh table has no statistics, and until it has, one tenant's rows look few: foreign keys are then checked through any index that starts
    # with tenant_id. A minute of that makes the first large import crawl.
    "autovacuum_naptime": "5s",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
THROWAWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "4GB",
    "max_connections": "300",
}
"""For tests: fast, and worthless after a crash."""


def make_cluster(state: StateFolder, *, binaries: Path, throwaway: bool) -> bool:
    """Run initdb unless there is a cluster; True if one was made.

    initdb writes PG_VERSION first, so a cluster counts only after the rename: an aborted one is deleted and made anew.
    """
    if state.cluster.exists():
        return False
    part = state.cluster.with_name(state.cluster.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    if state.account is not None:
        state.account.own(part)
    identity = (
        {} if state.account is None
        else {"user": state.account.uid, "group": state.account.gid, "extra_groups": []}
    )  # fmt: skip
    # With LC_CTYPE=C Chinese text has no word characters for PostgreSQL; the built-in C.UTF-8 behaves the same everywhere.
    ctype = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    command = [
        str(binaries / "initdb"), f"--pgdata={part}", f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C", f"--lc-ctype={ctype}",
        "--no-instructions", *(["--no-sync"] if throwaway else []),
    ]  # fmt: skip
    made = subprocess.run(  # type: ignore[call-overload]  # noqa: S603 the wheel's binary and our options
        command, cwd=part, env=clean_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **identity,
    )  # fmt: skip
    if made.returncode:
        shutil.rmtree(part, ignore_errors=True)
        raise ServerFailed(f"initdb failed with code {made.returncode}:\n{made.stdout.strip()}")
    part.rename(state.cluster)
    return True


def start_postgres(state: StateFolder, *, binaries: Path, run: Path, throwaway: bool) -> Child:
    """Start the server and return at once; `wait_for_postgres` says when it answers."""
    settings = {
        **SETTINGS,
        **(THROWAWAY_SETTINGS if throwaway else {}),
        "unix_socket_directories": str(run / "pg"),
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return start_child(
        "PostgreSQL",
        [binaries / "postgres", "-D", state.cluster, *options],
        folder=state.cluster,
        log=state.log("postgres"),
        environment=clean_environment(),
        account=state.account,
        stop_signal=signal.SIGINT,  # SIGTERM would wait for clients to leave
        kill_signal=signal.SIGQUIT,
    )


def wait_for_postgres(state: StateFolder, child: Child) -> None:
    """Wait until the server accepts connections: it says so itself in the last line of its pid file, as pg_ctl reads it."""

    def ready() -> bool:
        try:
            lines = (state.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0].strip() == str(child.pid) and lines[7].strip() == "ready"  # noqa: PLR2004

    wait_until(ready, child=child, what="accept connections")


def outlast_postgres(state: StateFolder) -> None:
    """Wait for the server of a supervisor that was killed: the lock is free before its children are gone."""
    pid_file = state.cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not outlast(pid, marker=str(state.cluster)):
        raise ServerFailed(
            f"an earlier PostgreSQL (process {pid}) still runs on {state.cluster}: stop it first"
        )
