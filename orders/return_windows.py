"""Orders whose goods may still be brought back: what is earned on them is not final yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select

from orders.models import Order, Pickup
from orders.states import Source


def returnable_orders_select(tenant_id: Any, *, since: datetime) -> Select[*tuple[Any, ...]]:
    """Paid orders handed over after `since`, or not yet; of imported ones, which tell no hand-over, those paid after it."""
    ours = and_(
        Order.source == Source.STOREFRONT, or_(Pickup.redeemed_at.is_(None), Pickup.redeemed_at > since)
    )
    theirs = and_(Order.source != Source.STOREFRONT, Order.paid_at > since)
    return (
        select(Order.id.label("order_id"))
        .outerjoin(Pickup, and_(Pickup.tenant_id == tenant_id, Pickup.order_id == Order.id))
        .where(Order.tenant_id == tenant_id, Order.paid_at.is_not(None), or_(ours, theirs))
    )  # fmt: skip
