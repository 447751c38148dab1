"""`storefront import`: bring a brand's files in, with a progress bar, figures at the end and a report of what was wrong.

Owns the command line alone; reading and writing are `storefront.imports`'. Exit code 0, 1 when the file or the mapping cannot be used, 2
when rows were refused.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from storefront.cli.home import database_url_of, settings_for_command, strip_postgres_variables
from storefront.cli.opened import data_option
from storefront.cli.screen import open_screen
from storefront.imports.explain import field_lines, header_line, mapping_skeleton
from storefront.imports.kinds import KINDS, Kind
from storefront.imports.mapping import MappingWrong, read_mapping
from storefront.imports.reading import FileUnreadable
from storefront.imports.report import ImportOutcome
from storefront.imports.run import BATCH, ImportRequest, import_file
from tenants.directory import tenant_coded
from tenants.kernel.errors import Refusal
from tenants.kernel.scope import open_database

REFUSED_ROWS = 2


def _show_fields(context: click.Context, _option: click.Parameter, kind: str | None) -> None:
    if kind is None:
        return
    open_screen().print(fields_table(KINDS[kind]))
    context.exit()


def _show_template(context: click.Context, _option: click.Parameter, kind: str | None) -> None:
    if kind is None:
        return
    click.echo(f"{header_line(KINDS[kind])}\n\n{mapping_skeleton(KINDS[kind])}")
    context.exit()


@click.command("import")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tenant", "tenant_code", required=True, help="The brand's code.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML: their columns -> our fields. Without it the headers must be our field names.",
)
@click.option("--dry-run", is_flag=True, help="Do everything, keep nothing.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the report goes (default: FILE.KIND.report.csv in this folder).",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=BATCH,
    show_default=True,
    help="Rows in one transaction.",
)
@data_option
@click.option(
    "--fields",
    type=click.Choice(sorted(KINDS)),
    is_eager=True,
    expose_value=False,
    callback=_show_fields,
    help="Show the fields of a kind, and end.",
)
@click.option(
    "--template",
    type=click.Choice(sorted(KINDS)),
    is_eager=True,
    expose_value=False,
    callback=_show_template,
    help="Print a CSV header for a kind and a mapping to start from, and end.",
)
def import_command(
    *,
    kind: str,
    file: Path,
    tenant_code: str,
    mapping: Path | None,
    dry_run: bool,
    report: Path | None,
    batch: int,
    data: Path | None,
) -> None:
    """Import FILE (CSV, CSV.GZ, XLSX, XLS) as KIND into a brand.

    Importing the same file twice changes nothing. Rows that cannot be imported are in the report: row, column, value, reason.
    """
    console = open_screen()
    try:
        request = ImportRequest(
            kind=KINDS[kind],
            path=file,
            mapping=read_mapping(mapping) if mapping else None,
            dry_run=dry_run,
            report=report or Path(f"{Path(file.name.removesuffix('.gz')).stem}.{kind}.report.csv"),
            batch=batch,
        )
        outcome = asyncio.run(_run(request, tenant_code=tenant_code, data=data, console=console))
    except (MappingWrong, FileUnreadable, Refusal, LookupError, OSError) as error:
        click.echo(f"{error}", err=True)
        sys.exit(1)
    console.print(outcome_table(outcome))
    if outcome.columns_not_read:
        unread = escape(", ".join(outcome.columns_not_read))
        console.print(f"[yellow]columns not read: {unread}[/]", soft_wrap=True)
    sys.exit(REFUSED_ROWS if outcome.refused else 0)


async def _run(
    request: ImportRequest, *, tenant_code: str, data: Path | None, console: Console
) -> ImportOutcome:
    strip_postgres_variables()
    database = open_database(database_url_of(settings_for_command(data)), pool_size=2)
    try:
        async with database.platform() as db:
            tenant_id = await tenant_coded(db, tenant_code)
        if tenant_id is None:
            raise LookupError(f"there is no tenant with the code {tenant_code!r} (找不到品牌)")
        with _progress(console) as bar:
            task = bar.add_task(f"{request.kind.name}: {request.path.name}", total=None, pace="")

            def show(done: int, total: int) -> None:
                elapsed = bar.tasks[task].elapsed or 0
                bar.update(
                    task, completed=done, total=total, pace=f"{done / elapsed:,.0f} rows/s" if elapsed else ""
                )

            return await import_file(
                database.tenant(tenant_id), request, now=datetime.now(UTC), progress=show
            )
    finally:
        await database.close()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
        console=console,
    )


def fields_table(kind: Kind) -> Table:
    """The fields of a kind: what a mapping may feed."""
    table = Table("field", "required", "type", "meaning", title=f"{kind.name}: fields", title_justify="left")
    table.columns[0].no_wrap = True
    for line in field_lines(kind):
        type_ = f"{line.type}: {', '.join(line.choices)}" if line.choices else line.type
        table.add_row(line.name, "required" if line.required else "", type_, line.sentence)
    return table


def outcome_table(outcome: ImportOutcome) -> Table:
    """The figures of one import, as the end of the command shows them."""
    title = f"{outcome.kind}: {outcome.file}" + (" (dry run, nothing kept)" if outcome.dry_run else "")
    table = Table("", "rows", title=title, title_justify="left")
    for name, count in (
        ("read", outcome.rows_read),
        ("imported", outcome.imported),
        ("unchanged", outcome.unchanged),
        ("refused", outcome.refused),
        ("left out by the mapping", outcome.left_out),
        ("warnings", outcome.warnings),
        ("kept as text", outcome.kept_as_text),
    ):
        table.add_row(name, f"{count:,}")
    table.caption = f"{outcome.seconds:.1f} s, {outcome.rows_per_second:,} rows/s; report: {outcome.report}"
    return table
