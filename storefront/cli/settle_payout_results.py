"""`storefront settle payouts results` and `mark`: what bank and payroll say of a batch's lines, from their file or line by line, booked once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import rich_click as click

from settlement.payouts.commands import RecordOutcome
from settlement.payouts.outcome import TOLD, record_outcome
from settlement.payouts.queries import payout_numbered
from settlement.payouts.states import LineState, PayoutState
from settlement.payouts.views import PayoutView
from storefront.cli.brands import Work, asked_for, of_brand, run_for_brand
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import dry_run_option, one_of
from storefront.cli.settle_payout_tables import number_option, print_payout
from storefront.cli.settle_person import Presented, deciding_person, signed
from storefront.payouts.results import take_results
from tenants.kernel.scope import TenantScope


class Take(Protocol):
    """How a batch's lines get to know what became of them."""

    async def __call__(self, tenant: TenantScope, payout: PayoutView, *, by: str) -> PayoutView:
        """Note it in somebody's name; returns the batch as it stands then."""


@click.command("results")
@of_brand
@number_option
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True,
    help="CSV or workbook with 付款编号, 结果 (成功, 失败, 退票), 原因, 银行流水号.",
)  # fmt: skip
@deciding_person
@dry_run_option
def results_command(*, path: Path, dry_run: bool, **given: Any) -> None:
    """Take the file of bank or payroll and book it; read twice it changes nothing. Exit code 1 while a line is not done."""

    async def take(tenant: TenantScope, payout: PayoutView, *, by: str) -> PayoutView:
        return await take_results(
            tenant, path, payout_id=payout.id, actor=by, now=datetime.now(UTC), keep=not dry_run
        )

    _book(take, dry_run=dry_run, **given)


@click.command("mark")
@of_brand
@number_option
@click.option("--line", "numbers", type=int, multiple=True, help="The line's number (no); may be repeated.")
@click.option("--every-line", is_flag=True, help="Every line that is on its way.")
@click.option("--as", "outcome", type=one_of(TOLD), required=True, help="What became of it.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day it was paid or came back; default: today.")  # fmt: skip
@click.option("--reference", help="The bank's number (银行流水号).")
@click.option("--trouble", help="Why it failed or came back.")
@deciding_person
@dry_run_option
def mark_command(
    *, numbers: tuple[int, ...], every_line: bool, outcome: str, on: datetime | None, reference: str | None,
    trouble: str | None, dry_run: bool, **given: Any,
) -> None:  # fmt: skip
    """Mark lines paid, failed or returned by hand, and book it; all that are named, or none. Exit code 1 while a line is not done."""
    if bool(numbers) == every_line:
        raise click.UsageError(
            "name lines with --line NO, or take all that are on their way with --every-line"
        )
    command = asked_for(
        RecordOutcome,
        outcome=outcome,
        on=on.date() if on else None,
        bank_reference=reference,
        trouble=trouble,
    )

    async def take(tenant: TenantScope, payout: PayoutView, *, by: str) -> PayoutView:
        under_way = [line.number for line in payout.lines if line.state is LineState.SENT]
        async with tenant.writing_much() as db:
            for number in under_way if every_line else numbers:
                payout = await record_outcome(
                    db, command, payout_id=payout.id, number=number, recorded_by=by, now=datetime.now(UTC)
                )
            if dry_run:
                await db.rollback()
        return payout

    _book(take, dry_run=dry_run, **given)


def _book(
    take: Take,
    *,
    payout_no: str,
    person: Presented | None,
    dry_run: bool,
    tenant_code: str,
    data: Path | None,
) -> None:
    """Book what was told and show the batch as it stands then."""
    console = open_screen()

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, _code: str) -> bool:
            async with tenant.reading() as db:
                found = await payout_numbered(db, payout_no)
            told = await take(tenant, found, by=by)
            await print_payout(console, told, tenant=tenant, kept=not dry_run)
            return told.state is PayoutState.DONE

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)
