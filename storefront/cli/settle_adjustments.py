"""`storefront settle adjustments`: corrections of what closed statements say, asked for by one person and decided by another.

Booked into the open period, or, with --restates and while nobody signed the statement, into its own month as a new version.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import rich_click as click
from rich.markup import escape
from rich.table import Table

from orders.order_facts import order_numbered
from settlement.calendar import next_month
from settlement.queries import find_statement
from settlement.signing.adjust import decide_adjustment, propose_adjustment
from settlement.signing.commands import DecideAdjustment, ProposeAdjustment
from settlement.signing.queries import adjustments
from settlement.signing.states import AdjustmentState
from settlement.signing.views import AdjustmentView
from storefront.cli.brands import Work, asked_for, of_brand, of_brands, run_for_brand, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import (
    InOrder,
    YuanAmount,
    contract_named,
    dry_run_option,
    id_column,
    one_of,
    party_named,
)
from storefront.cli.settle_person import People, Presented, deciding_person, people_of, signed
from tenants.errors import StoreNotFound
from tenants.kernel.ids import AdjustmentId, StatementId
from tenants.kernel.money import Fen, yuan_text
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import find_tenant, store_ids_by_code


@click.group("adjustments", cls=InOrder)
def adjustments_group() -> None:
    """Corrections: asked for by one person, decided by another."""


@adjustments_group.command("list")
@of_brands
@click.option("--state", type=one_of(AdjustmentState), help="Only these; without it all.")
def list_command(*, state: str | None, **chosen: Any) -> None:
    """Show corrections, the newest first."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found = await adjustments(db, state=AdjustmentState(state) if state else None)
            people = await people_of(db)
        console.print(_table(found, people=people, title=f"{code}  {len(found):,} adjustments"))
        return True

    run_for_brands(work, **chosen)


@adjustments_group.command("propose")
@of_brand
@click.option(
    "--statement", "statement_id", type=click.UUID, help="The statement that it corrects (结算单号)."
)
@click.option("--order", "order_no", help="The order that it corrects.")
@click.option("--party", help="Whom it is owed to, by name or code; default: the statement's party.")
@click.option("--contract", required=True, help="The contract's code.")
@click.option("--amount", "amount_fen", type=YuanAmount(), required=True, help="Yuan that the party is owed more; negative: less.")  # fmt: skip
@click.option("--reason", required=True, help="Why; it stands on the statement.")
@click.option("--evidence", help="What shows it.")
@click.option("--store", help="The store's code, where it is about one.")
@click.option(
    "--counterparty", help="Who bears it, by name or code; default: whoever has the rest of the sales."
)
@click.option("--restates", is_flag=True, help="Make a new version of the statement, while nobody signed it.")
@deciding_person
@dry_run_option
def propose_command(
    *, person: Presented | None, dry_run: bool, tenant_code: str, data: Path | None, **asked: Any
) -> None:
    """Ask for a correction; nothing is booked before a second person agrees."""
    if not asked["statement_id"] and not (asked["order_no"] and asked["party"]):
        raise click.UsageError("name what it corrects: --statement ID, or --order NO with --party")

    async def propose(db: Writing, by: str) -> AdjustmentView:
        return await propose_adjustment(
            db, await _proposal(db, **asked), proposed_by=by, now=datetime.now(UTC)
        )

    _decide(propose, person=person, dry_run=dry_run, tenant_code=tenant_code, data=data)


@adjustments_group.command("decide")
@of_brand
@click.argument("adjustment_id", type=click.UUID)
@click.option("--agree/--refuse", "agrees", default=None, help="Whether it is booked.")
@click.option("--reason", help="Why; needed to refuse.")
@deciding_person
@dry_run_option
def decide_command(
    *, adjustment_id: UUID, agrees: bool | None, reason: str | None, person: Presented | None, dry_run: bool,
    tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Agree to a correction, and it is booked, or refuse it: never who asked for it."""
    if agrees is None or (not agrees and not reason):
        raise click.UsageError("decide: --agree, or --refuse with its --reason")
    command, about = asked_for(DecideAdjustment, agrees=agrees, reason=reason), AdjustmentId(adjustment_id)

    async def decide(db: Writing, by: str) -> AdjustmentView:
        return await decide_adjustment(db, command, adjustment_id=about, decided_by=by, now=datetime.now(UTC))

    _decide(decide, person=person, dry_run=dry_run, tenant_code=tenant_code, data=data)


def _decide(
    decide: Callable[[Writing, str], Awaitable[AdjustmentView]], *, person: Presented | None, dry_run: bool,
    tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Decide in one transaction and show the correction as it stands then."""
    console = open_screen()

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            async with tenant.writing() as db:
                found = await decide(db, by)
                people = await people_of(db)
                if dry_run:
                    await db.rollback()
            title = code + ("  (dry run, nothing kept)" if dry_run else "")
            console.print(_table([found], people=people, title=title))
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


async def _proposal(
    db: Reading, *, statement_id: UUID | None, order_no: str | None, party: str | None, counterparty: str | None,
    contract: str, store: str | None, **given: Any,
) -> ProposeAdjustment:  # fmt: skip
    """The proposal, with the names of parties, store, contract and order found out."""
    at = None
    about = StatementId(statement_id) if statement_id else None
    if about:
        statement = await find_statement(db, about)
        party = party or statement.party.code
        zone = ZoneInfo((await find_tenant(db)).time_zone)
        at = datetime.combine(next_month(statement.period_on), time(0), zone)
    stores = await store_ids_by_code(db, [store] if store else [])
    if store and store not in stores:
        raise StoreNotFound(details={"store": store})
    return asked_for(
        ProposeAdjustment, party_id=await party_named(db, party or ""), statement_id=about,
        counterparty_id=await party_named(db, counterparty) if counterparty else None,
        contract_id=await contract_named(db, contract, at=at), store_id=stores[store] if store else None,
        order_id=await order_numbered(db, order_no) if order_no else None, **given,
    )  # fmt: skip


def _table(found: list[AdjustmentView], *, people: People, title: str) -> Table:
    table = Table(
        id_column("id"),
        "party",
        "against",
        title=title,
        title_justify="left",
        caption=people.clocks,
        caption_justify="left",
    )
    table.add_column("yuan", justify="right")
    for heading in ("state", "because", "asked for", "decided", "booked in"):
        table.add_column(heading, overflow="fold")
    for each in found:
        decided = (
            f"{people.name(each.decided_by)} {people.moment(each.decided_at)}" if each.decided_by else ""
        )
        table.add_row(
            str(each.id), each.party.name, each.counterparty.name, yuan_text(Fen(each.amount_fen)), each.state.value,
            escape(each.reason), f"{people.name(each.proposed_by)} {people.moment(each.proposed_at)}",
            escape(f"{decided} {each.decision or ''}".strip()), f"{each.period_on:%Y-%m}" if each.period_on else "",
        )  # fmt: skip
    return table
