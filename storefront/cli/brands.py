"""Doing a command's work for one brand or all of them, and ending with 0, or with 1 when one differs or is refused."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import rich_click as click

from storefront.cli.home import database_url_of, settings_for_command, strip_postgres_variables
from storefront.settings import SettingInvalid
from tenants.directory import every_tenant, tenant_coded
from tenants.kernel.errors import Refusal
from tenants.kernel.scope import Database, TenantScope, open_database

POOL = 4
Work = Callable[[TenantScope, str], Awaitable[bool]]


Command = TypeVar("Command", bound=msgspec.Struct)
data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder of a running `storefront up`; default: DATABASE_URL, or the system's folder.",
)


def of_brands(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what can be done for every brand: which brands, and on which data folder."""
    every = click.option("--all", "every", is_flag=True, help="Every brand.")
    return click.option("--tenant", "tenant_code", help="The brand's code.")(every(data_option(command)))


def of_brand(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what belongs to one brand: an order, a statement, a batch, a person's decision."""
    return click.option("--tenant", "tenant_code", required=True, help="The brand's code.")(
        data_option(command)
    )


def run_for_brand(work: Work, *, tenant_code: str, data: Path | None = None) -> None:
    """Do the work for the brand that was named, and end like `run_for_brands`."""
    run_for_brands(work, tenant_code=tenant_code, every=False, data=data)


def asked_for(kind: type[Command], /, **facts: Any) -> Command:
    """A command as a person gave it in options, checked like one that came over HTTP; a usage error says what cannot be."""
    try:
        return msgspec.convert(msgspec.to_builtins(kind(**facts)), kind)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from error


def run_for_brands(work: Work, *, tenant_code: str | None, every: bool, data: Path | None = None) -> None:
    """Do the work for the brands that were named, and end with 0, or 1 when one differs or is refused."""
    if every == bool(tenant_code):
        raise click.UsageError("name a brand with --tenant CODE, or all of them with --all")
    try:
        agree = asyncio.run(_for_brands(work, tenant_code=tenant_code, data=data))
    except (Refusal, SettingInvalid, LookupError, OSError) as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)
    sys.exit(0 if agree else 1)


async def _for_brands(work: Work, *, tenant_code: str | None, data: Path | None) -> bool:
    strip_postgres_variables()
    settings = settings_for_command(data)
    database = open_database(
        database_url_of(settings),
        report_url=settings.database_report_url,
        pool_size=POOL,
        hide_parameters=True,
    )
    try:
        brands = await _brands(database, tenant_code)
        return all(
            [await _one_brand(work, database.tenant(tenant_id), code=code) for code, tenant_id in brands]
        )
    finally:
        await database.close()


async def _one_brand(work: Work, tenant: TenantScope, *, code: str) -> bool:
    """Do one brand's work; a refusal is told and the others' work goes on."""
    try:
        return await work(tenant, code)
    except Refusal as refusal:
        details = "".join(f"\n  {place}: {told}" for place, told in refusal.details.items())
        click.echo(f"{code}: {refusal.sentence()} ({refusal.zh}){details}", err=True)
        return False


async def _brands(database: Database, tenant_code: str | None) -> list[tuple[str, Any]]:
    async with database.platform() as db:
        if tenant_code is None:
            return list(await every_tenant(db))
        tenant_id = await tenant_coded(db, tenant_code)
    if tenant_id is None:
        raise LookupError(f"there is no tenant with the code {tenant_code!r} (找不到品牌)")
    return [(tenant_code, tenant_id)]
