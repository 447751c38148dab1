"""The orders' tables: private to `orders`; others read through `queries` and `views`, and learn facts through `events`.

An imported order stands in the same tables as one placed here (`source`), so that figures and statements have one place to look;
what its document does not say is null. Amounts are whole fen; counters are changed by guarded UPDATEs only.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from guides.states import AttributionRule, Scene
from orders.states import LineKind, OrderState, PaymentStatus, PickupState, RefundStatus, Source
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table


class Order(Base):
    """订单. Store, guide and evidence are frozen when it is placed; money counters move by guarded UPDATEs only."""

    __tablename__ = "orders"
    __table_args__ = tenant_table(
        belongs_to("stores", "store_id", name="orders_fk_store"),
        belongs_to("stores", "pickup_store_id", name="orders_fk_pickup_store"),
        belongs_to("shoppers", "shopper_id"),
        belongs_to("guides", "guide_id"),
        belongs_to("merchants", "merchant_id"),
        UniqueConstraint("tenant_id", "order_no"),
        Index(
            "orders_uq_external", "tenant_id", "source_name", "external_no", unique=True,
            postgresql_where=text("external_no IS NOT NULL"),
        ),
        one_of("source", Source),
        one_of("state", OrderState),
        one_of("scene", Scene),
        one_of("attribution_rule", AttributionRule),
        rule("totals", "total_fen = goods_fen + freight_fen + other_fen - discount_fen AND (source = 'history' OR total_fen >= 0)"),
        rule("kept", "refunded_fen >= 0 AND split_fen >= 0 AND (source = 'history' OR refunded_fen + split_fen <= paid_fen)"),
        Index("orders_ix_shopper", "tenant_id", "shopper_id", "placed_at"),
        Index("orders_ix_store", "tenant_id", "store_id", "placed_at"),
        Index("orders_ix_guide", "tenant_id", "guide_id", "placed_at"),
        Index("orders_ix_business", "tenant_id", "business_on"),
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    order_no: Mapped[str]
    source: Mapped[str]
    source_name: Mapped[str]
    external_no: Mapped[str | None]
    external_status: Mapped[str | None]
    state: Mapped[str]
    scene: Mapped[str]
    store_id: Mapped[UUID]
    pickup_store_id: Mapped[UUID | None]
    shopper_id: Mapped[UUID | None]
    placed_by_staff_id: Mapped[UUID | None]
    guide_id: Mapped[UUID | None]
    attribution_rule: Mapped[str]
    attribution: Mapped[dict[str, Any]]
    merchant_id: Mapped[UUID | None]
    profit_sharing: Mapped[bool] = mapped_column(default=False)
    off_hours: Mapped[bool | None]
    business_on: Mapped[date] = mapped_column(Date)
    goods_fen: Mapped[Fen]
    freight_fen: Mapped[Fen] = mapped_column(default=0)
    other_fen: Mapped[Fen] = mapped_column(default=0)
    discount_fen: Mapped[Fen] = mapped_column(default=0)
    total_fen: Mapped[Fen]
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    refunded_fen: Mapped[Fen] = mapped_column(default=0)
    split_fen: Mapped[Fen] = mapped_column(default=0)
    remark: Mapped[str | None]
    placed_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    paid_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


class OrderLine(Base):
    """订单行: what was sold, at which price, on which frozen terms. The terms divide `paid_fen`, by rates of `base_fen` (null: of what was paid)."""

    __tablename__ = "order_lines"
    __table_args__ = tenant_table(
        belongs_to("orders", "order_id"),
        belongs_to("skus", "sku_id"),
        belongs_to("frozen_terms", "terms_id"),
        UniqueConstraint("tenant_id", "order_id", "line_no"),
        one_of("kind", LineKind),
        rule("refunded", "refunded_fen >= 0 AND refunded_fen <= paid_fen AND refunded_quantity >= 0"),
        rule("base", "base_fen IS NULL OR base_fen >= 0"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    order_id: Mapped[UUID]
    line_no: Mapped[int]
    kind: Mapped[str] = mapped_column(default=LineKind.GOODS)
    sku_id: Mapped[UUID | None]
    sku_code: Mapped[str | None]
    title: Mapped[str | None]
    specs: Mapped[list[Any]] = mapped_column(default=list)
    category_code: Mapped[str | None]
    promotion_code: Mapped[str | None]
    """活动: the campaign whose price it was sold at."""
    promotion_fen: Mapped[Fen | None]
    """What the campaign took off the line's list price, where that is not the line's discount."""
    quantity: Mapped[int]
    unit_price_fen: Mapped[Fen | None]
    goods_fen: Mapped[Fen]
    discount_fen: Mapped[Fen] = mapped_column(default=0)
    paid_fen: Mapped[Fen]
    refunded_fen: Mapped[Fen] = mapped_column(default=0)
    refunded_quantity: Mapped[int] = mapped_column(default=0)
    base_fen: Mapped[Fen | None]
    terms_id: Mapped[UUID | None]
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Payment(Base):
    """支付: one payment number at our channel, written down before the call and re-used for ever."""

    __tablename__ = "payments"
    __table_args__ = tenant_table(
        belongs_to("orders", "order_id"),
        belongs_to("merchants", "merchant_id"),
        UniqueConstraint("tenant_id", "payment_no"),
        one_of("state", PaymentStatus),
        rule("amount", "amount_fen > 0"),
        Index(
            "payments_uq_open",
            "tenant_id",
            "order_id",
            unique=True,
            postgresql_where=text("state IN ('intended', 'prepared')"),
        ),
        Index("payments_ix_order", "tenant_id", "order_id"),
        Index("payments_ix_paid", "tenant_id", "merchant_id", "paid_at"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    order_id: Mapped[UUID]
    merchant_id: Mapped[UUID]
    payment_no: Mapped[str]
    state: Mapped[str]
    amount_fen: Mapped[Fen]
    """What was asked for; of a payment that was taken, what the channel took."""
    asked_fen: Mapped[Fen | None]
    """What was asked for, where the channel took another amount: such a payment waits for a person."""
    accepted_by: Mapped[str | None]
    """Who took that other amount as the order's price."""
    prepay_id: Mapped[str | None]
    parameters: Mapped[dict[str, Any] | None]
    transaction_id: Mapped[str | None]
    payer_total_fen: Mapped[Fen | None]
    coupons: Mapped[dict[str, Any] | None]
    """Who paid for its coupons (`orders.ports.CouponParts`), where the channel tells."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    closing_at: Mapped[datetime | None] = mapped_column(Moment)
    """When we first set out to close it: from then on only the channel knows whether it can still be paid."""
    paid_at: Mapped[datetime | None] = mapped_column(Moment)


class Tender(Base):
    """How an imported order was paid elsewhere (cash, card, voucher): for figures, never for our channel."""

    __tablename__ = "tenders"
    __table_args__ = tenant_table(belongs_to("orders", "order_id"))

    tenant_id: Mapped[TenantKey]
    order_id: Mapped[Key]
    sequence: Mapped[int] = mapped_column(primary_key=True)
    method: Mapped[str]
    amount_fen: Mapped[Fen]


class Pickup(Base):
    """自提: the code that is shown and redeemed once, by whom, when and where."""

    __tablename__ = "pickups"
    __table_args__ = tenant_table(
        belongs_to("orders", "order_id"),
        belongs_to("stores", "store_id"),
        one_of("state", PickupState),
        Index(
            "pickups_uq_code", "tenant_id", "code", unique=True, postgresql_where=text("state = 'waiting'")
        ),
        Index("pickups_ix_store", "tenant_id", "store_id", "state"),
    )

    tenant_id: Mapped[TenantKey]
    order_id: Mapped[Key]
    store_id: Mapped[UUID]
    code: Mapped[str]
    state: Mapped[str] = mapped_column(default=PickupState.WAITING)
    created_at: Mapped[datetime] = mapped_column(Moment)
    redeemed_at: Mapped[datetime | None] = mapped_column(Moment)
    redeemed_by_staff_id: Mapped[UUID | None]
    redeemed_at_store_id: Mapped[UUID | None]


class PickupAttempt(Base):
    """Wrong codes typed by one staff member within one window: a counter with a guard, so that codes cannot be guessed."""

    __tablename__ = "pickup_attempts"
    __table_args__ = tenant_table(belongs_to("staff", "staff_id"), rule("failures", "failures >= 0"))

    tenant_id: Mapped[TenantKey]
    staff_id: Mapped[Key]
    window_starts_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    failures: Mapped[int]


class Refund(Base):
    """退款: one refund number, written down before the call. An imported refund may name no order at all."""

    __tablename__ = "refunds"
    __table_args__ = tenant_table(
        belongs_to("orders", "order_id"),
        belongs_to("stores", "store_id"),
        belongs_to("guides", "guide_id"),
        UniqueConstraint("tenant_id", "refund_no"),
        Index(
            "refunds_uq_external", "tenant_id", "source_name", "external_no", unique=True,
            postgresql_where=text("external_no IS NOT NULL"),
        ),
        one_of("source", Source),
        one_of("state", RefundStatus),
        rule("amount", "amount_fen >= 0"),
        Index("refunds_ix_order", "tenant_id", "order_id"),
        Index("refunds_ix_business", "tenant_id", "business_on"),
        Index("refunds_ix_requested", "tenant_id", "requested_at", postgresql_where=text("payment_id IS NOT NULL")),
        Index(
            "refunds_ix_document", "tenant_id", "source_name", "document",
            postgresql_where=text("document IS NOT NULL"),
        ),
    )  # fmt: skip

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    refund_no: Mapped[str]
    source: Mapped[str]
    source_name: Mapped[str]
    external_no: Mapped[str | None]
    document: Mapped[str | None]
    """The sale's number in the other system, of an imported refund whose order was not known when it came."""
    order_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    store_id: Mapped[UUID]
    guide_id: Mapped[UUID | None]
    state: Mapped[str]
    amount_fen: Mapped[Fen]
    on_the_shelf: Mapped[bool | None]
    """Asked for before the goods were handed over: its units go back to the stock, whenever the money arrives."""
    payer_refund_fen: Mapped[Fen | None]
    vendor_refund_id: Mapped[str | None]
    channel_code: Mapped[str | None]
    reason: Mapped[str | None]
    requested_by: Mapped[str]
    business_on: Mapped[date] = mapped_column(Date)
    requested_at: Mapped[datetime] = mapped_column(Moment)
    refunded_at: Mapped[datetime | None] = mapped_column(Moment)


class RefundLine(Base):
    """What a refund takes back of one line; `terms_id` is the sale's own, or (with no known sale) the terms of that day."""

    __tablename__ = "refund_lines"
    __table_args__ = tenant_table(
        belongs_to("refunds", "refund_id"),
        belongs_to("order_lines", "order_line_id"),
        belongs_to("frozen_terms", "terms_id"),
        one_of("kind", LineKind),
        rule("amount", "amount_fen >= 0 AND quantity >= 0"),
        rule("base", "base_fen IS NULL OR base_fen >= 0"),
        Index("refund_lines_ix_line", "tenant_id", "order_line_id"),
    )

    tenant_id: Mapped[TenantKey]
    refund_id: Mapped[Key]
    line_no: Mapped[int] = mapped_column(primary_key=True)
    order_line_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(default=LineKind.GOODS)
    sku_code: Mapped[str | None]
    title: Mapped[str | None]
    quantity: Mapped[int]
    amount_fen: Mapped[Fen]
    kept_before_fen: Mapped[Fen | None]
    base_fen: Mapped[Fen | None]
    """The base of a refund without a known sale, where it is not its amount."""
    terms_id: Mapped[UUID | None]
