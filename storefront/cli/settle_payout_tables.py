"""What `storefront settle payouts` prints: what is due, and batches line by line with who prepared and released them."""

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from settlement.payouts.states import LineState
from settlement.payouts.views import DueView, PayoutView
from storefront.cli.settle_person import People, people_of
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope

number_option = click.option(
    "--payout", "payout_no", required=True, help="The batch's number; `payouts list` shows it."
)


async def print_payout(
    console: Console, payout: PayoutView, *, tenant: TenantScope, kept: bool = True
) -> None:
    """A batch, line by line, with its control total and its people."""
    async with tenant.reading() as db:
        people = await people_of(db)
    console.print(payout_table(payout, people=people, kept=kept))


def payout_table(payout: PayoutView, *, people: People, kept: bool = True) -> Table:
    """A line a party."""
    dry = "" if kept else "  (dry run, nothing kept)"
    title = f"{payout.payout_no}  {payout.state}  {payout.line_count:,} lines  {yuan_text(payout.total_fen)} yuan{dry}"
    table = Table(
        "no", "line", "party", "name", "pay to", title=title, title_justify="left", caption_justify="left"
    )
    table.add_column("amount", justify="right")
    table.add_column("state")
    table.add_column("told")
    for line in payout.lines:
        pay_to = line.payee.payroll_no or f"…{line.payee.account_tail}"
        told = escape(line.trouble or line.bank_reference or "")
        day = f" {line.paid_on}" if line.state is LineState.PAID else ""
        table.add_row(
            str(line.number), line.line_no, line.party.kind, line.party_name, pay_to, yuan_text(line.amount_fen),
            line.state.value + day, told,
        )  # fmt: skip
    table.caption = _who(payout, people=people)
    return table


def _who(payout: PayoutView, *, people: People) -> str:
    done = f"prepared by {people.name(payout.prepared_by)} {people.moment(payout.prepared_at)}"
    if payout.released_by:
        done += f"; released by {people.name(payout.released_by)} {people.moment(payout.released_at)}"
    return f"{done} ({people.clocks})"


def due_table(found: list[DueView], *, title: str) -> Table:
    """What each party is due, or why it is not paid."""
    table = Table("party", "name", title=title, title_justify="left")
    for heading in ("closing", "since", "on its way", "returnable", "due"):
        table.add_column(heading, justify="right")
    table.add_column("from")
    table.add_column("not paid because")
    for each in found:
        table.add_row(
            each.party.kind, each.party.name, yuan_text(each.closing_fen), yuan_text(each.since_fen),
            yuan_text(each.on_its_way_fen), yuan_text(each.frozen_fen), yuan_text(each.amount_fen), str(each.due_on or ""),
            each.skipped.value if each.skipped else "",
        )  # fmt: skip
    total = Fen(sum(each.amount_fen for each in found if each.skipped is None))
    table.caption = f"due: {yuan_text(total)} yuan"
    return table
