"""`storefront settle differences`: what reconciliation found, who looks into it, and why it is settled.

Comparing is `settle reconcile`'s. A settled difference opens again by itself when its facts change.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import rich_click as click
from rich.markup import escape
from rich.table import Table

from settlement.reconciliation.commands import AssignDifference, ResolveDifference
from settlement.reconciliation.differences import assign_difference, resolve_difference
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.queries import Wanted, differences, find_difference
from settlement.reconciliation.states import BillKind, DifferenceState
from settlement.reconciliation.views import DifferenceView
from storefront.cli.brands import Work, asked_for, of_brand, of_brands, run_for_brand, run_for_brands
from storefront.cli.reconcile_report import fine_yuan
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import SHOWN, InOrder, dry_run_option, id_column, one_of
from storefront.cli.settle_person import People, Presented, deciding_person, people_of, signed
from tenants.kernel.ids import DifferenceId
from tenants.kernel.money import yuan_text
from tenants.kernel.scope import Reading, TenantScope

ALL = "all"
day = click.DateTime(["%Y-%m-%d"])


@click.group("differences", cls=InOrder)
def differences_group() -> None:
    """What reconciliation found: look, say who looks into it, settle it with a reason."""


@differences_group.command("list")
@of_brands
@click.option("--state", type=one_of(DifferenceState, ALL), default=DifferenceState.OPEN.value, show_default=True)  # fmt: skip
@click.option("--file", "bill", type=one_of(BillKind), help="Only of this kind of file.")
@click.option("--account", help="Only of this merchant number, cashier or till.")
@click.option("--class", "kind", type=one_of(MatchClass), help="Only of this class.")
@click.option("--owner", help="Only those that this person looks into.")
@click.option("--from", "first", type=day, help="The first day.")
@click.option("--to", "last", type=day, help="The last day.")
def list_command(
    *, state: str, bill: str | None, kind: str | None, first: datetime | None, last: datetime | None,
    account: str | None, owner: str | None, data: Path | None, tenant_code: str | None, every: bool,
) -> None:  # fmt: skip
    """Show differences, the oldest first. Exit code 1 when one is open."""
    console = open_screen()
    wanted = Wanted(
        state=None if state == ALL else DifferenceState(state), bill=BillKind(bill) if bill else None,
        kind=MatchClass(kind) if kind else None, account=account, owner=owner, first=_day(first), last=_day(last),
    )  # fmt: skip

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await _every(db, wanted)
            people = await people_of(db)
        still_open = [each for each in found if each.state is DifferenceState.OPEN]
        more = f", the first {SHOWN:,} of them" if len(found) > SHOWN else ""
        title = f"{code}  {len(found):,} differences, {len(still_open):,} open{more}"
        console.print(_table(found[:SHOWN], people=people, title=title))
        return not still_open

    run_for_brands(work, tenant_code=tenant_code, every=every, data=data)


@differences_group.command("show")
@of_brand
@click.argument("difference_id", type=click.UUID)
def show_command(*, difference_id: UUID, tenant_code: str, data: Path | None) -> None:
    """Show both sides of a difference as they were compared, and what people made of it."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await find_difference(db, DifferenceId(difference_id), now=datetime.now(UTC))
            people = await people_of(db)
        console.print(_table([found], people=people, title=code))
        console.print(_sides(found))
        return True

    run_for_brand(work, tenant_code=tenant_code, data=data)


@differences_group.command("assign")
@of_brand
@click.argument("ids", type=click.UUID, nargs=-1, required=True)
@click.option("--owner", required=True, help="Who looks into them: a log-in, a team.")
@deciding_person
@dry_run_option
def assign_command(*, owner: str, **given: Any) -> None:
    """Say who looks into open differences."""
    _decide(asked_for(AssignDifference, owner=owner), **given)


@differences_group.command("resolve")
@of_brand
@click.argument("ids", type=click.UUID, nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they are settled; kept with them and in the audit log.")
@deciding_person
@dry_run_option
def resolve_command(*, reason: str, **given: Any) -> None:
    """Settle open differences with a reason; all that are named, or none."""
    _decide(asked_for(ResolveDifference, reason=reason), **given)


def _decide(
    command: AssignDifference | ResolveDifference, *, ids: tuple[UUID, ...], person: Presented | None, dry_run: bool,
    tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Assign or settle, all in one transaction."""
    console = open_screen()

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            now, found = datetime.now(UTC), []
            async with tenant.writing() as db:
                for each in map(DifferenceId, ids):
                    if isinstance(command, AssignDifference):
                        found.append(
                            await assign_difference(db, command, difference_id=each, now=now, actor=by)
                        )
                    else:
                        found.append(
                            await resolve_difference(db, command, difference_id=each, now=now, actor=by)
                        )
                people = await people_of(db)
                if dry_run:
                    await db.rollback()
            console.print(
                _table(found, people=people, title=code + ("  (dry run, nothing kept)" if dry_run else ""))
            )
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


async def _every(db: Reading, wanted: Wanted) -> list[DifferenceView]:
    """All of them, page by page."""
    found: list[DifferenceView] = []
    cursor = None
    while True:
        page = await differences(db, wanted, now=datetime.now(UTC), cursor=cursor, limit=SHOWN)
        found += page.differences
        cursor = page.next_cursor
        if cursor is None:
            return found


def _table(found: list[DifferenceView], *, people: People, title: str) -> Table:
    table = Table(
        id_column("id"), "file", "account", "day", "class", "key", title=title, title_justify="left"
    )
    table.columns[5].overflow = "fold"
    for heading in ("yuan", "fee", "days open"):
        table.add_column(heading, justify="right")
    for heading in ("state", "owner", "because"):
        table.add_column(heading, overflow="fold")
    for each in found:
        why = f"{each.reason} ({people.name(each.resolved_by)})" if each.reason else each.note or ""
        kind = f"{each.kind}: {', '.join(each.differing)}" if each.differing else each.kind.value
        table.add_row(
            str(each.id), each.bill.value, each.account, str(each.day), kind, escape(each.key), yuan_text(each.amount_fen),
            fine_yuan(each.fee_millifen), str(each.days_open), each.state.value, escape(each.owner or ""), escape(why),
        )  # fmt: skip
    return table


def _sides(found: DifferenceView) -> Table:
    """What each side says, field by field."""
    ours, theirs = found.ours or {}, found.theirs or {}
    table = Table("field", "ours", "theirs")
    for field in sorted({*ours, *theirs}):
        sides = [
            msgspec.json.encode(side[field]).decode() if field in side else "" for side in (ours, theirs)
        ]
        mark = "[red]" if field in found.differing else ""
        table.add_row(f"{mark}{field}", *sides)
    return table


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None
