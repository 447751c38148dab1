"""Who is there from the start: merchants, people, mini-programs and corps out of a TOML or JSON file, for a simulator that runs alone.

Fields are the control API's in snake_case. A file may be named instead of a key (`public_key_file`, relative to the cast); with
`make_keys = true` a merchant's key pair is made and written. What the merchant's client needs of WeChat is written, too.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from storefront.simulators.control_merchants import RegisteredMerchant
from storefront.simulators.remote import SimulatorControl, SimulatorRefused
from storefront.simulators.wechat_pay import envelope

COMMANDS = {
    "apps": "apps",
    "persons": "persons",
    "corps": "wecom/corps",
    "members": "wecom/members",
    "consents": "consents",
}
OWN_SERIAL = "4A5B6C7D8E9F0A1B2C3D4E5F60718293A4B5C6D7"
"""The certificate serial of a merchant whose keys were made here."""


class CastUnreadable(Exception):
    """The file cannot be used: which file or entry, and why."""


def read_cast(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read a cast; raises CastUnreadable."""
    try:
        raw = path.read_text(encoding="utf-8")
        found = json.loads(raw) if path.suffix == ".json" else tomllib.loads(raw)
    except (OSError, ValueError) as error:
        raise CastUnreadable(f"{path}: {error}") from error
    known = {"merchants", *COMMANDS}
    if not isinstance(found, dict) or not all(isinstance(rows, list) for rows in found.values()):
        raise CastUnreadable(f"{path}: write every entry as a table of a list, as in [[merchants]]")
    if strangers := sorted(set(found) - known):
        raise CastUnreadable(f"{path}: unknown {', '.join(strangers)}; known are {', '.join(sorted(known))}")
    return found


async def introduce(control: SimulatorControl, path: Path, *, keys: Path) -> list[str]:
    """Make everybody in the cast known; returns a line for each merchant, and leaves its keys in a folder of its own."""
    cast, said = read_cast(path), []
    for row in cast.get("merchants", []):
        place = keys / str(row.get("mchid", ""))
        try:
            given = _with_keys(row, beside=path.parent, place=place)
            known = msgspec.convert(await control.command("merchants", **given), RegisteredMerchant)
        except (OSError, SimulatorRefused) as error:
            raise CastUnreadable(f"{path}: merchant {row.get('mchid')}: {error}") from error
        _write(known, place)
        said.append(f"merchant {known.mchid}: WeChat's keys are in {place} ({known.public_key_id})")
    for kind, command in COMMANDS.items():
        for row in cast.get(kind, []):
            try:
                await control.command(command, **row)
            except SimulatorRefused as error:
                raise CastUnreadable(f"{path}: {kind}: {error}") from error
    return said


def _with_keys(row: dict[str, Any], *, beside: Path, place: Path) -> dict[str, Any]:
    given = {name: value for name, value in row.items() if not name.endswith("_file") and name != "make_keys"}
    for name, value in row.items():
        if name.endswith("_file"):
            given[name.removesuffix("_file")] = (beside / str(value)).read_text(encoding="ascii")
    if row.get("make_keys"):
        private = place / "apiclient_key.pem"
        if not private.exists():
            place.mkdir(parents=True, exist_ok=True)
            private.touch(mode=0o600)
            private.write_text(envelope.new_key_pair()[0], encoding="ascii")
        given["public_key"] = envelope.public_half(private.read_text(encoding="ascii"))
        given.setdefault("certificate_serial", OWN_SERIAL)
        (place / "apiclient_serial.txt").write_text(f"{given['certificate_serial']}\n", encoding="ascii")
    return given


def _write(known: RegisteredMerchant, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "pub_key.pem").write_text(known.public_key, encoding="ascii")
    (place / "pub_key_id.txt").write_text(known.public_key_id + "\n", encoding="ascii")
    if known.certificate is not None and known.certificate_serial is not None:
        (place / f"wechatpay_{known.certificate_serial}.pem").write_text(known.certificate, encoding="ascii")
