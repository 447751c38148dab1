"""How long a month of a chain takes: N imported orders of several parties are booked, closed and recounted, beside the database's own limit.

    uv run python scripts/bench_settlement.py --orders 100000
    uv run python scripts/bench_settlement.py --orders 1000000 --stores 1000 --paid-here 100000

Starts a database of its own, writes orders and refunds by SQL through the application's role, and runs what finance runs. The limit it is
compared with is one INSERT … SELECT of the same rows into an empty table with a primary key, in the same run, on the same server. Exit
code 1 when a law of the books is broken or totals disagree.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402 the project's folder comes first
from rich.table import Table  # noqa: E402

from scripts.bench_month import OCTOBER, Month, generate, open_chain  # noqa: E402
from settlement.close import close_month  # noqa: E402
from settlement.pending import post_pending  # noqa: E402
from settlement.verify import verify_books  # noqa: E402
from storefront.embedded.servers import start_servers  # noqa: E402
from storefront.migrations.run import upgrade  # noqa: E402
from storefront.provision import APP, MIGRATOR, connect, provision  # noqa: E402
from tenants.kernel.scope import TenantScope, open_database  # noqa: E402

AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
KEYED = (
    "CREATE TABLE bench_keyed (LIKE app.ledger_entries)",
    "ALTER TABLE bench_keyed ADD PRIMARY KEY (tenant_id, id)",
)
SAME_ROWS = "INSERT INTO bench_keyed SELECT * FROM app.ledger_entries"
KEYED_JOURNALS = (
    "CREATE TABLE bench_keyed_journals (LIKE app.journals)",
    "ALTER TABLE bench_keyed_journals ADD PRIMARY KEY (tenant_id, id)",
)
SAME_JOURNALS = "INSERT INTO bench_keyed_journals SELECT * FROM app.journals"


async def timed(name: str, work: Awaitable[Any], *, told: dict[str, float], console: Console) -> Any:
    """Await the work and remember how long it took."""
    begun = time.perf_counter()
    found = await work
    told[name] = time.perf_counter() - begun
    console.print(f"  {name}: {told[name]:,.1f} s")
    return found


async def keyed_limit(superuser_url: str) -> tuple[float, int, int]:
    """Seconds that the database needs for the same rows into empty keyed tables, the entries and the journals in them."""
    connection = await connect(superuser_url, database="storefront")
    try:
        for statement in (*KEYED, *KEYED_JOURNALS):
            await connection.execute(statement)
        begun = time.perf_counter()
        entries = await connection.execute(SAME_ROWS)
        journals = await connection.execute(SAME_JOURNALS)
        seconds = time.perf_counter() - begun
    finally:
        await connection.close()
    return seconds, int(entries.split()[-1]), int(journals.split()[-1])


async def recount(tenant: TenantScope) -> Any:
    """The laws of the books."""
    async with tenant.reporting() as db:
        return await verify_books(db)


async def run(month: Month, *, console: Console, folder: Path) -> bool:
    """The whole of it; whether the books are sound."""
    told: dict[str, float] = {}
    servers = start_servers(folder, with_valkey=False)
    try:
        await provision(servers.superuser_url, database="storefront")
        await upgrade(servers.database_url(MIGRATOR))
        database = open_database(servers.database_url(APP), pool_size=6)
        try:
            tenant = await open_chain(database, month)
            await timed("orders written by SQL", generate(tenant, month), told=told, console=console)
            caught = await timed("booked", post_pending(tenant, now=AFTER), told=told, console=console)
            close = close_month(tenant, OCTOBER, closed_by="bench", now=AFTER)
            [closing] = await timed("closed", close, told=told, console=console)
            again = close_month(tenant, OCTOBER, closed_by="bench", now=AFTER)
            [second] = await timed("closed again, comparing", again, told=told, console=console)
            books = await timed("recounted", recount(tenant), told=told, console=console)
        finally:
            await database.close()
        limit, entries, journals = await keyed_limit(servers.superuser_url)
    finally:
        servers.stop()
    work = told["booked"] + told["closed"]
    table = Table(
        title=f"{month.orders:,} imported orders, {month.paid_here:,} paid here, {month.stores:,} stores"
    )
    table.add_column("what")
    table.add_column("figure", justify="right")
    lines = caught.history_lines
    for name, figure in (
        ("entries", f"{entries:,}"), ("journals", f"{journals:,}"),
        ("keyed SQL limit of the same rows", f"{limit:,.1f} s"),
        ("booked and closed", f"{work:,.1f} s"), ("times the limit", f"{work / limit:,.2f}"),
        ("history lines a second", f"{lines / told['booked']:,.0f}"), ("entries a second", f"{entries / work:,.0f}"),
        ("statements", f"{len(closing.statements):,}"),
        ("laws recounted", f"{told['recounted']:,.1f} s"),
    ):  # fmt: skip
        table.add_row(name, figure)
    console.print(table)
    for finding in books.findings:
        if finding.broken:
            console.print(f"[red]{finding.law}: {finding.broken} of {finding.checked}: {finding.examples}")
    return bool(books.sound and closing.totals.agree and closing.statements == second.statements)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=100_000, help="imported orders")
    parser.add_argument("--paid-here", type=int, default=0, help="orders paid through us, posted per order")
    parser.add_argument("--stores", type=int, default=1_000)
    parser.add_argument("--malls", type=int, default=20, help="contracts: one a mall")
    parser.add_argument("--lines", type=int, default=1, help="lines an order")
    parser.add_argument("--refunds", type=int, default=3, help="refunds in a hundred orders")
    given = parser.parse_args()
    month = Month(
        orders=given.orders, paid_here=given.paid_here, stores=given.stores, malls=given.malls,
        lines=given.lines, refunds=given.refunds,
    )  # fmt: skip
    console = Console()
    with tempfile.TemporaryDirectory(prefix="storefront-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        sound = asyncio.run(run(month, console=console, folder=home))
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
