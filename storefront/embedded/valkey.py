"""The embedded Valkey: a direct child on a unix socket. It holds nothing that must be true."""

import os
import signal
import socket
from pathlib import Path

from storefront.embedded.children import Child, clean_environment, outlast, start_child, wait_until
from storefront.embedded.errors import ServerFailed
from storefront.embedded.folder import StateFolder


def start_valkey(state: StateFolder, *, binary: Path, run: Path, throwaway: bool) -> Child:
    """Start the server and return at once; `wait_for_valkey` says when it answers."""
    state.valkey.mkdir(mode=0o700, exist_ok=True)
    if state.account is not None:
        os.chown(state.valkey, state.account.uid, state.account.gid)
    # The append-only file is a comfort (caches and console log-ins survive a restart), so it is off where nobody comes back.
    # Keys carry an expiry; when memory is full the ones nearest to it go first.
    options = {
        "port": "0", "unixsocket": str(run / "valkey" / "valkey.sock"), "unixsocketperm": "700", "dir": str(state.valkey),
        "pidfile": str(state.valkey / "valkey.pid"), "daemonize": "no", "save": "", "databases": "64",
        "appendonly": "no" if throwaway else "yes", "maxmemory": "256mb", "maxmemory-policy": "volatile-ttl",
    }  # fmt: skip
    child = start_child(
        "Valkey",
        [binary, *(part for name, value in options.items() for part in (f"--{name}", value))],
        folder=state.valkey,
        log=state.log("valkey"),
        environment=clean_environment(),
        account=state.account,
        stop_signal=signal.SIGTERM,
    )
    (state.home / "valkey.pid").write_text(str(child.pid))
    return child


def wait_for_valkey(child: Child, *, run: Path) -> None:
    """Wait for PONG; a refused connection and -LOADING both mean not yet."""
    path = str(run / "valkey" / "valkey.sock")

    def ready() -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1)
                client.connect(path)
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    wait_until(ready, child=child, what="answer")


def outlast_valkey(state: StateFolder) -> None:
    """Wait for the server of a supervisor that was killed, so that two never write one append-only file."""
    try:
        pid = int((state.home / "valkey.pid").read_text())
    except (FileNotFoundError, ValueError):
        return
    if not outlast(pid, marker="valkey-server"):
        raise ServerFailed(f"an earlier Valkey (process {pid}) still runs on {state.valkey}: stop it first")
