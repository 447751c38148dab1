"""Split a payment: write number and parts down, ask the channel, follow it to the end, unfreeze the rest, make sure that nothing is left.

A flow. Parts are what merchants among the parties are owed of what is kept, cut to what the channel can carry; persons never get any.
When nobody can say whether a call arrived it is made again with the same number and the same parts, never under a second number.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from orders.payments import lock_order
from orders.ports import Unknown
from orders.split_counter import take_split
from settlement.events import SplitAccepted, SplitScheduled
from settlement.ports import (
    ChannelSplit,
    Reason,
    SplitPart,
    SplitRefused,
    SplitRequest,
    SplittingChannel,
    SplittingChannels,
)
from settlement.splitting.amounts import Owed, cut_to, room_for
from settlement.splitting.errors import SplitExceedsPaid, SplitPending
from settlement.splitting.models import SplitPartRow
from settlement.splitting.numbers import new_split_no
from settlement.splitting.policy import split_policy
from settlement.splitting.record import move_split, note_refusal, record_refusal, record_split
from settlement.splitting.rows import (
    CurrentReceiver,
    Splitting,
    current_receivers,
    find_splitting,
    owed_parties,
)
from settlement.splitting.states import SplitStatus
from settlement.splitting.unfreeze import unfreeze_rest
from tenants.kernel.ids import MerchantId, PartyId, SplitId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import TenantScope, Writing
from tenants.queries import find_tenant, merchants

FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=10), timedelta(hours=6)
FIRST_QUESTION = timedelta(minutes=1)
MOST_QUESTIONS = 40
"""About nine days of asking; then a person must look."""
DESCRIPTION = "订单分账"
REFUSED_FOR_GOOD = frozenset(
    {
        Reason.NOT_MARKED,
        Reason.NO_RELATION,
        Reason.NAME_MISMATCH,
        Reason.OVER_RATIO,
        Reason.NOT_ENOUGH,
        Reason.ENDED,
        Reason.NO_PERMISSION,
        Reason.TOO_MANY,
    }
)
"""Anything else is not understood well enough to close the parts: it is asked again, and a person sees it in the end."""


async def send_split(
    tenant: TenantScope, split_id: SplitId, *, channels: SplittingChannels, now: datetime, tried: int = 0
) -> SplitStatus:
    """Take a due split as far as it goes now; raises SplitPending when nobody can say, and is then called again."""
    async with tenant.reading() as db:
        found = await find_splitting(db, split_id)
    channel = await channels.splitting(tenant, found.merchant_id)
    state = found.state
    if state is SplitStatus.SCHEDULED:
        state = await _intend(tenant, found, channel=channel, now=now)
    if state is SplitStatus.INTENDED:
        state = await _ask(tenant, split_id, channel=channel, tried=tried, now=now)
    if state is SplitStatus.FINISHED:
        state = await _end(tenant, split_id, channel=channel, now=now)
    return state


async def ask_split(
    tenant: TenantScope, split_id: SplitId, *, asked: int, channels: SplittingChannels, now: datetime
) -> SplitStatus:
    """Ask what became of an accepted split, and again later while the channel works on it; raises SplitPending."""
    async with tenant.reading() as db:
        found = await find_splitting(db, split_id)
    channel = await channels.splitting(tenant, found.merchant_id)
    state = found.state
    if state is SplitStatus.ACCEPTED and found.split_no is not None:
        told = await channel.look_up_split(found.split_no, transaction_id=found.transaction_id)
        if not isinstance(told, ChannelSplit):
            raise SplitPending(split_no=found.split_no)
        state = await _take_down(tenant, split_id, told=told, asked=asked, now=now)
    if state is SplitStatus.FINISHED:
        state = await _end(tenant, split_id, channel=channel, now=now)
    return state


async def _intend(
    tenant: TenantScope, found: Splitting, *, channel: SplittingChannel, now: datetime
) -> SplitStatus:
    """Ask how much may be split, then write number and parts down and reserve them, all under the order's lock."""
    left = await channel.unsplit_amount(found.transaction_id)
    largest = await channel.largest_rate()
    if isinstance(left, Unknown) or isinstance(largest, Unknown):
        raise SplitPending(split_id=found.split_id)
    if isinstance(left, SplitRefused):
        if left.reason not in REFUSED_FOR_GOOD | {Reason.NOT_FOUND}:
            raise SplitPending(split_id=found.split_id, reason=left.code)
        return await _lapse(tenant, found.split_id, refused=left, now=now)
    async with tenant.writing() as db:
        await lock_order(db, found.order_id)
        again = await find_splitting(db, found.split_id)
        if again.state is not SplitStatus.SCHEDULED:
            return again.state
        payee = await _payee_no(db, found.merchant_id)
        allowed = largest if isinstance(largest, int) else (await split_policy(db)).largest_of(payee)
        receivers, owed = await _owed(db, found, payee=payee)
        room = room_for(found.total_fen, largest=Bps(allowed), split_before=Fen(0), unsplit_fen=left)
        given = cut_to(room, owed)
        if given:
            return await _write(db, found, receivers=receivers, given=given)
        lost = left == 0 and bool(owed)
        await move_split(
            db,
            found.split_id,
            to=SplitStatus.LAPSED if lost else SplitStatus.FINISHED,
            **({"ended_at": now} if lost else {}),
        )
        return SplitStatus.LAPSED if lost else SplitStatus.FINISHED


async def _payee_no(db: Writing, merchant_id: MerchantId) -> str | None:
    return next((each.merchant_no for each in await merchants(db) if each.id == merchant_id), None)


async def _owed(
    db: Writing, found: Splitting, *, payee: str | None
) -> tuple[dict[PartyId, CurrentReceiver], list[Owed]]:
    """The receivers of this payee that are owed something of the order; one account is one receiver, and the payee is none."""
    owed = await owed_parties(db, found.order_id)
    known = await current_receivers(db, found.merchant_id, parties=list(owed))
    taken, receivers = {payee}, {}
    for party_id in sorted(known):
        if known[party_id].account not in taken:
            taken.add(known[party_id].account)
            receivers[party_id] = known[party_id]
    return receivers, [
        Owed(party_id=party_id, kind=each.kind, amount_fen=owed[party_id])
        for party_id, each in receivers.items()
        if owed[party_id]
    ]


async def _write(
    db: Writing,
    found: Splitting,
    *,
    receivers: Mapping[PartyId, CurrentReceiver],
    given: Mapping[PartyId, Fen],
) -> SplitStatus:
    if not await take_split(db, found.order_id, amount_fen=Fen(sum(given.values()))):
        raise SplitExceedsPaid(split_id=found.split_id)
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": db.tenant_id, "split_id": found.split_id, "party_id": party_id,
            "receiver_id": receivers[party_id].receiver_id, "account": receivers[party_id].account,
            "amount_fen": amount,
        }
        for party_id, amount in given.items()
    ]  # fmt: skip
    await db.execute(insert(SplitPartRow).values(rows))
    number = new_split_no((await find_tenant(db)).public_code)
    await move_split(db, found.split_id, to=SplitStatus.INTENDED, split_no=number)
    return SplitStatus.INTENDED


async def _ask(
    tenant: TenantScope, split_id: SplitId, *, channel: SplittingChannel, tried: int, now: datetime
) -> SplitStatus:
    """Send the split as it was written down."""
    async with tenant.reading() as db:
        found = await find_splitting(db, split_id)
    number = str(found.split_no)
    parts = [
        SplitPart(account=part.account, amount_fen=part.amount_fen, description=DESCRIPTION)
        for part in found.parts
    ]
    answer = await channel.split(
        SplitRequest(transaction_id=found.transaction_id, split_no=number, parts=parts)
    )
    if isinstance(answer, SplitRefused) and answer.reason is Reason.OTHER_CONTENT:
        answer = await channel.look_up_split(number, transaction_id=found.transaction_id)
    if isinstance(answer, ChannelSplit):
        return await _take_down(tenant, split_id, told=answer, asked=0, now=now)
    if isinstance(answer, SplitRefused) and answer.reason is Reason.TOO_EARLY:
        return await _put_off(tenant, found, refused=answer, tried=tried, now=now)
    if isinstance(answer, SplitRefused) and answer.reason in REFUSED_FOR_GOOD:
        async with tenant.writing() as db:
            return await record_refusal(db, split_id, refused=answer, now=now)
    code = answer.reason if isinstance(answer, Unknown) else answer.code
    raise SplitPending(split_no=number, reason=code)


async def _take_down(
    tenant: TenantScope, split_id: SplitId, *, told: ChannelSplit, asked: int, now: datetime
) -> SplitStatus:
    async with tenant.writing() as db:
        state = await record_split(db, split_id, told=told, now=now)
        if state is SplitStatus.ACCEPTED:
            if asked >= MOST_QUESTIONS:
                raise SplitPending(split_no=told.split_no)
            wait = min(FIRST_QUESTION * 2 ** min(asked, 10), LONGEST_DELAY)
            await append(db, SplitAccepted(split_id=split_id, asked=asked + 1), now=now, due_at=now + wait)
        return state


async def _put_off(
    tenant: TenantScope, found: Splitting, *, refused: SplitRefused, tried: int, now: datetime
) -> SplitStatus:
    """„订单处理中“ is no failure: the same number with the same parts, later, for as long as the money is frozen."""
    async with tenant.writing() as db:
        await note_refusal(db, found.split_id, refused=refused)
        if now > (await split_policy(db)).thaws_at(paid_at=found.paid_at) + LONGEST_DELAY:
            return await record_refusal(db, found.split_id, refused=refused, now=now)
        wait = min(FIRST_DELAY * 2 ** min(tried, 10), LONGEST_DELAY)
        again = SplitScheduled(split_id=found.split_id, tried=tried + 1)
        await append(db, again, now=now, due_at=now + wait)
    return SplitStatus.INTENDED


async def _lapse(
    tenant: TenantScope, split_id: SplitId, *, refused: SplitRefused, now: datetime
) -> SplitStatus:
    async with tenant.writing() as db:
        await note_refusal(db, split_id, refused=refused)
        await move_split(db, split_id, to=SplitStatus.LAPSED, ended_at=now)
    return SplitStatus.LAPSED


async def _end(
    tenant: TenantScope, split_id: SplitId, *, channel: SplittingChannel, now: datetime
) -> SplitStatus:
    """Give the rest to the payee; ended only once the channel says that nothing is left."""
    await unfreeze_rest(tenant, split_id, channel=channel, now=now)
    async with tenant.writing() as db:
        await move_split(db, split_id, to=SplitStatus.ENDED, ended_at=now)
    return SplitStatus.ENDED
