"""`storefront jobs`: what is parked is shown, and one job tries again."""

import asyncio
import re
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from orders.events import OrderCancelled
from storefront.cli.main import storefront
from tenants.kernel.ids import OrderId, new_id
from tenants.kernel.outbox import append
from tests.storefront.cli.test_commands import environment
from tests.support.rows import rows, value

__all__ = ["environment"]


@pytest.fixture
async def parked(tenant):
    """A brand with one parked job."""
    now = datetime.now(UTC)
    async with tenant.writing() as db:
        job = await append(db, OrderCancelled(order_id=OrderId(new_id()), reason="expired"), now=now)
        await db.execute(
            text(
                "UPDATE app.outbox SET parked_at = :now, attempts = 9, last_error = 'EVENT_UNKNOWN'"
                " WHERE tenant_id = :t AND id = :id"
            ),
            {"t": db.tenant_id, "id": job, "now": now},
        )
    return await value(tenant, "SELECT code FROM app.tenants WHERE tenant_id = :t"), job


async def run(*arguments):
    """The command runs a loop of its own, so it runs in a thread."""
    return await asyncio.to_thread(CliRunner().invoke, storefront, list(arguments))


async def test_parked_jobs_are_listed_for_a_brand_and_for_all_and_one_is_retried(environment, parked, tenant):
    code, job = parked
    environment.setenv("COLUMNS", "250")
    for arguments in (("--tenant", code), ()):
        shown = await run("jobs", "list", *arguments)
        assert shown.exit_code == 0, shown.output
        assert re.search(rf"{code}.*{job}.*OrderCancelled.*9.*EVENT_UNKNOWN", shown.output)
    retried = await run("jobs", "retry", code, str(job), "--reason", "the cause is mended")
    assert (retried.exit_code, "waits for the worker again" in retried.output) == (0, True)
    assert "nothing is parked" in (await run("jobs", "list", "--tenant", code)).output
    state = "SELECT attempts, parked_at FROM app.outbox WHERE tenant_id = :t AND id = :i"
    assert await rows(tenant, state, i=job) == [(0, None)]
    deed = "SELECT actor FROM app.audit_log WHERE tenant_id = :t AND action = 'retry_job'"
    assert await value(tenant, deed) == "system:command-line"


async def test_what_is_not_there_is_refused_in_words(environment, parked):
    code, job = parked
    for arguments, said in (
        (("list", "--tenant", "nobody"), "no brand nobody"),
        (("retry", "nobody", str(job), "--reason", "x"), "There is no such"),
        (("retry", code, str(new_id()), "--reason", "x"), "No such job is parked"),
    ):
        shown = await run("jobs", *arguments)
        assert shown.exit_code == 1
        assert said in shown.output, shown.output
