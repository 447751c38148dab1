"""`storefront work`: the worker, behind the gate."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import sys

import rich_click as click

from storefront.settings import Settings


@click.command("work")
def work() -> None:
    """Work off the outbox from DATABASE_WORKER_URL (as app_worker). Any number of workers may run side by side."""
    from storefront.cli.home import settings_for_command, strip_postgres_variables
    from storefront.gate import GateClosed

    strip_postgres_variables()
    try:
        asyncio.run(gated_work(settings_for_command()))
    except GateClosed as closed:
        click.echo(str(closed), err=True)
        sys.exit(1)


async def gated_work(settings: Settings) -> None:
    """Pass the gate as app_worker, then work until SIGTERM or SIGINT."""
    from storefront.gate import require_open
    from storefront.provision import WORKER
    from storefront.worker import work

    await require_open(settings, role=WORKER)
    await work(settings)
