"""Carry moves through WeCom: begin them, ask a day later what became of each, and hand the relation over at the moment WeCom did. Flows.

Begun is not done: the shopper has a day to refuse, and nobody tells of an arrival. A begin that got lost is made again: WeCom says of
those that started that they did. Nobody is moved more often than twice in ninety days; that is counted here before WeCom is asked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select, update

from guides.contacts.bonds import BY_MOVE, end_bond, open_bond
from guides.contacts.hold import hand_over, leave_to_store
from guides.contacts.models import Contact, RelationMove
from guides.contacts.queries import find_member
from guides.contacts.states import OPEN, MoveState, origins
from guides.errors import MovesPending
from guides.events import MovesAwaited, MovesRequested
from guides.ports import Beginning, ContactBook, MoveBegun, MoveFate, MoveResult
from tenants.kernel.ids import ContactId, MoveId, ShopperId, StoreId
from tenants.kernel.outbox import append
from tenants.kernel.scope import TenantScope, Writing

MOST_AT_ONCE = 100
WINDOW, MOST_IN_WINDOW = timedelta(days=90), 2
TAKES, MARGIN = timedelta(hours=24), timedelta(minutes=5)
FIRST_DELAY, LONGEST_DELAY, MOST_DELAYS = timedelta(minutes=10), timedelta(hours=6), 60
"""About two weeks for a leaver's account to be closed at WeCom, which refuses before; then a person must look."""
MOST_QUESTIONS = 40
LIMIT_CODE, NO_RECORD = "twice in 90 days", "no record at WeCom"


class Moving(msgspec.Struct, frozen=True, kw_only=True):
    """One move that is written down and not over."""

    id: MoveId
    contact_id: ContactId
    contact_no: str
    shopper_id: ShopperId | None
    store_id: StoreId | None
    state: MoveState
    created_at: datetime


async def begin_moves(
    tenant: TenantScope, fact: MovesRequested, *, contacts: ContactBook, now: datetime
) -> None:
    """Ask WeCom to move what was written down for this pair, a hundred at a time."""
    pair = await _members(tenant, fact, now=now)
    while batch := await _next_batch(tenant, fact, now=now):
        numbers = [each.contact_no for each in batch]
        answer = await contacts.begin_moves(tenant, numbers, resigned=fact.resigned, **pair)
        if not isinstance(answer, list):
            await _put_off(tenant, fact, why=str(answer), now=now)
            return
        begun = {each.contact_no: each for each in answer}
        async with tenant.writing() as db:
            for each in batch:
                await _note_begun(db, each, begun=begun.get(each.contact_no), fact=fact, now=now)
    async with tenant.writing() as db:
        awaited = MovesAwaited(giver_id=fact.giver_id, taker_id=fact.taker_id, resigned=fact.resigned)
        await append(db, awaited, now=now, due_at=now + TAKES + MARGIN)


async def await_moves(
    tenant: TenantScope, fact: MovesAwaited, *, contacts: ContactBook, now: datetime
) -> None:
    """Ask what became of a pair's moves, do what follows from each, and ask again while some wait; raises MovesPending at last."""
    if not await _open_moves(tenant, fact):
        return
    pair = await _members(tenant, fact, now=now)
    results = await contacts.move_results(tenant, resigned=fact.resigned, **pair)
    if not isinstance(results, list):
        raise MovesPending(reason=str(results))
    told = {each.contact_no: each for each in results}
    waiting = []
    for each in await _open_moves(tenant, fact):
        async with tenant.writing() as db:
            state = await _note_result(db, each, result=told.get(each.contact_no), fact=fact, now=now)
        if state in OPEN:
            waiting.append(told.get(each.contact_no))
    if not waiting:
        return
    if fact.asked >= MOST_QUESTIONS:
        raise MovesPending(giver_id=fact.giver_id, taker_id=fact.taker_id)
    moments = [each.at for each in waiting if each is not None and each.at is not None and each.at > now]
    async with tenant.writing() as db:
        again = msgspec.structs.replace(fact, asked=fact.asked + 1)
        await append(db, again, now=now, due_at=(max(moments) if moments else now + LONGEST_DELAY) + MARGIN)


async def _members(
    tenant: TenantScope, fact: MovesRequested | MovesAwaited, *, now: datetime
) -> dict[str, str]:
    async with tenant.reading() as db:
        giver = await find_member(db, fact.giver_id, at=now)
        taker = await find_member(db, fact.taker_id, at=now)
    if giver.member_no is None or taker.member_no is None:
        raise MovesPending(reason="a guide's user id in WeCom is gone")
    return {"giver": giver.member_no, "taker": taker.member_no}


async def _next_batch(tenant: TenantScope, fact: MovesRequested, *, now: datetime) -> list[Moving]:
    """Up to a hundred intended moves; those over the limit are ended instead of asked for."""
    async with tenant.writing() as db:
        found = await _moves(db, fact, (MoveState.INTENDED,), limit=MOST_AT_ONCE)
        often = await _moved_often(db, [each.contact_id for each in found], now=now)
        for each in found:
            if each.contact_id in often:
                await _end(db, each, to=MoveState.LIMITED, fact=fact, now=now, code=LIMIT_CODE)
    left = [each for each in found if each.contact_id not in often]
    return left if left or not found else await _next_batch(tenant, fact, now=now)


async def _moved_often(db: Writing, contact_ids: Sequence[ContactId], *, now: datetime) -> set[ContactId]:
    statement = (
        select(RelationMove.contact_id)
        .where(
            RelationMove.tenant_id == db.tenant_id,
            RelationMove.contact_id.in_(contact_ids),
            RelationMove.started_at > now - WINDOW,
        )
        .group_by(RelationMove.contact_id)
        .having(func.count() >= MOST_IN_WINDOW)
    )
    return {ContactId(each) for each in (await db.execute(statement)).scalars() if each is not None}


async def _note_begun(
    db: Writing, move: Moving, *, begun: MoveBegun | None, fact: MovesRequested, now: datetime
) -> None:
    beginning = Beginning.REFUSED if begun is None else begun.beginning
    code = None if begun is None else begun.code
    if beginning in {Beginning.STARTED, Beginning.ALREADY}:
        await _move(db, move, to=MoveState.WAITING, started_at=now, due_at=now + TAKES, code=None)
    elif beginning is Beginning.LIMITED:
        await _end(db, move, to=MoveState.LIMITED, fact=fact, now=now, code=code)
    else:
        await _end(db, move, to=MoveState.FAILED, fact=fact, now=now, code=code)


async def _note_result(
    db: Writing, move: Moving, *, result: MoveResult | None, fact: MovesAwaited, now: datetime
) -> MoveState:
    if move.state is MoveState.INTENDED:
        return move.state  # not begun yet; whoever begins it asks later
    fate = MoveFate.NONE if result is None else result.fate
    at = None if result is None else result.at
    if fate is MoveFate.WAITING:
        if at is not None:
            await _set_due(db, move, due_at=at)
        return MoveState.WAITING
    if fate is MoveFate.DONE:
        # A result of an earlier move between the same two would lie before this one was even asked for.
        return await _arrive(db, move, fact=fact, at=min(max(at or now, move.created_at), now), now=now)
    ends = {MoveFate.REFUSED: MoveState.REFUSED, MoveFate.TAKER_FULL: MoveState.TAKER_FULL}
    code = NO_RECORD if fate is MoveFate.NONE else None
    return await _end(db, move, to=ends.get(fate, MoveState.FAILED), fact=fact, now=now, code=code)


async def _arrive(db: Writing, move: Moving, *, fact: MovesAwaited, at: datetime, now: datetime) -> MoveState:
    """WeCom moved the contact at `at`: so did the bond, and the relation if the giver held it."""
    if not await _move(db, move, to=MoveState.DONE, ended_at=now, due_at=at):
        return MoveState.DONE
    await end_bond(db, move.contact_id, guide_id=fact.giver_id, ended_by=BY_MOVE, at=at)
    if move.shopper_id is not None:
        await hand_over(db, [move.shopper_id], giver=fact.giver_id, taker=fact.taker_id, at=at)
    await open_bond(
        db, move.contact_id, shopper_id=move.shopper_id, guide_id=fact.taker_id, way_id=None, at=at
    )
    return MoveState.DONE


async def _end(
    db: Writing,
    move: Moving,
    *,
    to: MoveState,
    fact: MovesRequested | MovesAwaited,
    now: datetime,
    code: str | None,
) -> MoveState:
    """It did not move. A refused relation, and any of a guide who left, is the store's; a guide who stays keeps the others."""
    if not await _move(db, move, to=to, ended_at=now, code=code):
        return to
    if fact.resigned:
        await end_bond(db, move.contact_id, guide_id=fact.giver_id, ended_by=BY_MOVE, at=now)
    if move.shopper_id is not None and (fact.resigned or to is MoveState.REFUSED):
        await leave_to_store(db, [move.shopper_id], giver=fact.giver_id, store_id=move.store_id, at=now)
    return to


async def _put_off(tenant: TenantScope, fact: MovesRequested, *, why: str, now: datetime) -> None:
    if fact.tried >= MOST_DELAYS:
        raise MovesPending(giver_id=fact.giver_id, reason=why)
    async with tenant.writing() as db:
        noted = update(RelationMove).where(
            RelationMove.tenant_id == db.tenant_id, *_of_pair(fact), RelationMove.state == MoveState.INTENDED
        )
        await db.execute(noted.values(code=why[:200]))
        wait = min(FIRST_DELAY * 2**fact.tried, LONGEST_DELAY)
        again = msgspec.structs.replace(fact, tried=fact.tried + 1)
        await append(db, again, now=now, due_at=now + wait)


async def _move(db: Writing, move: Moving, *, to: MoveState, **facts: object) -> bool:
    statement = (
        update(RelationMove)
        .where(
            RelationMove.tenant_id == db.tenant_id,
            RelationMove.id == move.id,
            RelationMove.state.in_(origins(to)),
        )
        .values(state=to, **facts)
        .returning(RelationMove.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def _set_due(db: Writing, move: Moving, *, due_at: datetime) -> None:
    statement = update(RelationMove).where(RelationMove.tenant_id == db.tenant_id, RelationMove.id == move.id)
    await db.execute(statement.values(due_at=due_at))


async def _open_moves(tenant: TenantScope, fact: MovesAwaited) -> list[Moving]:
    async with tenant.writing() as db:
        return await _moves(db, fact, OPEN, limit=None)


async def _moves(
    db: Writing, fact: MovesRequested | MovesAwaited, states: Sequence[MoveState], *, limit: int | None
) -> list[Moving]:
    statement: Any = (
        select(
            RelationMove.id, RelationMove.contact_id, Contact.contact_no, Contact.shopper_id, RelationMove.store_id,
            RelationMove.state, RelationMove.created_at,
        )
        .join(
            Contact, (Contact.tenant_id == RelationMove.tenant_id) & (Contact.id == RelationMove.contact_id)
        )
        .where(
            RelationMove.tenant_id == db.tenant_id, Contact.tenant_id == db.tenant_id, *_of_pair(fact),
            RelationMove.state.in_(states),
        )
        .order_by(RelationMove.id)
        .limit(limit)
    )  # fmt: skip
    return [
        Moving(
            id=MoveId(row.id), contact_id=ContactId(row.contact_id), contact_no=row.contact_no,
            shopper_id=None if row.shopper_id is None else ShopperId(row.shopper_id),
            store_id=None if row.store_id is None else StoreId(row.store_id),
            state=MoveState(row.state), created_at=row.created_at,
        )
        for row in await db.execute(statement)
    ]  # fmt: skip


def _of_pair(fact: MovesRequested | MovesAwaited) -> tuple[Any, ...]:
    return (
        RelationMove.giver_id == fact.giver_id,
        RelationMove.taker_id == fact.taker_id,
        RelationMove.resigned.is_(fact.resigned),
    )
