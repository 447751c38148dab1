"""How long a month of a chain takes: N imported orders of several parties are booked, closed and recounted, beside the database's own limit.

    uv run python scripts/bench_settlement.py --orders 100000
    uv run python scripts/bench_settlement.py --orders 1000000 --stores 1000 --paid-here 100000

Starts a database of its own, writes orders and refunds by SQL through the application's role, and runs what finance runs. The limit it is
compared with is one INSERT … SELECT of the same rows into an empty table with a primary key, in the same run, on the same server. Exit
code 1 when a law of the books is broken or totals disagree.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402 the project's folder comes first
from rich.table import Table  # noqa: E402

from scripts.bench_month import OCTOBER, Month, generate, open_chain  # noqa: E402
from settlement.close import close_month  # noqa: E402
from settlement.posting.pending import post_pending  # noqa: E402
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


@dataclass
class Clock:
    """How long things take, by the wall and by the processors of the database and of ours: on a busy machine only the latter compare."""

    postmaster: int
    console: Console
    wall: dict[str, float] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)

    async def time(self, name: str, work: Awaitable[Any]) -> Any:
        """Await the work and remember how long it took."""
        begun, spent = time.perf_counter(), self._spent()
        found = await work
        self.wall[name] = time.perf_counter() - begun
        self.busy[name] = self._spent() - spent
        self.console.print(f"  {name}: {self.wall[name]:,.1f} s, {self.busy[name]:,.1f} s of processor")
        return found

    def _spent(self) -> float:
        """Processor seconds of this process and of every server process that is alive."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                words = stat.read_text().rpartition(")")[2].split()
                ticks += int(words[11]) + int(words[12]) if int(words[1]) == self.postmaster else 0
        return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


async def analyse(superuser_url: str) -> None:
    """Orders come over a month, and autovacuum has counted them long before the month is over."""
    connection = await connect(superuser_url, database="storefront")
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def keyed_limit(superuser_url: str, clock: Clock) -> tuple[int, int]:
    """Let the database write the same rows into empty keyed tables; the entries and the journals in them."""
    connection = await connect(superuser_url, database="storefront")
    try:
        for statement in (*KEYED, *KEYED_JOURNALS):
            await connection.execute(statement)
        entries = await clock.time("keyed SQL limit: entries", connection.execute(SAME_ROWS))
        journals = await clock.time("keyed SQL limit: journals", connection.execute(SAME_JOURNALS))
    finally:
        await connection.close()
    return int(entries.split()[-1]), int(journals.split()[-1])


async def recount(tenant: TenantScope) -> Any:
    """The laws of the books."""
    async with tenant.reporting() as db:
        return await verify_books(db)


async def run(month: Month, *, console: Console, folder: Path) -> bool:
    """The whole of it; whether the books are sound."""
    servers = start_servers(folder, with_valkey=False)
    clock = Clock(_postmaster(folder), console)
    try:
        await provision(servers.superuser_url, database="storefront")
        await upgrade(servers.database_url(MIGRATOR))
        database = open_database(servers.database_url(APP), pool_size=6)
        try:
            tenant = await open_chain(database, month)
            await clock.time("orders written by SQL", generate(tenant, month))
            await analyse(servers.superuser_url)
            caught = await clock.time("booked", post_pending(tenant, now=AFTER))
            close = close_month(tenant, OCTOBER, closed_by="bench", now=AFTER)
            [closing] = await clock.time("closed", close)
            again = close_month(tenant, OCTOBER, closed_by="bench", now=AFTER)
            [second] = await clock.time("closed again, comparing", again)
            books = await clock.time("recounted", recount(tenant))
        finally:
            await database.close()
        entries, journals = await keyed_limit(servers.superuser_url, clock)
    finally:
        servers.stop()
    console.print(_table(month, clock, entries=entries, journals=journals, lines=caught.history_lines))
    for finding in books.findings:
        if finding.broken:
            console.print(f"[red]{finding.law}: {finding.broken} of {finding.checked}: {finding.examples}")
    return bool(books.sound and closing.totals.agree and closing.statements == second.statements)


def _postmaster(folder: Path) -> int:
    """The server's first process, whose children do the work."""
    (pid_file,) = folder.rglob("postmaster.pid")
    return int(pid_file.read_text().split()[0])


def _table(month: Month, clock: Clock, *, entries: int, journals: int, lines: int) -> Table:
    table = Table(title=f"{month.orders:,} imported, {month.paid_here:,} paid here, {month.stores:,} stores")
    for heading in ("", "wall", "processor"):
        table.add_column(heading, justify="left" if not heading else "right")
    both = (clock.wall, clock.busy)
    booked, closed = ([each[name] for each in both] for name in ("booked", "closed"))
    limit = [each["keyed SQL limit: entries"] + each["keyed SQL limit: journals"] for each in both]
    for name, work in (("booked", booked), ("closed", closed)):
        table.add_row(name, *(f"{each:,.1f} s" for each in work))
    table.add_row(
        f"the limit: {entries:,} entries, {journals:,} journals", *(f"{each:,.1f} s" for each in limit)
    )
    for name, work in (("booked", booked), ("closed", closed)):
        ratios = (mine / least for mine, least in zip(work, limit, strict=True))
        table.add_row(f"{name}: times the limit", *(f"{ratio:,.2f}" for ratio in ratios))
    table.add_row("imported lines a second", *(f"{lines / each['booked']:,.0f}" for each in both))
    table.add_row("laws recounted", *(f"{each['recounted']:,.1f} s" for each in both))
    return table


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
