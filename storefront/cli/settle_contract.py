"""`storefront settle contract` and `storefront settle rehearse`: make a contract from a file, or see what it would have done.

Owns the command line and the tables it prints; reading the file is `contract_file`'s, the work settlement's.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table

from settlement.agreements.agreed import ReturnsCount
from settlement.agreements.rehearse import rehearse_contract
from settlement.agreements.views import ContractView, RateView, Reckoned, RehearsalView
from settlement.commands import RehearseContract
from settlement.contracts import create_contract
from settlement.true_ups.period_terms import PeriodRules, part_of, period_due
from storefront.cli.brands import Work, of_brand, run_for_brand
from storefront.cli.contract_file import EXAMPLE, contract_of, load_contract
from storefront.cli.screen import open_screen
from storefront.cli.settle_person import Presented, named_person, signed
from storefront.statements.columns import moment_text
from tenants.kernel.money import WHOLE, Fen, yuan_text
from tenants.kernel.scope import TenantScope


def _example(context: click.Context) -> None:
    """Print the file to begin with and end."""
    click.echo(EXAMPLE, nl=False)
    context.exit()


A_HUNDRED_YUAN = Fen(10_000)
A_MONTH = 30


@click.command("contract")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@of_brand
@click.option("--example", is_flag=True, is_eager=True, expose_value=False, callback=lambda context, _, asked: _example(context) if asked else None, help="Print a file to begin with, and nothing else.")  # fmt: skip
@named_person
@click.option("--dry-run", is_flag=True, help="Check it and show what it comes to; keep nothing.")
def contract_command(*, file: Path | None, person: Presented | None, dry_run: bool, **chosen: Any) -> None:
    """Make a contract, or the next version of one, from a file."""
    if file is None:
        raise click.UsageError("name the contract's file, or ask for one with --example")
    work = signed(lambda by: _made(file, by=by, dry_run=dry_run), person=person, dry_run=dry_run)
    run_for_brand(_readable(work), **chosen)


def _made(file: Path, *, by: str, dry_run: bool) -> Work:
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        now = datetime.now(UTC)
        async with tenant.writing() as db:
            command = await contract_of(db, load_contract(file))
            made = await create_contract(db, command, created_by=by, now=now)
            if dry_run:
                await db.rollback()
        _print_contract(console, made, brand=code, kept=not dry_run)
        return True

    return work


@click.command("rehearse")
@of_brand
@click.option("--month", required=True, help="YYYY-MM: whose real orders it runs on.")
@click.option("--contract", "file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The contract's file; --example of `settle contract` prints one.")  # fmt: skip
def rehearse_command(*, month: str, file: Path, **chosen: Any) -> None:
    """Show what a contract would have done to a month's real orders, party by party. Writes nothing."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reporting() as db:
            fields = msgspec.structs.asdict(await contract_of(db, load_contract(file)))
            found = await rehearse_contract(db, RehearseContract(**fields, month=month))
        print_rehearsal(console, found, brand=code)
        return True

    run_for_brand(_readable(work), **chosen)


def _readable(work: Any) -> Any:
    """The work, with a file that cannot be read told as one sentence."""

    async def told(tenant: TenantScope, code: str) -> bool:
        try:
            done: bool = await work(tenant, code)
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        return done

    return told


def _print_contract(console: Console, made: ContractView, *, brand: str, kept: bool) -> None:
    title = f"{brand}  {made.code} version {made.version}" + ("" if kept else "  (dry run, nothing kept)")
    table = Table(title=title, caption=_agreed(made))
    for heading in ("party", "of", "bps", "of 100.00"):
        table.add_column(heading, justify="left" if heading in {"party", "of"} else "right")
    for rate in made.rates:
        part = yuan_text(part_of(A_HUNDRED_YUAN, rate.rate_bps))
        table.add_row(rate.party.name, named_by(rate), str(rate.rate_bps), part)
    console.print(table)
    ordinary = {rate.party.id: rate.rate_bps for rate in made.rates if named_by(rate) == EVERYTHING}
    for terms in made.period_terms:
        console.print(_terms_table(terms.rules, party=terms.party.name, rate=ordinary.get(terms.party.id, 0)))


def _agreed(made: ContractView) -> str:
    """What the contract says beside its rates."""
    cut_off = "calendar months" if made.cut_off_day is None else f"cut-off on day {made.cut_off_day}"
    return (
        f"{_dates(made)}; base {made.base}, residual party {made.residual_party.name}, {len(made.store_ids)} stores, {cut_off},"
        f" paid {made.payment_days} days after, tax {made.tax_bps} bps, invoice {made.invoice}"
    )


def _dates(made: ContractView) -> str:
    """From when to when, on the contract's own clocks."""
    until = (
        "" if made.active_to is None else f" until {moment_text(made.active_to, time_zone=made.time_zone)}"
    )
    return f"from {moment_text(made.active_from, time_zone=made.time_zone)}{until}"


EVERYTHING = "everything"
RETURNS = {
    ReturnsCount.WHEN_RETURNED: "what comes back counts in the period it comes back in",
    ReturnsCount.WHEN_SOLD: "what comes back counts in the period it was sold in, which is then reckoned again",
}


def named_by(rate: RateView) -> str:
    """What a rate names, in words."""
    named = [each for each in (rate.promotion_code, rate.sku_code, rate.category_code) if each]
    if rate.valid_from_on or rate.valid_to_on:
        named.append(f"{rate.valid_from_on or ''}..{rate.valid_to_on or ''}")
    return " ".join(named) or EVERYTHING


def _terms_table(rules: PeriodRules, *, party: str, rate: int) -> Table:
    """What a whole period would come to at some turnovers: nothing, and around each bound that the terms name."""
    marks = {0, rules.guarantee_fen, *(tier.from_fen for tier in rules.tiers)}
    lowest = min([tier.rate_bps for tier in rules.tiers] or [rate])
    if rules.cap_fen and lowest:  # from here on at the latest the cap takes something
        marks.add(rules.cap_fen * WHOLE // lowest)
    turnovers = sorted(marks | {mark * 2 for mark in marks} | {mark // 2 for mark in marks})
    table = Table(title=f"{party}: a whole {rules.length}", caption=RETURNS[rules.returns_count])
    for heading in ("turnover", "by sales", "rated", "guarantee adds", "cap takes", "due", "true-up"):
        table.add_column(heading, justify="right")
    for turnover in turnovers:
        due = period_due(
            rules, turnover_fen=Fen(turnover), provisional_fen=part_of(turnover, rate), days_in_force=A_MONTH,
            days_in_period=A_MONTH,
        )  # fmt: skip
        steps = (due.turnover_fen, due.provisional_fen, due.rated_fen, due.shortfall_fen, due.cut_fen, due.due_fen, due.true_up_fen)  # fmt: skip
        table.add_row(*(yuan_text(step) for step in steps))
    return table


def print_rehearsal(console: Console, found: RehearsalView, *, brand: str) -> None:
    """As it was, as it would have been, the difference; then every step of both sides' period terms."""
    table = Table(
        title=f"{brand}  {found.month}  rehearsal, nothing written",
        caption=f"{found.orders:,} orders, {found.lines:,} lines, {yuan_text(found.kept_fen)} sold in the month less what was given"
        " back in it; beside: promotions' costs and the channel's fee",
    )
    for heading in ("party", "was", "true-up", "beside", "would be", "true-up", "beside", "difference"):
        table.add_column(heading, justify="left" if heading == "party" else "right")
    for each in found.parties:
        amounts = (
            each.was_fen,
            each.was_true_up_fen,
            each.was_beside_fen,
            each.would_fen,
            each.would_true_up_fen,
            each.would_beside_fen,
            each.difference_fen,
        )
        table.add_row(each.party.name, *(yuan_text(amount) for amount in amounts))
    console.print(table)
    for each in found.parties:
        for side, told in (("was", each.was_reckoned), ("would be", each.would_reckoned)):
            for reckoned in told:
                console.print(_reckoned(reckoned, title=f"{each.party.name}: {side}"))


def _reckoned(told: Reckoned, *, title: str) -> Table:
    due = told.due
    table = Table(
        title=f"{title} ({told.first_day} to {told.last_day}, {due.days_in_force} of {due.days_in_period} days)"
    )
    table.add_column("step")
    table.add_column("amount", justify="right")
    then = told.before
    steps: list[tuple[str, Fen | None]] = [
        ("turnover when it was reckoned before", then.turnover_fen if then else None),
        ("due when it was reckoned before", then.due_fen if then else None),
        ("turnover", due.turnover_fen),
        *((f"tier from {yuan_text(each.from_fen)} at {each.rate_bps} bps of {yuan_text(each.turnover_fen)}", each.amount_fen) for each in due.slices),
        ("rated", due.rated_fen), ("guarantee", due.guarantee_fen), ("guarantee adds", due.shortfall_fen),
        ("cap", due.cap_fen), ("cap takes", due.cut_fen), ("due", due.due_fen), ("by sales", due.provisional_fen),
        ("settled earlier", due.earlier_fen), ("true-up", due.true_up_fen),
    ]  # fmt: skip
    for step, amount in steps:
        if amount is not None:
            table.add_row(step, yuan_text(amount))
    return table
