"""The laws of orders, as SQL that recounts them: counters equal rows, one effect for each number, nothing stands where it cannot.

Reads only; an operator may run it at any time. What is younger than `patience` may still be under way and breaks no law of waiting.
"""

from datetime import datetime, timedelta

from catalog.verify import RESERVATIONS
from orders.payments import UNWANTED
from tenants.kernel.scope import Reading
from tenants.laws import BrokenLaw, broken_laws

PATIENCE = timedelta(minutes=30)
_PAID = "('paid', 'collected', 'refunded')"
_OURS = "o.tenant_id = :tenant_id AND o.source = 'storefront'"

LAWS = {
    "an order's refunded amount is the sum of its refunds": (
        "SELECT concat_ws(' ', 'order', o.id, 'says', o.refunded_fen, 'not', coalesce(r.fen, 0)) AS what FROM app.orders o"
        " LEFT JOIN (SELECT f.order_id, sum(f.amount_fen) AS fen FROM app.refunds f WHERE f.tenant_id = :tenant_id"
        " AND f.state <> 'failed' AND f.requested_by <> :unwanted GROUP BY f.order_id) r ON r.order_id = o.id"
        f" WHERE {_OURS} AND o.refunded_fen <> coalesce(r.fen, 0)"
    ),
    "a line's refunded amount and units are the sums of its refunds": (
        "SELECT concat_ws(' ', 'order line', l.id) AS what FROM app.order_lines l JOIN app.orders o"
        " ON o.tenant_id = l.tenant_id AND o.id = l.order_id LEFT JOIN (SELECT b.order_line_id, sum(b.amount_fen) AS fen,"
        " sum(b.quantity) AS units FROM app.refund_lines b JOIN app.refunds r ON r.tenant_id = b.tenant_id AND r.id = b.refund_id"
        " WHERE b.tenant_id = :tenant_id AND r.tenant_id = :tenant_id AND r.state <> 'failed' GROUP BY b.order_line_id) s"
        f" ON s.order_line_id = l.id WHERE l.tenant_id = :tenant_id AND {_OURS}"
        " AND (l.refunded_fen <> coalesce(s.fen, 0) OR l.refunded_quantity <> coalesce(s.units, 0))"
    ),
    "a paid order was paid its total, which is the sum of its lines": (
        "SELECT concat_ws(' ', 'order', o.id) AS what FROM app.orders o LEFT JOIN (SELECT c.order_id, sum(c.paid_fen) AS fen"
        " FROM app.order_lines c WHERE c.tenant_id = :tenant_id GROUP BY c.order_id) l ON l.order_id = o.id"
        f" WHERE {_OURS} AND o.state IN {_PAID} AND (o.paid_fen <> o.total_fen OR o.paid_fen <> coalesce(l.fen, 0))"
    ),
    "a paid order has one payment that counts, an unpaid one has none": (
        "SELECT concat_ws(' ', 'order', o.id, o.state, coalesce(p.number, 0), 'payments') AS what FROM app.orders o"
        " LEFT JOIN (SELECT p.order_id, count(*) AS number FROM app.payments p WHERE p.tenant_id = :tenant_id"
        " AND p.state = 'paid' AND (p.asked_fen IS NULL OR p.accepted_by IS NOT NULL) AND NOT EXISTS (SELECT FROM app.refunds r WHERE r.tenant_id = :tenant_id"
        " AND r.payment_id = p.id AND r.requested_by = :unwanted) GROUP BY p.order_id) p ON p.order_id = o.id"
        f" WHERE {_OURS} AND o.total_fen > 0"
        f" AND coalesce(p.number, 0) <> CASE WHEN o.state IN {_PAID} THEN 1 ELSE 0 END"
    ),
    "a paid order was told once": (
        "SELECT concat_ws(' ', 'order', o.id, 'was told', coalesce(e.times, 0), 'times') AS what FROM app.orders o"
        " LEFT JOIN (SELECT b.payload ->> 'order_id' AS order_id, count(*) AS times FROM app.outbox b"
        " WHERE b.tenant_id = :tenant_id AND b.kind = 'OrderPaid' GROUP BY 1) e ON e.order_id = CAST(o.id AS text)"
        f" WHERE {_OURS} AND coalesce(e.times, 0) <> CASE WHEN o.state IN {_PAID} THEN 1 ELSE 0 END"
    ),
    "a paid order has its pickup": (
        "SELECT concat_ws(' ', 'order', o.id) AS what FROM app.orders o LEFT JOIN app.pickups p"
        " ON p.tenant_id = o.tenant_id AND p.order_id = o.id"
        f" WHERE {_OURS} AND (p.tenant_id = :tenant_id OR p.tenant_id IS NULL)"
        f" AND o.state IN {_PAID} AND p.order_id IS NULL"
    ),
    "units are held for unpaid orders, taken by paid ones, and free of cancelled ones": (
        "SELECT concat_ws(' ', 'order', o.id, o.state, r.state) AS what FROM app.orders o"
        f" JOIN ({RESERVATIONS}) r ON r.order_id = o.id"
        f" WHERE {_OURS} AND r.state <> CASE WHEN o.state IN {_PAID} THEN 'taken'"
        " WHEN o.state = 'cancelled' THEN 'released' ELSE 'held' END"
    ),
    "no unpaid order outlives its time": (
        "SELECT concat_ws(' ', 'order', o.id, 'expired at', o.expires_at) AS what FROM app.orders o"
        f" WHERE {_OURS} AND o.state = 'awaiting_payment' AND o.expires_at < :waited"
    ),
    "no refund waits for ever": (
        "SELECT concat_ws(' ', 'refund', r.refund_no, r.state) AS what FROM app.refunds r WHERE r.tenant_id = :tenant_id"
        " AND r.state IN ('intended', 'pending') AND r.source = 'storefront' AND r.requested_at < :waited"
    ),
}


async def verify_orders(db: Reading, *, now: datetime, patience: timedelta = PATIENCE) -> list[BrokenLaw]:
    """The laws of the tenant's own orders that do not hold; imported ones are their importer's."""
    return await broken_laws(db, LAWS, unwanted=UNWANTED, waited=now - patience)
