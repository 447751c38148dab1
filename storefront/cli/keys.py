"""`storefront keys`: look after master keys, merchants' keys and WeChat's while everything goes on. Prints counts and serials, never a key."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from storefront.cli.opened import ACTOR, data_option, with_database

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.kernel.ids import MerchantId
    from tenants.kernel.scope import Database, TenantScope

pem_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
merchant_option = click.option(
    "--merchant", "merchant_no", help="Merchant number; the default merchant when left out."
)


@click.group("keys")
def keys() -> None:
    """Rotate master keys, replace a merchant's keys, and trust WeChat's new keys beside the old ones."""


@keys.command("rotate")
@click.option("--tenant", "code", help="Only this brand (its code).")
@data_option
def rotate(*, code: str | None, data: Path | None) -> None:
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

    with_database(work, data=data)


@keys.command("trust")
@click.argument("code")
@click.argument("serial")
@pem_file
@merchant_option
@data_option
def trust(*, code: str, serial: str, file: Path, merchant_no: str | None, data: Path | None) -> None:
    """Trust WeChat's key SERIAL (PUB_KEY_ID_… or a certificate's serial) in FILE (PEM) beside those trusted now."""
    from tenants.merchant_keys import trust_keys

    pem = file.read_text(encoding="utf-8", errors="replace")

    async def work(database: "Database", settings: "Settings") -> None:
        tenant, merchant_id = await _found(database, code=code, merchant_no=merchant_no)
        now, ring = datetime.now(UTC), settings.key_ring()
        async with tenant.writing() as db:
            trusted = await trust_keys(db, merchant_id, added={serial: pem}, keys=ring, now=now, actor=ACTOR)
        click.echo("trusted: " + ", ".join(trusted))

    with_database(work, data=data)


@keys.command("merchant")
@click.argument("code")
@click.argument("serial")
@pem_file
@merchant_option
@data_option
def merchant(*, code: str, serial: str, file: Path, merchant_no: str | None, data: Path | None) -> None:
    """Sign with the merchant's new private key in FILE (apiclient_key.pem) and its certificate's SERIAL from now on.

    WeChat takes the old and the new one while both certificates are valid, so nothing has to stop.
    """
    from tenants.merchant_keys import replace_merchant_key

    pem = file.read_text(encoding="utf-8", errors="replace")

    async def work(database: "Database", settings: "Settings") -> None:
        tenant, merchant_id = await _found(database, code=code, merchant_no=merchant_no)
        now, ring = datetime.now(UTC), settings.key_ring()
        async with tenant.writing() as db:
            await replace_merchant_key(
                db, merchant_id, private_key=pem, certificate_serial=serial, keys=ring, now=now, actor=ACTOR
            )
        click.echo(
            f"signing with certificate {serial} from now on; `storefront doctor --tenant {code}` tries it"
        )

    with_database(work, data=data)


@keys.command("api-v3")
@click.argument("code")
@click.option("--key", prompt="The new APIv3 key", hide_input=True, help="Asked for when not given.")
@merchant_option
@data_option
def api_v3(*, code: str, key: str, merchant_no: str | None, data: Path | None) -> None:
    """Open what WeChat seals with a new APIv3 key, and with the earlier one while sealed messages are still repeated.

    Run it before the key is changed in the merchant back office: a message that opens with neither is refused and comes again.
    """
    from tenants.merchant_keys import replace_api_v3_key

    async def work(database: "Database", settings: "Settings") -> None:
        tenant, merchant_id = await _found(database, code=code, merchant_no=merchant_no)
        now, ring = datetime.now(UTC), settings.key_ring()
        async with tenant.writing() as db:
            await replace_api_v3_key(db, merchant_id, api_v3_key=key, keys=ring, now=now, actor=ACTOR)
        click.echo("kept; the earlier key still opens what was sealed with it")

    with_database(work, data=data)


@keys.command("certificates")
@click.argument("code")
@merchant_option
@data_option
def certificates(*, code: str, merchant_no: str | None, data: Path | None) -> None:
    """Download WeChat's platform certificates, trust the new ones beside the old, and drop those that ended.

    The worker does the same every day for merchants that are verified by certificates.
    """
    from storefront.adapters.outbound import open_http_client
    from storefront.certificates import renew_certificates
    from storefront.channels import WechatPayChannels
    from storefront.wiring import system_clock

    async def work(database: "Database", settings: "Settings") -> None:
        tenant, merchant_id = await _found(database, code=code, merchant_no=merchant_no)
        ring, now = settings.key_ring(), system_clock()
        async with open_http_client() as http:
            channels = WechatPayChannels(http, settings=settings, keys=ring, clock=system_clock)
            done = await renew_certificates(
                tenant, merchant_id, channels=channels, keys=ring, now=now, actor=ACTOR
            )
        if not done.listed:
            click.echo(
                "this merchant has no platform certificates: WeChat Pay's public key alone verifies it"
            )
            return
        valid = ", ".join(f"{each.serial} until {each.ends_at:%Y-%m-%d}" for each in done.listed)
        click.echo(f"{done.added} new, {done.dropped} ended and dropped; valid: {valid}")

    with_database(work, data=data)


async def _found(
    database: "Database", *, code: str, merchant_no: str | None
) -> tuple["TenantScope", "MerchantId"]:
    from tenants.directory import tenant_coded
    from tenants.errors import MerchantNotFound, TenantNotFound
    from tenants.queries import merchants

    async with database.platform() as db:
        tenant_id = await tenant_coded(db, code)
    if tenant_id is None:
        raise TenantNotFound
    tenant = database.tenant(tenant_id)
    async with tenant.reading() as reading:
        known = await merchants(reading)
    for each in known:
        if each.is_default if merchant_no is None else each.merchant_no == merchant_no:
            return tenant, each.id
    raise MerchantNotFound(merchant_no=merchant_no)
