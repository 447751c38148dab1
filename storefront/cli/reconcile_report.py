"""What `storefront settle reconcile` prints: compared days, the proof of each, open differences; amounts in yuan."""

from collections.abc import Sequence

from rich.table import Table

from settlement.reconciliation.views import DayView, DifferenceView, ProofView
from tenants.kernel.money import Fen, yuan_text

MILLIFEN_PLACES = 1_000


def days_table(days: Sequence[DayView], *, title: str) -> Table:
    """A line for each account's day: what both sides count, and how many differences of which class."""
    table = Table("file", "account", "day", "state", title=title, title_justify="left")
    for heading in ("ours", "yuan", "theirs", "yuan", "matched", "open"):
        table.add_column(heading, justify="right")
    table.add_column("differences by class")
    for each in days:
        classes = ", ".join(f"{found.kind} {found.count:,}" for found in each.classes)
        state = each.state if each.version is None else f"{each.state} (version {each.version})"
        still_open = f"[red]{each.open_differences:,}[/]" if each.open_differences else "0"
        table.add_row(
            each.kind, each.account, str(each.day), state, f"{each.ours_count:,}", yuan_text(each.ours_fen),
            f"{each.theirs_count:,}", yuan_text(each.theirs_fen), f"{each.matched:,}", still_open,
            "\n".join(part for part in (each.reason, classes) if part),
        )  # fmt: skip
    return table


def proof_table(proof: ProofView) -> Table:
    """Bill = ledger, line by line."""
    table = Table("yuan", title_justify="left")
    for heading in ("bill", "ledger", "explained", "unexplained"):
        table.add_column(heading, justify="right")
    for line in proof.lines:
        left = fine_yuan(line.unexplained_millifen)
        table.add_row(
            line.name, fine_yuan(line.bill_millifen), fine_yuan(line.ledger_millifen),
            fine_yuan(line.explained_millifen), f"[red]{left}[/]" if line.unexplained_millifen else left,
        )  # fmt: skip
    if proof.unbilled_count:
        unbilled = f"[red]{yuan_text(proof.unbilled_fen)}[/]"
        table.add_row(f"ours, in no file ({proof.unbilled_count:,})", "0.00", "", "", unbilled)
    return table


def proof_line(proof: ProofView) -> str:
    """What the table proves, in a sentence."""
    verdict = "[green]holds[/]" if proof.holds else "[red]DOES NOT HOLD[/]"
    examples = f", for example {', '.join(proof.examples)}" if proof.examples else ""
    still = "" if proof.lines or proof.unbilled_count else ", nothing moved"
    return f"merchant {proof.account}  {proof.day}  bill = ledger: {verdict}{still}{examples}"


def differences_table(found: Sequence[DifferenceView], *, title: str) -> Table:
    """Open differences, the oldest first."""
    table = Table("file", "account", "day", "class", "key", "differs", title=title, title_justify="left")
    table.columns[4].overflow = "fold"
    for heading in ("yuan", "fee", "days open"):
        table.add_column(heading, justify="right")
    table.add_column("owner")
    for each in found:
        table.add_row(
            each.bill, each.account, str(each.day), each.kind, each.key, ", ".join(each.differing),
            yuan_text(each.amount_fen), fine_yuan(each.fee_millifen), str(each.days_open), each.owner or "",
        )  # fmt: skip
    return table


def fine_yuan(millifen: int) -> str:
    """Thousandths of a fen as yuan: two decimals, or five where it has parts of a fen."""
    sign, rest = ("-", -millifen) if millifen < 0 else ("", millifen)
    fen, part = divmod(rest, MILLIFEN_PLACES)
    return f"{sign}{yuan_text(Fen(fen))}" + (f"{part:03d}" if part else "")
