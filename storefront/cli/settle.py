"""`storefront settle`: what finance runs. Every verb has a file of its own; here stand the group and the two that only look and book.

Exit code 1 when anything differs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import rich_click as click
from rich_click.rich_panel import RichCommandPanel

from orders.order_facts import order_numbered
from settlement.days import seal_days
from settlement.money.waterfall import order_waterfall
from settlement.posting.pending import post_pending
from storefront.cli.brands import of_brand, of_brands, run_for_brand, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_report import books_table, laws_table, progress
from storefront.cli.settle_trace import print_waterfall
from storefront.statements.month_end import LAWS_BELOW, broken_laws_below, recount
from tenants.kernel.scope import TenantScope


@click.group(
    "settle", help="Split, reconcile, close, state, pay: a month from the first booking to the last file."
)
def settle() -> None:
    """The group itself does nothing."""


def panels(group: click.RichGroup, commands: Mapping[str, Sequence[click.Command]]) -> None:
    """Hang commands on a group, which lists them under these headings and in this order, not by the alphabet."""
    order = [each for several in commands.values() for each in several]
    for command in order:
        group.add_command(command)
    for heading, several in commands.items():
        group.add_panel(RichCommandPanel(heading, commands=[str(each.name) for each in several]))


@click.command("post")
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


@click.command("verify")
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


@click.command("trace")
@click.argument("order_no")
@of_brand
def trace_command(*, order_no: str, **chosen: Any) -> None:
    """Print every fen of an order: list price, discounts, what was paid, each party's part, refunds, payments, with rule and evidence."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await order_waterfall(db, await order_numbered(db, order_no), now=datetime.now(UTC))
        print_waterfall(console, found, brand=code)
        return True

    run_for_brand(work, **chosen)


@click.command("seal")
@of_brands
def seal_command(**chosen: Any) -> None:
    """Hash every day of the ledger that is over and chain it to the day before: a later change by anybody shows in `verify`."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        for sealed in await seal_days(tenant, now=datetime.now(UTC)):
            console.print(f"{code}: {sealed.day} with {sealed.entries:,} entries, {sealed.chain_sha256[:12]}")
        return True

    run_for_brands(work, **chosen)
