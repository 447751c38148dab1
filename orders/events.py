"""The facts orders publish, past tense. They travel through the outbox; a reaction reads what it needs through `queries`."""

from datetime import datetime

import msgspec

from tenants.kernel.ids import OrderId, PaymentId, RefundId, StoreId
from tenants.kernel.money import Fen


class OrderPlaced(msgspec.Struct, frozen=True, kw_only=True):
    """An order was placed and its units are held."""

    order_id: OrderId
    store_id: StoreId
    expires_at: datetime


class ReservationRanOut(msgspec.Struct, frozen=True, kw_only=True):
    """The time to pay is over (published with the order, due at its expiry)."""

    order_id: OrderId


class CallbackReceived(msgspec.Struct, frozen=True, kw_only=True):
    """A verified message of the payment channel was kept in the inbox."""

    source: str
    external_id: str


class OrderPaid(msgspec.Struct, frozen=True, kw_only=True):
    """An order was paid, here or (imported) elsewhere."""

    order_id: OrderId
    payment_id: PaymentId | None
    paid_at: datetime


class PaymentDiffered(msgspec.Struct, frozen=True, kw_only=True):
    """The channel took another amount than was asked: the money is nobody's until a person decides."""

    payment_id: PaymentId


class OrderCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """An unpaid order was given up; its units are free again."""

    order_id: OrderId
    reason: str


class OrderCollected(msgspec.Struct, frozen=True, kw_only=True):
    """The goods were handed over."""

    order_id: OrderId
    store_id: StoreId
    collected_at: datetime


class RefundRequested(msgspec.Struct, frozen=True, kw_only=True):
    """A refund was written down and waits for the channel (`tried`: how often it was put off since, for want of money)."""

    refund_id: RefundId
    tried: int = 0


class RefundAwaited(msgspec.Struct, frozen=True, kw_only=True):
    """The channel accepted a refund; in case its message gets lost, it is asked at `due_at` (and `asked` counts how often)."""

    refund_id: RefundId
    asked: int


class RefundFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The channel will not give the money back; the refund's amounts are free again."""

    refund_id: RefundId
    order_id: OrderId


class OrderRepriced(msgspec.Struct, frozen=True, kw_only=True):
    """An unpaid order costs something else now; it is paid under a new number."""

    order_id: OrderId
    total_before_fen: Fen
    total_fen: Fen


class RefundDone(msgspec.Struct, frozen=True, kw_only=True):
    """Money went back."""

    refund_id: RefundId
    refunded_at: datetime


class HistoryImported(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of imported orders and refunds was kept: they wait for their terms to be posted."""

    source_name: str
    batch: str
