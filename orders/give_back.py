"""Give money back: send a written-down refund to the channel, and ask again. Flows; what follows from the answers is `refund_outcome`.

A refund is sent with its own number for ever; it has failed only when the channel refuses it and does not know its number.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import and_, select, update

from orders.errors import RefundNotFound, RefundPending
from orders.events import RefundAwaited, RefundRequested
from orders.models import Order, Payment, Refund
from orders.payments import UNWANTED
from orders.ports import (
    ChannelRefund,
    Meaning,
    PaymentChannels,
    PaymentSplits,
    RefundRequest,
    RefundRoom,
    Refused,
    Unknown,
)
from orders.refund_outcome import move_refund, record_refund
from orders.states import RefundStatus
from tenants.kernel.ids import EventId, MerchantId, OrderId, PaymentId, RefundId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Reading, TenantScope, Writing

FIRST_QUESTION = timedelta(minutes=1)
LONGEST_SILENCE = timedelta(hours=6)
MOST_QUESTIONS = 20
"""About four days of asking; then a person must look."""
FIRST_DELAY = timedelta(minutes=5)
MOST_DELAYS = 60
"""About two weeks of waiting for the merchant's account to hold the money; then a person must look."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as it is sent, and where it stands."""

    state: RefundStatus
    unwanted: bool
    merchant_id: MerchantId
    request: RefundRequest
    room: RefundRoom | None
    """Of a payment that was marked for splitting."""


async def send_refund(
    tenant: TenantScope,
    refund_id: RefundId,
    *,
    channels: PaymentChannels,
    splits: PaymentSplits,
    now: datetime,
    tried: int = 0,
) -> RefundStatus:
    """Send a refund to the channel and note its answer; raises RefundPending when nobody can say: send it again, same number.

    What has to be unfrozen first is. Where only the money is missing, it stays as it is and is sent again later, under its number.
    """
    async with tenant.reading() as db:
        outgoing = await _outgoing(db, refund_id)
    if outgoing.state is not RefundStatus.INTENDED:
        return outgoing.state
    answer = await _send(tenant, outgoing, channels=channels, splits=splits, now=now)
    if isinstance(answer, Refused) and answer.meaning is Meaning.FINAL and not outgoing.unwanted:
        answer = await _look_before_failing(tenant, outgoing, refused=answer, channels=channels)
    if isinstance(answer, Unknown):
        raise RefundPending(refund_no=outgoing.request.refund_no, reason=answer.reason)
    if isinstance(answer, Refused) and answer.meaning is not Meaning.FINAL:
        return await _put_off(tenant, refund_id, refused=answer, tried=tried, now=now)
    if isinstance(answer, Refused) and outgoing.unwanted:
        # Nobody would ask again for money that no order waits for: keep trying, and let a person see it in the end.
        raise RefundPending(refund_no=outgoing.request.refund_no, reason=answer.code)
    async with tenant.writing() as db:
        if isinstance(answer, Refused):
            return await move_refund(db, refund_id, to=RefundStatus.FAILED, now=now, channel_code=answer.code)
        status = await record_refund(db, answer, now=now)
        if status is RefundStatus.PENDING:
            await _ask_later(db, refund_id, asked=0, wait=FIRST_QUESTION, now=now)
        return status


async def _look_before_failing(
    tenant: TenantScope, outgoing: Outgoing, *, refused: Refused, channels: PaymentChannels
) -> ChannelRefund | Refused | Unknown:
    """A refusal may answer a repeat whose first call took effect: a refund has failed only if the channel does not know its number."""
    channel = await channels.channel(tenant, outgoing.merchant_id)
    seen = await channel.look_up_refund(outgoing.request.refund_no)
    if isinstance(seen, ChannelRefund):
        return seen
    if isinstance(seen, Refused) and seen.meaning is Meaning.NOT_KNOWN:
        return refused
    return Unknown(refused.code)


async def _send(
    tenant: TenantScope,
    outgoing: Outgoing,
    *,
    channels: PaymentChannels,
    splits: PaymentSplits,
    now: datetime,
) -> ChannelRefund | Refused | Unknown:
    """Send it; once more after unfreezing, when the channel says that the rest is too small."""
    channel = await channels.channel(tenant, outgoing.merchant_id)
    if outgoing.room is None:
        return await channel.refund(outgoing.request)
    await splits.make_room(tenant, outgoing.room, now=now)
    answer = await channel.refund(outgoing.request)
    if isinstance(answer, Refused) and answer.meaning is Meaning.UNFREEZE_FIRST:
        await splits.make_room(tenant, outgoing.room, now=now, forced=True)
        answer = await channel.refund(outgoing.request)
    return answer


async def _put_off(
    tenant: TenantScope, refund_id: RefundId, *, refused: Refused, tried: int, now: datetime
) -> RefundStatus:
    """Keep the refund as it is, with the channel's word for why, and send it again later under the same number."""
    async with tenant.writing() as db:
        noted = update(Refund).where(
            Refund.tenant_id == db.tenant_id, Refund.id == refund_id, Refund.state == RefundStatus.INTENDED
        )
        await db.execute(noted.values(channel_code=refused.code))
        if tried < MOST_DELAYS:
            wait = min(FIRST_DELAY * 2**tried, LONGEST_SILENCE)
            again = RefundRequested(refund_id=refund_id, tried=tried + 1)
            await append(db, again, now=now, due_at=now + wait)
    if tried >= MOST_DELAYS:
        raise RefundPending(refund_id=refund_id, reason=refused.code)
    return RefundStatus.INTENDED


async def ask_refund(
    tenant: TenantScope, refund_id: RefundId, *, asked: int, channels: PaymentChannels, now: datetime
) -> RefundStatus:
    """Ask the channel about an accepted refund, and again later while it is on its way; raises RefundPending at the end of patience."""
    async with tenant.reading() as db:
        outgoing = await _outgoing(db, refund_id)
    if outgoing.state is not RefundStatus.PENDING:
        return outgoing.state
    channel = await channels.channel(tenant, outgoing.merchant_id)
    answer = await channel.look_up_refund(outgoing.request.refund_no)
    if not isinstance(answer, ChannelRefund):
        raise RefundPending(refund_no=outgoing.request.refund_no)
    async with tenant.writing() as db:
        status = await record_refund(db, answer, now=now)
        if status is RefundStatus.PENDING:
            if asked >= MOST_QUESTIONS:
                raise RefundPending(refund_no=outgoing.request.refund_no)
            wait = min(FIRST_QUESTION * 2**asked, LONGEST_SILENCE)
            await _ask_later(db, refund_id, asked=asked + 1, wait=wait, now=now)
        return status


async def _ask_later(db: Writing, refund_id: RefundId, *, asked: int, wait: timedelta, now: datetime) -> None:
    """One question after the other, however many workers sent the refund or heard the last answer."""
    once = EventId(derived_id("refund awaited", db.tenant_id, refund_id, str(asked)))
    await append(db, RefundAwaited(refund_id=refund_id, asked=asked), now=now, due_at=now + wait, once=once)


async def _outgoing(db: Reading, refund_id: RefundId) -> Outgoing:
    statement = (
        select(
            Refund.state, Refund.refund_no, Refund.amount_fen, Refund.reason, Refund.requested_by, Payment.payment_no,
            Payment.amount_fen.label("paid_fen"), Payment.merchant_id, Payment.id.label("payment_id"),
            Payment.transaction_id, Payment.order_id, Order.profit_sharing,
        )
        .join(Payment, and_(Payment.tenant_id == Refund.tenant_id, Payment.id == Refund.payment_id))
        .join(Order, and_(Order.tenant_id == Payment.tenant_id, Order.id == Payment.order_id))
        .where(
            Refund.tenant_id == db.tenant_id, Payment.tenant_id == db.tenant_id, Order.tenant_id == db.tenant_id,
            Refund.id == refund_id,
        )
    )  # fmt: skip
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise RefundNotFound(refund_id=refund_id)
    return Outgoing(
        state=RefundStatus(row.state),
        unwanted=row.requested_by == UNWANTED,
        merchant_id=MerchantId(row.merchant_id),
        request=RefundRequest(
            payment_no=row.payment_no, refund_no=row.refund_no, refund_fen=Fen(row.amount_fen),
            total_fen=Fen(row.paid_fen), reason=row.reason or "",
        ),
        room=_room(row) if row.profit_sharing and row.transaction_id else None,
    )  # fmt: skip


def _room(row: Any) -> RefundRoom:
    return RefundRoom(
        order_id=OrderId(row.order_id), payment_id=PaymentId(row.payment_id),
        merchant_id=MerchantId(row.merchant_id), transaction_id=row.transaction_id,
        refund_fen=Fen(row.amount_fen),
    )  # fmt: skip
