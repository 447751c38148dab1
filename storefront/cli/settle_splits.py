"""`storefront settle run-splits`: send what is due to the channel now, ask about what is under way, and say what came of it.

Exit code 1 when the channel could not tell about some: run it again.
"""

from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.table import Table

from orders.split_queries import shared_payment
from settlement.splitting.policy import split_policy
from settlement.splitting.queries import splits
from settlement.splitting.run import SplitRun, due_splits, next_due_at, run_splits, split_counts
from settlement.splitting.states import SplitStatus
from storefront.cli.brands import Work, of_brands, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import dry_run_option, open_channels
from storefront.cli.settle_person import people_of
from storefront.cli.settle_report import progress
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope

MOST_WARNED = 20


@click.command("run-splits")
@of_brands
@dry_run_option
def run_splits_command(*, dry_run: bool, data: Path | None, tenant_code: str | None, every: bool) -> None:
    """Split what is due now through the channel, and follow what is under way."""
    run_for_brands(splits_work(dry_run=dry_run, data=data), tenant_code=tenant_code, every=every, data=data)


def splits_work(*, dry_run: bool, data: Path | None) -> Work:
    """Run one brand's splits, with its bar and its report."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        now = datetime.now(UTC)
        async with tenant.reading() as db:
            due = await due_splits(db, now=now)
        if dry_run:
            total = yuan_text(Fen(sum(each.total_fen for each in due)))
            console.print(
                f"{code}: {len(due):,} splits of payments of {total} yuan are due (dry run, nothing sent)"
            )
        elif not due:
            console.print(f"{code}: no split is due")
        if dry_run or not due:
            await print_standing(console, tenant)
            await print_warned(console, tenant)
            return True
        async with open_channels(data) as channels:
            with progress(console) as say:
                ran = await run_splits(tenant, channels=channels, now=now, say=say)
        async with tenant.reading() as db:
            counts = await split_counts(db)
        print_splits(console, ran, counts=counts, brand=code)
        await print_warned(console, tenant)
        return ran.unknown == 0

    return work


async def print_warned(console: Console, tenant: TenantScope) -> None:
    """The payments that unfreeze within days and are not split yet: what is not split by then, finance pays itself."""
    async with tenant.reading() as db:
        found = await splits(db, warned=True, limit=MOST_WARNED)
        policy, people = await split_policy(db), await people_of(db)
        orders = {each.id: await shared_payment(db, each.order_id) for each in found}
    if not found:
        return
    table = Table(
        "order", "unfreezes", "state", title="unfreezes soon and is not split", title_justify="left"
    )
    table.add_column("paid", justify="right")
    for split in found:
        order = orders[split.id]
        table.add_row(
            order.order_no if order else str(split.order_id), people.moment(policy.thaws_at(paid_at=split.paid_at)),
            split.state.value, yuan_text(split.total_fen),
        )  # fmt: skip
    console.print(table)
    if len(found) == MOST_WARNED:
        console.print("  … and perhaps more: GET /brand/v1/settlement/splits?warned=true")


async def print_standing(console: Console, tenant: TenantScope) -> None:
    """Where all splits stand and when the next is due: why nothing happens now."""
    async with tenant.reading() as db:
        counts, next_due, people = await split_counts(db), await next_due_at(db), await people_of(db)
    if counts:
        console.print(_standing(counts))
    if next_due is not None:
        console.print(f"  the next is due {people.moment(next_due)} ({people.clocks})")


def print_splits(
    console: Console, ran: SplitRun, *, counts: dict[SplitStatus, tuple[int, Fen]], brand: str
) -> None:
    """What came of it, and where all splits stand now."""
    console.print(
        f"{brand}: {ran.due:,} splits were due: {ran.ended:,} ended, {ran.going_on:,} go on at the channel,"
        f" {ran.lapsed:,} lapsed (stay payable), {ran.unknown:,} could not be asked about"
    )
    for reason, count in sorted(ran.reasons.items()):
        console.print(f"  {count:,} × {reason}: run it again")
    console.print(_standing(counts))


def _standing(counts: dict[SplitStatus, tuple[int, Fen]]) -> Table:
    table = Table("splits", title_justify="left")
    table.add_column("count", justify="right")
    table.add_column("paid", justify="right")
    for state in SplitStatus:
        count, paid = counts.get(state, (0, Fen(0)))
        table.add_row(state.value, f"{count:,}", yuan_text(paid))
    return table
