"""`storefront up`: everything on this machine with one command, and everything stopped with Ctrl-C."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import rich_click as click

if TYPE_CHECKING:
    from rich.console import Console

    from storefront.cli.running import Running, Wanted

DEFAULT_SIMULATOR_OFFSET = 100
LOOK_SECONDS = 0.2


class StopAsked(KeyboardInterrupt):
    """SIGINT or SIGTERM arrived. Of KeyboardInterrupt's kind: an event loop swallows any other exception out of a callback."""


@click.command("up")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder; default: STOREFRONT_HOME, or the system's.",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The API's port; default: STOREFRONT_PORT, or 8000."
)
@click.option("--empty", is_flag=True, help="Without the demonstration.")
@click.option(
    "--check", is_flag=True, help="Start on free ports, test yourself, stop; exit code 0 if all is well."
)
def up(*, data: Path | None, port: int | None, empty: bool, check: bool) -> None:
    """Start database, cache, demonstration, WeChat simulator, API and worker.

    With DATABASE_URL or REDIS_URL set, those are used instead of embedded servers. A second start keeps the data.
    """
    from rich.console import Console

    from storefront.cli.home import strip_postgres_variables
    from storefront.cli.running import StartFailed, bring_up
    from storefront.embedded.errors import EmbeddedFault
    from storefront.gate import GateClosed
    from storefront.settings import SettingInvalid

    began = time.monotonic()
    console = Console(highlight=False)
    strip_postgres_variables()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    running = None
    try:
        running = bring_up(
            _wanted(data, port=port, empty=empty, check=check),
            say=lambda line: console.print(
                f"[dim]{time.monotonic() - began:5.1f} s[/]  {line}", soft_wrap=True
            ),
        )
        code = _test(running, console=console) if check else _stay(running, console=console, began=began)
    except StopAsked:
        code = 0
    except (StartFailed, EmbeddedFault, GateClosed, SettingInvalid) as error:
        console.print(f"[red]{type(error).__name__}[/]: ", end="")
        console.print(str(error), markup=False, soft_wrap=True)
        code = 1
    finally:
        _stop_no_more()
        if running is not None:
            killed = running.stop()
            console.print(f"stopped{f'; had to be killed: {killed}' if killed else ''}")
    sys.exit(code)


def _stop(_number: int, _frame: FrameType | None) -> None:
    _stop_no_more()
    raise StopAsked


def _stop_no_more() -> None:
    """A second Ctrl-C must not leave half of it running."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _wanted(data: Path | None, *, port: int | None, empty: bool, check: bool) -> "Wanted":
    from storefront.cli.running import Wanted, free_port
    from storefront.embedded.folder import default_home
    from storefront.settings import read_settings

    settings = read_settings()
    home = default_home(configured=data or settings.storefront_home)
    if check:
        return Wanted(home, "127.0.0.1", free_port(), free_port(), free_port(), demo=not empty)
    chosen = port or settings.storefront_port
    return Wanted(
        home=home,
        host=settings.storefront_host,
        port=chosen,
        simulator_port=chosen + DEFAULT_SIMULATOR_OFFSET,
        metrics_port=settings.storefront_metrics_port,
        demo=not empty,
    )


def _stay(running: "Running", *, console: "Console", began: float) -> int:
    """Show the panel and watch the parts until somebody stops us or one of them ends."""
    from storefront.cli.panel import show_panel

    show_panel(console, running, seconds=time.monotonic() - began)
    while True:
        time.sleep(LOOK_SECONDS)
        ended = running.ended_part()
        if ended is not None:
            console.print(f"[red]the {ended.name} ended[/]; its log {ended.log} says:\n{ended.last_words()}")
            return 1
        for server in running.servers.children() if running.servers else ():
            if server.ended():
                console.print(
                    f"[red]{server.name} ended[/]; its log {server.log} says:\n{server.last_words()}"
                )
                return 1


def _test(running: "Running", *, console: "Console") -> int:
    from storefront.cli.self_test import self_test

    faults = 0
    for name, fault in self_test(running):
        console.print(
            f"[green]✓[/] {name}" if fault is None else f"[red]✗[/] {name}: {fault}", soft_wrap=True
        )
        faults += fault is not None
    console.print(
        "all well" if not faults else f"{faults} check(s) failed; logs are in {running.wanted.home}"
    )
    return 1 if faults else 0
