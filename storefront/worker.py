"""The worker: finds tenants with due events, claims a few of one tenant's, and runs each event's reactions.

A reaction in a transaction runs exactly once, because the row that says so commits with it; a flow runs at least once. What fails is
tried again with growing pauses and at last parked where an operator sees it; nothing is logged and skipped. Several workers may run.
One tenant's outside world that does not answer costs that tenant its seat and nobody else theirs.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Mapping
from datetime import date, timedelta
from time import monotonic
from typing import Any

import msgspec
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from storefront.daily import begin_day_everywhere
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
from tenants.events import DayBegan
from tenants.kernel import outbox
from tenants.kernel.errors import Broken, Refusal
from tenants.kernel.ids import TenantId
from tenants.kernel.outbox import ATTEMPTS, LEASE_SECONDS, Claimed
from tenants.kernel.scope import TenantScope

BATCH = 20
TENANTS_AT_ONCE = 8
"""One connection each, of the pool's ten: two are left for looking and counting."""
IDLE_SECONDS = 0.5
BUSY_SECONDS = 0.05
AWAY_SECONDS = 2.0
COUNT_SECONDS = 15.0
LEASE_MARGIN_SECONDS = 30
"""An event is begun only while its lease has this long to run."""
RECORDING_SECONDS = 5
"""A flow is cut off this long before its lease ends, so that what came of it is still written under the lease."""
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 3600
AWAY = (Refusal, SQLAlchemyError, OSError)
"""How a database that cannot be asked shows itself outside a reaction."""
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
        self._seated: dict[TenantId, asyncio.Task[int]] = {}
        self._counted_at = 0.0
        self._begun_on: date | None = None
        for reaction in (each for several in subscriptions.values() for each in several):
            if missing := set(reaction.needs()) - set(PORTS):
                raise RuntimeError(f"{reaction.name} asks for {missing}, which wiring.PORTS does not offer")

    async def run(self) -> None:
        """Work until told to stop; the events at hand are finished, claimed ones are given back."""
        try:
            while not self.stopping.is_set():
                try:
                    await self._begin_day()
                    await self._look()
                    await self._count()
                    is_well = await self._landed_well()
                except AWAY as error:
                    report_failure("worker_round_failed", error)
                    is_well = False
                await self._rest(IDLE_SECONDS if is_well else AWAY_SECONDS, until_landed=is_well)
        finally:
            await asyncio.gather(*self._seated.values(), return_exceptions=True)
        await self._landed_well()

    async def run_once(self) -> int:
        """Look once for work and do a batch for every tenant that has some; returns the number of events handled.

        Whatever fails, nothing is left running: the first failure is raised after the last tenant's batch has ended.
        """
        seats = asyncio.Semaphore(TENANTS_AT_ONCE)

        async def seated(tenant_id: TenantId) -> int:
            async with seats:
                return await self._work_for(self.wiring.database.tenant(tenant_id))

        batches = [seated(each) for each in await self._tenants_with_work()]
        handled = 0
        for outcome in await asyncio.gather(*batches, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
            handled += outcome
        return handled

    async def _tenants_with_work(self) -> list[TenantId]:
        WORKER_BEAT.set_to_current_time()
        async with self.wiring.database.platform() as db:
            tenants = await outbox.tenants_with_work(db)
        random.shuffle(tenants)  # two workers start at different tenants, and no tenant is always first
        return tenants

    async def _begin_day(self) -> None:
        """Tell every tenant that a day began; what another worker has told already is not told again."""
        now = self.wiring.clock()
        if self._begun_on == now.date() or DayBegan.__name__ not in self.kinds:
            return
        await begin_day_everywhere(self.wiring.database, now=now)
        self._begun_on = now.date()

    async def _look(self) -> None:
        """Seat tenants that have work and none of ours on it, as long as there are seats."""
        for tenant_id in await self._tenants_with_work():
            if len(self._seated) >= TENANTS_AT_ONCE:
                return
            if tenant_id not in self._seated:
                work = self._work_for(self.wiring.database.tenant(tenant_id))
                self._seated[tenant_id] = asyncio.create_task(work)

    async def _landed_well(self) -> bool:
        """Free the seats of batches that have ended; False if the database refused one. A fault of ours ends the worker."""
        ended = [tenant_id for tenant_id, batch in self._seated.items() if batch.done()]
        batches = [self._seated.pop(tenant_id) for tenant_id in ended]
        failures = [error for batch in batches if (error := batch.exception()) is not None]
        for error in failures:
            if not isinstance(error, AWAY):
                raise error
            report_failure("worker_round_failed", error)
        return not failures

    async def _rest(self, seconds: float, *, until_landed: bool) -> None:
        """Pause before looking again; or only until a batch has ended, for there may be more where it came from."""
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({stop}, timeout=BUSY_SECONDS)
        woken_by = {stop, *(self._seated.values() if until_landed else ())}
        await asyncio.wait(woken_by, timeout=seconds - BUSY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _work_for(self, tenant: TenantScope) -> int:
        if self.stopping.is_set():
            return 0
        leased_until = (
            monotonic() + LEASE_SECONDS
        )  # asked before the database counts: never later than its own
        async with tenant.writing() as db:
            events = await outbox.claim(db, limit=BATCH)
        for position, event in enumerate(events):
            # A batch that takes long may lose its lease; what is left is given back to whoever comes next.
            if self.stopping.is_set() or monotonic() > leased_until - LEASE_MARGIN_SECONDS:
                await self._give_back(tenant, events[position:])
                return position
            try:
                await self._handle_event(tenant, event, leased_until=leased_until)
            except AWAY:
                with contextlib.suppress(
                    *AWAY
                ):  # else the rest would wait for the lease, and count this against them
                    await self._give_back(tenant, events[position + 1 :])
                raise
        return len(events)

    async def _give_back(self, tenant: TenantScope, events: list[Claimed]) -> None:
        async with tenant.writing() as db:
            for event in events:
                await outbox.release(db, event)

    async def _handle_event(self, tenant: TenantScope, event: Claimed, *, leased_until: float) -> None:
        """Run every reaction that has not run yet; one that fails does not keep the others from running."""
        with structlog.contextvars.bound_contextvars(
            tenant_id=str(event.tenant_id), event_id=str(event.id), kind=event.kind
        ):
            failures = await self._failures(tenant, event, leased_until=leased_until)
            now = self.wiring.clock()
            async with tenant.writing() as db:
                if not failures:
                    await outbox.finish(db, event, now=now)
                    return
                due_at = now + pause_before(event.attempts + 1)
                await outbox.postpone(db, event, now=now, due_at=due_at, error="; ".join(failures))
            if event.attempts + 1 >= ATTEMPTS:
                log.error("event_parked", attempts=event.attempts + 1)

    async def _failures(self, tenant: TenantScope, event: Claimed, *, leased_until: float) -> list[str]:
        reactions = self.reactions.get(event.kind)
        if reactions is None:
            return [EventUnknown.code()]
        failures: list[str] = []
        for reaction in reactions:
            try:
                await self._react(tenant, event, reaction=reaction, leased_until=leased_until)
                REACTIONS.labels(reaction.name, "done").inc()
            except Exception as error:  # noqa: BLE001 whatever a verb raises, the event is kept and tried again
                REACTIONS.labels(reaction.name, "failed").inc()
                failures.append(f"{reaction.name}: {describe(error)['error']}")
                if isinstance(error, Refusal) and not isinstance(error, Broken):
                    log.warning("reaction_refused", reaction=reaction.name, code=error.code())
                else:
                    report_failure("reaction_failed", error, reaction=reaction.name, attempts=event.attempts)
        return failures

    async def _react(
        self, tenant: TenantScope, event: Claimed, *, reaction: Reaction, leased_until: float
    ) -> None:
        fact = msgspec.convert(event.payload, self.kinds[event.kind])
        now = self.wiring.clock()
        ports: dict[str, Any] = {name: getattr(self.wiring, name) for name in reaction.needs()}
        if reaction.form is Form.FLOW:
            if await self._has_reacted(tenant, event, reaction=reaction):
                return
            # Beyond its lease somebody else would run it at the same time; cut off, it is tried again like any failed one.
            async with asyncio.timeout(leased_until - RECORDING_SECONDS - monotonic()):
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
