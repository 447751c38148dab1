"""`storefront tenant`: open brands, look at them, and give people their first log-in, without HTTP.

A brand is described in a TOML file with the fields of `POST /operator/v1/tenants` (snake_case or camelCase), so that keys never stand
on a command line. Passwords are asked for, or read from standard input.
"""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click
from rich.table import Table

from storefront.cli.opened import ACTOR, end_with, with_database
from storefront.cli.screen import open_screen

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.kernel.scope import Database

ROLES = ("brand_hq", "finance", "store_manager", "guide", "mall_finance")


@click.group("tenant")
def tenant() -> None:
    """Open brands and look at them."""


@tenant.command("create")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def create(file: Path) -> None:
    """Open the brand that FILE (TOML) describes: code, name, appid, app_secret, [merchant] with its keys."""
    import tomllib

    import msgspec

    from storefront.onboarding import open_brand
    from tenants.commands import CreateTenant

    try:
        command = msgspec.convert(_camel(tomllib.loads(file.read_text(encoding="utf-8"))), CreateTenant)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        end_with(f"{file}: {error}")

    async def work(database: "Database", settings: "Settings") -> None:
        view = await open_brand(
            database, command, actor=ACTOR, keys=settings.key_ring(), now=datetime.now(UTC)
        )
        open_screen().print(f"{view.code}: {view.name}, id {view.id}, public code {view.public_code}")

    with_database(work)


@tenant.command("list")
def list_tenants() -> None:
    """List all brands."""
    from tenants.directory import every_tenant
    from tenants.queries import find_tenant

    async def work(database: "Database", _settings: "Settings") -> None:
        async with database.platform() as db:
            known = await every_tenant(db)
        table = Table("code", "name", "public code", "appid", "status", "id")
        for column in table.columns:
            column.overflow = "fold"
        for _, tenant_id in known:
            async with database.tenant(tenant_id).reading() as db:
                view = await find_tenant(db)
            table.add_row(view.code, view.name, view.public_code, view.appid, view.status, str(view.id))
        open_screen().print(table)

    with_database(work)


@tenant.command("staff")
@click.argument("code")
@click.argument("login")
@click.option("--name", required=True)
@click.option("--role", type=click.Choice(ROLES), default="brand_hq", show_default=True)
@click.option("--store", help="The store's code (store managers and guides).")
@click.option("--mall", help="The mall's code (mall accountants).")
@click.password_option(help="At least ten characters; asked for when not given.")
def staff(**given: Any) -> None:
    """Give a person a log-in for the brand CODE."""
    import msgspec

    from storefront.passwords import Argon2Passwords
    from tenants.commands import EmployStaff
    from tenants.directory import tenant_coded
    from tenants.employ import employ_staff
    from tenants.errors import MallNotFound, StoreNotFound, TenantNotFound
    from tenants.queries import malls, store_ids_by_code

    async def work(database: "Database", _settings: "Settings") -> None:
        async with database.platform() as db:
            tenant_id = await tenant_coded(db, given["code"])
        if tenant_id is None:
            raise TenantNotFound
        password_hash = await Argon2Passwords().hash(given["password"])
        async with database.tenant(tenant_id).writing() as db:
            stores = await store_ids_by_code(db, [given["store"] or ""])
            places = await malls(db, codes=[given["mall"] or ""])
            if given["store"] and not stores:
                raise StoreNotFound
            if given["mall"] and not places:
                raise MallNotFound
            facts = {name: given[name] for name in ("login", "name", "password", "role")}
            facts |= {"storeId": stores.get(given["store"]), "mallId": places[0].id if places else None}
            command = msgspec.convert(facts, EmployStaff)
            employed = await employ_staff(db, command, password_hash=password_hash, now=datetime.now(UTC))
        open_screen().print(f"{employed.login}: {employed.role}, id {employed.id}")

    with_database(work)


@tenant.command("operator")
@click.argument("login")
@click.option("--name", required=True)
@click.password_option(help="Asked for when not given.")
def operator(*, login: str, name: str, password: str) -> None:
    """Give a person the platform's own log-in."""
    from storefront.passwords import Argon2Passwords
    from tenants.operators import appoint_operator

    async def work(database: "Database", _settings: "Settings") -> None:
        password_hash = await Argon2Passwords().hash(password)
        async with database.platform() as db:
            await appoint_operator(db, login, name=name, password_hash=password_hash, now=datetime.now(UTC))
        open_screen().print(f"{login}: operator")

    with_database(work)


def _camel(given: dict[str, Any]) -> dict[str, Any]:
    """Accept snake_case in the file; the keys inside `wechat_public_keys` are serial numbers and stay as they are."""

    def name(key: str) -> str:
        first, *rest = key.split("_")
        return first + "".join(word.capitalize() for word in rest)

    merchant = {name(key): value for key, value in given.get("merchant", {}).items()}
    return {name(key): value for key, value in given.items() if key != "merchant"} | {"merchant": merchant}
