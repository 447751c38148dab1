"""`storefront settle claims`: which parties owe, and the refunds that it comes from. Looks only: the next statements net them."""

from datetime import UTC, datetime
from typing import Any

import rich_click as click
from rich.table import Table

from settlement.claims import claims
from settlement.views import ClaimList
from storefront.cli.brands import of_brands, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import SHOWN, party_named
from tenants.kernel.money import yuan_text
from tenants.kernel.scope import TenantScope


@click.command("claims")
@of_brands
@click.option("--party", "named", help="Only this party, by name or code.")
def claims_command(*, named: str | None, **chosen: Any) -> None:
    """Show what parties owe and which refunds it comes from; netted by their next statements."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            about = await party_named(db, named) if named else None
            found = await claims(db, now=datetime.now(UTC), party_id=about, limit=SHOWN)
        console.print(_table(found, title=f"{code}  {len(found.parties):,} parties with claims"))
        return True

    run_for_brands(work, **chosen)


def _table(found: ClaimList, *, title: str) -> Table:
    """Each party's debt, and under it the refunds that it comes from."""
    table = Table("party", "owes", "order", "since", "why", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for heading in ("took", "open", "days"):
        table.add_column(heading, justify="right")
    table.add_column("netted in")
    for party in found.parties:
        table.add_row(f"[bold]{party.party.name}[/]", yuan_text(party.owes_fen))
        for each in party.claims:
            why = " ".join(part for part in (each.cause.value, each.trouble, each.channel_message) if part)
            table.add_row(
                "", "", each.order_no or "", str(each.since_on), why, yuan_text(each.amount_fen),
                yuan_text(each.open_fen), str(each.age_days), f"{each.period_on:%Y-%m}",
            )  # fmt: skip
    return table
