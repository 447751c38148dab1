"""The worker: finds tenants with due events, claims a few of one tenant's, and runs each event's reactions.

A reaction in a transaction runs exactly once, because the row that says so commits with it; a flow runs at least once. What fails is
tried again with growing pauses and at last parked where an operator sees it; nothing is logged and skipped. Several workers may run.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Any

import msgspec
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from storefront.observability import (
    EVENTS_PARKED,
    EVENTS_WAITING,
    OLDEST_WAITING,
    REACTIONS,
    WORKER_BEAT,
    configure_logging,
    describe,
    log,
    report_failure,
    start_metrics,
)
from storefront.reactions import EventUnknown, Form, Reaction, Subscriptions
from storefront.settings import Settings
from storefront.subscriptions import SUBSCRIPTIONS
from storefront.wiring import PORTS, Wiring, wire_worker
from tenants.kernel import outbox
from tenants.kernel.errors import Broken, Refusal
from tenants.kernel.ids import TenantId
from tenants.kernel.outbox import ATTEMPTS, LEASE_SECONDS, Claimed
from tenants.kernel.scope import TenantScope

BATCH = 20
TENANTS_AT_ONCE = 4
IDLE_SECONDS = 0.5
BUSY_SECONDS = 0.05
AWAY_SECONDS = 2.0
COUNT_SECONDS = 15.0
LEASE_MARGIN_SECONDS = 30
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 3600
METRICS_PORT_OFFSET = 100
"""The worker's metrics stand this far above the API's port, out of the way of its worker processes."""


class Worker:
    """One worker over one wiring, as app_worker."""

    def __init__(self, wiring: Wiring, *, subscriptions: Subscriptions = SUBSCRIPTIONS) -> None:
        """Refuse to start with a reaction that asks for a port nobody answers."""
        self.wiring = wiring
        self.kinds: Mapping[str, type[msgspec.Struct]] = {kind.__name__: kind for kind in subscriptions}
        self.reactions = {kind.__name__: reactions for kind, reactions in subscriptions.items()}
        self.stopping = asyncio.Event()
        self._counted_at = 0.0
        for reaction in (each for several in subscriptions.values() for each in several):
            if missing := set(reaction.needs()) - set(PORTS):
                raise RuntimeError(f"{reaction.name} asks for {missing}, which wiring.PORTS does not offer")

    async def run(self) -> None:
        """Work until told to stop; the event at hand is finished, claimed ones are given back."""
        while not self.stopping.is_set():
            try:
                done = await self.run_once()
                await self._count()
                pause = BUSY_SECONDS if done else IDLE_SECONDS
            except (Refusal, SQLAlchemyError, OSError) as error:
                report_failure("worker_round_failed", error)
                pause = AWAY_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)

    async def run_once(self) -> int:
        """Look once for work and do a batch for every tenant that has some; returns the number of events handled."""
        WORKER_BEAT.set_to_current_time()
        async with self.wiring.database.platform() as db:
            tenants = await outbox.tenants_with_work(db)
        random.shuffle(tenants)  # two workers start at different tenants, and no tenant is always first
        seats = asyncio.Semaphore(TENANTS_AT_ONCE)

        async def seated(tenant_id: TenantId) -> int:
            async with seats:
                return await self._work_for(self.wiring.database.tenant(tenant_id))

        return sum(await asyncio.gather(*(seated(each) for each in tenants)))

    async def _work_for(self, tenant: TenantScope) -> int:
        if self.stopping.is_set():
            return 0
        claimed_at = monotonic()
        async with tenant.writing() as db:
            events = await outbox.claim(db, limit=BATCH)
        for position, event in enumerate(events):
            if self.stopping.is_set():
                await self._give_back(tenant, events[position:])
                return position
            # A batch that takes long may lose its lease; what is left is claimed anew by whoever comes next.
            if monotonic() - claimed_at > LEASE_SECONDS - LEASE_MARGIN_SECONDS:
                return position
            await self._handle_event(tenant, event)
        return len(events)

    async def _give_back(self, tenant: TenantScope, events: list[Claimed]) -> None:
        async with tenant.writing() as db:
            for event in events:
                await outbox.release(db, event)

    async def _handle_event(self, tenant: TenantScope, event: Claimed) -> None:
        """Run every reaction that has not run yet; one that fails does not keep the others from running."""
        with structlog.contextvars.bound_contextvars(
            tenant_id=str(event.tenant_id), event_id=str(event.id), kind=event.kind
        ):
            failures = await self._failures(tenant, event)
            now = self.wiring.clock()
            async with tenant.writing() as db:
                if not failures:
                    await outbox.finish(db, event, now=now)
                    return
                due_at = now + pause_before(event.attempts + 1)
                await outbox.postpone(db, event, now=now, due_at=due_at, error="; ".join(failures))
            if event.attempts + 1 >= ATTEMPTS:
                log.error("event_parked", attempts=event.attempts + 1)

    async def _failures(self, tenant: TenantScope, event: Claimed) -> list[str]:
        reactions = self.reactions.get(event.kind)
        if reactions is None:
            return [EventUnknown.code()]
        failures: list[str] = []
        for reaction in reactions:
            try:
                await self._react(tenant, event, reaction=reaction)
                REACTIONS.labels(reaction.name, "done").inc()
            except Exception as error:  # noqa: BLE001 whatever a verb raises, the event is kept and tried again
                REACTIONS.labels(reaction.name, "failed").inc()
                failures.append(f"{reaction.name}: {describe(error)['error']}")
                if isinstance(error, Refusal) and not isinstance(error, Broken):
                    log.warning("reaction_refused", reaction=reaction.name, code=error.code())
                else:
                    report_failure("reaction_failed", error, reaction=reaction.name, attempts=event.attempts)
        return failures

    async def _react(self, tenant: TenantScope, event: Claimed, *, reaction: Reaction) -> None:
        fact = msgspec.convert(event.payload, self.kinds[event.kind])
        now = self.wiring.clock()
        ports: dict[str, Any] = {name: getattr(self.wiring, name) for name in reaction.needs()}
        if reaction.form is Form.FLOW:
            if await self._has_reacted(tenant, event, reaction=reaction):
                return
            await reaction.verb(tenant, fact, now=now, **ports)
            async with tenant.writing() as db:
                await outbox.begin_reaction(db, event_id=event.id, verb=reaction.name, now=now)
            return
        async with tenant.writing() as db:
            if await outbox.begin_reaction(db, event_id=event.id, verb=reaction.name, now=now):
                await reaction.verb(db, fact, now=now, **ports)

    async def _has_reacted(self, tenant: TenantScope, event: Claimed, *, reaction: Reaction) -> bool:
        table = outbox.Reaction
        statement = select(table.event_id).where(
            table.tenant_id == event.tenant_id, table.event_id == event.id, table.verb == reaction.name
        )
        async with tenant.reading() as db:
            return (await db.execute(statement)).scalar_one_or_none() is not None

    async def _count(self) -> None:
        if monotonic() - self._counted_at < COUNT_SECONDS:
            return
        self._counted_at = monotonic()
        statement = text(
            "SELECT count(*) FILTER (WHERE parked_at IS NULL AND due_at <= now()) AS waiting,"
            " count(*) FILTER (WHERE parked_at IS NOT NULL) AS parked,"
            " extract(epoch FROM now() - min(due_at) FILTER (WHERE parked_at IS NULL AND due_at <= now())) AS oldest"
            " FROM app.outbox WHERE done_at IS NULL"
        ).execution_options(crosses_tenants=True)
        async with self.wiring.database.platform() as db:
            row = (await db.execute(statement)).one()
        EVENTS_WAITING.set(row.waiting)
        EVENTS_PARKED.set(row.parked)
        OLDEST_WAITING.set(float(row.oldest or 0))


def pause_before(attempt: int) -> timedelta:
    """How long an event waits before its next attempt: 2 s, 8 s, 32 s … an hour, and up to half as much again by chance."""
    seconds = min(FIRST_PAUSE_SECONDS * 4 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=seconds * random.uniform(1, 1.5))  # noqa: S311 spreads load, guards nothing


async def work(settings: Settings, *, wiring: Wiring | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT: what `storefront work` calls."""
    configure_logging(settings.storefront_log_level)
    port = settings.storefront_metrics_port
    start_metrics(port and port + METRICS_PORT_OFFSET, host=settings.storefront_host, instances=8)
    wired = wiring or wire_worker(settings)
    worker = Worker(wired)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stopping.set)
    log.info("worker_started")
    try:
        await worker.run()
    finally:
        await wired.close()
        log.info("worker_stopped")
