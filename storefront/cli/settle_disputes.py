"""`storefront settle disputes`: a party does not agree; its own file is matched line by line, every difference answered, the dispute resolved.

What is disputed is not paid meanwhile. Where the other side is right, an adjustment is asked for, which a second person decides
(`settle adjustments`).
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from settlement.disputes.answer import answer_difference, resolve_dispute
from settlement.disputes.commands import AnswerDifference, OpenDispute, ResolveDispute
from settlement.disputes.numbers import import_numbers
from settlement.disputes.open import open_dispute
from settlement.disputes.queries import disputes, find_dispute
from settlement.disputes.states import Compared, DisputeState
from settlement.disputes.views import DisputeView
from settlement.queries import find_statement
from storefront.cli.brands import Work, asked_for, of_brand, run_for_brand
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import InOrder, YuanAmount, contract_named, dry_run_option, one_of
from storefront.cli.settle_person import People, Presented, deciding_person, people_of, signed
from storefront.statements.numbers import NumberColumns, read_numbers
from tenants.kernel.ids import DisputeId, StatementId
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import TenantScope, Writing

SHOWN = 50
statement_option = click.option(
    "--statement", "statement_id", type=click.UUID, required=True,
    help="The statement's id: 结算单号 on its page and in its workbook.",
)  # fmt: skip
dispute_option = click.option(
    "--dispute", "dispute_id", type=click.UUID, required=True, help="The dispute's id; `disputes list` shows it."
)  # fmt: skip


@click.group("disputes", cls=InOrder)
def disputes_group() -> None:
    """A party's own numbers against its statement: open, match, answer, resolve."""


@disputes_group.command("open")
@of_brand
@statement_option
@click.option("--reason", required=True, help="Why the statement is disputed.")
@deciding_person
@dry_run_option
def open_command(*, statement_id: UUID, reason: str, **given: Any) -> None:
    """Note that a party does not agree; a mall does it by its own log-in."""
    command = asked_for(OpenDispute, reason=reason)

    async def decide(db: Writing, by: str) -> DisputeView:
        return await open_dispute(
            db, command, statement_id=StatementId(statement_id), opened_by=by, now=datetime.now(UTC)
        )

    _decide(decide, **given)


@disputes_group.command("match")
@of_brand
@statement_option
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="CSV or workbook."
)  # fmt: skip
@click.option("--amount", required=True, help="Their column of the amount.")
@click.option("--order", "order_no", help="Their column of the order number; without it a row is a day.")
@click.option("--line", "line_no", help="Their column of the line number.")
@click.option("--day", help="Their column of the day.")
@click.option("--fen", "in_fen", is_flag=True, help="Amounts are in fen.")
@click.option(
    "--compares", type=one_of(Compared), default=Compared.PORTION.value, show_default=True, help="Which of our figures is meant."
)  # fmt: skip
@click.option("--header-row", type=int, default=1, show_default=True)
@click.option("--sheet", help="The workbook's sheet.")
@click.option("--reason", default="对方账单不一致", help="Why the statement is disputed.")
@deciding_person
@dry_run_option
def match_command(
    *, statement_id: UUID, path: Path, reason: str, person: Presented | None, dry_run: bool, data: Path | None,
    tenant_code: str, **columns: Any,
) -> None:  # fmt: skip
    """Match their file with the statement's lines; opens a dispute where none is open. Exit code 1 when anything differs."""
    console = open_screen()
    chosen = NumberColumns(**{**columns, "compares": Compared(columns["compares"])})
    complaint = asked_for(OpenDispute, reason=reason)

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, _code: str) -> bool:
            about = StatementId(statement_id)
            found = await _matched(
                tenant, path, columns=chosen, about=about, complaint=complaint, by=by, keep=not dry_run
            )
            async with tenant.reading() as db:
                print_dispute(console, found, people=await people_of(db), kept=not dry_run)
            return not found.differences

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


@disputes_group.command("list")
@of_brand
@statement_option
def list_command(*, statement_id: UUID, tenant_code: str, data: Path | None) -> None:
    """Show a statement's disputes with every difference and its answer. Exit code 1 when one waits."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            await find_statement(db, StatementId(statement_id))
            found = await disputes(db, StatementId(statement_id))
            people = await people_of(db)
        console.print(f"[bold]{code}[/]  {len(found):,} disputes of {statement_id}")
        for each in found:
            print_dispute(console, each, people=people)
        return all(each.state is not DisputeState.OPEN for each in found)

    run_for_brand(work, tenant_code=tenant_code, data=data)


@disputes_group.command("answer")
@of_brand
@dispute_option
@click.option("--number", "numbers", type=int, multiple=True, required=True, help="The difference's number; may be repeated.")  # fmt: skip
@click.option("--ours/--theirs", "ours_stand", default=None, help="Whose figure is right. Theirs: an adjustment is asked for.")  # fmt: skip
@click.option("--reason", required=True, help="Why.")
@click.option("--amount", "amount_fen", type=YuanAmount(), help="With --theirs: adjust by this, not by the whole difference.")  # fmt: skip
@click.option("--contract", help="With --theirs, for what we do not know at all: the contract's code.")
@deciding_person
@dry_run_option
def answer_command(
    *, dispute_id: UUID, numbers: tuple[int, ...], ours_stand: bool | None, contract: str | None, reason: str,
    amount_fen: Fen | None, **given: Any,
) -> None:  # fmt: skip
    """Say who is right about differences, and why; all that are named, or none."""
    if ours_stand is None:
        raise click.UsageError("say whose figure is right: --ours or --theirs")
    about = DisputeId(dispute_id)

    async def decide(db: Writing, by: str) -> DisputeView:
        contract_id = await contract_named(db, contract) if contract else None
        command = asked_for(
            AnswerDifference,
            ours_stand=ours_stand,
            reason=reason,
            amount_fen=amount_fen,
            contract_id=contract_id,
        )
        for each in numbers:
            await answer_difference(
                db, command, dispute_id=about, number=each, answered_by=by, now=datetime.now(UTC)
            )
        return await find_dispute(db, about)

    _decide(decide, **given)


@disputes_group.command("resolve")
@of_brand
@dispute_option
@click.option("--resolution", required=True, help="What was found in the end.")
@deciding_person
@dry_run_option
def resolve_command(*, dispute_id: UUID, resolution: str, **given: Any) -> None:
    """End a dispute whose differences are all answered; its statement waits for a signature."""
    command = asked_for(ResolveDispute, resolution=resolution)

    async def decide(db: Writing, by: str) -> DisputeView:
        return await resolve_dispute(
            db, command, dispute_id=DisputeId(dispute_id), resolved_by=by, now=datetime.now(UTC)
        )

    _decide(decide, **given)


def _decide(
    decide: Callable[[Writing, str], Awaitable[DisputeView]], *, person: Presented | None, dry_run: bool,
    tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Decide in one transaction and show the dispute as it stands then."""
    console = open_screen()

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, _code: str) -> bool:
            async with tenant.writing() as db:
                found = await decide(db, by)
                people = await people_of(db)
                if dry_run:
                    await db.rollback()
            print_dispute(console, found, people=people, kept=not dry_run)
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


async def _matched(
    tenant: TenantScope,
    path: Path,
    *,
    columns: NumberColumns,
    about: StatementId,
    complaint: OpenDispute,
    by: str,
    keep: bool,
) -> DisputeView:
    """Read the whole file before anything is opened: a file that cannot be used disputes nothing."""
    now = datetime.now(UTC)
    async with tenant.reading() as db:
        statement = await find_statement(db, about)
    numbers = read_numbers(path, columns, month=statement.period_on)
    async with tenant.writing_much() as db:
        standing = [each for each in await disputes(db, about) if each.state is DisputeState.OPEN]
        dispute = (
            standing[0]
            if standing
            else await open_dispute(db, complaint, statement_id=about, opened_by=by, now=now)
        )
        await import_numbers(db, numbers, dispute_id=dispute.id, imported_by=by, now=now)
        found = await find_dispute(db, dispute.id)
        if not keep:
            await db.rollback()
        return found


def print_dispute(console: Console, found: DisputeView, *, people: People, kept: bool = True) -> None:
    """What agrees, what differs by class, and the first differences with their answers."""
    nothing, dry = Fen(0), "" if kept else "  (dry run, nothing kept)"
    console.print(
        f"dispute {found.id} {found.state}{dry}: opened by {people.name(found.opened_by)}"
        f" {people.moment(found.opened_at)} ({people.clocks}), {escape(found.reason)}",
        soft_wrap=True,
    )
    if found.rows_read is not None:
        console.print(
            f"{found.rows_read:,} rows read; ours {yuan_text(found.ours_fen or nothing)},"
            f" theirs {yuan_text(found.theirs_fen or nothing)}; {found.matched:,} agree"
            f" ({yuan_text(found.matched_fen or nothing)})"
        )
        console.print(_classes_table(found))
    if found.differences:
        console.print(_differences_table(found, people=people))
    if found.resolution:
        console.print(
            f"resolved by {people.name(found.resolved_by)}: {escape(found.resolution)}", soft_wrap=True
        )


def _classes_table(found: DisputeView) -> Table:
    classes = Table("class", title_justify="left")
    for heading in ("count", "open", "theirs - ours"):
        classes.add_column(heading, justify="right")
    for each in found.classes:
        classes.add_row(each.kind.value, f"{each.count:,}", f"{each.open:,}", yuan_text(each.differing_fen))
    return classes


def _differences_table(found: DisputeView, *, people: People) -> Table:
    more = f"the first {SHOWN} of {len(found.differences):,}" if len(found.differences) > SHOWN else None
    table = Table("no", "class", "about", "day", caption=more, caption_justify="left")
    for heading in ("ours", "theirs", "row"):
        table.add_column(heading, justify="right")
    for heading in ("stands", "because"):
        table.add_column(heading, overflow="fold")
    for one in found.differences[:SHOWN]:
        sides = ["" if fen is None else yuan_text(fen) for fen in (one.ours_fen, one.theirs_fen)]
        why = f"{one.reason} ({people.name(one.answered_by)})" if one.reason else ""
        table.add_row(
            str(one.number), one.kind.value, escape(one.about), str(one.occurred_on), *sides, str(one.row_no or ""),
            one.state.value, escape(why),
        )  # fmt: skip
    return table
