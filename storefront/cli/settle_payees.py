"""`storefront settle payouts payees` and `pay-to`: where parties' money goes. Account numbers come from a file and are never shown whole again."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rich_click as click
from rich.table import Table

from settlement.payouts.commands import SetPayee
from settlement.payouts.payees import set_payee
from settlement.payouts.queries import payees
from settlement.payouts.states import PayeeKind
from settlement.payouts.views import PayeeView
from storefront.cli.brands import Work, asked_for, of_brand, of_brands, run_for_brand, run_for_brands
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import dry_run_option, keys_of, party_named
from storefront.cli.settle_person import People, Presented, deciding_person, people_of, signed
from tenants.kernel.scope import TenantScope


@click.command("payees")
@of_brands
def payees_command(**chosen: Any) -> None:
    """Show where parties' money goes, ended payees too; accounts by their last four characters."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        async with tenant.reading() as db:
            found, people = await payees(db), await people_of(db)
        console.print(_table(found, people=people, title=f"{code}  {len(found):,} payees"))
        return True

    run_for_brands(work, **chosen)


@click.command("pay-to")
@of_brand
@click.option("--party", "named", required=True, help="The party's name or code.")
@click.option(
    "--account", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML with account_name, account_no and bank_name (a company).",
)  # fmt: skip
@click.option("--payroll-no", help="The payroll number (a guide).")
@deciding_person
@dry_run_option
def pay_to_command(
    *, named: str, path: Path | None, payroll_no: str | None, person: Presented | None, dry_run: bool,
    tenant_code: str, data: Path | None,
) -> None:  # fmt: skip
    """Say where a party's money goes from now on; batches that are prepared keep what they have."""
    if (path is None) == (payroll_no is None):
        raise click.UsageError("give --account FILE for a company, or --payroll-no for a guide")
    told = {"kind": PayeeKind.BANK, **_account(path)} if path else {"kind": PayeeKind.PAYROLL, "payroll_no": payroll_no}  # fmt: skip
    console, command = open_screen(), asked_for(SetPayee, **told)

    def work_of(by: str) -> Work:
        async def work(tenant: TenantScope, code: str) -> bool:
            async with tenant.writing() as db:
                party_id = await party_named(db, named)
                said = await set_payee(
                    db, command, party_id=party_id, keys=keys_of(data), actor=by, now=datetime.now(UTC)
                )
                people = await people_of(db)
                if dry_run:
                    await db.rollback()
            title = code + ("  (dry run, nothing kept)" if dry_run else "")
            console.print(_table([said], people=people, title=title))
            return True

        return work

    run_for_brand(signed(work_of, person=person, dry_run=dry_run), tenant_code=tenant_code, data=data)


def _account(path: Path) -> dict[str, Any]:
    """The account in the file, and nothing else."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path.name}: {error}") from error
    expected = {"account_name", "account_no", "bank_name"}
    if set(told) != expected:
        raise click.UsageError(f"{path.name}: it says {sorted(told)}, expected {sorted(expected)}")
    return told


def _table(found: list[PayeeView], *, people: People, title: str) -> Table:
    table = Table("party", "name", "pay to", "since", "said by", "ended", title=title, title_justify="left")
    for each in found:
        pay_to = each.payroll_no or f"…{each.account_tail}"
        table.add_row(
            each.party.kind.value, each.party.name, pay_to, people.moment(each.created_at),
            people.name(each.created_by), people.moment(each.ended_at),
        )  # fmt: skip
    table.caption = people.clocks
    return table
