"""The state folder: where it is, whose it is, and the short-lived run folder beside it.

`flock` on the state folder keeps two servers off the same files (Valkey takes no lock of its own). Sockets live in a run folder
under the system's temporary folder, because a socket's path is limited to about 100 bytes.
"""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from storefront.embedded.accounts import Account, closed_parent, require_reachable
from storefront.embedded.errors import EmbeddedFault, FolderTaken

RUN_PREFIX = "storefront-"
LONGEST_SOCKET_FOLDER = 80
"""Bytes, leaving room for the socket's name within macOS's 104."""


def default_home(*, configured: Path | None = None) -> Path:
    """The state folder: as configured (STOREFRONT_HOME), else the system's for root, else the user's own."""
    if configured is not None:
        return configured.expanduser().absolute()
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/storefront")
    from platformdirs import user_data_path  # noqa: PLC0415 not needed when a folder is named

    return user_data_path("storefront", appauthor=False)


@dataclass(slots=True)
class StateFolder:
    """A locked state folder; the lock lives as long as this object's file stays open."""

    home: Path
    account: Account | None
    lock: TextIOWrapper

    @property
    def cluster(self) -> Path:
        """PostgreSQL's cluster; one per major version, since a new major does not open an old one."""
        return self.home / "pg18"

    @property
    def valkey(self) -> Path:
        """Valkey's working folder."""
        return self.home / "valkey"

    def log(self, name: str) -> Path:
        """The log file of a server or process."""
        return self.home / f"{name}.log"

    def make_run_folder(self) -> Path:
        """Make the folder of this run's sockets and remove the one an aborted run left behind."""
        note = self.home / "run"
        if note.exists():
            _remove_run_folder(Path(note.read_text().strip()))
        run = Path(tempfile.mkdtemp(prefix=RUN_PREFIX, dir=_short_temporary_folder(self.account)))
        note.write_text(str(run))
        run.chmod(0o711)
        for name in ("pg", "valkey"):
            folder = run / name
            folder.mkdir(mode=0o755)
            if self.account is not None:
                os.chown(folder, self.account.uid, self.account.gid)
        return run

    def close(self, run: Path | None = None) -> None:
        """Remove this run's folder and give the lock back."""
        if run is not None:
            _remove_run_folder(run)
            (self.home / "run").unlink(missing_ok=True)
        self.lock.close()


def open_folder(home: Path, *, account: Account | None) -> StateFolder:
    """Make the state folder if needed, check that the servers can reach it, and lock it."""
    if sys.platform == "win32":
        raise EmbeddedFault(
            "the embedded servers need Linux or macOS: use WSL 2, or set DATABASE_URL and REDIS_URL"
        )
    import fcntl  # noqa: PLC0415 POSIX only

    home = home.absolute()
    fresh = not home.exists()
    try:
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        if fresh:
            home.chmod(0o755)  # whatever the umask: the servers' account has to pass
        lock = (home / "lock").open("a", encoding="utf-8")
    except OSError as error:
        raise EmbeddedFault(f"the data folder {home} cannot be used: {error.strerror}") from error
    try:
        require_reachable(home, account)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise FolderTaken(
            f"another storefront runs on {home}: stop it, or name another folder for a second one"
            " (--data DIR or STOREFRONT_HOME)"
        ) from error
    except EmbeddedFault:
        lock.close()
        raise
    return StateFolder(home=home, account=account, lock=lock)


def _short_temporary_folder(account: Account | None) -> Path:
    """The temporary folder, unless its path is too long for sockets or closed to the servers' account."""
    preferred = Path(tempfile.gettempdir())
    too_long = len(os.fsencode(preferred)) > LONGEST_SOCKET_FOLDER - len(RUN_PREFIX) - 16
    if too_long or (account is not None and closed_parent(preferred)):
        return Path("/tmp")  # noqa: S108 a fresh folder of unguessable name is made inside
    return preferred


def _remove_run_folder(run: Path) -> None:
    """Remove a run folder; the name is checked because it may come from a file."""
    if run.name.startswith(RUN_PREFIX) and run.is_dir() and not run.is_symlink():
        shutil.rmtree(run, ignore_errors=True)
