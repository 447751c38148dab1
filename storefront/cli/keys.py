"""`storefront keys`: look after master keys and WeChat's keys while everything goes on. Prints counts and serials, never a key."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.kernel.ids import MerchantId
    from tenants.kernel.scope import Database, TenantScope

ACTOR = "system:command-line"


@click.group("keys")
def keys() -> None:
    """Rotate master keys, and trust WeChat's new keys beside the old ones."""


@keys.command("rotate")
@click.option("--tenant", "code", help="Only this brand (its code).")
def rotate(*, code: str | None) -> None:
    """Re-encrypt every secret under the first master key of STOREFRONT_MASTER_KEYS.

    Put the new key first, keep the old one behind it, restart, rotate; when nothing is left to change, take the old key away.
    """
    from tenants.directory import every_tenant
    from tenants.rotate import rotate_credentials

    async def work(database: "Database", settings: "Settings") -> None:
        ring = settings.key_ring()
        async with database.platform() as db:
            known = [each for each in await every_tenant(db) if code in {None, each[0]}]
        if not known:
            raise LookupError(f"no brand has the code {code}" if code else "there is no brand yet")
        lost = 0
        for name, tenant_id in known:
            done = await rotate_credentials(database.tenant(tenant_id), keys=ring)
            lost += len(done.unreadable)
            click.echo(f"{name}: {done.changed} re-encrypted, {done.current} were current")
            for secret in done.unreadable:
                click.echo(f"{name}: {secret} opens with none of the master keys given", err=True)
        click.echo(f"master key {ring.current}: {len(known)} brand(s), {lost} unreadable")
        if lost:
            raise LookupError("add the master key that sealed them, or set these secrets anew")

    _run(work)


@keys.command("trust")
@click.argument("code")
@click.argument("serial")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--merchant", "merchant_no", help="Merchant number; the default merchant when left out.")
def trust(*, code: str, serial: str, file: Path, merchant_no: str | None) -> None:
    """Trust WeChat's key SERIAL (PUB_KEY_ID_… or a certificate's serial) in FILE (PEM) beside those trusted now."""
    from tenants.merchant_keys import trust_keys

    pem = file.read_text(encoding="utf-8", errors="replace")

    async def work(database: "Database", settings: "Settings") -> None:
        tenant, merchant_id, _ = await _found(database, code=code, merchant_no=merchant_no)
        async with tenant.writing() as db:
            trusted = await trust_keys(
                db,
                merchant_id,
                added={serial: pem},
                keys=settings.key_ring(),
                now=datetime.now(UTC),
                actor=ACTOR,
            )
        click.echo("trusted: " + ", ".join(trusted))

    _run(work)


@keys.command("certificates")
@click.argument("code")
@click.option("--merchant", "merchant_no", help="Merchant number; the default merchant when left out.")
def certificates(*, code: str, merchant_no: str | None) -> None:
    """Download WeChat's platform certificates, trust the new ones beside the old, and drop those that ended."""

    async def work(database: "Database", settings: "Settings") -> None:
        tenant, merchant_id, _ = await _found(database, code=code, merchant_no=merchant_no)
        click.echo(await renewed(tenant, merchant_id, settings=settings))

    _run(work)


async def renewed(tenant: "TenantScope", merchant_id: "MerchantId", *, settings: "Settings") -> str:
    """Renew a merchant's platform certificates; says what is trusted then."""
    from orders.ports import Refused, Unknown
    from storefront.adapters.outbound import open_http_client
    from storefront.channels import WechatPayChannels
    from storefront.renewal import renew_certificates
    from storefront.wiring import system_clock

    ring, now = settings.key_ring(), system_clock()
    async with open_http_client() as http:
        channels = WechatPayChannels(http, settings=settings, keys=ring, clock=system_clock)
        channel = await channels.channel(tenant, merchant_id)
        found = await renew_certificates(
            tenant, merchant_id, channel=channel, keys=ring, now=now, actor=ACTOR
        )
    if isinstance(found, Refused | Unknown):
        raise LookupError(f"WeChat gave no certificates: {found}")  # noqa: TRY004 an outcome, not a wrong type
    if not found.listed:
        return "this merchant has no platform certificates: it is verified by WeChat Pay's public key alone"
    return f"{len(found.added)} new, {len(found.dropped)} ended and dropped; valid: " + ", ".join(
        f"{each.serial} until {each.ends_at:%Y-%m-%d}" for each in found.listed
    )


async def _found(
    database: "Database", *, code: str, merchant_no: str | None
) -> tuple["TenantScope", "MerchantId", str]:
    from tenants.directory import tenant_coded
    from tenants.errors import MerchantNotReady, TenantNotFound
    from tenants.queries import merchants

    async with database.platform() as db:
        tenant_id = await tenant_coded(db, code)
    if tenant_id is None:
        raise TenantNotFound
    tenant = database.tenant(tenant_id)
    async with tenant.reading() as reading:
        known = await merchants(reading)
    wanted = [
        each
        for each in known
        if (each.is_default if merchant_no is None else each.merchant_no == merchant_no)
    ]
    if not wanted:
        raise MerchantNotReady(merchant_no=merchant_no)
    return tenant, wanted[0].id, wanted[0].merchant_no


def _run(work: Callable[["Database", "Settings"], Awaitable[None]]) -> None:
    from storefront.cli.home import settings_for_command, strip_postgres_variables
    from storefront.cli.quiet import quietly
    from storefront.settings import SettingInvalid
    from tenants.kernel.errors import Refusal
    from tenants.kernel.scope import open_database

    async def opened() -> None:
        strip_postgres_variables()
        settings = settings_for_command()
        if settings.database_url is None:
            raise LookupError("no database: start `storefront up`, or set DATABASE_URL")
        database = open_database(settings.database_url, pool_size=2, hide_parameters=True)
        try:
            await work(database, settings)
        finally:
            await database.close()

    try:
        with quietly():
            asyncio.run(opened())
    except (Refusal, LookupError, OSError, UnicodeDecodeError, SettingInvalid) as error:
        details = "".join(f"\n  {path}: {what}" for path, what in getattr(error, "details", {}).items())
        click.echo(f"{error}{details}", err=True)
        sys.exit(1)
