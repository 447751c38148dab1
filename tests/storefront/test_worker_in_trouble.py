"""The worker when something hangs, dies or fails: nobody else waits, nothing is left running, nothing is tried for ever or twice at once."""

import asyncio
from itertools import count
from unittest.mock import patch

import pytest
from sqlalchemy import text

from storefront import worker as worker_module
from storefront.reactions import as_flow, in_transaction
from storefront.worker import Worker
from tenants.kernel import outbox
from tenants.kernel.outbox import ATTEMPTS, LEASE_RAN_OUT
from tenants.kernel.scope import DatabaseBusy
from tests.storefront.test_worker import (
    Happened,
    no_other_work,
    note,
    notes,
    publish,
    state_of,
    wiring,
)

__all__ = ["no_other_work", "wiring"]


async def let_leases_run_out(scope):
    async with scope.writing() as db:
        statement = text(
            "UPDATE app.outbox SET leased_until = now() - interval '1 second'"
            " WHERE tenant_id = :t AND leased_until IS NOT NULL"
        )
        await db.execute(statement, {"t": scope.tenant_id})


@pytest.fixture
def scope(worker_database, tenant):
    """The tenant as the worker sees it."""
    return worker_database.tenant(tenant.tenant_id)


async def claim_and_die(scope):
    """A worker that is killed over what it claimed; gives the numbers of the events it held."""
    async with scope.writing() as db:
        claimed = await outbox.claim(db)
    await let_leases_run_out(scope)
    return [event.payload["number"] for event in claimed]


async def test_an_event_that_kills_its_worker_is_parked_in_the_end(tenant, scope, now):
    (event_id,) = await publish(tenant, now)
    for _ in range(ATTEMPTS):
        assert await claim_and_die(scope) == [0]
    assert await claim_and_die(scope) == []
    parked = await state_of(tenant, event_id)
    assert (parked.attempts, parked.last_error, parked.done_at) == (ATTEMPTS, LEASE_RAN_OUT, None)
    assert parked.parked_at is not None
    async with tenant.writing() as db:
        assert await outbox.unpark(db, event_id=event_id, now=now)
    assert await claim_and_die(scope) == [0]


async def test_control_if_lost_leases_count_for_nothing_workers_die_of_it_for_ever(tenant, scope, now):
    """The famous bug put back: only a reaction that fails in its worker's sight is counted."""

    async def parks_nothing(_db, _lost):
        return set()

    await publish(tenant, now)
    with patch.object(outbox, "_park_abandoned", parks_nothing):
        for _ in range(ATTEMPTS * 2):
            assert await claim_and_die(scope) == [0]


async def test_events_claimed_beside_a_deadly_one_are_done(wiring, tenant, scope, now):
    """After one death it is held alone, is parked alone, and the worker that comes next does the others."""
    events = await publish(tenant, now, count=5)
    deadly, *others = await claim_and_die(scope)
    assert sorted([deadly, *others]) == list(range(5))
    for _ in range(ATTEMPTS - 1):
        assert await claim_and_die(scope) == [deadly]
    worker = Worker(wiring, subscriptions={Happened: (in_transaction("note", note),)})
    for _ in events:
        await worker.run_once()
    assert await notes(tenant) == {str(number): 1 for number in others}
    states = [await state_of(tenant, event_id) for event_id in events]
    assert [state.payload["number"] for state in states if state.parked_at is not None] == [deadly]


async def test_an_event_given_back_untried_has_not_failed(tenant, scope, now):
    (event_id,) = await publish(tenant, now)
    for _ in range(ATTEMPTS * 2):
        async with scope.writing() as db:
            (event,) = await outbox.claim(db)
            await outbox.release(db, event)
    assert (await state_of(tenant, event_id)).attempts == 0


def slow_for(tenant, *, seconds):
    """A flow whose outside world does not answer for one tenant; notes when another one's is done."""
    started, done = asyncio.Event(), asyncio.Event()

    async def react(scope, _fact, *, now):
        if scope.tenant_id != tenant.tenant_id:
            done.set()
            return
        started.set()
        await asyncio.sleep(seconds)

    return as_flow("slow", react), started, done


async def test_one_tenants_slow_channel_does_not_hold_up_another_tenant(wiring, tenant, other_tenant, now):
    reaction, started, done = slow_for(tenant, seconds=4)
    (slow,) = await publish(tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (reaction,)})
    running = asyncio.create_task(worker.run())
    await started.wait()
    await publish(other_tenant, now)
    await asyncio.wait_for(done.wait(), 2)
    assert (await state_of(tenant, slow)).done_at is None
    worker.stopping.set()
    await running
    assert (await state_of(tenant, slow)).done_at is not None, "stopping did not wait for the flow under way"


async def test_control_a_worker_that_works_round_by_round_holds_everybody_up(
    wiring, tenant, other_tenant, now
):
    """The famous bug put back: look for work again only when every tenant's batch has ended."""
    reaction, started, done = slow_for(tenant, seconds=1.5)
    await publish(tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (reaction,)})

    async def round_by_round():
        while not worker.stopping.is_set():
            await worker.run_once()

    running = asyncio.create_task(round_by_round())
    await started.wait()
    await publish(other_tenant, now)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(done.wait(), 1)
    await asyncio.wait_for(done.wait(), 5)
    worker.stopping.set()
    await running


async def test_no_more_tenants_are_worked_for_at_once_than_there_are_seats(
    wiring, new_tenant, now, monkeypatch
):
    monkeypatch.setattr(worker_module, "TENANTS_AT_ONCE", 2)
    at_once, most, handled = 0, 0, 0

    async def react(_scope, _fact, *, now):
        nonlocal at_once, most, handled
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.2)
        at_once -= 1
        handled += 1
        if handled == 4:
            worker.stopping.set()

    for _ in range(4):
        await publish(await new_tenant(), now)
    worker = Worker(wiring, subscriptions={Happened: (as_flow("busy", react),)})
    await asyncio.wait_for(worker.run(), 20)
    assert (most, handled) == (2, 4)


def busy_for(tenant, *, after, third=None):
    """The database refuses to finish one tenant's events; `third` is set when it has done so three times."""
    real, refusals = outbox.finish, count(1)

    async def finish(db, event, *, now):
        if db.tenant_id == tenant.tenant_id:
            await asyncio.sleep(after)
            if next(refusals) == 3 and third is not None:
                third.set()
            raise DatabaseBusy
        await real(db, event, now=now)

    return patch.object(outbox, "finish", finish)


async def test_a_failing_round_leaves_no_reaction_running_behind_it(wiring, tenant, other_tenant, now):
    seen = []

    async def react(scope, _fact, *, now):
        if scope.tenant_id == other_tenant.tenant_id:
            seen.append("begun")
            await asyncio.sleep(1)
            seen.append("ended")

    await publish(tenant, now)
    (other,) = await publish(other_tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (as_flow("slow", react),)})
    with busy_for(tenant, after=0.2), pytest.raises(DatabaseBusy):
        await worker.run_once()
    assert seen == ["begun", "ended"]
    assert (await state_of(other_tenant, other)).done_at is not None


async def test_control_a_round_that_raises_at_once_leaves_a_flow_running(wiring, tenant, other_tenant, now):
    """The famous bug put back: the first failure ends the round, the other tenants' tasks go on behind it."""
    ended, gather = asyncio.Event(), asyncio.gather

    async def react(scope, _fact, *, now):
        if scope.tenant_id == other_tenant.tenant_id:
            await asyncio.sleep(1)
            ended.set()

    async def hasty(*batches, return_exceptions):
        return await gather(*batches)

    await publish(tenant, now)
    await publish(other_tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (as_flow("slow", react),)})
    with busy_for(tenant, after=0.2):
        with patch.object(worker_module.asyncio, "gather", hasty), pytest.raises(DatabaseBusy):
            await worker.run_once()
        assert not ended.is_set()
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0.3)  # until what was left behind has written its outcome


async def test_a_worker_whose_batch_failed_goes_on_with_the_others(
    wiring, tenant, other_tenant, now, monkeypatch
):
    monkeypatch.setattr(worker_module, "AWAY_SECONDS", 0.2)
    done, third = asyncio.Event(), asyncio.Event()

    async def react(scope, _fact, *, now):
        if scope.tenant_id == other_tenant.tenant_id:
            done.set()

    events = await publish(tenant, now, count=3)
    worker = Worker(wiring, subscriptions={Happened: (as_flow("react", react),)})
    with busy_for(tenant, after=0, third=third):
        running = asyncio.create_task(worker.run())
        await asyncio.wait_for(third.wait(), 10)
        await publish(other_tenant, now)
        await asyncio.wait_for(done.wait(), 10)
        worker.stopping.set()
        await running
    states = [await state_of(tenant, event_id) for event_id in events]
    assert all(state.done_at is None for state in states)
    assert all(state.attempts == 0 for state in states), "what was never tried counts as failed"


async def test_a_fault_of_ours_ends_the_worker_after_everything_under_way(wiring, tenant, other_tenant, now):
    seen = []

    async def react(scope, _fact, *, now):
        if scope.tenant_id == other_tenant.tenant_id:
            await asyncio.sleep(0.5)
            seen.append("ended")

    async def broken(_tenant, _events):
        raise ZeroDivisionError

    await publish(tenant, now, count=2)
    await publish(other_tenant, now)
    worker = Worker(wiring, subscriptions={Happened: (as_flow("slow", react),)})
    with (
        busy_for(tenant, after=0),
        patch.object(worker, "_give_back", broken),
        pytest.raises(ZeroDivisionError),
    ):
        await asyncio.wait_for(worker.run(), 10)
    assert seen == ["ended"]


async def run_beyond_the_lease(wiring, tenant, now):
    """Two workers, a lease of two seconds and a flow of four; gives how many ran at the same time."""
    at_once, most = 0, 0

    async def react(_scope, _fact, *, now):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            await asyncio.sleep(4)
        finally:
            at_once -= 1

    (event_id,) = await publish(tenant, now)
    workers = [Worker(wiring, subscriptions={Happened: (as_flow("endless", react),)}) for _ in range(2)]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    await asyncio.sleep(3)
    for worker in workers:
        worker.stopping.set()
    await asyncio.gather(*running)
    return most, await state_of(tenant, event_id)


@pytest.fixture
def short_lease(monkeypatch):
    for place in (worker_module, outbox):
        monkeypatch.setattr(place, "LEASE_SECONDS", 2)
    monkeypatch.setattr(worker_module, "LEASE_MARGIN_SECONDS", 1)
    monkeypatch.setattr(worker_module, "RECORDING_SECONDS", 0.5)
    monkeypatch.setattr(worker_module, "FIRST_PAUSE_SECONDS", 60)


async def test_a_flow_is_cut_off_before_its_lease_ends_and_tried_again(wiring, tenant, now, short_lease):
    most, state = await run_beyond_the_lease(wiring, tenant, now)
    assert most == 1
    assert (state.done_at, state.attempts, state.leased_until) == (None, 1, None)
    assert state.last_error.startswith("endless: TimeoutError")


async def test_control_a_flow_that_outlives_its_lease_runs_twice_at_once(
    wiring, tenant, now, short_lease, monkeypatch
):
    """The famous bug put back: nothing bounds a flow."""
    monkeypatch.setattr(worker_module, "RECORDING_SECONDS", -60)
    most, _ = await run_beyond_the_lease(wiring, tenant, now)
    assert most == 2


async def test_the_room_left_for_a_flow_holds_several_calls_to_the_outside():
    seconds_of_a_call = 6
    room = worker_module.LEASE_MARGIN_SECONDS - worker_module.RECORDING_SECONDS
    assert room >= 4 * seconds_of_a_call
    assert outbox.LEASE_SECONDS > worker_module.LEASE_MARGIN_SECONDS
