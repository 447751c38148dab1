"""Which orders were given back whole, as a statement for settlement to put inside its own: recounted from lines and finished refunds.

Each order, line and refund is looked up by its key, whatever the statistics say: sums joined with sums are planned by those.
"""

from typing import Any

from sqlalchemy import BigInteger, Select, case, cast, false, func, select, true

from orders.models import Order, OrderLine, Refund, RefundLine
from orders.states import RefundStatus
from tenants.kernel.ids import TenantId


def orders_given_back_select(tenant_id: TenantId) -> Select[*tuple[Any, ...]]:
    """Paid orders (`order_id`, `order_no`) of which no line is kept: its fen went back or, where nothing was paid for it, its units.

    A refund line that names a line of which nothing was paid, and no units, gives back all of it.
    """
    refunded = (
        select(Refund.id).where(Refund.tenant_id == tenant_id, Refund.order_id == Order.id).limit(1).correlate(Order)
    )  # fmt: skip
    kept = (
        select(OrderLine.id)
        .where(OrderLine.tenant_id == tenant_id, OrderLine.order_id == Order.id, _is_kept(tenant_id))
        .limit(1)
        .correlate(Order)
    )
    # In turns, the cheap question first: most orders have no refund, and their lines are not looked at.
    whole = case(
        (Order.refunded_fen < Order.paid_fen, false()),
        (refunded.scalar_subquery().is_(None), false()),
        else_=kept.scalar_subquery().is_(None),
    )
    return select(Order.id.label("order_id"), Order.order_no.label("order_no")).where(
        Order.tenant_id == tenant_id, Order.paid_at.is_not(None), whole
    )


def _is_kept(tenant_id: TenantId) -> Any:
    """Whether something of the line is left."""
    state = (
        select(Refund.state)
        .where(Refund.tenant_id == tenant_id, Refund.id == RefundLine.refund_id)
        .correlate(RefundLine)
        .scalar_subquery()
    )
    done = case((state == RefundStatus.DONE, true()), else_=false())
    whole = func.greatest(OrderLine.quantity, 1)
    units = cast(func.sum(case((RefundLine.quantity == 0, whole), else_=RefundLine.quantity)), BigInteger)
    of_line = (RefundLine.tenant_id == tenant_id, RefundLine.order_line_id == OrderLine.id, done)

    def back(what: Any) -> Any:
        return select(func.coalesce(what, 0)).where(*of_line).correlate(OrderLine).scalar_subquery()

    fen = back(func.sum(RefundLine.amount_fen))
    return case((OrderLine.paid_fen > 0, fen < OrderLine.paid_fen), else_=back(units) < whole)
