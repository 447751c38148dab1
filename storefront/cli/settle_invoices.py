"""`storefront settle invoices`: invoice numbers noted beside statements. The statements' files do not change by it: they are what was signed."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import rich_click as click
from rich.table import Table

from settlement.queries import find_statement
from settlement.signing.commands import RecordInvoice
from settlement.signing.invoices import record_invoice
from settlement.signing.queries import invoices
from settlement.signing.views import InvoiceView
from storefront.cli.brands import Work, asked_for, of_brand, run_for_brand
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import InOrder, YuanAmount, dry_run_option
from storefront.cli.settle_person import People, Presented, deciding_person, people_of, signed
from tenants.kernel.ids import StatementId
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope

statement_option = click.option(
    "--statement", "statement_id", type=click.UUID, required=True, help="The statement's id (结算单号)."
)


@click.group("invoices", cls=InOrder)
def invoices_group() -> None:
    """Invoice numbers noted beside statements."""


@invoices_group.command("note")
@of_brand
@statement_option
@click.option("--no", "invoice_no", required=True, help="The invoice's number.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day it was issued.")
@click.option(
    "--amount", type=YuanAmount(), required=True, help="With tax; a red-letter one (红字) is negative."
)
@click.option("--tax", type=YuanAmount(), required=True, help="The tax in it, of the same sign.")
@deciding_person
@dry_run_option
def note_command(
    *, statement_id: UUID, invoice_no: str, on: datetime, amount: Fen, tax: Fen, person: Presented | None,
    dry_run: bool, tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Note an invoice; a number stands once."""
    console = open_screen()
    command = asked_for(
        RecordInvoice, invoice_no=invoice_no, issued_on=on.date(), amount_fen=amount, tax_fen=tax
    )

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            about = StatementId(statement_id)
            async with tenant.writing() as db:
                noted = await record_invoice(
                    db, command, statement_id=about, recorded_by=by, now=datetime.now(UTC)
                )
                people = await people_of(db)
                if dry_run:
                    await db.rollback()
            title = code + ("  (dry run, nothing kept)" if dry_run else "")
            console.print(_table(noted.invoices, people=people, title=title))
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


@invoices_group.command("list")
@of_brand
@statement_option
def list_command(*, statement_id: UUID, tenant_code: str, data: Path | None) -> None:
    """Show the invoices noted beside a statement."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        about = StatementId(statement_id)
        async with tenant.reading() as db:
            await find_statement(db, about)
            found, people = await invoices(db, about), await people_of(db)
        console.print(_table(found, people=people, title=code))
        return True

    run_for_brand(work, tenant_code=tenant_code, data=data)


def _table(found: list[InvoiceView], *, people: People, title: str) -> Table:
    table = Table("invoice", "issued", title=title, title_justify="left", caption=people.clocks)
    for heading in ("amount", "tax"):
        table.add_column(heading, justify="right")
    table.add_column("noted")
    for each in found:
        table.add_row(
            each.invoice_no, str(each.issued_on), yuan_text(each.amount_fen), yuan_text(each.tax_fen),
            f"{people.name(each.recorded_by)} {people.moment(each.recorded_at)}",
        )  # fmt: skip
    return table
