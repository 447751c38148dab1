"""`storefront settle cashier-terms`: write down, or show, what was agreed with a partner's cashier (联合收银)."""

from datetime import UTC, datetime
from typing import Any

import rich_click as click
from rich.table import Table

from settlement.reconciliation.cashier_terms import cashier_terms, set_cashier_terms
from settlement.reconciliation.commands import SetCashierTerms
from storefront.cli.brands import of_brand, run_for_brand
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import actor, dry_run_option
from tenants.kernel.scope import TenantScope
from tenants.queries import store_codes


@click.command("cashier-terms")
@of_brand
@click.option(
    "--source-name", required=True, help="The partner, as its statements and sales are imported under."
)
@click.option(
    "--from",
    "starts_on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="From this day on. Without it the terms are shown.",
)
@click.option(
    "--deduction-bps",
    type=click.IntRange(0, 10_000),
    help="What the partner keeps of the gross, basis points.",
)
@click.option(
    "--fee-bps",
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=True,
    help="Its payment fee, basis points.",
)
@click.option(
    "--rounding",
    type=click.Choice(["half_up", "down"]),
    default="half_up",
    show_default=True,
    help="How it rounds a part of a fen.",
)
@click.option("--store", "store_code", help="The store of sales that only its statements know.")
@dry_run_option
def cashier_terms_command(
    *, source_name: str, starts_on: datetime | None, deduction_bps: int | None, fee_bps: int, rounding: str,
    store_code: str | None, dry_run: bool, **chosen: Any,
) -> None:  # fmt: skip
    """Set what a partner's cashier keeps from a day on, or show what was set. Every row of its statements is compared with it."""
    given = [starts_on, deduction_bps, store_code]
    if any(each is not None for each in given) and any(each is None for each in given):
        raise click.UsageError("to set terms give --from, --deduction-bps and --store together")
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.writing() as db:
            if starts_on is not None and deduction_bps is not None and store_code is not None:
                command = SetCashierTerms(
                    cashier=source_name, starts_on=starts_on.date(), deduction_bps=deduction_bps, fee_bps=fee_bps,
                    rounding=rounding, store_code=store_code,  # type: ignore[arg-type]
                )  # fmt: skip
                await set_cashier_terms(db, command, now=datetime.now(UTC), actor=actor())
            found = await cashier_terms(db, source_name)
            stores = await store_codes(db, [each.store_id for each in found])
            if dry_run:
                await db.rollback()
        table = Table(
            "from",
            "deduction",
            "fee",
            "rounding",
            "store",
            title=f"{code}  {source_name}",
            title_justify="left",
        )
        for each in found:
            table.add_row(
                str(each.starts_on), f"{each.deduction_bps / 100:g} %", f"{each.fee_bps / 100:g} %", each.rounding,
                stores[each.store_id],
            )  # fmt: skip
        console.print(table if found else f"{code}: nothing is agreed with {source_name} yet (尚无约定)")
        return True

    run_for_brand(work, **chosen)
