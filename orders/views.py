"""What orders show to others: structs that go out. The settlement's share of them is at the end."""

from datetime import datetime
from enum import StrEnum

import msgspec

from catalog.listings import Spec
from guides.states import AttributionRule, Scene
from orders.ports import PayParameters
from orders.states import OrderState, PaymentStatus, PickupState, RefundStatus
from tenants.kernel.ids import (
    GuideId,
    OrderId,
    PaymentId,
    RefundId,
    ShopperId,
    SkuId,
    StaffId,
    StoreId,
)
from tenants.kernel.money import Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class QuotedLine(_View, frozen=True):
    """A line that can be ordered, with its amounts."""

    sku_id: SkuId
    sku_code: str
    title: str
    specs: list[Spec]
    image: str | None
    quantity: int
    unit_price_fen: Fen
    goods_fen: Fen
    discount_fen: Fen
    paid_fen: Fen


class RefusedLine(_View, frozen=True):
    """A line that cannot be ordered as asked; `available` says how many could be."""

    sku_id: SkuId
    quantity: int
    title: str | None = None
    available: int | None = None


class QuoteView(_View, frozen=True):
    """What the store would sell now: good lines, and the four lists of refused ones. Totals count the good lines alone."""

    store_id: StoreId
    store_name: str
    pickup_eta_text: str
    """Chinese, as shown."""
    pickup_eta_text_en: str
    lines: list[QuotedLine]
    sold_out: list[RefusedLine]
    not_ranged: list[RefusedLine]
    invalid: list[RefusedLine]
    """Unknown, off sale, or without a price here."""
    not_deliverable: list[RefusedLine]
    """The store hands nothing over at the moment."""
    goods_fen: Fen
    discount_fen: Fen
    freight_fen: Fen
    total_fen: Fen


class OrderAction(StrEnum):
    """What the shopper may do next; front ends need no state machine of their own."""

    PAY = "pay"
    """Pay, while the units are held."""
    CANCEL = "cancel"
    """Give the order up."""
    SHOW_PICKUP_CODE = "showPickupCode"
    """Show the code at the counter."""
    REBUY = "rebuy"
    """Put the same lines into a new quote."""


class OrderLineView(_View, frozen=True):
    """A line as it was sold."""

    line_no: int
    sku_id: SkuId | None
    sku_code: str | None
    title: str | None
    specs: list[Spec]
    quantity: int
    unit_price_fen: Fen | None
    goods_fen: Fen
    discount_fen: Fen
    paid_fen: Fen
    refunded_fen: Fen
    refunded_quantity: int


class TimelineStep(_View, frozen=True):
    """One thing that happened to an order."""

    step: str
    at: datetime
    text: str
    text_en: str


class PickupView(_View, frozen=True):
    """Where the goods are collected. The code is shown to the shopper alone."""

    store_id: StoreId
    state: PickupState
    code: str | None
    redeemed_at: datetime | None
    redeemed_at_store_id: StoreId | None


class RefundView(_View, frozen=True):
    """A refund and where it stands."""

    id: RefundId
    refund_no: str
    order_id: OrderId | None
    state: RefundStatus
    amount_fen: Fen
    payer_refund_fen: Fen | None
    reason: str | None
    requested_at: datetime
    refunded_at: datetime | None


class OrderView(_View, frozen=True):
    """An order. `totalFen` is what was asked for, `paidFen` what was paid, `refundedFen` what went or is going back."""

    id: OrderId
    order_no: str
    state: OrderState
    status_text: str
    status_text_en: str
    actions: list[OrderAction]
    scene: Scene
    store_id: StoreId
    store_name: str
    guide_id: GuideId | None
    attribution_rule: AttributionRule
    off_hours: bool | None
    goods_fen: Fen
    freight_fen: Fen
    discount_fen: Fen
    total_fen: Fen
    paid_fen: Fen
    refunded_fen: Fen
    lines: list[OrderLineView]
    remark: str | None
    placed_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    pickup: PickupView | None = None
    timeline: list[TimelineStep] = []
    refunds: list[RefundView] = []


class OrderPage(_View, frozen=True):
    """Orders, newest first, and the cursor of the next page."""

    orders: list[OrderView]
    next_cursor: str | None


class OrderTab(_View, frozen=True):
    """How many orders stand in one state."""

    state: OrderState
    count: int


class OrderTabs(_View, frozen=True):
    """A count for each state, also where there are none."""

    tabs: list[OrderTab]


class PaymentView(_View, frozen=True):
    """A payment. `parameters` are handed to wx.requestPayment; the order, not the front end's success, says when it is paid."""

    order_id: OrderId
    order_state: OrderState
    payment_no: str | None
    state: PaymentStatus | None
    """Null where nothing had to be paid or payment was never started."""
    amount_fen: Fen
    parameters: PayParameters | None
    expires_at: datetime | None


class PickupLine(_View, frozen=True):
    """What to hand over of one line: units that were refunded stay in the store."""

    title: str | None
    sku_code: str | None
    specs: list[Spec]
    quantity: int


class PickupOrder(_View, frozen=True):
    """An order at the counter, before or after the hand-over."""

    order_id: OrderId
    order_no: str
    store_id: StoreId
    state: PickupState
    shopper_tail: str | None
    paid_fen: Fen
    lines: list[PickupLine]
    paid_at: datetime | None
    redeemed_at: datetime | None
    redeemed_by_staff_id: StaffId | None


class WaitingPickups(_View, frozen=True):
    """Orders waiting to be collected, oldest first, and the cursor of the next page."""

    orders: list[PickupOrder]
    next_cursor: str | None


class PlacedOrder(_View, frozen=True):
    """What placing answers: enough to pay."""

    id: OrderId
    order_no: str
    state: OrderState
    store_id: StoreId
    shopper_id: ShopperId | None
    guide_id: GuideId | None
    attribution_rule: AttributionRule
    scene: Scene
    off_hours: bool | None
    goods_fen: Fen
    discount_fen: Fen
    total_fen: Fen
    placed_at: datetime
    expires_at: datetime


class DifferingPayment(_View, frozen=True):
    """A payment of which the channel took another amount than was asked."""

    payment_id: PaymentId
    payment_no: str
    order_id: OrderId
    order_no: str
    order_state: OrderState
    asked_fen: Fen
    paid_fen: Fen
    paid_at: datetime


class DifferingPayments(_View, frozen=True):
    """Those that nobody has decided on, the oldest first."""

    payments: list[DifferingPayment]
