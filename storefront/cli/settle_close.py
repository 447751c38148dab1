"""`storefront settle close`, `statements` and `month-end`: shut a month, write its files, and all of the month's end in order.

Every step may be repeated: a second run goes on where the first was killed, and ends in the same figures and the same bytes. Exit code 1
when anything differs.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from settlement import queries
from settlement.calendar import next_month
from settlement.commands import month_from_text, month_text
from settlement.reconciliation.bills import BEIJING
from settlement.signing.states import StatementState
from storefront.cli.brands import Work, of_brands, run_for_brands
from storefront.cli.reconcile import Asked, reconcile_work
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import dry_run_option, of_month
from storefront.cli.settle_payouts import payouts_work
from storefront.cli.settle_person import Presented, named_person, signed
from storefront.cli.settle_report import (
    files_table,
    preview_table,
    print_month_end,
    progress,
    statements_table,
)
from storefront.cli.settle_splits import splits_work
from storefront.statements.month_end import Preview, end_month, preview, write_month
from tenants.kernel.scope import TenantScope

through_option = click.option("--through", is_flag=True, help="Close every earlier open month first.")
early_option = click.option(
    "--early", is_flag=True, help="Close a month that is not over: the rest of it falls into the next."
)
STEPS = ("run-splits", "reconcile", "close", "payouts")
"""The month's end, in order; each is the command of that name (closing writes the statements)."""


@click.command("close")
@of_brands
@of_month
@through_option
@early_option
@named_person
@dry_run_option
def close_command(
    *, month: str, out: Path, through: bool, early: bool, person: Presented | None, dry_run: bool, **chosen: Any
) -> None:  # fmt: skip
    """Book what waits, close the month, write every party's files, recount the books, print what must agree."""
    how: dict[str, Any] = {"out": out, "through": through, "early": early, "dry_run": dry_run}
    work = signed(lambda by: close_work(month, by=by, **how), person=person, dry_run=dry_run)
    run_for_brands(work, **chosen)


@click.command("statements")
@of_brands
@of_month
@dry_run_option
def statements_command(*, month: str, out: Path, dry_run: bool, **chosen: Any) -> None:
    """Write the files of a closed month again: the same bytes."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await queries.statements(db, month=month_from_text(month))
        if not found:
            click.echo(f"{code}: {month} has no statements: it is not closed yet, or nothing was booked; `settle close` closes it", err=True)  # fmt: skip
            return False
        console.print(statements_table(found, title=f"{code}  {month}"))
        if dry_run:
            return True
        with progress(console) as say:
            files = await write_month(tenant, found, out=out / code, say=say)
        console.print(files_table(files))
        return all(written.agrees for written in files)

    run_for_brands(work, **chosen)


@click.command("month-end")
@of_brands
@of_month
@through_option
@early_option
@click.option("--skip", multiple=True, type=click.Choice(STEPS), help="Leave a step out; may be repeated.")
@named_person
@dry_run_option
def month_end_command(
    *, month: str, out: Path, skip: tuple[str, ...], person: Presented | None, dry_run: bool, data: Path | None,
    tenant_code: str | None, every: bool, **how: Any,
) -> None:  # fmt: skip
    """All of a month's end in order: splits, reconciliation, closing with statements, a payout of what is approved. Run it again after a crash."""
    if month_from_text(month) > datetime.now(BEIJING).date():
        raise click.UsageError(f"--month {month} has not begun")
    how |= {"out": out, "skip": skip, "dry_run": dry_run, "data": data}
    work = signed(lambda by: month_end_work(month, by=by, **how), person=person, dry_run=dry_run)
    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


def month_end_work(
    month: str,
    *,
    by: str,
    out: Path,
    skip: tuple[str, ...] = (),
    through: bool = False,
    early: bool = False,
    dry_run: bool = False,
    data: Path | None = None,
) -> Work:
    """The end of a month for one brand, step by step; a step that differs does not keep the next from being run, but is told at the end."""
    console = open_screen()
    first = month_from_text(month)
    last = min(next_month(first).toordinal() - 1, datetime.now(UTC).date().toordinal() - 1)
    days = Asked(first=first, last=date.fromordinal(last), dry_run=dry_run)
    steps: dict[str, Work] = {
        "run-splits": splits_work(dry_run=dry_run, data=data),
        "reconcile": reconcile_work(days, data=data),
        "close": close_work(month, by=by, out=out, through=through, early=early, dry_run=dry_run),
        "payouts": payouts_work(due_on=None, by=by, dry_run=dry_run),
    }

    async def work(tenant: TenantScope, code: str) -> bool:
        agreed: dict[str, bool] = {}
        for number, name in enumerate(STEPS, start=1):
            if name in skip:
                continue
            console.rule(f"{code}  {number}/{len(STEPS)}  {name}", align="left")
            if name == "reconcile" and not days.days():
                console.print(
                    "no day of this month is over: there is no bill to compare with (尚无可对账的日期)"
                )
                continue
            agreed[name] = await steps[name](tenant, code)
        await _waiting(console, tenant, code=code, month=first)
        for name, is_well in agreed.items():
            console.print(f"  {'[green]agrees[/] ' if is_well else '[red]DIFFERS[/]'} {name}")
        return all(agreed.values())

    return work


async def _waiting(console: Console, tenant: TenantScope, *, code: str, month: date) -> None:
    """Say how many statements wait for a signature: what payouts wait for."""
    async with tenant.reading() as db:
        found = await queries.statements(db, month=month)
    waiting = [each for each in found if each.state is not StatementState.APPROVED]
    if waiting:
        console.print(
            f"{len(waiting):,} of {len(found):,} statements of {month_text(month)} wait for a second person's approval:"
            f" storefront settle approve --tenant {code} --month {month_text(month)} --staff LOGIN",
            soft_wrap=True,
        )


def close_work(
    month: str, *, by: str, out: Path, through: bool = False, early: bool = False, dry_run: bool = False
) -> Work:
    """Close one brand's month and write its files, with its bars and its report."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        first_day = month_from_text(month)
        if dry_run:
            counted = await preview(tenant, first_day, now=datetime.now(UTC), through=through, early=early)
            await _show(console, tenant, counted, code=code)
            return True
        with progress(console) as say:
            ended = await end_month(
                tenant, first_day, out=out / code, closed_by=by, now=datetime.now(UTC),
                through=through, early=early, say=say,
            )  # fmt: skip
        print_month_end(console, ended, brand=code)
        return ended.agrees

    return work


async def _show(console: Console, tenant: TenantScope, counted: Preview, *, code: str) -> None:
    async with tenant.reading() as db:
        parties = await queries.parties(db)
    for month, rows in counted.months:
        title = f"{code}  {month_text(month)}  booked so far (dry run, nothing kept)"
        console.print(preview_table(rows, parties=parties, title=title))
    waiting = counted.waiting
    console.print(
        f"closing books first: {waiting.orders:,} orders, {waiting.refunds:,} refunds, {waiting.history_lines:,} imported lines;"
        " then it settles guarantees, tiers and caps (关账时先入账待处理项，再结算保底、分段和封顶)",
        soft_wrap=True,
    )
