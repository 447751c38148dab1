"""Every state an order, a payment, a refund or a pickup can be in, and the only ways from one to another. Pure.

Transitions exist here and nowhere else; a verb asks `allowed` and writes with the old states in its WHERE, so that a late message
can never take a later state back.
"""

from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class OrderState(StrEnum):
    """Where an order stands."""

    AWAITING_PAYMENT = "awaiting_payment"
    """待付款: placed, units held until the reservation expires."""
    PAID = "paid"
    """待自提: paid, waiting to be collected."""
    COLLECTED = "collected"
    """已完成: handed over (or, for imported orders, settled at the till)."""
    CANCELLED = "cancelled"
    """已取消: never paid, or paid too late and given back. A late payment brings it back while its goods are still there."""
    REFUNDED = "refunded"
    """已退款: everything that was paid went back."""


class PaymentStatus(StrEnum):
    """Where one payment number stands."""

    INTENDED = "intended"
    """The number is written down; the channel may or may not know it."""
    PREPARED = "prepared"
    """The channel waits for the shopper."""
    PAID = "paid"
    """The money was taken."""
    CLOSED = "closed"
    """It can no longer be paid."""
    REFUSED = "refused"
    """The channel will not take it."""


class RefundStatus(StrEnum):
    """Where one refund stands."""

    INTENDED = "intended"
    """The number is written down and the amount is reserved; the channel may or may not know it."""
    PENDING = "pending"
    """The channel accepted it."""
    DONE = "done"
    """The money went back."""
    FAILED = "failed"
    """The channel will not do it; the amount is free again."""
    ABNORMAL = "abnormal"
    """The shopper's account did not take it; a person must look."""


class PickupState(StrEnum):
    """Where a pickup stands."""

    WAITING = "waiting"
    """The code is active."""
    REDEEMED = "redeemed"
    """已核销: handed over, once."""
    VOID = "void"
    """The order was refunded or cancelled first."""


class LineKind(StrEnum):
    """What a line is."""

    GOODS = "goods"
    """Merchandise."""
    FREIGHT = "freight"
    """Carriage."""
    OTHER = "other"
    """Fees, manual corrections, vouchers: counted in totals, not in goods."""


class Source(StrEnum):
    """Where an order was made."""

    STOREFRONT = "storefront"
    """Here: its money ran through our payment channel."""
    HISTORY = "history"
    """Imported (POS day file, marketplace): for figures and mall statements; its money never touched our channel."""


ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.AWAITING_PAYMENT: frozenset({OrderState.PAID, OrderState.CANCELLED}),
    OrderState.PAID: frozenset({OrderState.COLLECTED, OrderState.REFUNDED}),
    OrderState.COLLECTED: frozenset({OrderState.REFUNDED}),
    # Money that came after the end: the order stands again, if its units can be taken again.
    OrderState.CANCELLED: frozenset({OrderState.PAID}),
    OrderState.REFUNDED: frozenset(),
}
PAYMENT_MOVES: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.INTENDED: frozenset(
        {PaymentStatus.PREPARED, PaymentStatus.PAID, PaymentStatus.CLOSED, PaymentStatus.REFUSED}
    ),
    PaymentStatus.PREPARED: frozenset({PaymentStatus.PAID, PaymentStatus.CLOSED}),
    PaymentStatus.PAID: frozenset(),
    # The channel's word that money was taken always counts: such a payment is kept as paid, and given back.
    PaymentStatus.CLOSED: frozenset({PaymentStatus.PAID}),
    PaymentStatus.REFUSED: frozenset({PaymentStatus.PAID}),
}
REFUND_MOVES: dict[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.INTENDED: frozenset(
        {RefundStatus.PENDING, RefundStatus.DONE, RefundStatus.FAILED, RefundStatus.ABNORMAL}
    ),
    RefundStatus.PENDING: frozenset({RefundStatus.DONE, RefundStatus.FAILED, RefundStatus.ABNORMAL}),
    RefundStatus.ABNORMAL: frozenset({RefundStatus.DONE, RefundStatus.FAILED}),
    RefundStatus.DONE: frozenset(),
    # The channel's word that money went back always counts, whatever we were told before.
    RefundStatus.FAILED: frozenset({RefundStatus.PENDING, RefundStatus.DONE, RefundStatus.ABNORMAL}),
}
PICKUP_MOVES: dict[PickupState, frozenset[PickupState]] = {
    PickupState.WAITING: frozenset({PickupState.REDEEMED, PickupState.VOID}),
    PickupState.REDEEMED: frozenset(),
    PickupState.VOID: frozenset(),
}


def origins(moves: dict[State, frozenset[State]], target: State) -> list[State]:
    """The states from which `target` may be reached: what belongs in the WHERE of the UPDATE that moves there."""
    return [state for state, targets in moves.items() if target in targets]
