"""Operators look at events whose reactions failed too often, and let them try again. One tenant at a time: the API cannot see more."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from storefront.auth import CurrentPrincipal, Joined, Now, operator
from storefront.frame import refusals
from tenants.errors import JobNotParked
from tenants.jobs import JobPage, parked_jobs, retry_job
from tenants.kernel.ids import EventId, TenantId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge


class RetryJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Why a parked job may try again."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class JobRetried(msgspec.Struct, frozen=True, rename="camel"):
    """The job waits for the worker again."""

    id: EventId


@get(
    "/operator/v1/tenants/{tenant_id:uuid}/jobs",
    operation_id="listParkedJobs",
    tags=["jobs"],
    guards=[operator],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_jobs(
    tenant_id: FromPath[UUID],
    wiring: Joined,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> JobPage:
    """A brand's parked jobs, the oldest first; empty for a brand that does not exist."""
    async with wiring.database.tenant(TenantId(tenant_id)).reading() as db:
        return await parked_jobs(db, cursor=cursor, limit=limit)


@post(
    "/operator/v1/tenants/{tenant_id:uuid}/jobs/{job_id:uuid}/retries",
    operation_id="retryJob",
    tags=["jobs"],
    guards=[operator],
    responses=refusals(JobNotParked),
)
async def retry(
    tenant_id: FromPath[UUID],
    job_id: FromPath[UUID],
    data: JSONBody[RetryJob],
    principal: CurrentPrincipal,
    wiring: Joined,
    now: Now,
) -> JobRetried:
    """Let a parked job try again from its first attempt."""
    async with wiring.database.tenant(TenantId(tenant_id)).writing() as db:
        await retry_job(db, EventId(job_id), actor=principal.actor(), reason=data.reason, now=now)
    return JobRetried(id=EventId(job_id))


ROUTES = [list_jobs, retry]
