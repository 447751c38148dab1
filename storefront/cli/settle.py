"""`storefront settle`: book what waits, close a month, write its statements, recount the books. Exit code 1 when anything differs.

Owns the command line alone; the work is `storefront.statements.month_end`'s and settlement's.
"""

import getpass
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from settlement import queries
from settlement.commands import month_from_text, month_text
from settlement.pending import post_pending
from storefront.cli.brands import Work, of_brands, run_for_brands
from storefront.cli.reconcile import reconcile_command
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
from storefront.statements.month_end import (
    LAWS_BELOW,
    broken_laws_below,
    end_month,
    preview,
    recount,
    write_month,
)
from tenants.kernel.scope import TenantScope


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


settle.add_command(reconcile_command)


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


async def _preview(console: Console, tenant: TenantScope, *, code: str, month: date) -> None:
    counted = await preview(tenant, month)
    async with tenant.reading() as db:
        parties = await queries.parties(db)
    title = f"{code}  {month_text(month)}  booked so far (dry run, nothing kept)"
    console.print(preview_table(counted, parties=parties, title=title))
