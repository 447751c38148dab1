"""Every read of orders. What settlement divides stands first, as statements it may put inside its own set-based INSERT … SELECT.

Each statement names the tenant for every table in it; another tenant's id finds nothing.
"""

from typing import Any

from sqlalchemy import Select, select

from orders.models import Order, OrderLine, Refund, RefundLine
from orders.states import RefundStatus
from orders.views import ReversedLine, SettledLine
from tenants.kernel.ids import GuideId, OrderId, OrderLineId, RefundId, StoreId, TenantId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


def settled_lines_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every paid line with frozen terms: the columns of `SettledLine`, and what a statement says of a line (numbers, codes, source)."""
    return (
        select(
            OrderLine.tenant_id.label("tenant_id"),
            OrderLine.order_id.label("order_id"),
            OrderLine.id.label("order_line_id"),
            OrderLine.line_no.label("line_no"),
            OrderLine.sku_code.label("sku_code"),
            Order.order_no.label("order_no"),
            Order.external_no.label("external_no"),
            Order.store_id.label("store_id"),
            Order.guide_id.label("guide_id"),
            OrderLine.terms_id.label("terms_id"),
            OrderLine.paid_fen.label("paid_fen"),
            Order.paid_at.label("paid_at"),
            Order.business_on.label("business_on"),
            Order.source.label("source"),
            Order.source_name.label("source_name"),
        )
        .join(Order, (Order.tenant_id == OrderLine.tenant_id) & (Order.id == OrderLine.order_id))
        .where(
            OrderLine.tenant_id == tenant_id,
            Order.tenant_id == tenant_id,
            Order.paid_at.is_not(None),
            OrderLine.terms_id.is_not(None),
        )
    )


def reversed_lines_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Every refunded line with terms: the columns of `ReversedLine`, and what a statement says of a line (numbers, codes, source)."""
    return (
        select(
            RefundLine.tenant_id.label("tenant_id"),
            RefundLine.refund_id.label("refund_id"),
            RefundLine.line_no.label("refund_line_no"),
            RefundLine.sku_code.label("sku_code"),
            Refund.refund_no.label("refund_no"),
            Refund.external_no.label("external_no"),
            Refund.order_id.label("order_id"),
            RefundLine.order_line_id.label("order_line_id"),
            Refund.store_id.label("store_id"),
            RefundLine.terms_id.label("terms_id"),
            RefundLine.amount_fen.label("amount_fen"),
            RefundLine.kept_before_fen.label("kept_before_fen"),
            Refund.refunded_at.label("refunded_at"),
            Refund.business_on.label("business_on"),
            Refund.source.label("source"),
            Refund.source_name.label("source_name"),
        )
        .join(Refund, (Refund.tenant_id == RefundLine.tenant_id) & (Refund.id == RefundLine.refund_id))
        .where(
            RefundLine.tenant_id == tenant_id,
            Refund.tenant_id == tenant_id,
            Refund.state == RefundStatus.DONE,
            Refund.refunded_at.is_not(None),
            RefundLine.terms_id.is_not(None),
        )
    )


async def settled_lines(db: Reading, order_id: OrderId) -> list[SettledLine]:
    """The lines of a paid order in line order; none while it is unpaid."""
    statement = settled_lines_select(db.tenant_id).where(OrderLine.order_id == order_id)
    rows = (await db.execute(statement.order_by(OrderLine.line_no))).all()
    return [
        SettledLine(
            order_id=OrderId(row.order_id), order_line_id=OrderLineId(row.order_line_id),
            store_id=StoreId(row.store_id), guide_id=GuideId(row.guide_id) if row.guide_id else None,
            terms_id=TermsId(row.terms_id), paid_fen=Fen(row.paid_fen), paid_at=row.paid_at,
            business_on=row.business_on,
        )
        for row in rows
    ]  # fmt: skip


async def reversed_lines(db: Reading, refund_id: RefundId) -> list[ReversedLine]:
    """What a finished refund took back, in line order; none while it is under way."""
    statement = reversed_lines_select(db.tenant_id).where(RefundLine.refund_id == refund_id)
    rows = (await db.execute(statement.order_by(RefundLine.line_no))).all()
    return [
        ReversedLine(
            refund_id=RefundId(row.refund_id), refund_line_no=row.refund_line_no,
            order_id=OrderId(row.order_id) if row.order_id else None,
            order_line_id=OrderLineId(row.order_line_id) if row.order_line_id else None,
            store_id=StoreId(row.store_id), terms_id=TermsId(row.terms_id), amount_fen=Fen(row.amount_fen),
            kept_before_fen=None if row.kept_before_fen is None else Fen(row.kept_before_fen),
            refunded_at=row.refunded_at,
        )
        for row in rows
    ]  # fmt: skip
