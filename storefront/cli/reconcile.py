"""`storefront settle reconcile`: fetch or read files of the other side, compare them with the books, show every difference and the proof.

Owns the command line alone. Exit code 0 when everything agrees (a file that is not ready yet is told and no difference), 1 when something
differs or is refused, 3 when a day is asked for whose files cannot be there yet: then nothing was done.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click
from rich.console import Console
from rich.markup import escape

from settlement.posting.pending import Say, post_pending
from settlement.reconciliation.accounts import Account, account_of
from settlement.reconciliation.billed import TakenBill, of_lines
from settlement.reconciliation.bills import BEIJING
from settlement.reconciliation.errors import DayNotOver
from settlement.reconciliation.fetch import MerchantDay, reconcile_file, reconcile_merchant, require_over
from settlement.reconciliation.queries import Wanted, days_of, differences
from settlement.reconciliation.states import OF_LINES, BillKind, DifferenceState
from settlement.reconciliation.take_in import KeptBill
from settlement.reconciliation.views import DayView, DifferenceView, ProofView
from storefront.channels import WechatPayChannels
from storefront.cli.brands import Work, of_brands, run_for_brands
from storefront.cli.reconcile_report import days_table, differences_table, proof_line, proof_table
from storefront.cli.screen import open_screen
from storefront.cli.settle_form import actor, open_channels
from storefront.cli.settle_report import progress
from storefront.imports.channel_bills import channel_bills
from storefront.imports.from_statement import make_missing
from storefront.imports.mapping import Mapping, MappingWrong, read_mapping
from storefront.imports.reading import FileUnreadable
from storefront.imports.statement_lines import read_statement
from tenants.kernel.errors import Refusal
from tenants.kernel.scope import TenantScope
from tenants.queries import merchants
from tenants.views import MerchantView

SHOWN = 100
OLDEST_DAYS = 92
"""The channel keeps its files so long."""


class NotYet(click.ClickException):
    """The command was refused: there is nothing to compare with yet."""

    exit_code = 3


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared."""

    first: date
    last: date
    merchant_no: str | None = None
    files: tuple[Path, ...] = ()
    kind: BillKind | None = None
    mapping: Path | None = None
    source_name: str | None = None
    create_missing: bool = False
    named: tuple[date, date] | None = None
    """The days that were asked for in words: a file of others is refused."""
    dry_run: bool = False

    def days(self) -> list[date]:
        """Every day asked for, the earliest first."""
        return [self.first + timedelta(days=each) for each in range((self.last - self.first).days + 1)]


@click.command("reconcile")
@of_brands
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="YYYY-MM-DD; default: yesterday in Beijing.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="The first of several days.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="The last of several days.")
@click.option("--merchant", "merchant_no", help="Only this merchant number.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this file instead of asking the channel (.csv or .csv.gz as downloaded); may be repeated.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in OF_LINES]),
    help="What --file is, if it is not WeChat's: a cashier's statement or a till's day file.",
)
@click.option("--source-name", help="With --kind: the system's name, as its sales were imported under.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --kind: TOML, their columns -> our fields.",
)
@click.option(
    "--create-missing",
    is_flag=True,
    help="With --kind cashier: make the orders and refunds that only the statement knows.",
)
@click.option("--dry-run", is_flag=True, help="Fetch, compare and show; keep nothing.")  # fmt: skip
def reconcile_command(
    *, day: datetime | None, first: datetime | None, last: datetime | None, kind: str | None, data: Path | None,
    tenant_code: str | None, every: bool, **given: Any,
) -> None:  # fmt: skip
    """Compare the channel's files with the books, day by day and merchant by merchant, and prove that the ledger is the bill.

    Ends with 0 when all agrees, 1 when something differs, 3 when a day was asked for whose files cannot be there yet (they come the next day from 10:00, Beijing).
    """
    begins, ends = _chosen_days(day, first, last)
    named = (begins, ends) if day or first or last else None
    asked = Asked(first=begins, last=ends, kind=BillKind(kind) if kind else None, named=named, **given)
    if asked.files and every:
        raise click.UsageError("files are of one brand: name it with --tenant CODE")
    if asked.kind is not None and not (asked.files and asked.source_name):
        raise click.UsageError("--kind reads files of another system: give --file and --source-name")
    if asked.create_missing and asked.kind is not BillKind.CASHIER:
        raise click.UsageError(
            "--create-missing makes orders from a partner's statement: give --kind cashier"
        )
    run_for_brands(reconcile_work(asked, data=data), tenant_code=tenant_code, every=every, data=data)


def reconcile_work(asked: Asked, *, data: Path | None = None) -> Work:
    """Compare one brand's days, with its bars and its report."""
    console = open_screen()

    async def work(tenant: TenantScope, code: str) -> bool:
        if not asked.files:
            await _refuse_ahead(tenant, asked, data=data)
        if not asked.dry_run:
            with progress(console) as say:
                await post_pending(tenant, now=datetime.now(UTC), say=say)
        if asked.files:
            return await _files(console, tenant, asked, code=code)
        return await _days(console, tenant, asked, code=code, data=data)

    return work


async def _refuse_ahead(tenant: TenantScope, asked: Asked, *, data: Path | None) -> None:
    """Look before anything is booked or fetched whether the last day can be there."""
    if not asked.days():
        raise NotYet("none of these days is over (尚无可对账的日期)")
    async with tenant.reading() as db:
        known = [each for each in await merchants(db) if asked.merchant_no in {None, each.merchant_no}]
    try:
        async with open_channels(data) as channels:
            await require_over(tenant, known, day=asked.last, channels=channels, now=datetime.now(UTC))
    except DayNotOver as refusal:
        raise NotYet(_reason(refusal)) from refusal


async def _days(console: Console, tenant: TenantScope, asked: Asked, *, code: str, data: Path | None) -> bool:
    async with tenant.reading() as db:
        known = [each for each in await merchants(db) if asked.merchant_no in {None, each.merchant_no}]
    if asked.merchant_no and not known:
        raise LookupError(f"{code} has no merchant number {asked.merchant_no} (找不到商户)")
    async with open_channels(data) as channels:
        with progress(console) as say:
            tried = [each async for each in _fetched(tenant, known, asked, channels=channels, say=say)]
    done = [each for each in tried if isinstance(each, MerchantDay)]
    for refusal in (each for each in tried if isinstance(each, Refusal)):
        click.echo(f"{code}: {_reason(refusal)}", err=True)
    agrees = len(done) == len(tried) and all(each.agrees for each in done)
    shown = [day for each in done for day in each.days]
    _print(console, shown, [each.proof for each in done], title=_title(code, asked))
    await _print_open(console, tenant, asked, code=code)
    for each in (day for merchant in done for day in merchant.not_fetched):
        console.print(_kept_instead(each), soft_wrap=True)
    return _ended(console, agrees=agrees, pending=any(each.is_pending for each in done))


async def _fetched(
    tenant: TenantScope,
    known: list[MerchantView],
    asked: Asked,
    *,
    channels: WechatPayChannels,
    say: Say,
) -> AsyncIterator[MerchantDay | Refusal]:
    wanted = [(day, merchant) for day in asked.days() for merchant in known]
    for done, (day, merchant) in enumerate(wanted):
        say("fetching and comparing", done=done, total=len(wanted))
        try:
            yield await reconcile_merchant(
                tenant,
                merchant,
                day=day,
                channels=channels,
                now=datetime.now(UTC),
                by=actor(),
                dry_run=asked.dry_run,
            )
        except Refusal as refusal:  # one merchant whose keys are missing keeps no other from its files
            yield refusal
    say("fetching and comparing", done=len(wanted), total=len(wanted))


async def _files(console: Console, tenant: TenantScope, asked: Asked, *, code: str) -> bool:
    agrees, shown, proofs = True, [], []
    for path in asked.files:
        try:
            for kept, day, proof in await _one_file(tenant, path, asked):
                click.echo(_told(path, day, kept), err=True)  # the report itself is the same each time
                shown.append(day)
                proofs.append(proof)
                agrees = agrees and not day.open_differences and (proof is None or proof.holds)
        except (Refusal, FileUnreadable, MappingWrong) as error:
            click.echo(f"{path.name}: {_reason(error)}", err=True)
            agrees = False
    _print(console, shown, proofs, title=f"{code}  files" + _dry(asked))
    days = [each.day for each in shown]
    if days:
        whole = msgspec.structs.replace(asked, first=min(days), last=max(days))
        await _print_open(console, tenant, whole, code=code)
    return _ended(console, agrees=agrees, pending=False)


async def _one_file(
    tenant: TenantScope, path: Path, asked: Asked
) -> list[tuple[KeptBill, DayView, ProofView | None]]:
    results = []
    with ExitStack() as opened:
        for bill in await _bills_of(tenant, path, asked, opened=opened):
            async with tenant.reading() as db:
                account = await account_of(db, bill.kind, name=bill.account)
            results.append(
                await reconcile_file(
                    tenant, bill, account=account, now=datetime.now(UTC), by=actor(), dry_run=asked.dry_run
                )
            )
    if asked.create_missing and results and not asked.dry_run:
        return await _with_missing_made(tenant, results, path=path)
    return results


async def _with_missing_made(
    tenant: TenantScope, results: list[tuple[KeptBill, DayView, ProofView | None]], *, path: Path
) -> list[tuple[KeptBill, DayView, ProofView | None]]:
    """Make what only the statement knows, and show the days as they stand then."""
    days = [day.day for _, day, _ in results]
    kind, name = results[0][1].kind, results[0][1].account
    since = min(days) - timedelta(days=OLDEST_DAYS)
    account = Account(kind=kind, name=name)
    made = await make_missing(tenant, account, first=since, last=max(days), now=datetime.now(UTC))
    click.echo(
        f"{path.name}: made from the statement: {made.orders:,} orders, {made.refunds:,} refunds", err=True
    )
    for number in made.waiting:
        click.echo(f"  refund {number} waits for its order (退款待原订单导入)", err=True)
    for why in made.refused:
        click.echo(f"  {why}", err=True)
    await post_pending(tenant, now=datetime.now(UTC))
    async with tenant.reading() as db:
        shown = {each.day: each for each in await days_of(db, kind=kind, account=name, days=days)}
    return [(kept, shown[day.day], proof) for kept, day, proof in results]


async def _bills_of(tenant: TenantScope, path: Path, asked: Asked, *, opened: ExitStack) -> list[TakenBill]:
    if asked.kind is not None:
        mapping: Mapping | None = read_mapping(asked.mapping) if asked.mapping else None
        lines, left_out = read_statement(path, mapping)
        said = f"{path.name}: {len(lines) + left_out:,} rows read, {len(lines):,} taken, {left_out:,} left out by the mapping"
        click.echo(said, err=True)
        return of_lines(lines, kind=asked.kind, account=asked.source_name or "", origin=path.name)
    return await channel_bills(
        tenant, path, merchant_no=asked.merchant_no, days=asked.named, origin=path.name, opened=opened
    )


def _chosen_days(day: datetime | None, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    if day is not None and (first or last):
        raise click.UsageError("name one --day, or several with --from and --to")
    yesterday = datetime.now(BEIJING).date() - timedelta(days=1)
    given = day or first or last
    begins = given.date() if given else yesterday
    until = day or last
    ends = until.date() if until else yesterday
    if ends < begins or (ends - begins).days > OLDEST_DAYS:
        raise click.UsageError(f"--from to --to are at most {OLDEST_DAYS} days, in this order")
    return begins, ends


def _print(
    console: Console, days: Iterable[DayView], proofs: Iterable[ProofView | None], *, title: str
) -> None:
    console.print(days_table(list(days), title=title))
    for proof in proofs:
        if proof is not None:
            console.print(proof_line(proof), soft_wrap=True)
            if proof.lines or proof.unbilled_count:
                console.print(proof_table(proof))


async def _print_open(console: Console, tenant: TenantScope, asked: Asked, *, code: str) -> None:
    if asked.dry_run:
        return
    wanted = Wanted(state=DifferenceState.OPEN, first=asked.first, last=asked.last, account=asked.merchant_no)
    async with tenant.reading() as db:
        listed = await differences(db, wanted, now=datetime.now(UTC), limit=SHOWN)
    found: list[DifferenceView] = listed.differences
    if found:
        more = f" (the first {SHOWN})" if listed.next_cursor else ""
        console.print(differences_table(found, title=f"{code}  open differences{more}"))


def _ended(console: Console, *, agrees: bool, pending: bool) -> bool:
    if pending:
        console.print(
            "[yellow]some files are not ready yet: they come at ten the next morning, Beijing (部分账单尚未生成)[/]"
        )
    said = (
        "[green]everything there is agrees to the fen[/]"
        if agrees
        else "[red]SOMETHING DIFFERS, see above[/]"
    )
    console.print(said)
    return agrees


def _kept_instead(each: DayView) -> str:
    return (
        f"[yellow]{each.kind} {each.account} {each.day}: {escape(each.reason or '')}; the bill that was taken in before"
        f" (version {each.version}) stays and was compared again (保留此前已导入的账单)[/]"
    )


def _told(path: Path, day: DayView, kept: KeptBill) -> str:
    became = "was there already: unchanged" if not kept.is_new else "taken in"
    if kept.replaces:
        became = f"corrects version {kept.replaces}, which stays beside it"
    return f"{path.name}: {day.kind} {day.account} {day.day}, {kept.row_count:,} rows, version {kept.version}: {became}"


def _reason(error: Exception) -> str:
    if not isinstance(error, Refusal):
        return str(error)
    told = [f"{place}: {said}" for place, said in error.details.items()]
    told += [f"{name}: {value}" for name, value in error.fields.items()]
    return f"{error.sentence()} ({error.zh})" + "".join(f"\n  {each}" for each in told)


def _title(code: str, asked: Asked) -> str:
    days = str(asked.first) if asked.first == asked.last else f"{asked.first} to {asked.last}"
    return f"{code}  {days}{_dry(asked)}"


def _dry(asked: Asked) -> str:
    return "  (dry run: nothing booked, nothing kept)" if asked.dry_run else ""
