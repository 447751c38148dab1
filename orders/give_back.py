"""Give money back: send a written-down refund to the channel, ask again, and take note of what became of it.

A refund is sent with its own number for ever; only the channel's refusal for good frees its amounts again, want of money or an
unfinished split puts it off. When it is done, each line learns what was kept of it before, counting finished refunds only and one at
a time: so the parts always add up to split(kept).
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import and_, func, select, update

from catalog import stock
from orders.amounts import kept
from orders.errors import PaymentDiffers, RefundNotFound, RefundPending
from orders.events import RefundAwaited, RefundDone, RefundFailed, RefundRequested
from orders.models import Order, OrderLine, Payment, Refund, RefundLine
from orders.payments import UNWANTED, lock_order
from orders.pickup import void_pickup
from orders.ports import (
    ChannelRefund,
    Meaning,
    PaymentChannels,
    PaymentSplits,
    RefundRequest,
    RefundRoom,
    RefundState,
    Refused,
    Unknown,
)
from orders.states import ORDER_MOVES, REFUND_MOVES, OrderState, RefundStatus, origins
from tenants.kernel.ids import MerchantId, OrderId, PaymentId, RefundId, SkuId
from tenants.kernel.money import Fen
from tenants.kernel.outbox import append
from tenants.kernel.scope import Reading, TenantScope, Writing
from tenants.queries import merchants

FIRST_QUESTION = timedelta(minutes=1)
LONGEST_SILENCE = timedelta(hours=6)
MOST_QUESTIONS = 20
"""About four days of asking; then a person must look."""
FIRST_DELAY = timedelta(minutes=5)
MOST_DELAYS = 60
"""About two weeks of waiting for the merchant's account to hold the money; then a person must look."""
STATES = {
    RefundState.PENDING: RefundStatus.PENDING,
    RefundState.DONE: RefundStatus.DONE,
    RefundState.ABNORMAL: RefundStatus.ABNORMAL,
    RefundState.CLOSED: RefundStatus.FAILED,
}


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
    if isinstance(answer, Unknown):
        raise RefundPending(refund_no=outgoing.request.refund_no, reason=answer.reason)
    if isinstance(answer, Refused) and answer.meaning is not Meaning.FINAL:
        return await _put_off(tenant, refund_id, refused=answer, tried=tried, now=now)
    if isinstance(answer, Refused) and outgoing.unwanted:
        # Nobody would ask again for money that no order waits for: keep trying, and let a person see it in the end.
        raise RefundPending(refund_no=outgoing.request.refund_no, reason=answer.code)
    async with tenant.writing() as db:
        if isinstance(answer, Refused):
            return await _move(db, refund_id, to=RefundStatus.FAILED, now=now, channel_code=answer.code)
        status = await record_refund(db, answer, now=now)
        if status is RefundStatus.PENDING:
            await append(
                db, RefundAwaited(refund_id=refund_id, asked=0), now=now, due_at=now + FIRST_QUESTION
            )
        return status


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
            await append(db, RefundAwaited(refund_id=refund_id, asked=asked + 1), now=now, due_at=now + wait)
        return status


async def record_refund(db: Writing, told: ChannelRefund, *, now: datetime) -> RefundStatus:
    """Take note of what the channel tells of a refund; raises RefundNotFound or PaymentDiffers, which a person must see."""
    statement = (
        select(Refund.id, Refund.amount_fen, Payment.payment_no, Payment.merchant_id)
        .join(Payment, and_(Payment.tenant_id == Refund.tenant_id, Payment.id == Refund.payment_id))
        .where(
            Refund.tenant_id == db.tenant_id,
            Payment.tenant_id == db.tenant_id,
            Refund.refund_no == told.refund_no,
        )
    )
    refund = (await db.execute(statement)).one_or_none()
    if refund is None:
        raise RefundNotFound(refund_no=told.refund_no)
    await _check(db, told, refund)
    facts: dict[str, Any] = {}
    if told.refund_id is not None:
        facts["vendor_refund_id"] = told.refund_id
    if told.payer_refund_fen is not None:
        facts["payer_refund_fen"] = told.payer_refund_fen
    refunded_at = told.refunded_at or now
    return await _move(
        db, RefundId(refund.id), to=STATES[told.state], now=now, refunded_at=refunded_at, **facts
    )


async def _check(db: Writing, told: ChannelRefund, refund: Any) -> None:
    payee = next((each for each in await merchants(db) if each.id == refund.merchant_id), None)
    agreed = (
        told.payment_no == refund.payment_no
        and told.refund_fen in {None, refund.amount_fen}
        and told.merchant_no in {None, payee.merchant_no if payee else None}
    )
    if not agreed:
        raise PaymentDiffers(refund_no=told.refund_no)


async def _move(
    db: Writing,
    refund_id: RefundId,
    *,
    to: RefundStatus,
    now: datetime,
    refunded_at: datetime | None = None,
    **facts: object,
) -> RefundStatus:
    """Move a refund forward, with everything that follows from it; a repeat or a late message changes nothing."""
    known = select(Refund.order_id).where(
        Refund.tenant_id == db.tenant_id, Refund.id == refund_id, Refund.order_id.is_not(None)
    )
    found: UUID = (await db.execute(known)).scalar_one()  # type: ignore[assignment]
    order_id = OrderId(found)
    order = await lock_order(db, order_id)
    if to is RefundStatus.DONE:
        facts["refunded_at"] = refunded_at or now
    statement = (
        update(Refund)
        .where(
            Refund.tenant_id == db.tenant_id,
            Refund.id == refund_id,
            Refund.state.in_(origins(REFUND_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(Refund.id)
    )
    if (await db.execute(statement)).scalar_one_or_none() is None:
        standing = select(Refund.state).where(Refund.tenant_id == db.tenant_id, Refund.id == refund_id)
        return RefundStatus((await db.execute(standing)).scalar_one())
    if to is RefundStatus.FAILED:
        await _free(db, order_id, refund_id)
        await append(db, RefundFailed(refund_id=refund_id, order_id=order_id), now=now)
    if to is RefundStatus.DONE:
        await _write_kept_before(db, refund_id)
        await append(db, RefundDone(refund_id=refund_id, refunded_at=refunded_at or now), now=now)
        await _return_goods(db, order_id, refund_id, uncollected=order.state == OrderState.PAID, now=now)
    return to


async def _free(db: Writing, order_id: OrderId, refund_id: RefundId) -> None:
    """The channel will not do it: its amounts may be asked for again."""
    freed = 0
    for line in await _lines(db, refund_id):
        freed += line.amount_fen
        await db.execute(
            update(OrderLine)
            .where(OrderLine.tenant_id == db.tenant_id, OrderLine.id == line.order_line_id)
            .values(
                refunded_fen=OrderLine.refunded_fen - line.amount_fen,
                refunded_quantity=OrderLine.refunded_quantity - line.quantity,
            )
        )
    await db.execute(
        update(Order)
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id)
        .values(refunded_fen=Order.refunded_fen - freed)
    )


async def _write_kept_before(db: Writing, refund_id: RefundId) -> None:
    """Under the order's lock, so that of two refunds of one line that finish at once the second sees the first."""
    for line in await _lines(db, refund_id):
        finished = (
            select(func.coalesce(func.sum(RefundLine.amount_fen), 0))
            .join(Refund, and_(Refund.tenant_id == RefundLine.tenant_id, Refund.id == RefundLine.refund_id))
            .where(
                RefundLine.tenant_id == db.tenant_id,
                Refund.tenant_id == db.tenant_id,
                RefundLine.order_line_id == line.order_line_id,
                Refund.state == RefundStatus.DONE,
                Refund.id != refund_id,
            )
        )
        before = Fen(int((await db.execute(finished)).scalar_one()))
        await db.execute(
            update(RefundLine)
            .where(
                RefundLine.tenant_id == db.tenant_id,
                RefundLine.refund_id == refund_id,
                RefundLine.line_no == line.line_no,
            )
            .values(kept_before_fen=kept(Fen(line.paid_fen), refunded_fen=before))
        )


async def _return_goods(
    db: Writing, order_id: OrderId, refund_id: RefundId, *, uncollected: bool, now: datetime
) -> None:
    """Close an order of which nothing is kept, and put units that were never handed over back on the shelf."""
    finished = (
        select(func.coalesce(func.sum(RefundLine.amount_fen), 0))
        .join(Refund, and_(Refund.tenant_id == RefundLine.tenant_id, Refund.id == RefundLine.refund_id))
        .where(
            RefundLine.tenant_id == db.tenant_id,
            Refund.tenant_id == db.tenant_id,
            Refund.order_id == order_id,
            Refund.state == RefundStatus.DONE,
        )
    )
    given = int((await db.execute(finished)).scalar_one())
    closed = (
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.state.in_(origins(ORDER_MOVES, OrderState.REFUNDED)),
            Order.paid_fen > 0,
            Order.paid_fen == given,
        )
        .values(state=OrderState.REFUNDED, closed_at=now)
        .returning(Order.id)
    )
    everything = (await db.execute(closed)).scalar_one_or_none() is not None
    if not uncollected:
        return
    if everything:
        await void_pickup(db, order_id)
    wants = await _units_back(db, order_id, refund_id, everything=everything)
    await stock.put_back(db, order_id=order_id, wants=wants)


async def _units_back(
    db: Writing, order_id: OrderId, refund_id: RefundId, *, everything: bool
) -> list[stock.Want]:
    """This refund's units; when nothing is kept, also those that no refund by quantity has put back."""
    returned = {line.order_line_id: line.quantity for line in await _lines(db, refund_id)}
    statement = select(OrderLine.id, OrderLine.sku_id, OrderLine.quantity, OrderLine.refunded_quantity).where(
        OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == order_id
    )
    wants = []
    for line in await db.execute(statement):
        units = returned.get(line.id, 0)
        if everything:
            units += line.quantity - line.refunded_quantity
        if units and line.sku_id is not None:
            wants.append(stock.Want(SkuId(line.sku_id), units))
    return wants


async def _lines(db: Reading, refund_id: RefundId) -> list[Any]:
    statement = (
        select(
            RefundLine.line_no,
            RefundLine.order_line_id,
            RefundLine.amount_fen,
            RefundLine.quantity,
            OrderLine.paid_fen,
        )
        .join(
            OrderLine,
            and_(OrderLine.tenant_id == RefundLine.tenant_id, OrderLine.id == RefundLine.order_line_id),
        )
        .where(
            RefundLine.tenant_id == db.tenant_id,
            OrderLine.tenant_id == db.tenant_id,
            RefundLine.refund_id == refund_id,
        )
        .order_by(RefundLine.line_no)
    )
    return list((await db.execute(statement)).all())


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
