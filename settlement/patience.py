"""Runs a step of a long job in a transaction of its own, and again when the database was busy: the job is not worth losing for one lock.

The step must be one that may be repeated, which in settlement every step is.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenants.kernel.scope import DatabaseBusy, TenantScope, Writing

Outcome = TypeVar("Outcome")

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.1


async def patiently(tenant: TenantScope, step: Callable[[Writing], Awaitable[Outcome]]) -> Outcome:
    """Run the step; after a deadlock or a lock that did not come, again, with growing pauses; at last raises DatabaseBusy."""
    pause = FIRST_PAUSE_SECONDS
    for _ in range(ATTEMPTS - 1):
        try:
            async with tenant.writing_much() as db:
                return await step(db)
        except DatabaseBusy:
            # Two that met once do not meet again in step.
            await asyncio.sleep(pause * (1 + random.random()))  # noqa: S311 spreads, guards nothing
            pause *= 2
    async with tenant.writing_much() as db:
        return await step(db)
