"""`storefront jobs`: events whose reactions failed too often. Shows them for one brand or all, and lets one try again.

The same verbs as the operators' routes; what was done stands in the brand's audit log.
"""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import rich_click as click
from rich.table import Table

from storefront.cli.opened import ACTOR, with_database
from storefront.cli.screen import open_screen

if TYPE_CHECKING:
    from storefront.settings import Settings
    from tenants.jobs import JobView
    from tenants.kernel.scope import Database, TenantScope

COLUMNS = ("brand", "job", "kind", "happened", "attempts", "parked", "last error")


@click.group("jobs")
def jobs() -> None:
    """Look at parked work and let it try again."""


@jobs.command("list")
@click.option("--tenant", "code", help="The brand's code; all brands without it.")
def list_jobs(code: str | None) -> None:
    """List parked jobs, the oldest first."""
    from tenants.directory import every_tenant

    async def work(database: "Database", _settings: "Settings") -> None:
        async with database.platform() as db:
            known = await every_tenant(db)
        chosen = [(named, tenant_id) for named, tenant_id in known if code in (None, named)]
        if not chosen:
            raise LookupError(f"there is no brand {code}")
        table, found = Table(*COLUMNS), 0
        for named, tenant_id in chosen:
            async for job in _parked(database.tenant(tenant_id)):
                table.add_row(named, *_told(job))
                found += 1
        console = open_screen()
        console.print(table if found else "nothing is parked", soft_wrap=True)

    with_database(work)


@jobs.command("retry")
@click.argument("code")
@click.argument("job_id", type=click.UUID)
@click.option("--reason", required=True, help="Why it may try again; kept in the audit log.")
def retry(code: str, job_id: UUID, *, reason: str) -> None:
    """Let the job JOB_ID of the brand CODE try again from its first attempt."""
    from tenants.directory import tenant_coded
    from tenants.errors import TenantNotFound
    from tenants.jobs import retry_job
    from tenants.kernel.ids import EventId

    async def work(database: "Database", _settings: "Settings") -> None:
        async with database.platform() as db:
            tenant_id = await tenant_coded(db, code)
        if tenant_id is None:
            raise TenantNotFound
        async with database.tenant(tenant_id).writing() as db:
            await retry_job(db, EventId(job_id), actor=ACTOR, reason=reason, now=datetime.now(UTC))
        click.echo(f"{job_id} waits for the worker again")

    with_database(work)


async def _parked(tenant: "TenantScope") -> AsyncIterator["JobView"]:
    """Every parked job of a brand, page by page."""
    from tenants.jobs import parked_jobs

    cursor = None
    while True:
        async with tenant.reading() as db:
            page = await parked_jobs(db, cursor=cursor, limit=100)
        for job in page.jobs:
            yield job
        cursor = page.next_cursor
        if cursor is None:
            return


def _told(job: "JobView") -> tuple[str, ...]:
    moments = [f"{at:%Y-%m-%d %H:%M:%S}Z" for at in (job.occurred_at, job.parked_at)]
    return str(job.id), job.kind, moments[0], str(job.attempts), moments[1], job.last_error or "-"
