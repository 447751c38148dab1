"""`storefront settle payouts`: prepare what is due, release it by a second person, take what bank and payroll say.

A batch's files hold account numbers: they exist once a second person has released it, and only their owner may read them. The tables that
are printed show the last four characters of an account.
"""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console

from settlement.payouts.commands import PreparePayout
from settlement.payouts.due import due_parties
from settlement.payouts.prepare import prepare_payout, today
from settlement.payouts.queries import payout_numbered, payouts
from settlement.payouts.release import release_payout, withdraw_payout
from settlement.payouts.states import WITH_FILES, PayoutState
from settlement.payouts.views import PayoutView
from settlement.signing.persons import is_person
from storefront.cli.brands import Work, of_brand, of_brands, run_for_brand, run_for_brands
from storefront.cli.home import write_private
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import OUT, InOrder, dry_run_option, keys_of, one_of
from storefront.cli.settle_payout_tables import due_table, number_option, print_payout
from storefront.cli.settle_person import (
    Presented,
    deciding_person,
    looking_person,
    named_person,
    people_of,
    signed,
)
from storefront.payouts.files import PayoutFile, payout_file
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import TenantScope

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=OUT,
    show_default=True,
    help="Where files go: one folder a brand.",
)


@click.group("payouts", cls=InOrder)
def payouts_group() -> None:
    """Pay what approved statements say is owed: prepare, release by a second person, take results."""


@payouts_group.command("prepare")
@of_brands
@click.option(
    "--due-on", type=click.DateTime(["%Y-%m-%d"]), help="Take what is due on this day; default: today."
)
@named_person
@dry_run_option
def prepare_command(
    *, due_on: datetime | None, person: Presented | None, dry_run: bool, **chosen: Any
) -> None:
    """Hold what is due in a batch; run twice it shows the same batch. Nothing leaves by it."""
    on = due_on.date() if due_on else None
    work = signed(lambda by: payouts_work(due_on=on, by=by, dry_run=dry_run), person=person, dry_run=dry_run)
    run_for_brands(work, **chosen)


@payouts_group.command("list")
@of_brands
@click.option("--state", type=one_of(PayoutState), help="Only these.")
def list_command(*, state: str | None, **chosen: Any) -> None:
    """Show every batch with its control total, who prepared it and who released it."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await payouts(db, state=PayoutState(state) if state else None)
        console.print(f"[bold]{code}[/]  {len(found):,} batches")
        for each in found:
            await print_payout(console, each, tenant=tenant)
        return True

    run_for_brands(work, **chosen)


@payouts_group.command("release")
@of_brand
@number_option
@out_option
@looking_person
@dry_run_option
def release_command(
    *, payout_no: str, out: Path, person: Presented | None, dry_run: bool, tenant_code: str, data: Path | None
) -> None:
    """Let a batch go and write its files for bank and payroll; refused to whoever prepared it."""
    console = open_screen()

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            async with tenant.writing() as db:
                found = await payout_numbered(db, payout_no)
                if found.state in WITH_FILES:
                    told = (await people_of(db)).name(found.released_by)
                    click.echo(f"{code}: {payout_no} was released already, by {told}; `settle payouts files` writes its files again", err=True)  # fmt: skip
                    return False
                if not dry_run or person is not None:
                    found = await release_payout(db, found.id, released_by=by, now=datetime.now(UTC))
                if dry_run:
                    await db.rollback()
            await print_payout(console, found, tenant=tenant, kept=not dry_run)
            if not dry_run:
                await write_payout(tenant, found, out=out / code, keys=keys_of(data), console=console)
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


@payouts_group.command("withdraw")
@of_brand
@number_option
@deciding_person
@dry_run_option
def withdraw_command(
    *, payout_no: str, person: Presented | None, dry_run: bool, tenant_code: str, data: Path | None
) -> None:
    """Take a batch back before anything of it left: what it held is due again."""
    console = open_screen()

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, _code: str) -> bool:
            async with tenant.writing() as db:
                found = await payout_numbered(db, payout_no)
                found = await withdraw_payout(db, found.id, withdrawn_by=by, now=datetime.now(UTC))
                if dry_run:
                    await db.rollback()
            await print_payout(console, found, tenant=tenant, kept=not dry_run)
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


@payouts_group.command("files")
@of_brand
@out_option
@number_option
def files_command(*, out: Path, payout_no: str, tenant_code: str, data: Path | None) -> None:
    """Write the files of a released batch again: the same bytes."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await payout_numbered(db, payout_no)
        await write_payout(tenant, found, out=out / code, keys=keys_of(data), console=console)
        return True

    run_for_brand(work, tenant_code=tenant_code, data=data)


def payouts_work(*, due_on: date | None, by: str, dry_run: bool) -> Work:
    """Prepare one brand's batch, with its report and what it waits for."""
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
            prepared = await prepare_payout(db, PreparePayout(due_on=due_on), prepared_by=by, now=now)
        if prepared.skipped:
            console.print(due_table(prepared.skipped, title=f"{code}  not in a batch"))
        if prepared.payout is None:
            console.print(f"{code}: nothing is due")
        await _print_waiting(console, tenant, code=code)
        return True

    return work


async def _print_waiting(console: Console, tenant: TenantScope, *, code: str) -> None:
    """Every batch that somebody has to do something about, with the command that does it."""
    async with tenant.reading() as db:
        held = await payouts(db, state=PayoutState.PREPARED)
        sent = await payouts(db, state=PayoutState.RELEASED)
        people = await people_of(db)
    for each in held:
        await print_payout(console, each, tenant=tenant)
        by = each.prepared_by
        other = f"not {people.name(by)}" if is_person(by) else "who approved none of its statements"
        console.print(
            f"{each.payout_no} waits for a second person ({other}):"
            f" storefront settle payouts release --tenant {code} --payout {each.payout_no} --staff LOGIN",
            soft_wrap=True,
        )
    for each in sent:
        console.print(
            f"{each.payout_no} was released by {people.name(each.released_by)} and waits for what bank and payroll say:"
            f" storefront settle payouts results --tenant {code} --payout {each.payout_no} --file FILE --staff LOGIN",
            soft_wrap=True,
        )


async def write_payout(
    tenant: TenantScope, payout: PayoutView, *, out: Path, keys: KeyRing, console: Console
) -> None:
    """Write the files of a released batch, for its owner alone; nothing at all when one of them cannot be made."""
    made = [await payout_file(tenant, payout.id, kind=kind, keys=keys) for kind in PayoutFile]
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    for name, content in made:
        write_private(out / name, content)
        console.print(str(out / name), soft_wrap=True)
