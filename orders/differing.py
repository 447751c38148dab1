"""A payment of which the channel took another amount than was asked: what a person decides of it, to give it back or to take it.

Nothing happens by itself: the money stands in suspense and among the open differences until somebody decides. It pays no order before
that, and the shopper may pay the order anew meanwhile. Accepting means that the order costs what was paid: never more than its price.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from catalog import stock
from orders.commands import DecidePayment
from orders.errors import (
    DifferingPaymentNotFound,
    DifferingPaymentSettled,
    OrderNotPayable,
    PaidAboveTotal,
    PaymentPending,
)
from orders.models import Order, Payment
from orders.payments import give_back_unwanted, lock_order, pay_order
from orders.ports import Terms
from orders.queries import open_payments
from orders.reprice import change_total
from orders.states import OrderState
from orders.unwanted import has_unwanted_refund
from orders.views import DifferingPayment, DifferingPayments
from tenants.audit import record_deed
from tenants.kernel.ids import OrderId, PaymentId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

MOST_LISTED = 200


async def differing_payments(db: Reading) -> DifferingPayments:
    """Payments of another amount than was asked that nobody has decided on, the oldest first."""
    statement = _differing(db).where(~has_unwanted_refund(db.tenant_id), Payment.accepted_by.is_(None))
    rows = (await db.execute(statement.order_by(Payment.paid_at, Payment.id).limit(MOST_LISTED))).all()
    return DifferingPayments(payments=[_view(row) for row in rows])


async def refund_differing(
    db: Writing, command: DecidePayment, *, payment_id: PaymentId, now: datetime, actor: str
) -> DifferingPayment:
    """Give all of it back; raises DifferingPaymentNotFound, DifferingPaymentSettled."""
    row = await _undecided(db, payment_id)
    await give_back_unwanted(db, row, now=now, reason="支付金额与订单不符，退款")
    await record_deed(
        db,
        actor=actor,
        action="refund_differing_payment",
        subject_id=payment_id,
        now=now,
        reason=command.reason.strip(),
    )
    return _view(row)


async def accept_differing(
    db: Writing, command: DecidePayment, *, payment_id: PaymentId, terms: Terms, now: datetime, actor: str
) -> DifferingPayment:
    """Take it as the order's price and make the order paid.

    Raises DifferingPaymentNotFound, DifferingPaymentSettled, PaidAboveTotal, OrderNotPayable (paid otherwise, or its units are gone) and
    PaymentPending while the shopper is paying anew.
    """
    row = await _undecided(db, payment_id)
    order_id = OrderId(row.order_id)
    order = await lock_order(db, order_id)
    if row.amount_fen > order.total_fen:
        raise PaidAboveTotal(
            details={"payment": f"{row.amount_fen} fen were paid, the order costs {order.total_fen}"}
        )
    if await open_payments(db, order_id):
        raise PaymentPending(order_id=order_id, reason="another payment of this order is under way")
    again = order.state == OrderState.CANCELLED and await stock.retake(db, order_id=order_id)
    if order.state != OrderState.AWAITING_PAYMENT and not again:
        raise OrderNotPayable(order_id=order_id)
    if row.amount_fen < order.total_fen:
        await change_total(db, order_id, total=Fen(row.amount_fen), terms=terms)
    await db.execute(
        update(Payment)
        .where(Payment.tenant_id == db.tenant_id, Payment.id == payment_id)
        .values(accepted_by=actor)
    )
    await pay_order(db, order_id, payment_id=payment_id, paid_at=row.paid_at, now=now)
    await record_deed(
        db,
        actor=actor,
        action="accept_differing_payment",
        subject_id=payment_id,
        now=now,
        reason=command.reason.strip(),
    )
    return _view(row)


def _differing(db: Reading) -> Any:
    return (
        select(
            Payment.id, Payment.order_id, Payment.payment_no, Payment.amount_fen, Payment.asked_fen, Payment.paid_at,
            Payment.accepted_by, Order.order_no, Order.state.label("order_state"),
            has_unwanted_refund(db.tenant_id).label("given_back"),
        )
        .join(Order, (Order.tenant_id == Payment.tenant_id) & (Order.id == Payment.order_id))
        .where(Payment.tenant_id == db.tenant_id, Order.tenant_id == db.tenant_id, Payment.asked_fen.is_not(None))
    )  # fmt: skip


async def _undecided(db: Writing, payment_id: PaymentId) -> Any:
    """The payment, under its order's lock; raises unless somebody still has to decide."""
    found = (await db.execute(_differing(db).where(Payment.id == payment_id))).one_or_none()
    if found is None:
        raise DifferingPaymentNotFound(payment_id=payment_id)
    await lock_order(db, OrderId(found.order_id))
    row = (await db.execute(_differing(db).where(Payment.id == payment_id))).one()
    if row.accepted_by is not None or row.given_back:
        raise DifferingPaymentSettled(payment_id=payment_id)
    return row


def _view(row: Any) -> DifferingPayment:
    return DifferingPayment(
        payment_id=PaymentId(row.id), payment_no=row.payment_no, order_id=OrderId(row.order_id), order_no=row.order_no,
        order_state=OrderState(row.order_state), asked_fen=Fen(row.asked_fen), paid_fen=Fen(row.amount_fen), paid_at=row.paid_at,
    )  # fmt: skip
