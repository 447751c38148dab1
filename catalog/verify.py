"""The laws of stock, as SQL that recounts it. Reads only; an operator may run it at any time."""

from tenants.kernel.scope import Reading
from tenants.laws import BrokenLaw, broken_laws

RESERVATIONS = "SELECT v.order_id, v.sku_id, v.level_id, v.quantity, v.state FROM app.reservations v WHERE v.tenant_id = :tenant_id"
"""What is held for or taken by whom, for the floors above to compare with what they know."""

LAWS = {
    "what is reserved is the sum of what is held for unpaid orders": (
        "SELECT concat_ws(' ', 'stock of', k.sku_id, 'at', k.level_id, 'reserves', k.reserved, 'not', coalesce(h.held, 0)) AS what"
        " FROM app.stock k LEFT JOIN (SELECT v.sku_id, v.level_id, sum(v.quantity) AS held FROM app.reservations v"
        " WHERE v.tenant_id = :tenant_id AND v.state = 'held' GROUP BY v.sku_id, v.level_id) h"
        " ON h.sku_id = k.sku_id AND h.level_id = k.level_id"
        " WHERE k.tenant_id = :tenant_id AND k.reserved <> coalesce(h.held, 0)"
    ),
    "nothing is held or on hand below nothing": (
        "SELECT concat_ws(' ', 'stock of', k.sku_id, 'at', k.level_id) AS what FROM app.stock k"
        " WHERE k.tenant_id = :tenant_id AND (k.on_hand < 0 OR k.reserved < 0)"
    ),
}


async def verify_stock(db: Reading) -> list[BrokenLaw]:
    """The laws of the tenant's stock that do not hold."""
    return await broken_laws(db, LAWS)
