"""Paid and refunded lines that the reads of settlement leave out, because no terms were frozen on them: only a fault makes such lines."""

from typing import Any

from sqlalchemy import CompoundSelect, String, cast, literal, select, union_all

from orders.models import Order, OrderLine, Refund, RefundLine
from orders.states import RefundStatus
from tenants.kernel.ids import TenantId


def lines_without_terms_select(tenant_id: TenantId) -> CompoundSelect[*tuple[Any, ...]]:
    """Lines of paid orders and of finished refunds that moved money and have no terms: `kind` and `number` name each."""
    sold = (
        select(
            literal("order line").label("kind"),
            (Order.order_no + "/" + cast(OrderLine.line_no, String)).label("number"),
        )
        .select_from(OrderLine)
        .join(Order, (Order.tenant_id == OrderLine.tenant_id) & (Order.id == OrderLine.order_id))
        .where(
            OrderLine.tenant_id == tenant_id,
            Order.tenant_id == tenant_id,
            Order.paid_at.is_not(None),
            OrderLine.paid_fen != 0,
            OrderLine.terms_id.is_(None),
        )
    )
    undone = (
        select(literal("refund line"), Refund.refund_no + "/" + cast(RefundLine.line_no, String))
        .select_from(RefundLine)
        .join(Refund, (Refund.tenant_id == RefundLine.tenant_id) & (Refund.id == RefundLine.refund_id))
        .where(
            RefundLine.tenant_id == tenant_id,
            Refund.tenant_id == tenant_id,
            Refund.state == RefundStatus.DONE,
            Refund.refunded_at.is_not(None),
            RefundLine.amount_fen != 0,
            RefundLine.terms_id.is_(None),
        )
    )
    return union_all(sold, undone)
