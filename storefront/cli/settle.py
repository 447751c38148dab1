"""`storefront settle`: book what waits, close a month, write its statements, recount the books. Exit code 1 when anything differs.

Owns the command line alone; the work is `storefront.statements.month_end`'s and settlement's.
"""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from orders.order_facts import order_numbered
from settlement import queries
from settlement.commands import month_from_text, month_text
from settlement.days import seal_days
from settlement.money.waterfall import order_waterfall
from settlement.pending import post_pending
from storefront.cli.home import database_url_of, settings_for_command, strip_postgres_variables
from storefront.cli.screen import open_screen
from storefront.cli.settle_report import (
    books_table,
    files_table,
    laws_table,
    preview_table,
    print_month_end,
    progress,
    statements_table,
)
from storefront.cli.settle_trace import print_waterfall
from storefront.statements.month_end import (
    LAWS_BELOW,
    broken_laws_below,
    end_month,
    preview,
    recount,
    write_month,
)
from tenants.directory import every_tenant, tenant_coded
from tenants.kernel.errors import Refusal
from tenants.kernel.scope import Database, TenantScope, open_database

POOL = 4
Work = Callable[[TenantScope, str], Awaitable[bool]]


def of_brands(command: Callable[..., None]) -> Callable[..., None]:
    """The options every subcommand has: which brands, and on which data folder."""
    for option in (
        click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder of a running `storefront up`; default: DATABASE_URL, or the system's folder."),
        click.option("--all", "every", is_flag=True, help="Every brand."),
        click.option("--tenant", "tenant_code", help="The brand's code."),
    ):  # fmt: skip
        command = option(command)
    return command


def of_month(command: Callable[..., None]) -> Callable[..., None]:
    """The options of what is about one month."""
    for option in (
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("statements"), show_default=True, help="Where files go: one folder a brand."),
        click.option("--month", required=True, help="YYYY-MM."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group("settle", help="Close a month and write its statements.")
def settle() -> None:
    """The group itself does nothing."""


@settle.command("close")
@of_brands
@of_month
@click.option("--through", is_flag=True, help="Close every earlier open month first.")
@click.option(
    "--early", is_flag=True, help="Close a month that is not over: the rest of it falls into the next."
)
@click.option("--dry-run", is_flag=True, help="Show what is booked so far; write nothing.")
def close_command(*, month: str, out: Path, through: bool, early: bool, dry_run: bool, **chosen: Any) -> None:
    """Book what waits, close the month, write every party's CSV and XLSX, recount the books, print what must agree."""
    run_for_brands(month_end_work(month, out=out, through=through, early=early, dry_run=dry_run), **chosen)


@settle.command("statements")
@of_brands
@of_month
def statements_command(*, month: str, out: Path, **chosen: Any) -> None:
    """Write the files of a closed month again: the same bytes."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await queries.statements(db, month=month_from_text(month))
        console.print(statements_table(found, title=f"{code}  {month}"))
        with progress(console) as say:
            files = await write_month(tenant, found, out=out / code, say=say)
        console.print(files_table(files))
        return all(written.agrees for written in files)

    run_for_brands(work, **chosen)


@settle.command("post")
@of_brands
def post_command(**chosen: Any) -> None:
    """Book what is paid or refunded and not booked yet."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        with progress(console) as say:
            caught = await post_pending(tenant, now=datetime.now(UTC), say=say)
        console.print(
            f"{code}: {caught.orders:,} orders, {caught.refunds:,} refunds and {caught.history_lines:,} imported"
            f" lines booked in {caught.entries:,} entries"
        )
        return True

    run_for_brands(work, **chosen)


@settle.command("verify")
@of_brands
def verify_command(**chosen: Any) -> None:
    """Recount the books from scratch, and what stock and orders say of themselves."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        with progress(console) as say:
            report = await recount(tenant, say=say)
            broken = await broken_laws_below(tenant, now=datetime.now(UTC), say=say)
        console.print(f"[bold]{code}[/]")
        console.print(books_table(report))
        console.print(laws_table(LAWS_BELOW, broken))
        return report.sound and not broken

    run_for_brands(work, **chosen)


@settle.command("trace")
@click.argument("order_no")
@of_brands
def trace_command(*, order_no: str, **chosen: Any) -> None:
    """Print every fen of an order: list price, discounts, what was paid, each party's part, refunds, payments, with rule and evidence."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await order_waterfall(db, await order_numbered(db, order_no), now=datetime.now(UTC))
        print_waterfall(console, found, brand=code)
        return True

    run_for_brands(work, **chosen)


@settle.command("seal")
@of_brands
def seal_command(**chosen: Any) -> None:
    """Hash every day of the ledger that is over and chain it to the day before: a later change by anybody shows in `verify`."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        for sealed in await seal_days(tenant, now=datetime.now(UTC)):
            console.print(f"{code}: {sealed.day} with {sealed.entries:,} entries, {sealed.chain_sha256[:12]}")
        return True

    run_for_brands(work, **chosen)


def month_end_work(
    month: str, *, out: Path, through: bool = False, early: bool = False, dry_run: bool = False
) -> Work:
    """The end of a month for one brand, with its bars and its report."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        first_day = month_from_text(month)
        if dry_run:
            await _preview(console, tenant, code=code, month=first_day)
            return True
        with progress(console) as say:
            ended = await end_month(
                tenant, first_day, out=out / code, closed_by=f"cli:{getpass.getuser()}", now=datetime.now(UTC),
                through=through, early=early, say=say,
            )  # fmt: skip
        print_month_end(console, ended, brand=code)
        return ended.agrees

    return work


def run_for_brands(work: Work, *, tenant_code: str | None, every: bool, data: Path | None = None) -> None:
    """Do the work for the brands that were named, and end with 0, or 1 when one differs or is refused."""
    if every == bool(tenant_code):
        raise click.UsageError("name a brand with --tenant CODE, or all of them with --all")
    try:
        agree = asyncio.run(_for_brands(work, tenant_code=tenant_code, data=data))
    except (Refusal, LookupError, OSError) as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)
    sys.exit(0 if agree else 1)


async def _for_brands(work: Work, *, tenant_code: str | None, data: Path | None) -> bool:
    strip_postgres_variables()
    settings = settings_for_command(data)
    database = open_database(
        database_url_of(settings),
        report_url=settings.database_report_url,
        pool_size=POOL,
        hide_parameters=True,
    )
    try:
        brands = await _brands(database, tenant_code)
        return all(
            [await _one_brand(work, database.tenant(tenant_id), code=code) for code, tenant_id in brands]
        )
    finally:
        await database.close()


async def _one_brand(work: Work, tenant: TenantScope, *, code: str) -> bool:
    """Do one brand's work; a refusal is told and the others' work goes on."""
    try:
        return await work(tenant, code)
    except Refusal as refusal:
        details = "".join(f"\n  {place}: {told}" for place, told in refusal.details.items())
        click.echo(f"{code}: {refusal.sentence()} ({refusal.zh}){details}", err=True)
        return False


async def _brands(database: Database, tenant_code: str | None) -> list[tuple[str, Any]]:
    async with database.platform() as db:
        if tenant_code is None:
            return list(await every_tenant(db))
        tenant_id = await tenant_coded(db, tenant_code)
    if tenant_id is None:
        raise LookupError(f"there is no tenant with the code {tenant_code!r} (找不到品牌)")
    return [(tenant_code, tenant_id)]


async def _preview(console: Console, tenant: TenantScope, *, code: str, month: date) -> None:
    counted = await preview(tenant, month)
    async with tenant.reading() as db:
        parties = await queries.parties(db)
    title = f"{code}  {month_text(month)}  booked so far (dry run, nothing kept)"
    console.print(preview_table(counted, parties=parties, title=title))
