"""`storefront seed`: the demonstration, written once; what it hands over is kept beside the keys."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import rich_click as click

from storefront.cli.home import write_private
from storefront.settings import Settings

if TYPE_CHECKING:
    from storefront.demo.report import DemoReport

REPORT = "demo.json"


@click.command("seed")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="The data folder of `storefront up`."
)
def seed(*, data: Path | None) -> None:
    """Write the demonstration into the database, once. WECHAT_PAY_URL has to name a simulator."""
    from storefront.cli.home import database_url_of, settings_for_command, strip_postgres_variables
    from storefront.embedded.folder import default_home

    strip_postgres_variables()
    settings = settings_for_command(data)
    try:
        database_url_of(settings)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    if settings.wechat_pay_url == Settings().wechat_pay_url:
        raise click.ClickException(
            "the demonstration pays against a simulator only: set WECHAT_PAY_URL (see `storefront simulate`)"
        )
    home = default_home(configured=data or settings.storefront_home)
    home.mkdir(parents=True, exist_ok=True)
    report = write_demo(settings, home=home, say=click.echo)
    for login in report.logins:
        click.echo(
            f"{login.audience:9} {login.tenant_code or '-':10} {login.login:18} {login.password:18} {login.place}"
        )


def write_demo(settings: Settings, *, home: Path, say: Callable[[str], None]) -> "DemoReport":
    """Write what is missing of the demonstration and keep its report in the data folder."""
    from storefront.cli.quiet import quietly
    from storefront.demo.seed import seed_demo
    from tenants.kernel.scope import open_database

    async def write() -> "DemoReport":
        database = open_database(str(settings.database_url), pool_size=4)
        try:
            return await seed_demo(database, settings=settings, progress=say)
        finally:
            await database.close()

    with quietly():
        report = asyncio.run(write())
    write_private(home / REPORT, msgspec.json.encode(report))
    return report


def kept_report(home: Path) -> "DemoReport | None":
    """The report of an earlier seeding, if this folder has one."""
    from storefront.demo.report import DemoReport

    path = home / REPORT
    return msgspec.json.decode(path.read_bytes(), type=DemoReport) if path.exists() else None
