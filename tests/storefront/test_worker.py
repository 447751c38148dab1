"""The worker: every reaction once, whatever fails and however many workers run."""

import asyncio
import importlib
import json
import os
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from sqlalchemy import text

from storefront import worker as worker_module
from storefront.reactions import as_flow, in_transaction
from storefront.subscriptions import SUBSCRIPTIONS
from storefront.wiring import wire
from storefront.worker import Worker, pause_before
from tenants.errors import IdentityUnavailable
from tenants.jobs import parked_jobs
from tenants.kernel import outbox
from tenants.kernel.ids import EventId, new_id
from tenants.kernel.outbox import ATTEMPTS
from tests.support.http import answered, refused


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event of these tests."""

    number: int


@pytest.fixture
def wiring(settings, worker_database, redis, passwords):
    return wire(settings, database=worker_database, redis=redis, passwords=passwords)


@pytest.fixture(autouse=True)
async def no_other_work(worker_database, database):
    """Other tests publish events too: a worker here would find them."""
    async with worker_database.platform() as db:
        tenants = await outbox.tenants_with_work(db)
    for tenant_id in tenants:
        async with worker_database.tenant(tenant_id).writing() as db:
            await db.execute(
                text("UPDATE app.outbox SET done_at = due_at WHERE tenant_id = :t"), {"t": tenant_id}
            )


async def publish(tenant, now, count=1):
    async with tenant.writing() as db:
        return [await outbox.append(db, Happened(number=number), now=now) for number in range(count)]


async def note(db, fact, *, now):
    """A reaction with an effect that can be counted."""
    await db.execute(
        text(
            "INSERT INTO app.audit_log (tenant_id, id, actor, action, subject_id, at)"
            " VALUES (:t, :id, 'test', 'note', :subject, :now)"
        ),
        {"t": db.tenant_id, "id": new_id(), "subject": str(fact.number), "now": now},
    )


async def notes(tenant) -> Counter[str]:
    async with tenant.reading() as db:
        rows = await db.execute(
            text("SELECT subject_id FROM app.audit_log WHERE tenant_id = :t AND action = 'note'"),
            {"t": tenant.tenant_id},
        )
        return Counter(row.subject_id for row in rows)


async def state_of(tenant, event_id: EventId):
    async with tenant.reading() as db:
        statement = text("SELECT * FROM app.outbox WHERE tenant_id = :t AND id = :id")
        return (await db.execute(statement, {"t": tenant.tenant_id, "id": event_id})).one()


async def make_due(tenant, event_id: EventId):
    async with tenant.writing() as db:
        statement = text(
            "UPDATE app.outbox SET due_at = now() - interval '1 second' WHERE tenant_id = :t AND id = :id"
        )
        await db.execute(statement, {"t": tenant.tenant_id, "id": event_id})


async def test_an_event_runs_its_reactions_in_their_forms_and_is_done(wiring, tenant, now):
    seen = []

    async def call_outside(scope, fact, *, now, passwords):
        seen.append((scope.tenant_id, fact.number, passwords))

    (event_id,) = await publish(tenant, now)
    subscriptions = {Happened: (in_transaction("note", note), as_flow("call", call_outside))}
    assert await Worker(wiring, subscriptions=subscriptions).run_once() >= 1
    assert await notes(tenant) == {"0": 1}
    assert seen == [(tenant.tenant_id, 0, wiring.passwords)]
    assert (await state_of(tenant, event_id)).done_at is not None


async def test_an_event_without_reactions_is_done_and_an_unknown_one_is_kept(wiring, tenant, now):
    (known,) = await publish(tenant, now)
    await Worker(wiring, subscriptions={Happened: ()}).run_once()
    assert (await state_of(tenant, known)).done_at is not None
    (unknown,) = await publish(tenant, now)
    await Worker(wiring, subscriptions={}).run_once()
    kept = await state_of(tenant, unknown)
    assert (kept.done_at, kept.attempts, kept.last_error) == (None, 1, "EVENT_UNKNOWN")


async def test_a_failing_reaction_leaves_no_trace_and_keeps_no_other_from_running(wiring, tenant, now):
    async def half_done(db, fact, *, now):
        await note(db, Happened(number=99), now=now)
        raise ZeroDivisionError

    (event_id,) = await publish(tenant, now)
    subscriptions = {Happened: (in_transaction("half_done", half_done), in_transaction("note", note))}
    worker = Worker(wiring, subscriptions=subscriptions)
    for _ in range(2):
        await worker.run_once()
        await make_due(tenant, event_id)
    assert await notes(tenant) == {"0": 1}
    kept = await state_of(tenant, event_id)
    assert (kept.done_at, kept.attempts, kept.last_error) == (None, 2, "half_done: ZeroDivisionError")


async def test_a_flow_that_fails_runs_again_and_one_that_went_well_does_not(wiring, tenant, now):
    calls = []

    async def flaky(_scope, _fact, *, now):
        calls.append("flaky")
        if len(calls) < 3:
            raise IdentityUnavailable

    async def steady(_scope, _fact, *, now):
        calls.append("steady")

    (event_id,) = await publish(tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (as_flow("flaky", flaky), as_flow("steady", steady))})
    for _ in range(4):
        await worker.run_once()
        await make_due(tenant, event_id)
    assert Counter(calls) == {"flaky": 2, "steady": 1}
    assert (await state_of(tenant, event_id)).done_at is not None


async def test_an_event_that_keeps_failing_is_parked_shown_and_can_be_retried(wiring, tenant, now, client):
    broken, tries = [True], []

    async def fragile(db, fact, *, now):
        tries.append(fact)
        if broken[0]:
            raise ZeroDivisionError
        await note(db, fact, now=now)

    (event_id,) = await publish(tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (in_transaction("fragile", fragile),)})
    # Its own tries are counted: what a brand of another test left may come due in between.
    for number in range(1, ATTEMPTS + 1):
        await worker.run_once()
        assert len(tries) == number
        await make_due(tenant, event_id)
    await worker.run_once()
    assert len(tries) == ATTEMPTS
    operator, path = client.as_operator(), f"/operator/v1/tenants/{tenant.tenant_id}/jobs"
    (job,) = answered(await operator.get(path))["jobs"]
    assert (job["id"], job["kind"], job["attempts"]) == (str(event_id), "Happened", ATTEMPTS)
    assert job["lastError"] == "fragile: ZeroDivisionError"
    answered(await operator.post(f"{path}/{event_id}/retries", json={"reason": "fixed"}), 201)
    refused(
        await operator.post(f"{path}/{event_id}/retries", json={"reason": "again"}), 404, "JOB_NOT_PARKED"
    )
    broken[0] = False
    await worker.run_once()
    assert await notes(tenant) == {"0": 1}
    assert answered(await operator.get(path)) == {"jobs": [], "nextCursor": None}


async def test_another_tenants_job_answers_as_one_that_does_not_exist(tenant, other_tenant, now, client):
    (event_id,) = await publish(other_tenant, now)
    path = f"/operator/v1/tenants/{tenant.tenant_id}/jobs/{{}}/retries"
    foreign = await client.as_operator().post(path.format(event_id), json={"reason": "x"})
    absent = await client.as_operator().post(path.format(new_id()), json={"reason": "x"})
    refused(foreign, 404, "JOB_NOT_PARKED")
    refused(absent, 404, "JOB_NOT_PARKED")


async def test_parked_jobs_come_in_pages(tenant, now):
    events = sorted(await publish(tenant, now, count=5))
    async with tenant.writing() as db:
        for number, event_id in enumerate(events):
            statement = text("UPDATE app.outbox SET parked_at = :at WHERE tenant_id = :t AND id = :id")
            at = now + timedelta(seconds=number // 2)
            await db.execute(statement, {"at": at, "t": tenant.tenant_id, "id": event_id})
    seen, cursor = [], None
    async with tenant.reading() as db:
        while True:
            page = await parked_jobs(db, cursor=cursor, limit=2)
            seen += [job.id for job in page.jobs]
            if (cursor := page.next_cursor) is None:
                break
    assert seen == events


async def run_two_workers(wiring, subscriptions):
    workers = [Worker(wiring, subscriptions=subscriptions) for _ in range(2)]

    async def until_idle(worker):
        while await worker.run_once():
            pass

    await asyncio.gather(*(until_idle(worker) for worker in workers))


async def test_two_workers_run_every_reaction_once(wiring, new_tenant, now):
    tenants = [await new_tenant() for _ in range(5)]
    for tenant in tenants:
        await publish(tenant, now, count=100)
    await run_two_workers(wiring, {Happened: (in_transaction("note", note),)})
    for tenant in tenants:
        assert await notes(tenant) == {str(number): 1 for number in range(100)}


async def test_control_without_lease_and_reaction_row_two_workers_repeat_effects(wiring, tenant, now):
    """The famous bug put back: read the waiting events, react, mark them done."""
    await publish(tenant, now, count=60)

    async def read_without_lease(db, *, limit):
        rows = await db.execute(
            text("SELECT * FROM app.outbox WHERE tenant_id = :t AND done_at IS NULL ORDER BY id LIMIT :n"),
            {"t": db.tenant_id, "n": limit},
        )
        return [
            outbox.Claimed(db.tenant_id, EventId(r.id), r.kind, r.payload, r.occurred_at, r.attempts, r.fence)
            for r in rows
        ]

    async def never_recorded(db, **_names):
        return True

    with (
        patch.object(worker_module.outbox, "claim", read_without_lease),
        patch.object(worker_module.outbox, "begin_reaction", never_recorded),
    ):
        await run_two_workers(wiring, {Happened: (in_transaction("note", note),)})
    assert max((await notes(tenant)).values()) > 1


async def test_a_worker_whose_lease_ran_out_cannot_finish_anothers_event(wiring, tenant, now):
    (event_id,) = await publish(tenant, now)
    async with wiring.database.tenant(tenant.tenant_id).writing() as db:
        (slow,) = await outbox.claim(db, limit=1)
        statement = text(
            "UPDATE app.outbox SET leased_until = now() - interval '1 second' WHERE tenant_id = :t"
        )
        await db.execute(statement, {"t": tenant.tenant_id})
    async with wiring.database.tenant(tenant.tenant_id).writing() as db:
        (quick,) = await outbox.claim(db, limit=1)
    async with wiring.database.tenant(tenant.tenant_id).writing() as db:
        await outbox.finish(db, slow, now=now)
    assert (await state_of(tenant, event_id)).done_at is None
    async with wiring.database.tenant(tenant.tenant_id).writing() as db:
        await outbox.finish(db, quick, now=now)
    assert (await state_of(tenant, event_id)).done_at is not None


async def test_a_worker_told_to_stop_finishes_the_event_at_hand_and_gives_the_rest_back(wiring, tenant, now):
    events = await publish(tenant, now, count=5)

    async def stop_in_the_middle(db, fact, *, now):
        worker.stopping.set()
        await note(db, fact, now=now)

    worker = Worker(wiring, subscriptions={Happened: (in_transaction("stop", stop_in_the_middle),)})
    await asyncio.wait_for(worker.run(), 10)
    assert (await notes(tenant)).total() == 1
    states = [await state_of(tenant, event_id) for event_id in events]
    assert sorted(state.done_at is None for state in states) == [False, True, True, True, True]
    assert all(state.leased_until is None for state in states)


async def test_a_worker_survives_its_database_going_away(wiring, monkeypatch, tenant, now):
    rounds = []

    async def away(_db):
        rounds.append(1)
        if len(rounds) == 2:
            worker.stopping.set()
        raise ConnectionRefusedError

    monkeypatch.setattr(worker_module, "AWAY_SECONDS", 0.01)
    monkeypatch.setattr(worker_module.outbox, "tenants_with_work", away)
    worker = Worker(wiring, subscriptions={Happened: ()})
    await asyncio.wait_for(worker.run(), 10)
    assert len(rounds) == 2


async def test_a_reaction_that_asks_for_a_port_nobody_offers_stops_the_worker(wiring):
    async def wishful(_scope, _fact, *, now, time_machine):
        """Never called."""

    with pytest.raises(RuntimeError, match="time_machine"):
        Worker(wiring, subscriptions={Happened: (as_flow("wishful", wishful),)})


async def test_pauses_grow_to_an_hour_and_together_outlast_an_hours_outage():
    pauses = [pause_before(attempt).total_seconds() for attempt in range(1, ATTEMPTS)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 3.1
    assert max(pauses) <= 3600 * 1.5
    assert sum(pauses) > 3600


async def test_the_worker_process_works_and_stops_on_a_signal(settings, tenant, now):
    (event_id,) = await publish(tenant, now)
    start = (
        "import asyncio; from storefront.worker import work; from storefront.settings import read_settings;"
        " asyncio.run(work(read_settings()))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    named = {name: getattr(settings, name) for name in settings.__struct_fields__}
    environment |= {name.upper(): value for name, value in named.items() if isinstance(value, str)}
    environment["STOREFRONT_METRICS_PORT"] = "0"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", start, env=environment, stderr=asyncio.subprocess.PIPE
    )
    for _ in range(300):
        if (await state_of(tenant, event_id)).attempts:
            break
        await asyncio.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, stderr.decode()
    assert (await state_of(tenant, event_id)).last_error == "EVENT_UNKNOWN"
    events = [json.loads(line)["event"] for line in stderr.decode().splitlines()]
    assert events[0] == "worker_started"
    assert events[-1] == "worker_stopped"


async def test_every_published_event_is_subscribed_to_or_left_alone_on_purpose():
    published = set()
    for package in ("tenants", "catalog", "guides", "orders", "settlement"):
        path = Path(package) / "events.py"
        if path.exists():
            module = importlib.import_module(f"{package}.events")
            published |= {
                each
                for each in vars(module).values()
                if isinstance(each, type)
                and issubclass(each, msgspec.Struct)
                and each.__module__ == module.__name__
            }
    assert published - SUBSCRIPTIONS.keys() == set()


async def test_no_two_reactions_to_an_event_share_a_name():
    for reactions in SUBSCRIPTIONS.values():
        assert len({reaction.name for reaction in reactions}) == len(reactions)
