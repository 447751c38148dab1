"""What `storefront up` keeps in its data folder: generated keys, the demonstration's log-ins, and where its servers listen.

Other commands read it to find a running `up` when the environment names no database, so a second terminal needs no settings.
"""

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from storefront.embedded.folder import default_home
from storefront.settings import Settings, read_settings

PRIVATE = 0o600


class Keys(msgspec.Struct, frozen=True):
    """The generated keys of this data folder. Losing them means losing every secret sealed with them."""

    master_keys: str
    token_key: str


class Addresses(msgspec.Struct, frozen=True):
    """Where a running `up` can be reached."""

    pid: int
    environment: dict[str, str]


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def kept_keys(home: Path) -> Keys:
    """This folder's keys, made on the first start."""
    path = home / "keys.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Keys)
    keys = Keys(
        master_keys=f"home:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        token_key=base64.b64encode(secrets.token_bytes(32)).decode(),
    )
    write_private(path, msgspec.json.encode(keys))
    return keys


def announce(home: Path, environment: Mapping[str, str]) -> None:
    """Note where this `up` listens, for commands in other terminals."""
    write_private(home / "running.json", msgspec.json.encode(Addresses(os.getpid(), dict(environment))))


def withdraw_announcement(home: Path) -> None:
    """Take our own note away; that of another `up`, whose folder refused us, stays."""
    try:
        noted = msgspec.json.decode((home / "running.json").read_bytes(), type=Addresses)
    except (OSError, msgspec.DecodeError):
        return
    if noted.pid == os.getpid():
        (home / "running.json").unlink(missing_ok=True)


def running_environment(home: Path) -> dict[str, str]:
    """The settings of a running `up` on this folder; empty if none runs or its note is not ours to read."""
    try:
        noted = msgspec.json.decode((home / "running.json").read_bytes(), type=Addresses)
        os.kill(noted.pid, 0)
    except (OSError, msgspec.DecodeError):
        return {}
    return noted.environment


def environment_for_command(data: Path | None = None) -> dict[str, str]:
    """Our environment; what it leaves open comes from the `up` that runs on the data folder, if one does."""
    given = {name: value for name, value in os.environ.items() if value}
    if "DATABASE_URL" in given:
        return given
    home = default_home(configured=data or read_settings(given).storefront_home)
    return {**running_environment(home), **given}


def settings_for_command(data: Path | None = None) -> Settings:
    """The settings of that environment."""
    return read_settings(environment_for_command(data))


def database_url_of(settings: Settings) -> str:
    """Where the database is, or a LookupError that says how to name one."""
    if settings.database_url is None:
        raise LookupError(
            "no database: no `storefront up` runs on the data folder (name its folder with --data DIR or STOREFRONT_HOME),"
            " and DATABASE_URL is not set"
        )
    return settings.database_url


def strip_postgres_variables() -> None:
    """Forget PGHOST, PGUSER and their kind: tools and drivers would follow them past our own settings."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
