"""Import the public data sets and compare every total with the files' own: expected / got per figure, exit code 1 on any difference.

uv run python scripts/compare_totals.py --data ../shared/data                  # into DATABASE_URL
uv run python scripts/compare_totals.py --data ../shared/data --throwaway      # into a database of its own
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402 the project's folder comes first
from rich.table import Table  # noqa: E402

from scripts.real_sets import (  # noqa: E402
    catalogue_barcode_cn,
    catalogue_litemall,
    catalogue_mall,
    catalogue_shopify,
    orders_fuzzy,
    orders_olist,
    orders_online_retail,
    orders_tmall,
    stores_cn,
)
from scripts.real_sets.context import Context, Figure  # noqa: E402
from storefront.cli.home import settings_for_command, strip_postgres_variables  # noqa: E402
from storefront.embedded.servers import EmbeddedServers, start_servers  # noqa: E402
from storefront.migrations.run import upgrade  # noqa: E402
from storefront.provision import APP, MIGRATOR, provision  # noqa: E402
from tenants.kernel.encryption import KeyRing  # noqa: E402
from tenants.kernel.scope import open_database  # noqa: E402

DATA_SETS: tuple[ModuleType, ...] = (
    catalogue_litemall,
    catalogue_mall,
    catalogue_barcode_cn,
    catalogue_shopify,
    stores_cn,
    orders_online_retail,
    orders_olist,
    orders_tmall,
    orders_fuzzy,
)
"""Each has NAME, FOLDER and `async def run(context) -> list[Figure]`."""


def main() -> int:
    """Run the chosen data sets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with expected.json, open/ and restricted/"
    )
    parser.add_argument("--only", action="append", choices=[module.NAME for module in DATA_SETS])
    parser.add_argument(
        "--reports", type=Path, default=None, help="where the reports go (default: a temporary folder)"
    )
    parser.add_argument("--throwaway", action="store_true", help="start a database for this run and drop it")
    parser.add_argument("--prefix", default="real", help="first part of the tenants' codes")
    chosen = parser.parse_args()
    strip_postgres_variables()
    reports = chosen.reports or Path(tempfile.mkdtemp(prefix="storefront-reports-"))
    reports.mkdir(parents=True, exist_ok=True)
    with _database_url(throwaway=chosen.throwaway) as url:
        if url is None:
            print("DATABASE_URL is not set; start `storefront up` first or use --throwaway", file=sys.stderr)
            return 1
        wrong = asyncio.run(_run(chosen, url=url, reports=reports))
    print(f"reports: {reports}")
    return 1 if wrong else 0


@contextmanager
def _database_url(*, throwaway: bool) -> Iterator[str | None]:
    if not throwaway:
        yield settings_for_command().database_url
        return
    with tempfile.TemporaryDirectory(prefix="storefront-real-data-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        servers = start_servers(home, throwaway=True, with_valkey=False)
        try:
            asyncio.run(_prepare(servers))
            yield servers.database_url(APP)
        finally:
            servers.stop()


async def _prepare(servers: EmbeddedServers) -> None:
    await provision(servers.superuser_url, database="storefront")
    await upgrade(servers.database_url(MIGRATOR))


async def _run(chosen: argparse.Namespace, *, url: str, reports: Path) -> int:
    """Import and compare; returns the number of figures that differ."""
    settings = settings_for_command()
    keys = (
        settings.key_ring()
        if settings.storefront_master_keys
        else KeyRing(current="once", keys={"once": secrets.token_bytes(32)})
    )
    console = Console()
    database = open_database(url, pool_size=2)
    context = Context(
        database=database,
        folder=chosen.data,
        keys=keys,
        reports=reports,
        prefix=chosen.prefix,
        say=console.print,
    )
    wrong = 0
    try:
        for module in DATA_SETS:
            if chosen.only and module.NAME not in chosen.only:
                continue
            if not (chosen.data / module.FOLDER).is_dir():
                console.print(f"{module.NAME}: {module.FOLDER} is not there, passed over")
                continue
            console.print(f"[bold]{module.NAME}[/bold]")
            run: Callable[[Context], Awaitable[list[Figure]]] = module.run
            figures = await run(context)
            console.print(_table(figures))
            wrong += sum(not figure.agrees for figure in figures)
    finally:
        await database.close()
    console.print(f"{wrong} figures differ" if wrong else "every figure agrees")
    return wrong


def _table(figures: list[Figure]) -> Table:
    table = Table("figure", "expected", "got", "")
    for figure in figures:
        table.add_row(
            figure.name, str(figure.expected), str(figure.got), "=" if figure.agrees else "[red]DIFFERS[/red]"
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
