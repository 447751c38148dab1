"""Who acts at the command line: a member of the brand's staff, by log-in and password, recorded like the same person over HTTP.

Closing and preparing may run without anybody (a timer): they count, and the audit log then names the machine's user. What is decided
(signing, releasing, correcting, answering) asks for a person, so that two doors never make two people of one.
"""

import functools
import getpass
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import rich_click as click

from storefront.cli.brands import Work
from storefront.cli.settle_form import actor
from storefront.errors import RoleNotAllowed
from tenants.audit import record_deed
from tenants.kernel.scope import Reading, TenantScope
from tenants.log_in import recognise_staff
from tenants.queries import all_staff, find_tenant
from tenants.states import MONEY_ROLES

STAFF = "staff"


class Presented(msgspec.Struct, frozen=True, kw_only=True):
    """A log-in as somebody typed it, not verified yet."""

    login: str
    password: str
    command: str


class Needed(StrEnum):
    """Whether a command asks for a person."""

    ALWAYS = "who decides: needed"
    UNLESS_DRY = "who decides; a dry run only looks without"
    NEVER = "who does it; without, it is a run that names nobody"


def named_person(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that a person may sign, and a timer may run."""
    return _with_person(command, needed=Needed.NEVER)


def deciding_person(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command by which somebody decides."""
    return _with_person(command, needed=Needed.ALWAYS)


def looking_person(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command by which somebody decides, and whose dry run is worth something without anybody."""
    return _with_person(command, needed=Needed.UNLESS_DRY)


def _with_person(command: Callable[..., None], *, needed: Needed) -> Callable[..., None]:
    @functools.wraps(command)
    def asked(*, staff: str | None, password_file: str | None, **given: Any) -> None:
        if staff is None and password_file is not None:
            raise click.UsageError("--password-file belongs to --staff LOGIN")
        if staff is not None and given.get("every"):
            raise click.UsageError("a log-in belongs to one brand: name it with --tenant CODE")
        looks = needed is Needed.UNLESS_DRY and given.get("dry_run")
        if staff is None and needed is not Needed.NEVER and not looks:
            raise click.UsageError("somebody decides this: say who with --staff LOGIN")
        command(person=None if staff is None else _presented(staff, password_file), **given)

    for option in (
        click.option("--password-file", type=click.Path(allow_dash=True), help="Where the password stands (- reads standard input); asked for without."),
        click.option("--staff", help=f"Log-in (headquarters or finance) of {needed}."),
    ):  # fmt: skip
        asked = option(asked)
    return asked


async def acting(tenant: TenantScope, person: Presented | None, *, now: datetime, keep: bool = True) -> str:
    """How the audit names whoever runs this; raises LogInRefused, RoleNotAllowed. With `keep` the door they came by is noted."""
    from storefront.passwords import Argon2Passwords  # noqa: PLC0415 argon2 takes a tenth of a second to load

    if person is None:
        return actor()
    passwords = Argon2Passwords()
    try:
        staff = await recognise_staff(tenant, person.login, password=person.password, passwords=passwords)
    finally:
        passwords.close()
    if staff.role not in MONEY_ROLES:
        raise RoleNotAllowed(details={person.login: f"is {staff.role}; headquarters or finance decide"})
    by = f"{STAFF}:{staff.id}"
    if keep:
        door = f"{person.command}, by {getpass.getuser()} on {socket.gethostname()}"
        async with tenant.writing() as db:
            await record_deed(
                db, actor=by, action="act_at_command_line", subject_id=staff.id, now=now, reason=door
            )
    return by


def signed(work_of: Callable[[str], Work], *, person: Presented | None, dry_run: bool = False) -> Work:
    """Work that is done in somebody's name: who that is, is found out before anything of it begins."""

    async def work(tenant: TenantScope, code: str) -> bool:
        by = await acting(tenant, person, now=datetime.now(UTC), keep=not dry_run)
        return await work_of(by)(tenant, code)

    return work


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a brand's actors are, and on which clocks its moments are told."""

    logins: dict[str, str]
    time_zone: str

    def name(self, actor: str | None) -> str:
        """Staff by log-in; whoever is no staff as the audit names them."""
        return self.logins.get(actor or "", actor or "")

    def moment(self, at: datetime | None) -> str:
        """A moment on the brand's clocks; `clocks` says once whose those are."""
        return "" if at is None else f"{at.astimezone(ZoneInfo(self.time_zone)):%Y-%m-%d %H:%M}"

    @property
    def clocks(self) -> str:
        """Which clocks a table's moments are told on."""
        return f"times of {self.time_zone}"


async def people_of(db: Reading) -> People:
    """The brand's people and its time zone."""
    named = {f"{STAFF}:{each.id}": each.login for each in await all_staff(db)}
    return People(logins=named, time_zone=(await find_tenant(db)).time_zone)


def _presented(login: str, password_file: str | None) -> Presented:
    """The log-in with its password: from the file, or asked for where somebody can be asked."""
    context = click.get_current_context()
    if password_file is not None:
        with click.open_file(password_file, encoding="utf-8") as file:
            password = file.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt(f"Password of {login}", hide_input=True, err=True)
    else:
        raise click.UsageError("nobody can be asked for the password here: give --password-file FILE (- reads standard input)")  # fmt: skip
    return Presented(login=login, password=password, command=context.command_path if context else "")
