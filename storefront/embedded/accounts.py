"""The account the servers run under, and what it can reach.

PostgreSQL refuses root, so a root caller lends the servers an existing unprivileged account (a bare uid without a passwd entry
will not do). Python itself may be out of that account's reach, so only the servers ever run under it.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from storefront.embedded.errors import AccountMissing, FolderUnreachable

CANDIDATES = ("storefront", "postgres", "nobody")
OTHERS_MAY_ENTER = 0o001


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged account by number and name."""

    name: str
    uid: int
    gid: int

    def own(self, folder: Path) -> None:
        """Give a folder and everything in it to this account."""
        os.chown(folder, self.uid, self.gid)
        for parent, folders, files in os.walk(folder):
            for name in (*folders, *files):
                os.chown(Path(parent, name), self.uid, self.gid, follow_symlinks=False)


def servers_account() -> Account | None:
    """The account to run the servers under; None when we are an ordinary user and run them ourselves."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 POSIX only

    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise AccountMissing(
        "PostgreSQL does not run as root and there is no account storefront, postgres or nobody:"
        " run as a normal user, or create the user storefront (useradd --system storefront)"
    )


def closed_parent(folder: Path) -> Path | None:
    """The first folder on the way to (and including) `folder` that other accounts may not enter."""
    resolved = folder.resolve()
    for part in (*reversed(resolved.parents), resolved):
        if part.exists() and not part.stat().st_mode & OTHERS_MAY_ENTER:
            return part
    return None


def require_reachable(folder: Path, account: Account | None) -> None:
    """Refuse a folder that the servers' account could not enter, and name the folder that closes the way."""
    if account is None:
        return
    closed = closed_parent(folder)
    if closed is not None:
        raise FolderUnreachable(
            f"the servers run as {account.name}, which may not enter {closed}: choose another data folder"
            " (--data DIR or STOREFRONT_HOME), or run as a normal user"
        )
