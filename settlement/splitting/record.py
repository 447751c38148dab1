"""What the channel tells of a split, taken down once: parts that arrived are booked, those that will not are free to be paid otherwise.

The order's row is locked first, as everywhere: refunds and splits of one order wait for each other there.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from orders.payments import lock_order
from orders.split_counter import free_split
from settlement.ports import ChannelSplit, PartState, SplitRefused, SplitState
from settlement.splitting.errors import SplitDiffers
from settlement.splitting.models import Split, SplitPartRow, SplitReturn
from settlement.splitting.post import post_part
from settlement.splitting.rows import Part, Splitting, find_splitting
from settlement.splitting.states import (
    PART_MOVES,
    RECALLED,
    RETURN_MOVES,
    SPLIT_MOVES,
    PartStatus,
    ReturnStatus,
    SplitStatus,
    origins,
)
from tenants.kernel.ids import PartyId, SplitId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


async def record_split(db: Writing, split_id: SplitId, *, told: ChannelSplit, now: datetime) -> SplitStatus:
    """Take down what the channel tells of a split; a repeat or an older answer changes nothing. Raises SplitDiffers."""
    found = await find_splitting(db, split_id)
    await lock_order(db, found.order_id)
    by_account = {part.account: part for part in found.parts}
    if told.split_no != found.split_no or {part.account for part in told.parts} != set(by_account):
        raise SplitDiffers(split_id=split_id)
    await move_split(db, split_id, to=SplitStatus.ACCEPTED, channel_no=told.channel_no)
    for part in told.parts:
        await _record_part(db, found, part=by_account[part.account], told=part, now=now)
    if told.finished and all(part.state is not PartState.PENDING for part in told.parts):
        await move_split(db, split_id, to=SplitStatus.FINISHED)
    return (await find_splitting(db, split_id)).state


async def record_refusal(
    db: Writing, split_id: SplitId, *, refused: SplitRefused, now: datetime
) -> SplitStatus:
    """The channel will not split: every part stays payable, with its word for why beside it."""
    found = await find_splitting(db, split_id)
    await lock_order(db, found.order_id)
    for part in found.parts:
        await _close_part(db, found, part=part, code=refused.code, trouble=refused.reason.value, now=now)
    await note_refusal(db, split_id, refused=refused)
    await move_split(db, split_id, to=SplitStatus.FINISHED)
    return (await find_splitting(db, split_id)).state


async def note_refusal(db: Writing, split_id: SplitId, *, refused: SplitRefused) -> None:
    """Keep the channel's last word about a split."""
    await db.execute(
        update(Split)
        .where(Split.tenant_id == db.tenant_id, Split.id == split_id)
        .values(channel_code=refused.code, channel_message=refused.message)
    )


async def move_split(db: Writing, split_id: SplitId, *, to: SplitStatus, **facts: object) -> bool:
    """Move a split forward; False when it already stands there or beyond."""
    statement = (
        update(Split)
        .where(
            Split.tenant_id == db.tenant_id,
            Split.id == split_id,
            Split.state.in_(origins(SPLIT_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(Split.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def _record_part(db: Writing, found: Splitting, *, part: Part, told: SplitState, now: datetime) -> None:
    if told.amount_fen != part.amount_fen:
        raise SplitDiffers(split_id=found.split_id, party_id=part.party_id)
    if told.state is PartState.CLOSED:
        trouble = told.trouble.value if told.trouble else None
        await _close_part(db, found, part=part, code=told.code, trouble=trouble, now=now)
    if told.state is PartState.DONE:
        at = told.finished_at or now
        facts = {"detail_no": told.detail_id, "ended_at": at}
        if await _move_part(db, found, part=part, to=PartStatus.DONE, **facts):
            await post_part(
                db,
                found.split_id,
                order_id=found.order_id,
                party_id=part.party_id,
                amount_fen=part.amount_fen,
                at=at,
                now=now,
            )


async def _close_part(
    db: Writing, found: Splitting, *, part: Part, code: str | None, trouble: str | None, now: datetime
) -> None:
    """The receiver will not get it: what was reserved is free again, and nothing of it has to come back."""
    facts = {"channel_code": code, "trouble": trouble, "ended_at": now}
    if not await _move_part(db, found, part=part, to=PartStatus.CLOSED, **facts):
        return
    asked_back = await _drop_returns(db, found.split_id, party_id=part.party_id, now=now)
    await free_split(db, found.order_id, amount_fen=Fen(part.amount_fen - asked_back))


async def _drop_returns(db: Writing, split_id: SplitId, *, party_id: PartyId, now: datetime) -> Fen:
    """What was asked back of a part that never arrived; nobody will be asked for it."""
    mine = (
        SplitReturn.tenant_id == db.tenant_id, SplitReturn.split_id == split_id, SplitReturn.party_id == party_id,
        SplitReturn.state.in_(RECALLED),
    )  # fmt: skip
    summed = select(func.coalesce(func.sum(SplitReturn.amount_fen), 0)).where(*mine)
    amount = Fen(int((await db.execute(summed)).scalar_one()))
    droppable = SplitReturn.state.in_(origins(RETURN_MOVES, ReturnStatus.DROPPED))
    await db.execute(
        update(SplitReturn).where(*mine, droppable).values(state=ReturnStatus.DROPPED, ended_at=now)
    )
    return amount


async def _move_part(db: Writing, found: Splitting, *, part: Part, to: PartStatus, **facts: Any) -> bool:
    statement = (
        update(SplitPartRow)
        .where(
            SplitPartRow.tenant_id == db.tenant_id,
            SplitPartRow.split_id == found.split_id,
            SplitPartRow.party_id == part.party_id,
            SplitPartRow.state.in_(origins(PART_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(SplitPartRow.party_id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None
