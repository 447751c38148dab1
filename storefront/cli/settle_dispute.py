"""`storefront settle dispute`: hold the other side's own file against a statement, line by line. Exit code 1 when anything differs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.table import Table

from settlement.disputes.commands import OpenDispute
from settlement.disputes.numbers import import_numbers
from settlement.disputes.open import open_dispute
from settlement.disputes.queries import disputes, find_dispute
from settlement.disputes.states import Compared, DisputeState
from settlement.disputes.views import DisputeView
from settlement.queries import find_statement
from storefront.cli.brands import of_brands, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import actor
from storefront.statements.numbers import NumberColumns, read_numbers
from tenants.kernel.ids import StatementId
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope

SHOWN = 50


@click.command("dispute")
@of_brands
@click.option(
    "--statement",
    "statement_id",
    type=click.UUID,
    required=True,
    help="The statement's id: 结算单号 on its page and in its workbook.",
)
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="CSV or workbook."
)  # fmt: skip
@click.option("--amount", required=True, help="Their column of the amount.")
@click.option(
    "--order", "order_no", help="Their column of the order number; without it a row is a day."
)  # fmt: skip
@click.option("--line", "line_no", help="Their column of the line number.")
@click.option("--day", help="Their column of the day.")
@click.option("--fen", "in_fen", is_flag=True, help="Amounts are in fen.")
@click.option(
    "--compares", type=click.Choice(list(Compared)), default=Compared.PORTION, help="Which of our figures is meant."
)  # fmt: skip
@click.option("--header-row", type=int, default=1, show_default=True)
@click.option("--sheet", help="The workbook's sheet.")
@click.option("--reason", default="对方账单不一致", help="Why the statement is disputed.")
def dispute_command(
    *, statement_id: UUID, path: Path, reason: str, data: Path | None, tenant_code: str | None, every: bool, **columns: Any
) -> None:  # fmt: skip
    """Open a dispute of a statement (or take the one that is open) and match their file with its lines."""
    if every:
        raise click.UsageError("a statement is one brand's: name it with --tenant CODE")
    console = open_screen()
    chosen = NumberColumns(**{**columns, "compares": Compared(columns["compares"])})

    async def work(tenant: TenantScope, _code: str) -> bool:
        found = await _matched(
            tenant, path, columns=chosen, statement_id=StatementId(statement_id), reason=reason
        )
        print_dispute(console, found)
        return not found.differences

    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


async def _matched(
    tenant: TenantScope, path: Path, *, columns: NumberColumns, statement_id: StatementId, reason: str
) -> DisputeView:
    """Read the whole file before anything is opened: a file that cannot be used disputes nothing."""
    now = datetime.now(UTC)
    async with tenant.reading() as db:
        statement = await find_statement(db, statement_id)
    numbers = read_numbers(path, columns, month=statement.period_on)
    async with tenant.writing_much() as db:
        standing = [each for each in await disputes(db, statement_id) if each.state is DisputeState.OPEN]
        dispute = (
            standing[0]
            if standing
            else await open_dispute(
                db, OpenDispute(reason=reason), statement_id=statement_id, opened_by=actor(), now=now
            )
        )
        await import_numbers(db, numbers, dispute_id=dispute.id, imported_by=actor(), now=now)
        return await find_dispute(db, dispute.id)


def print_dispute(console: Console, found: DisputeView) -> None:
    """What agrees, what differs by class, and the first differences."""
    nothing = Fen(0)
    console.print(
        f"dispute {found.id}: {found.rows_read:,} rows read; ours {yuan_text(found.ours_fen or nothing)},"
        f" theirs {yuan_text(found.theirs_fen or nothing)}; {found.matched:,} agree"
        f" ({yuan_text(found.matched_fen or nothing)})"
    )
    classes = Table("class", title_justify="left")
    for heading in ("count", "open", "theirs - ours"):
        classes.add_column(heading, justify="right")
    for each in found.classes:
        classes.add_row(each.kind.value, f"{each.count:,}", f"{each.open:,}", yuan_text(each.differing_fen))
    console.print(classes)
    table = Table("no", "class", "about", "day", title_justify="left")
    for heading in ("ours", "theirs", "row"):
        table.add_column(heading, justify="right")
    for one in found.differences[:SHOWN]:
        sides = ["" if fen is None else yuan_text(fen) for fen in (one.ours_fen, one.theirs_fen)]
        table.add_row(
            str(one.number), one.kind.value, one.about, str(one.occurred_on), *sides, str(one.row_no or "")
        )
    if found.differences:
        console.print(table)
