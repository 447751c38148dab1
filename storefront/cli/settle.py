"""`storefront settle`: what finance runs. Every verb has a file of its own; here stand the group and the two that only look and book.

Exit code 1 when anything differs.
"""

from datetime import UTC, datetime
from typing import Any

import rich_click as click

from settlement.pending import post_pending
from storefront.cli.brands import of_brands, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_report import books_table, laws_table, progress
from storefront.statements.month_end import LAWS_BELOW, broken_laws_below, recount
from tenants.kernel.scope import TenantScope


@click.group(
    "settle", help="Split, reconcile, close, state, pay: a month from the first booking to the last file."
)
def settle() -> None:
    """The group itself does nothing."""


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
