"""What finance's commands have in common: the options of a month, who is asking, and the vendors' channels of one brand."""

import getpass
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import rich_click as click

from storefront.adapters.outbound import open_http_client
from storefront.channels import WechatPayChannels
from storefront.cli.home import settings_for_command
from storefront.cli.quiet import quietly
from storefront.wiring import system_clock
from tenants.kernel.encryption import KeyRing

OUT = Path("statements")
dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done; keep nothing.")


def of_month(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what is about one month."""
    for option in (
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=OUT, show_default=True, help="Where files go: one folder a brand."),
        click.option("--month", required=True, help="YYYY-MM."),
    ):  # fmt: skip
        command = option(command)
    return command


def actor() -> str:
    """Who sits at this terminal, as the audit names them."""
    return f"cli:{getpass.getuser()}"


def keys_of(data: Path | None) -> KeyRing:
    """The master keys of the environment."""
    return settings_for_command(data).key_ring()


@asynccontextmanager
async def open_channels(data: Path | None) -> AsyncIterator[WechatPayChannels]:
    """The payment channels, for as long as the block lasts."""
    settings = settings_for_command(data)
    # A call to the channel is no line of finance's report.
    with quietly():
        async with open_http_client() as http:
            yield WechatPayChannels(http, settings=settings, keys=settings.key_ring(), clock=system_clock)
