"""What `storefront settle` prints: tables a finance person can read, amounts in yuan."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from settlement.posting.pending import Say
from settlement.statements import PartyMonth
from settlement.views import BooksReport, ClosingView, PartyView, StatementView
from storefront.statements.files import Written
from storefront.statements.month_end import MonthEnd
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen, yuan_text
from tenants.laws import BrokenLaw

SHOWN_HASH = 12


@contextmanager
def progress(console: Console) -> Iterator[Say]:
    """Bars with the time left, one a stage."""
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), console=console,
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}

    def say(stage: str, *, done: int, total: int | None) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done, total=total)

    with bars:
        yield say
        for task in bars.task_ids:
            if bars.tasks[task].total is None:
                bars.update(task, completed=1, total=1)


def print_month_end(console: Console, ended: MonthEnd, *, brand: str) -> None:
    """The whole report of one brand."""
    for closing in ended.closings:
        console.print(closing_table(closing, brand=brand))
        console.print(totals_table(closing, ended.files))
    if ended.files:
        console.print(files_table(ended.files))
    console.print(books_table(ended.books))
    console.print(
        "[green]everything agrees to the fen[/]" if ended.agrees else "[red]SOMETHING DIFFERS, see above[/]"
    )


def closing_table(closing: ClosingView, *, brand: str) -> Table:
    """A line a party."""
    again = "  (was closed already: unchanged)" if closing.already_closed else ""
    return statements_table(closing.statements, title=f"{brand}  {closing.month}{again}")


def statements_table(statements: list[StatementView], *, title: str) -> Table:
    """Opening, earned, reversed, paid, closing."""
    table = Table("party", "name", title=title, title_justify="left")
    for heading in ("opening", "earned", "reversed", "adjusted", "collected", "paid", "closing", "lines"):
        table.add_column(heading, justify="right")
    table.add_column("version", justify="right")
    table.add_column("state")
    for each in statements:
        table.add_row(
            each.party.kind.value,
            each.party.name,
            *amounts_of(each),
            f"{each.lines:,}",
            str(each.version),
            each.state.value,
        )
    return table


def amounts_of(each: StatementView | PartyMonth) -> list[str]:
    """The figures of a statement, as they stand in a table."""
    return [
        yuan_text(amount)
        for amount in (
            each.opening_fen, each.earned_fen, each.reversed_fen, each.adjusted_fen, each.collected_fen, each.paid_fen,
            each.closing_fen,
        )
    ]  # fmt: skip


def totals_table(closing: ClosingView, files: list[Written]) -> Table:
    """The figures that must be equal."""
    of_month = [each for each in files if each.statement in closing.statements]
    totals = closing.totals
    table = Table("kept in the month, counted from", "yuan", title_justify="left")
    table.columns[1].justify = "right"
    table.add_row("orders", yuan_text(totals.orders_fen))
    table.add_row("ledger", yuan_text(totals.ledger_fen))
    table.add_row("statements", yuan_text(totals.statements_fen))
    if of_month or not closing.statements:
        table.add_row("files, line by line", yuan_text(Fen(sum(each.portions_fen for each in of_month))))
    return table


def files_table(files: list[Written]) -> Table:
    """Where the files are and their hashes."""
    table = Table("file", "lines", "sha256", title_justify="left")
    table.columns[0].overflow = "fold"
    for written in files:
        for path in written.paths.values():
            table.add_row(str(path), f"{written.lines:,}", _digest(path)[:SHOWN_HASH])
    return table


def books_table(report: BooksReport) -> Table:
    """Each law of the books."""
    table = Table("law of the books", "checked", "broken", "for example", title_justify="left")
    for finding in report.findings:
        broken = f"[red]{finding.broken:,}[/]" if finding.broken else "0"
        table.add_row(finding.law, f"{finding.checked:,}", broken, "\n".join(finding.examples))
    return table


def laws_table(laws: Iterable[str], broken: list[BrokenLaw]) -> Table:
    """Each law of stock and orders, and what breaks it."""
    table = Table("law of stock and orders", "broken", "for example", title_justify="left")
    found = {each.law: each for each in broken}
    for law in laws:
        each = found.get(law)
        table.add_row(
            law, f"[red]{each.broken:,}[/]" if each else "0", "\n".join(each.examples) if each else ""
        )
    return table


def preview_table(counted: list[PartyMonth], *, parties: dict[PartyId, PartyView], title: str) -> Table:
    """What a closing would say of what is booked so far, by kind of party and name."""
    table = Table(
        "party",
        "name",
        "opening",
        "earned",
        "reversed",
        "adjusted",
        "collected",
        "paid",
        "closing",
        "lines",
        title=title,
        title_justify="left",
    )

    def place(each: PartyMonth) -> tuple[str, str, str]:
        party = parties[each.party_id]
        return party.kind, party.name, party.code

    for each in sorted(counted, key=place):
        kind, name, _ = place(each)
        table.add_row(kind, name, *amounts_of(each), f"{each.lines:,}")
    return table


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
