"""`storefront settle payouts`: prepare what is due, write the files of a batch, take results of bank and payroll, show where batches stand.

A batch is released by a second person in the console or over the API; who prepared it here cannot release it here. Files hold account
numbers: only their owner may read them.
"""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.table import Table

from settlement.payouts.commands import PreparePayout
from settlement.payouts.due import due_parties
from settlement.payouts.prepare import prepare_payout, today
from settlement.payouts.queries import payout_numbered, payouts
from settlement.payouts.release import release_payout
from settlement.payouts.states import PayoutState
from settlement.payouts.views import DueView, PayoutView
from storefront.cli.brands import Work, of_brands, run_for_brands
from storefront.cli.home import write_private
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import OUT, actor, dry_run_option, keys_of
from storefront.payouts.files import PayoutFile, payout_file, payout_file_name
from storefront.payouts.results import take_results
from tenants.kernel.encryption import KeyRing
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=OUT,
    show_default=True,
    help="Where files go: one folder a brand.",
)
number_option = click.option("--payout", "payout_no", required=True, help="The batch's number.")


@click.group("payouts")
def payouts_group() -> None:
    """Pay what approved statements say is owed."""


@payouts_group.command("prepare")
@of_brands
@out_option
@click.option(
    "--due-on", type=click.DateTime(["%Y-%m-%d"]), help="Take what is due on this day; default: today."
)
@dry_run_option
def prepare_command(
    *, out: Path, due_on: datetime | None, dry_run: bool, data: Path | None, tenant_code: str | None, every: bool
) -> None:  # fmt: skip
    """Hold what is due in a batch and write its files; run twice it shows the same batch."""
    on = due_on.date() if due_on else None
    work = payouts_work(out=out, due_on=on, dry_run=dry_run, data=data)
    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


@payouts_group.command("list")
@of_brands
def list_command(*, data: Path | None, tenant_code: str | None, every: bool) -> None:
    """Show every batch with its control total."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await payouts(db)
        console.print(f"[bold]{code}[/]  {len(found):,} batches")
        for each in found:
            console.print(payout_table(each))
        return True

    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


@payouts_group.command("files")
@of_brands
@out_option
@number_option
def files_command(
    *, out: Path, payout_no: str, data: Path | None, tenant_code: str | None, every: bool
) -> None:
    """Write the files of a batch again: the same bytes."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await payout_numbered(db, payout_no)
        await write_payout(tenant, found, out=out / code, keys=keys_of(data), console=console)
        return True

    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


@payouts_group.command("release")
@of_brands
@number_option
def release_command(*, payout_no: str, data: Path | None, tenant_code: str | None, every: bool) -> None:
    """Let a batch go to bank and payroll; refused to whoever prepared it."""
    console = open_screen()

    async def work(tenant: TenantScope, _code: str) -> bool:
        async with tenant.writing() as db:
            found = await payout_numbered(db, payout_no)
            released = await release_payout(db, found.id, released_by=actor(), now=datetime.now(UTC))
        console.print(payout_table(released))
        return True

    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


@payouts_group.command("results")
@of_brands
@number_option
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
    help="CSV or workbook with 付款编号, 结果 (成功, 失败, 退票), 原因, 银行流水号.",
)  # fmt: skip
def results_command(
    *, payout_no: str, path: Path, data: Path | None, tenant_code: str | None, every: bool
) -> None:
    """Take what bank or payroll says of a batch's lines and book it; a file read twice changes nothing."""
    console = open_screen()

    async def work(tenant: TenantScope, _code: str) -> bool:
        async with tenant.reading() as db:
            found = await payout_numbered(db, payout_no)
        told = await take_results(tenant, path, payout_id=found.id, actor=actor(), now=datetime.now(UTC))
        console.print(payout_table(told))
        return told.state is PayoutState.DONE

    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


def payouts_work(*, out: Path, due_on: date | None, dry_run: bool, data: Path | None) -> Work:
    """Prepare one brand's batch, with its files and its report."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        now = datetime.now(UTC)
        if dry_run:
            async with tenant.reading() as db:
                on = due_on or await today(db, now=now)
                found = await due_parties(db, on=on, now=now)
            console.print(due_table(found, title=f"{code}  due on {on} (dry run, nothing kept)"))
            return True
        async with tenant.writing_much() as db:
            prepared = await prepare_payout(db, PreparePayout(due_on=due_on), prepared_by=actor(), now=now)
        if prepared.skipped:
            console.print(due_table(prepared.skipped, title=f"{code}  not in a batch"))
        if prepared.payout is None:
            console.print(f"{code}: nothing is due")
            return True
        console.print(payout_table(prepared.payout))
        await write_payout(tenant, prepared.payout, out=out / code, keys=keys_of(data), console=console)
        return True

    return work


async def write_payout(
    tenant: TenantScope, payout: PayoutView, *, out: Path, keys: KeyRing, console: Console
) -> None:
    """Write the files of a batch, for its owner alone."""
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    for kind in PayoutFile:
        path = out / payout_file_name(payout, kind)
        write_private(path, await payout_file(tenant, payout, kind=kind, keys=keys))
        console.print(str(path), soft_wrap=True)


def payout_table(payout: PayoutView) -> Table:
    """A batch, line by line, with its control total."""
    title = (
        f"{payout.payout_no}  {payout.state}  {payout.line_count:,} lines  {yuan_text(payout.total_fen)} yuan"
    )
    table = Table("line", "party", "name", "pay to", title=title, title_justify="left")
    table.add_column("amount", justify="right")
    table.add_column("state")
    table.add_column("told")
    for line in payout.lines:
        pay_to = line.payee.payroll_no or f"…{line.payee.account_tail}"
        told = line.trouble or line.bank_reference or ""
        table.add_row(
            line.line_no, line.party.kind, line.party_name, pay_to, yuan_text(line.amount_fen), line.state.value, told
        )  # fmt: skip
    return table


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
