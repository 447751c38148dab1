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

from storefront.cli.opened import ACTOR, data_option, with_database
from storefront.cli.screen import open_screen

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.kernel.scope import Database

EXAMPLE = """\
# A brand for `storefront tenant create FILE`. Everything without "optional" is required. Keep the file private: it holds keys.
code = "river-wear"                 # small letters, digits and dashes; by this name every command knows the brand
name = "江畔衣橱"                    # as people read it
appid = "wx0123456789abcdef"        # the mini-program's id
app_secret = "…"                    # and its secret, from the mini-program's back office
# time_zone = "Asia/Shanghai"       # optional
# platform_fee_bps = 0              # optional: the platform's part of every sale, 100 = 1 %

[merchant]                          # at WeChat Pay
merchant_no = "1900000001"          # 商户号
legal_name = "江畔（示例）有限公司"   # the merchant's registered name
certificate_serial = "4A5B6C7D8E9F" # of the merchant's API certificate, capital hexadecimal
api_v3_key = "…"                    # 32 visible characters, set in the merchant back office
# fee_bps = 60                      # optional: WeChat's fee, 60 = 0.6 %
private_key = '''
-----BEGIN PRIVATE KEY-----
…                                   (apiclient_key.pem, whole)
-----END PRIVATE KEY-----
'''

# [merchant.partner]                # optional: a service provider (服务商) speaks for the merchant, and the keys above are its keys;
# merchant_no = "1900000100"        #   its own number (sp_mchid); `merchant_no` above is then the sub-merchant's (sub_mchid)
# appid = "wx0123456789abcdee"      #   its own app (sp_appid)
# sub_appid = "wx0123456789abcdef"  #   optional: the brand's mini-program, where it is bound to the sub-merchant
# brand_merchant_no = "1900000101"  #   optional: the chain's brand (brand_mchid); with it splitting is 连锁品牌分账, without it 分账

# [wecom]                           # optional: the corp in WeCom (企业微信)
# corp_id = "ww0123456789abcdef"
# contact_secret = "…"              # of the application that looks after external contacts (客户联系)
# callback_token = "…"              # both as entered under 接收事件服务器
# encoding_aes_key = "…"            # 43 letters and digits

# [push]                            # optional: the mini-program's message push (消息推送), data format JSON or XML
# token = "…"
# encoding_aes_key = "…"            # optional: with it only sealed messages (安全模式) are taken

[merchant.wechat_public_keys]       # optional: WeChat's public key (or platform certificates), by serial
# "PUB_KEY_ID_0119000000012026" = '''
# -----BEGIN PUBLIC KEY-----
# …
# -----END PUBLIC KEY-----
# '''
"""

ROLES = ("brand_hq", "finance", "store_manager", "guide", "mall_finance")


@click.group("tenant")
def tenant() -> None:
    """Open brands and look at them."""


@tenant.command("create")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def create(file: Path, *, data: Path | None) -> None:
    """Open the brand that FILE (TOML) describes; `storefront tenant example` prints such a file."""
    from storefront.cli.brand_file import read_brand_file
    from storefront.onboarding import open_brand
    from tenants.commands import CreateTenant

    command = read_brand_file(file, CreateTenant, example="storefront tenant example")

    async def work(database: "Database", settings: "Settings") -> None:
        view = await open_brand(
            database, command, actor=ACTOR, keys=settings.key_ring(), now=datetime.now(UTC)
        )
        open_screen().print(f"{view.code}: {view.name}, id {view.id}, public code {view.public_code}")

    with_database(work, data=data)


@tenant.command("example")
def example() -> None:
    """Print a file for `tenant create`, with a comment at each field."""
    click.echo(EXAMPLE, nl=False)


@tenant.command("connect")
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
def connect(code: str, file: Path, *, data: Path | None) -> None:
    """Connect the brand CODE as FILE (TOML) says: a service provider, its corp in WeCom, its message push; prints the addresses to enter there.

    The tables are [speak] (with partner, keys and merchant_no as in `POST /operator/v1/tenants/{id}/connections`), [wecom] and [push];
    `storefront tenant example` shows the last two and [merchant.partner], which is [speak.partner] here.
    """
    from storefront.cli.brand_file import read_brand_file
    from storefront.connections import Connections, connect_brand
    from tenants.directory import tenant_coded
    from tenants.errors import TenantNotFound

    command = read_brand_file(file, Connections, example="storefront tenant example")

    async def work(database: "Database", settings: "Settings") -> None:
        async with database.platform() as db:
            tenant_id = await tenant_coded(db, code)
        if tenant_id is None:
            raise TenantNotFound
        found = await connect_brand(
            database.tenant(tenant_id), command, settings=settings, actor=ACTOR, now=datetime.now(UTC)
        )
        for name in ("wechat_pay", "wecom", "push"):
            click.echo(f"{name}: {getattr(found, name)}")

    with_database(work, data=data)


@tenant.command("list")
@data_option
def list_tenants(*, data: Path | None) -> None:
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

    with_database(work, data=data)


@tenant.command("staff")
@click.argument("code")
@click.argument("login")
@click.option("--name", required=True)
@click.option("--role", type=click.Choice(ROLES), default="brand_hq", show_default=True)
@click.option("--store", help="The store's code (store managers and guides).")
@click.option("--mall", help="The mall's code (mall accountants).")
@click.password_option(help="At least ten characters; asked for when not given.")
@data_option
def staff(*, data: Path | None, **given: Any) -> None:
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

    with_database(work, data=data)


@tenant.command("operator")
@click.argument("login")
@click.option("--name", required=True)
@click.password_option(help="Asked for when not given.")
@data_option
def operator(*, login: str, name: str, password: str, data: Path | None) -> None:
    """Give a person the platform's own log-in."""
    from storefront.passwords import Argon2Passwords
    from tenants.operators import appoint_operator

    async def work(database: "Database", _settings: "Settings") -> None:
        password_hash = await Argon2Passwords().hash(password)
        async with database.platform() as db:
            await appoint_operator(db, login, name=name, password_hash=password_hash, now=datetime.now(UTC))
        open_screen().print(f"{login}: operator")

    with_database(work, data=data)
