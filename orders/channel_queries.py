"""What a payment channel's files are compared with: each payment and refund under the number the channel knows, as statements.

Settlement puts them inside its own; they hold no order of rows and no days. Each names the tenant for every table in it.
"""

from typing import Any

from sqlalchemy import BigInteger, Select, and_, case, cast, func, literal, null, or_, select, true, tuple_
from sqlalchemy.orm import aliased

from orders.models import Order, Payment, Refund
from orders.payments import UNWANTED
from orders.states import PaymentStatus, RefundStatus, Source
from orders.unwanted import has_unwanted_refund, is_unwanted
from tenants.kernel.ids import MerchantId, PaymentId, TenantId
from tenants.kernel.scope import Reading

ACCEPTED = (RefundStatus.PENDING, RefundStatus.DONE, RefundStatus.ABNORMAL)
"""Refunds that the channel has taken on: they stand in its file of that day, whatever becomes of them."""


def channel_payments_select(tenant_id: TenantId, *, number: Any = None) -> Select[*tuple[Any, ...]]:
    """Every payment number, or that one: `happened_at` is when it was paid, `at` that or when it was written down; `certain` ones must be in the channel's file.

    `whole_fen` is what was paid, `before_fen` nothing; `unwanted` ones were given back because no order waited for them. `settled_fen`
    is what reaches the merchant, null where coupons paid and the channel does not tell by whom. `asked_fen` is what we asked for where
    the channel took another amount and nobody has decided on it.
    """
    return select(
        literal("payment").label("kind"),
        Payment.id.label("id"),
        Payment.payment_no.label("number"),
        Payment.merchant_id.label("merchant_id"),
        Payment.paid_at.label("happened_at"),
        func.coalesce(Payment.paid_at, Payment.created_at).label("at"),
        Payment.state.label("state"),
        (Payment.state == PaymentStatus.PAID).label("certain"),
        Payment.amount_fen.label("amount_fen"),
        Payment.payer_total_fen.label("payer_fen"),
        Payment.transaction_id.label("vendor_no"),
        Payment.amount_fen.label("whole_fen"),
        (Payment.amount_fen - Payment.amount_fen).label("before_fen"),
        (Payment.payer_total_fen < Payment.amount_fen).label("has_coupons"),
        Payment.order_id.label("order_id"),
        case((is_unwanted(tenant_id), Payment.id), else_=Payment.order_id).label("cause_id"),
        is_unwanted(tenant_id).label("unwanted"),
        _settled().label("settled_fen"),
        _undecided(tenant_id).label("asked_fen"),
    ).where(Payment.tenant_id == tenant_id, true() if number is None else Payment.payment_no == number)


def channel_refunds_select(tenant_id: TenantId, *, number: Any = None) -> Select[*tuple[Any, ...]]:
    """Every refund number, or that one: `at` is when it was asked for; `whole_fen` is what its payment took, `before_fen` what earlier refunds took back of that."""
    earlier = aliased(Refund)
    before = (
        select(cast(func.coalesce(func.sum(earlier.amount_fen), 0), BigInteger))
        .where(
            earlier.tenant_id == tenant_id,
            earlier.order_id == Refund.order_id,
            earlier.payment_id == Refund.payment_id,
            earlier.state.in_(ACCEPTED),
            tuple_(earlier.requested_at, earlier.id) < tuple_(Refund.requested_at, Refund.id),
        )
        .correlate(Refund)
        .scalar_subquery()
    )
    return (
        select(
            literal("refund").label("kind"),
            Refund.id.label("id"),
            Refund.refund_no.label("number"),
            Payment.merchant_id.label("merchant_id"),
            Refund.requested_at.label("happened_at"),
            Refund.requested_at.label("at"),
            Refund.state.label("state"),
            Refund.state.in_(ACCEPTED).label("certain"),
            Refund.amount_fen.label("amount_fen"),
            Refund.payer_refund_fen.label("payer_fen"),
            Refund.vendor_refund_id.label("vendor_no"),
            Payment.amount_fen.label("whole_fen"),
            before.label("before_fen"),
            (Payment.payer_total_fen < Payment.amount_fen).label("has_coupons"),
            Refund.order_id.label("order_id"),
            Refund.id.label("cause_id"),
            (Refund.requested_by == UNWANTED).label("unwanted"),
            case((Payment.payer_total_fen < Payment.amount_fen, null()), else_=Refund.amount_fen).label(
                "settled_fen"
            ),
            cast(null(), BigInteger).label("asked_fen"),
        )
        .join(Payment, and_(Payment.tenant_id == Refund.tenant_id, Payment.id == Refund.payment_id))
        .where(
            Refund.tenant_id == tenant_id,
            Payment.tenant_id == tenant_id,
            true() if number is None else Refund.refund_no == number,
        )
    )


def _undecided(tenant_id: TenantId) -> Any:
    decided = or_(Payment.accepted_by.is_not(None), has_unwanted_refund(tenant_id))
    return case((decided, null()), else_=Payment.asked_fen)


def _settled() -> Any:
    """What of a payment reaches the merchant (应结订单金额); of a refund nobody knows how the channel divides coupons."""
    nocash = cast(Payment.coupons["nocash_fen"].astext, BigInteger)
    whole = or_(Payment.payer_total_fen.is_(None), Payment.payer_total_fen >= Payment.amount_fen)
    return case((whole, Payment.amount_fen), else_=Payment.amount_fen - nocash)


async def merchant_of_payment(db: Reading, payment_id: PaymentId) -> MerchantId:
    """The merchant that a payment went to."""
    statement = select(Payment.merchant_id).where(Payment.tenant_id == db.tenant_id, Payment.id == payment_id)
    return MerchantId((await db.execute(statement)).scalar_one())


def imported_sales_select(tenant_id: TenantId, source_name: str) -> Select[*tuple[Any, ...]]:
    """Every imported sale of one other system, under that system's number."""
    return select(
        literal("order").label("kind"),
        Order.id.label("id"),
        Order.external_no.label("number"),
        Order.business_on.label("day"),
        Order.paid_fen.label("amount_fen"),
        Order.id.label("order_id"),
        Order.store_id.label("store_id"),
    ).where(
        Order.tenant_id == tenant_id,
        Order.source == Source.HISTORY,
        Order.source_name == source_name,
        Order.external_no.is_not(None),
        Order.paid_at.is_not(None),
    )


def imported_refunds_select(tenant_id: TenantId, source_name: str) -> Select[*tuple[Any, ...]]:
    """Every imported refund of one other system, under that system's number."""
    return select(
        literal("refund").label("kind"),
        Refund.id.label("id"),
        Refund.external_no.label("number"),
        Refund.business_on.label("day"),
        Refund.amount_fen.label("amount_fen"),
        Refund.order_id.label("order_id"),
        Refund.store_id.label("store_id"),
    ).where(
        Refund.tenant_id == tenant_id,
        Refund.source == Source.HISTORY,
        Refund.source_name == source_name,
        Refund.external_no.is_not(None),
        Refund.state == RefundStatus.DONE,
    )
