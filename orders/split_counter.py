"""How much of an order was split off to receivers: one counter beside what was refunded, moved by guarded UPDATEs alone.

Refunds and split money together never exceed what was paid; the guard stands in the UPDATE, and a CHECK stands behind it. Who was
given how much is settlement's to know.
"""

from sqlalchemy import update

from orders.models import Order
from tenants.kernel.ids import OrderId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


async def take_split(db: Writing, order_id: OrderId, *, amount_fen: Fen) -> bool:
    """Reserve an amount to be split off; False, and nothing reserved, when refunds have left less than that."""
    statement = (
        update(Order)
        .where(
            Order.tenant_id == db.tenant_id,
            Order.id == order_id,
            Order.refunded_fen + Order.split_fen + amount_fen <= Order.paid_fen,
        )
        .values(split_fen=Order.split_fen + amount_fen)
        .returning(Order.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def free_split(db: Writing, order_id: OrderId, *, amount_fen: Fen) -> None:
    """Take back a reservation whose money did not leave, or came back."""
    await db.execute(
        update(Order)
        .where(Order.tenant_id == db.tenant_id, Order.id == order_id)
        .values(split_fen=Order.split_fen - amount_fen)
    )
