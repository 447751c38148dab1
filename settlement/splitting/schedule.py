"""From paid to due: one split a payment that was marked for it, scheduled when the goods are handed over, watched until it has ended.

Nothing is sent here. An order that is never collected is never split; somebody is warned before its money unfreezes by itself.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.split_queries import SharedPayment, shared_payment
from settlement.events import FreezeNearsEnd, FreezeWarned, SplitScheduled
from settlement.splitting.models import Split
from settlement.splitting.policy import split_policy
from settlement.splitting.states import SPLIT_MOVES, SplitStatus, origins
from tenants.kernel.ids import OrderId, SplitId, derived_id
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing

OVER = (SplitStatus.ENDED, SplitStatus.LAPSED)


async def open_split(db: Writing, order_id: OrderId, *, now: datetime) -> SplitId | None:
    """Write down that the order's payment is to be split one day; None where it was not marked. Repeating it changes nothing."""
    payment = await shared_payment(db, order_id)
    return None if payment is None else await _open(db, payment, now=now)


async def schedule_split(db: Writing, order_id: OrderId, *, now: datetime) -> SplitId | None:
    """The goods were handed over: set the moment from which the payment may be split."""
    payment = await shared_payment(db, order_id)
    if payment is None or payment.collected_at is None:
        return None
    split_id = await _open(db, payment, now=now)
    confirmed = select(Split.confirmed_at).where(Split.tenant_id == db.tenant_id, Split.id == split_id)
    due_at = (await split_policy(db)).due_at(
        paid_at=payment.paid_at,
        collected_at=payment.collected_at,
        confirmed_at=(await db.execute(confirmed)).scalar_one(),
    )
    scheduled = (
        update(Split)
        .where(
            Split.tenant_id == db.tenant_id,
            Split.id == split_id,
            Split.state.in_(origins(SPLIT_MOVES, SplitStatus.SCHEDULED)),
        )
        .values(state=SplitStatus.SCHEDULED, due_at=due_at)
        .returning(Split.id)
    )
    if (await db.execute(scheduled)).scalar_one_or_none() is not None:
        await append(db, SplitScheduled(split_id=split_id), now=now, due_at=due_at)
    return split_id


async def warn_of_freeze(db: Writing, split_id: SplitId, *, now: datetime) -> bool:
    """Warn that a payment's money unfreezes soon; False when its splitting is over."""
    warned = (
        update(Split)
        .where(Split.tenant_id == db.tenant_id, Split.id == split_id, Split.state.not_in(OVER))
        .values(warned_at=now)
        .returning(Split.id)
    )
    if (await db.execute(warned)).scalar_one_or_none() is None:
        return False
    await append(db, FreezeWarned(split_id=split_id), now=now)
    return True


async def _open(db: Writing, payment: SharedPayment, *, now: datetime) -> SplitId:
    # One payment, one split, one id: two reactions that meet here make one row.
    split_id = SplitId(derived_id(db.tenant_id, "split", payment.payment_id))
    known = select(Split.id).where(Split.tenant_id == db.tenant_id, Split.id == split_id)
    if (await db.execute(known)).scalar_one_or_none() is not None:
        return split_id
    row = {
        "tenant_id": db.tenant_id, "id": split_id, "order_id": payment.order_id,
        "payment_id": payment.payment_id, "merchant_id": payment.merchant_id,
        "transaction_id": payment.transaction_id, "state": SplitStatus.WAITING.value,
        "total_fen": payment.total_fen, "paid_at": payment.paid_at, "created_at": now,
    }  # fmt: skip
    written = upsert(Split).values(row).on_conflict_do_nothing().returning(Split.id)
    if (await db.execute(written)).scalar_one_or_none() is not None:
        warn_at = (await split_policy(db)).warn_at(paid_at=payment.paid_at)
        await append(db, FreezeNearsEnd(split_id=split_id), now=now, due_at=warn_at)
    return split_id
