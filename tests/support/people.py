"""People with log-ins, and settle's commands run in their name: the password comes from a file, as a script gives it."""

import asyncio
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from storefront.cli.main import storefront
from storefront.passwords import Argon2Passwords
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole
from tenants.views import StaffView
from tests.support.rows import value
from tests.support.statements import AFTER

PASSWORD = "correct horse battery"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of a brand, and how a command is told that it is them."""

    view: StaffView
    file: Path

    @property
    def actor(self) -> str:
        return f"staff:{self.view.id}"

    @property
    def signs(self) -> tuple[str, ...]:
        return ("--staff", self.view.login, "--password-file", str(self.file))


async def person(
    tenant: TenantScope,
    login: str,
    *,
    passwords: Argon2Passwords,
    folder: Path,
    role: StaffRole = StaffRole.FINANCE,
    **place: object,
) -> Person:
    """Employ somebody, with the password in a file."""
    command = EmployStaff(login=login, name=f"{login} 会计", password=PASSWORD, role=role, **place)
    password_hash = await passwords.hash(PASSWORD)
    async with tenant.writing() as db:
        view = await employ_staff(db, command, password_hash=password_hash, now=AFTER)
    file = folder / "password"
    file.write_text(PASSWORD + "\n")
    return Person(view=view, file=file)


async def settle(
    tenant: TenantScope, *arguments: str, by: Person | None = None, said: str | None = None
) -> Result:
    """Run a subcommand of settle for this brand."""
    code = await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t")
    asked = ["settle", *arguments, "--tenant", code, *(by.signs if by else ())]
    return await asyncio.to_thread(CliRunner().invoke, storefront, asked, input=said, catch_exceptions=False)
