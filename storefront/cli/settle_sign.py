"""`storefront settle approve` and `agree`: a second person signs a closed month's statements, or notes that a party agreed on paper.

Each statement is signed in a transaction of its own: one that cannot be signed is told with its reason, and the others are signed. Run again
it changes nothing. Exit code 1 when one is not signed in the end.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from settlement.commands import month_from_text
from settlement.errors import StatementNotFound
from settlement.queries import find_statement, statements
from settlement.signing.commands import NoteAgreement
from settlement.signing.standing import agree_to_statement, approve_statement
from settlement.signing.states import StatementState
from settlement.views import StatementView
from storefront.cli.brands import Work, asked_for, of_brand, run_for_brand
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import dry_run_option, id_column
from storefront.cli.settle_person import People, Presented, looking_person, people_of, signed
from tenants.kernel.errors import Refusal
from tenants.kernel.ids import StatementId
from tenants.kernel.money import yuan_text
from tenants.kernel.scope import Reading, TenantScope

SIGNED = "[green]approved[/]"


@click.command("approve")
@of_brand
@click.option("--month", help="YYYY-MM: every statement of it that waits.")
@click.option("--party", "named", multiple=True, help="With --month: only this party, by name or code; may be repeated.")  # fmt: skip
@click.option("--statement", "ids", type=click.UUID, multiple=True, help="This statement (结算单号); may be repeated.")  # fmt: skip
@looking_person
@dry_run_option
def approve_command(
    *, month: str | None, named: tuple[str, ...], ids: tuple[UUID, ...], person: Presented | None, dry_run: bool,
    tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Sign statements: never who closed them. Signed ones may be paid. Look first with --dry-run."""
    if bool(month) == bool(ids) or (named and not month):
        raise click.UsageError("name statements with --statement ID, or a month with --month (and --party)")
    console, first = open_screen(), month_from_text(month) if month else None

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            async with tenant.reading() as db:
                found = await _chosen(db, first, named=named, ids=ids)
                people = await people_of(db)
            tries = not dry_run or person is not None
            told = (
                {each.id: await _sign(tenant, each, by=by, keep=not dry_run) for each in found}
                if tries
                else {}
            )
            async with tenant.reading() as db:
                found = [await find_statement(db, each.id) for each in found]
            title = f"{code}  {month or 'statements'}" + ("  (dry run, nothing kept)" if dry_run else "")
            _print(console, found, told=told, people=people, title=title)
            return all(each == SIGNED for each in told.values())

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


@click.command("agree")
@of_brand
@click.option(
    "--statement", "statement_id", type=click.UUID, required=True, help="The statement's id (结算单号)."
)
@click.option("--evidence", required=True, help="How it is known: the letter, the mail, the stamped page. Kept in the audit log.")  # fmt: skip
@looking_person
@dry_run_option
def agree_command(
    *, statement_id: UUID, evidence: str, person: Presented | None, dry_run: bool, tenant_code: str, data: Path | None
) -> None:  # fmt: skip
    """Note that a party agreed to its statement, on paper or by mail; a mall does it by its own log-in."""
    console, note = open_screen(), asked_for(NoteAgreement, evidence=evidence)

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            about = StatementId(statement_id)
            if dry_run and person is None:
                async with tenant.reading() as db:
                    agreed, people = await find_statement(db, about), await people_of(db)
            else:
                async with tenant.writing() as db:
                    people = await people_of(db)
                    agreed = await agree_to_statement(
                        db, about, agreed_by=by, now=datetime.now(UTC), evidence=note.evidence
                    )
                    if dry_run:
                        await db.rollback()
            _print(console, [agreed], told={}, people=people, title=code + ("  (dry run, nothing kept)" if dry_run else ""))  # fmt: skip
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


async def _chosen(
    db: Reading, month: date | None, *, named: Sequence[str], ids: Sequence[UUID]
) -> list[StatementView]:
    """The statements that were named; raises StatementNotFound, for a month too that has none, and for a party that has none in it."""
    if month is None:
        return [await find_statement(db, StatementId(each)) for each in ids]
    found = await statements(db, month=month)
    known = {each for view in found for each in (view.party.name, view.party.code)}
    unknown = {each: "has no statement in this month" for each in named if each not in known}
    if not found or unknown:
        raise StatementNotFound(details=unknown or {"month": "is not closed, or nothing was booked in it"})
    return [each for each in found if not named or {each.party.name, each.party.code} & set(named)]


async def _sign(tenant: TenantScope, statement: StatementView, *, by: str, keep: bool) -> str:
    """Sign one statement, unless somebody has; returns what came of it."""
    if statement.state is StatementState.APPROVED:
        return SIGNED
    try:
        async with tenant.writing() as db:
            await approve_statement(db, statement.id, approved_by=by, now=datetime.now(UTC))
            if not keep:
                await db.rollback()
    except Refusal as refusal:
        details = escape("".join(f"; {each}" for each in refusal.details.values()))
        return f"[red]not approved[/]: {refusal.sentence()} ({refusal.zh}){details}"
    return SIGNED


def _print(
    console: Console, found: list[StatementView], *, told: dict[StatementId, str], people: People, title: str
) -> None:
    table = Table(
        id_column("statement"), "party", "name", title=title, title_justify="left", caption_justify="left"
    )
    table.add_column("closing", justify="right")
    for heading in ("version", "closed", "stands", "agreed"):
        table.add_column(heading, overflow="fold")
    for each in found:
        stands = told.get(each.id) or each.state.value
        if each.approved_by:
            stands += f" by {people.name(each.approved_by)} {people.moment(each.approved_at)}"
        agreed = f"{people.name(each.agreed_by)} {people.moment(each.agreed_at)}" if each.agreed_by else ""
        table.add_row(
            str(each.id), each.party.kind.value, each.party.name, yuan_text(each.closing_fen), str(each.version),
            f"{people.name(each.closed_by)} {people.moment(each.closed_at)}", stands, agreed,
        )  # fmt: skip
    table.caption = people.clocks
    console.print(table)
