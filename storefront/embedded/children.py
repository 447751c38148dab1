"""Direct children that end with us: started with a death signal, stopped in order, never left behind.

A child started by `pg_ctl` would be re-parented and outlive a killed supervisor; a direct child with PR_SET_PDEATHSIG does not.
The signal is bound to the starting thread, so children are started from the main thread only.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storefront.embedded.accounts import Account
from storefront.embedded.errors import ServerFailed

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 30.0
LOG_ROTATES_AT = 10 * 1024 * 1024


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a server or database tool: nothing that would redirect it (PG*), nothing secret."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC", **more}


def _death_signal(number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec: ask the kernel to signal it when we die (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes  # noqa: PLC0415 only where prctl exists

    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return ask


@dataclass(slots=True)
class Child:
    """A running child: its name, its log, and how it wants to be stopped."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path | None
    stop_signal: signal.Signals
    kill_signal: signal.Signals

    @property
    def pid(self) -> int:
        """The operating system's number of the child."""
        return self.popen.pid

    def ended(self) -> bool:
        """Whether the child has ended."""
        return self.popen.poll() is not None

    def last_words(self, *, lines: int = 12) -> str:
        """The end of the child's log."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def require_alive(self) -> None:
        """Raise with the child's last words if it has ended."""
        if self.ended():
            raise ServerFailed(
                f"{self.name} ended with code {self.popen.returncode}; its log {self.log} says:\n{self.last_words()}"
            )

    def ask_to_stop(self) -> None:
        """Ask the child to end in its own way."""
        if not self.ended():
            self.popen.send_signal(self.stop_signal)

    def wait(self, *, seconds: float = STOP_SECONDS) -> bool:
        """Wait for the end of a child that was asked to; one that does not end is killed. True if it ended by itself."""
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.send_signal(self.kill_signal)
            self.popen.wait(seconds)
            return False
        return True


def start_child(
    name: str,
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path | None,
    environment: Mapping[str, str],
    account: Account | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    kill_signal: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start a direct child in a session of its own, so that Ctrl-C reaches only us and we stop things in order."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "children are started from the main thread: the death signal is bound to the thread"
        )
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    sink = None if log is None else _open_log(log)
    try:
        popen = subprocess.Popen(  # noqa: S603 a server's own binary and our options
            [str(part) for part in command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT if sink is not None else None,
            start_new_session=True,
            preexec_fn=_death_signal(stop_signal),  # noqa: PLW1509 started before any thread, see the docstring
            **identity,  # type: ignore[call-overload]
        )
    finally:
        if sink is not None:
            os.close(sink)
    return Child(name=name, popen=popen, log=log, stop_signal=stop_signal, kill_signal=kill_signal)


def _open_log(log: Path) -> int:
    if log.exists() and log.stat().st_size > LOG_ROTATES_AT:
        log.replace(log.with_name(log.name + ".1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


def wait_until(
    ready: Callable[[], bool], *, child: Child, what: str, seconds: float = 60.0, pause: float = 0.01
) -> None:
    """Wait until `ready()`; raise with the child's last words if it ends first or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        child.require_alive()
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"{child.name} did not {what} within {seconds:.0f} s; its log {child.log} says:\n{child.last_words()}"
            )
        time.sleep(pause)


def is_running(pid: int, *, marker: str) -> bool:
    """Whether a process with this number lives and its command line contains `marker` (numbers are re-used)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return marker.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()  # empty for a zombie
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    listed = subprocess.run(  # noqa: S603 a number and constants
        ["ps", "-p", str(pid), "-o", "command="],  # noqa: S607 found in PATH where there is no /proc
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return marker in listed.stdout


def outlast(pid: int, *, marker: str, patience: float = 5.0, seconds: float = STOP_SECONDS) -> bool:
    """Wait for an orphan of an earlier run to end, then ask it to (SIGINT); True once it is gone."""
    asked = False
    started = time.monotonic()
    while is_running(pid, marker=marker):
        waited = time.monotonic() - started
        if waited > patience and not asked:
            os.kill(pid, signal.SIGINT)
            asked = True
        if waited > patience + seconds:
            return False
        time.sleep(0.05)
    return True
