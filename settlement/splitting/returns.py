"""Ask receivers to give back what a refund takes from them: written down with the refund, sent on its own way, under its own number.

Neither waits for the other. A return that will not come back through the channel is a claim on the party: its payable balance, which
the refund lowered and no return raised again, already says so; the row keeps the channel's reason.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import and_, insert, select, update

from orders.payments import lock_order
from orders.ports import Unknown
from orders.split_counter import take_split
from orders.split_queries import refunds_failed
from settlement.events import ReturnRequested
from settlement.ports import (
    ChannelReturn,
    Reason,
    ReturnRequest,
    ReturnState,
    SplitRefused,
    SplittingChannels,
    Trouble,
)
from settlement.splitting.amounts import to_return
from settlement.splitting.errors import SplitPending
from settlement.splitting.models import Split, SplitPartRow, SplitReturn
from settlement.splitting.numbers import new_return_no
from settlement.splitting.post import post_return
from settlement.splitting.rows import find_splitting, held_parts, owed_parties
from settlement.splitting.states import RETURN_MOVES, PartStatus, ReturnStatus, SplitStatus, origins
from tenants.kernel.ids import MerchantId, OrderId, PartyId, RefundId, SplitId, SplitReturnId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import find_tenant

FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=2), timedelta(hours=6)
MOST_TRIES = 60
"""About two weeks: longer than a receiver's empty account is waited for; then a person must look."""
DESCRIPTION = "订单退款，分账回退"
ON_THE_WAY = (SplitStatus.INTENDED, SplitStatus.ACCEPTED)


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A return as it is sent, and where it stands."""

    return_id: SplitReturnId
    split_id: SplitId
    order_id: OrderId
    merchant_id: MerchantId
    party_id: PartyId
    refund_id: RefundId
    replaces_id: SplitReturnId | None
    state: ReturnStatus
    split_state: SplitStatus
    part_state: PartStatus
    request: ReturnRequest


async def plan_returns(
    db: Writing, refund_id: RefundId, *, order_id: OrderId, split_id: SplitId, now: datetime
) -> Fen:
    """Write down what receivers have to give back now that less of the order is kept; under the order's lock. Returns the sum in fen."""
    held = await held_parts(db, split_id)
    back = to_return(held, await owed_parties(db, order_id))
    found = await find_splitting(db, split_id)
    for part in found.parts:
        if part.party_id in back:
            await _write(
                db, split_id, party_id=part.party_id, account=part.account, amount=back[part.party_id],
                refund_id=refund_id, replaces=None, now=now,
            )  # fmt: skip
    return Fen(sum(back.values()))


async def renounce_returns(db: Writing, refund_id: RefundId, *, order_id: OrderId, now: datetime) -> None:
    """The refund failed: what receivers were not asked for yet, or kept, stays with them, as far as other refunds leave room for it."""
    await lock_order(db, order_id)
    unsent = and_(SplitReturn.state == ReturnStatus.INTENDED, SplitReturn.sent_at.is_(None))
    statement = select(SplitReturn.id, SplitReturn.amount_fen).where(
        SplitReturn.tenant_id == db.tenant_id,
        SplitReturn.refund_id == refund_id,
        unsent | (SplitReturn.state == ReturnStatus.CLAIMED),
    )
    for row in (await db.execute(statement)).all():
        await _leave_with_receiver(
            db, SplitReturnId(row.id), order_id=order_id, amount=row.amount_fen, now=now
        )


async def send_return(
    tenant: TenantScope,
    return_id: SplitReturnId,
    *,
    channels: SplittingChannels,
    now: datetime,
    tried: int = 0,
) -> ReturnStatus:
    """Ask the receiver's account for the money and note the answer; raises SplitPending when nobody can say: same number again."""
    async with tenant.writing() as db:
        outgoing = await _outgoing(db, return_id)
        if outgoing.state not in {ReturnStatus.INTENDED, ReturnStatus.PENDING}:
            return outgoing.state
        if outgoing.split_state in ON_THE_WAY or outgoing.part_state is PartStatus.PENDING:
            # Only what has arrived can be given back.
            return await _again_later(db, outgoing, tried=tried, now=now)
        await _mark_sent(db, return_id, now=now)
    channel = await channels.splitting(tenant, outgoing.merchant_id)
    answer = await channel.give_back(outgoing.request)
    if isinstance(answer, Unknown):
        raise SplitPending(return_no=outgoing.request.return_no, reason=answer.reason)
    async with tenant.writing() as db:
        if isinstance(answer, ChannelReturn):
            return await record_return(db, return_id, told=answer, tried=tried, now=now)
        return await _note_refusal(db, outgoing, refused=answer, tried=tried, now=now)


async def record_return(
    db: Writing, return_id: SplitReturnId, *, told: ChannelReturn, now: datetime, tried: int = 0
) -> ReturnStatus:
    """Take down what the channel tells of a return; a repeat or an older message changes nothing."""
    outgoing = await _outgoing(db, return_id)
    await lock_order(db, outgoing.order_id)
    facts = {"trouble": told.trouble.value if told.trouble else None, "channel_code": told.code}
    if told.state is ReturnState.PENDING:
        await _move(db, outgoing.return_id, to=ReturnStatus.PENDING, **facts)
        outgoing = await _outgoing(db, return_id)
        if outgoing.state is not ReturnStatus.PENDING:
            return outgoing.state
        return await _again_later(db, outgoing, tried=tried, now=now)
    at = told.finished_at or now
    if told.state is ReturnState.DONE:
        if await _move(db, outgoing.return_id, to=ReturnStatus.DONE, ended_at=at):
            await post_return(
                db, outgoing.return_id, order_id=outgoing.order_id, party_id=outgoing.party_id,
                amount_fen=outgoing.request.amount_fen, at=at, now=now,
            )  # fmt: skip
        return ReturnStatus.DONE
    if told.trouble is Trouble.TIMED_OUT and outgoing.replaces_id is None:
        return await _replace(db, outgoing, facts=facts, now=now)
    return await _claim(db, outgoing, now=now, **facts)


async def _note_refusal(
    db: Writing, outgoing: Outgoing, *, refused: SplitRefused, tried: int, now: datetime
) -> ReturnStatus:
    await lock_order(db, outgoing.order_id)
    facts = {"channel_code": refused.code, "channel_message": refused.message}
    if refused.reason is Reason.BALANCE_SHORT:
        await _move(db, outgoing.return_id, to=ReturnStatus.PENDING, **facts)
        return await _again_later(db, outgoing, tried=tried, now=now)
    if refused.reason is Reason.TOO_EARLY:
        return await _again_later(db, outgoing, tried=tried, now=now)
    return await _claim(db, outgoing, now=now, trouble=refused.reason.value, **facts)


async def _claim(db: Writing, outgoing: Outgoing, *, now: datetime, **facts: Any) -> ReturnStatus:
    """It will not come back: owed to us, unless the refund it was for failed as well."""
    if not await _move(db, outgoing.return_id, to=ReturnStatus.CLAIMED, ended_at=now, **facts):
        return (await _outgoing(db, outgoing.return_id)).state
    if outgoing.refund_id in await refunds_failed(db, [outgoing.refund_id]):
        await _leave_with_receiver(
            db,
            outgoing.return_id,
            order_id=outgoing.order_id,
            amount=outgoing.request.amount_fen,
            now=now,
        )
    return (await _outgoing(db, outgoing.return_id)).state


async def _replace(db: Writing, outgoing: Outgoing, *, facts: dict[str, Any], now: datetime) -> ReturnStatus:
    """It waited too long and is closed at the channel: once more, under another number."""
    if await _move(db, outgoing.return_id, to=ReturnStatus.REPLACED, ended_at=now, **facts):
        await _write(
            db, outgoing.split_id, party_id=outgoing.party_id, account=outgoing.request.merchant_no,
            amount=outgoing.request.amount_fen, refund_id=outgoing.refund_id, replaces=outgoing.return_id, now=now,
        )  # fmt: skip
    return ReturnStatus.REPLACED


async def _leave_with_receiver(
    db: Writing, return_id: SplitReturnId, *, order_id: OrderId, amount: int, now: datetime
) -> None:
    # The guard decides: where another refund has used the room, the money is wanted back after all.
    if await take_split(db, order_id, amount_fen=Fen(amount)):
        await _move(db, return_id, to=ReturnStatus.DROPPED, ended_at=now)


async def _again_later(db: Writing, outgoing: Outgoing, *, tried: int, now: datetime) -> ReturnStatus:
    if tried >= MOST_TRIES:
        raise SplitPending(return_no=outgoing.request.return_no)
    wait = min(FIRST_DELAY * 2 ** min(tried, 10), LONGEST_DELAY)
    again = ReturnRequested(return_id=outgoing.return_id, tried=tried + 1)
    await append(db, again, now=now, due_at=now + wait)
    return (await _outgoing(db, outgoing.return_id)).state


async def _write(
    db: Writing,
    split_id: SplitId,
    *,
    party_id: PartyId,
    account: str,
    amount: Fen,
    refund_id: RefundId,
    replaces: SplitReturnId | None,
    now: datetime,
) -> None:
    return_id = SplitReturnId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": return_id, "split_id": split_id, "party_id": party_id,
        "refund_id": refund_id, "replaces_id": replaces, "account": account, "amount_fen": amount,
        "return_no": new_return_no((await find_tenant(db)).public_code),
        "state": ReturnStatus.INTENDED.value, "created_at": now,
    }  # fmt: skip
    await db.execute(insert(SplitReturn).values(row))
    await append(db, ReturnRequested(return_id=return_id), now=now)


async def _mark_sent(db: Writing, return_id: SplitReturnId, *, now: datetime) -> None:
    # From here on nobody may drop it unasked: the channel may know it.
    await db.execute(
        update(SplitReturn)
        .where(
            SplitReturn.tenant_id == db.tenant_id, SplitReturn.id == return_id, SplitReturn.sent_at.is_(None)
        )
        .values(sent_at=now)
    )


async def _move(db: Writing, return_id: SplitReturnId, *, to: ReturnStatus, **facts: Any) -> bool:
    statement = (
        update(SplitReturn)
        .where(
            SplitReturn.tenant_id == db.tenant_id,
            SplitReturn.id == return_id,
            SplitReturn.state.in_(origins(RETURN_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(SplitReturn.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def _outgoing(db: Reading, return_id: SplitReturnId) -> Outgoing:
    statement = (
        select(SplitReturn, Split.order_id, Split.merchant_id, Split.split_no, Split.state.label("split_state"),
               SplitPartRow.state.label("part_state"))
        .join(Split, and_(Split.tenant_id == SplitReturn.tenant_id, Split.id == SplitReturn.split_id))
        .join(
            SplitPartRow,
            and_(
                SplitPartRow.tenant_id == SplitReturn.tenant_id, SplitPartRow.split_id == SplitReturn.split_id,
                SplitPartRow.party_id == SplitReturn.party_id,
            ),
        )
        .where(
            SplitReturn.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id,
            SplitPartRow.tenant_id == db.tenant_id, SplitReturn.id == return_id,
        )
        .execution_options(populate_existing=True)
    )  # fmt: skip
    row = (await db.execute(statement)).one()
    found: SplitReturn = row.SplitReturn
    return Outgoing(
        return_id=return_id, split_id=SplitId(found.split_id), order_id=OrderId(row.order_id),
        merchant_id=MerchantId(row.merchant_id), party_id=PartyId(found.party_id),
        refund_id=RefundId(found.refund_id),
        replaces_id=SplitReturnId(found.replaces_id) if found.replaces_id else None,
        state=ReturnStatus(found.state), split_state=SplitStatus(row.split_state),
        part_state=PartStatus(row.part_state),
        request=ReturnRequest(
            split_no=row.split_no, return_no=found.return_no, merchant_no=found.account,
            amount_fen=Fen(found.amount_fen), description=DESCRIPTION,
        ),
    )  # fmt: skip
