"""`storefront serve`: the API on granian, behind the gate."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import sys

import rich_click as click

from storefront.settings import Settings, read_settings

GRACE_SECONDS = 30


@click.command("serve")
@click.option("--host", help="Default: STOREFRONT_HOST, or 127.0.0.1.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: STOREFRONT_PORT, or 8000.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; default: STOREFRONT_WORKERS, or 1.")
def serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the API from DATABASE_URL and REDIS_URL.

    Refuses to start when the gate finds a fault: wrong role, old server, drifted catalogue, missing migration, clock off.
    """
    import os

    from storefront.cli.home import environment_for_command, strip_postgres_variables
    from storefront.gate import GateClosed, require_open

    strip_postgres_variables()
    given = {"STOREFRONT_HOST": host, "STOREFRONT_PORT": port, "STOREFRONT_WORKERS": workers}
    os.environ.update({name: str(value) for name, value in given.items() if value is not None})
    os.environ.update(environment_for_command())  # granian's processes read it anew
    settings = read_settings()
    try:
        asyncio.run(require_open(settings))
    except GateClosed as closed:
        click.echo(str(closed), err=True)
        sys.exit(1)
    serve_api(settings)


def serve_api(settings: Settings) -> None:
    """Run granian in the foreground until SIGINT or SIGTERM; requests under way are finished."""
    from granian import Granian
    from granian.constants import Interfaces, Loops

    from storefront.cli.parts import warm_up

    warm_up()  # once, before granian forks its workers and whenever it replaces one
    Granian(
        "storefront.app:serve",
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.auto,
        address=settings.storefront_host,
        port=settings.storefront_port,
        workers=settings.storefront_workers,
        websockets=False,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
    ).serve()
