"""The numbers by which people name orders."""

from collections.abc import Collection

from sqlalchemy import select

from orders.models import Order
from tenants.kernel.ids import OrderId
from tenants.kernel.scope import Reading


async def order_numbers(db: Reading, order_ids: Collection[OrderId]) -> dict[OrderId, str]:
    """The numbers of these orders."""
    statement = select(Order.id, Order.order_no).where(
        Order.tenant_id == db.tenant_id, Order.id.in_(list(order_ids))
    )
    return {OrderId(row.id): row.order_no for row in await db.execute(statement)}
