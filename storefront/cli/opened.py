"""Running a command's work over an open database, and ending in words when it is refused. What the work is, is the command's."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import rich_click as click

from storefront.cli.home import database_url_of, settings_for_command, strip_postgres_variables
from tenants.kernel.errors import Refusal

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.kernel.scope import Database

ACTOR = "system:command-line"
data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder of a running `storefront up`; default: DATABASE_URL, or STOREFRONT_HOME, or the system's folder.",
)


def with_database(
    work: Callable[["Database", "Settings"], Awaitable[None]], *, data: Path | None = None
) -> None:
    """Open the database of the environment, or of the `up` on this data folder, and run `work`; a refusal ends the program in its own words."""
    import msgspec

    from storefront.settings import SettingInvalid
    from tenants.kernel.scope import open_database

    async def opened() -> None:
        strip_postgres_variables()
        settings = settings_for_command(data)
        database = open_database(database_url_of(settings), pool_size=2, hide_parameters=True)
        try:
            await work(database, settings)
        finally:
            await database.close()

    try:
        asyncio.run(opened())
    except (Refusal, LookupError, OSError, UnicodeError, SettingInvalid, msgspec.ValidationError) as error:
        details = getattr(error, "details", {})
        end_with(str(error) + "".join(f"\n  {path}: {what}" for path, what in details.items()))


def end_with(message: str) -> NoReturn:
    """Say what is wrong and end."""
    click.echo(message, err=True)
    sys.exit(1)
