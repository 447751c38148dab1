"""Running a command's work over an open database, and ending in words when it is refused. What the work is, is the command's."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NoReturn

import rich_click as click

from storefront.cli.home import settings_for_command, strip_postgres_variables
from tenants.kernel.errors import Refusal

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.kernel.scope import Database

ACTOR = "system:command-line"


def with_database(work: Callable[["Database", "Settings"], Awaitable[None]]) -> None:
    """Open the database of the environment, or of a running `up`, and run `work`; a refusal ends the program in its own words."""
    import msgspec

    from tenants.kernel.scope import open_database

    async def opened() -> None:
        strip_postgres_variables()
        settings = settings_for_command()
        if settings.database_url is None:
            raise LookupError("no database: start `storefront up`, or set DATABASE_URL")
        database = open_database(settings.database_url, pool_size=2)
        try:
            await work(database, settings)
        finally:
            await database.close()

    try:
        asyncio.run(opened())
    except (Refusal, LookupError, OSError, msgspec.ValidationError) as error:
        end_with(str(error))


def end_with(message: str) -> NoReturn:
    """Say what is wrong and end."""
    click.echo(message, err=True)
    sys.exit(1)
