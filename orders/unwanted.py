"""How a payment that no order wanted is known: a refund of it was asked for by nobody but us, or it is of another amount than was asked and nobody took it.

One clause, for whoever counts payments.
"""

from typing import Any

from sqlalchemy import Exists, and_, exists, or_

from orders.models import Payment, Refund
from orders.payments import UNWANTED
from tenants.kernel.ids import TenantId


def is_unwanted(tenant_id: TenantId) -> Any:
    """Whether a payment of the statement around it pays no order: it is given back, or waits in suspense for a person."""
    return or_(
        has_unwanted_refund(tenant_id), and_(Payment.asked_fen.is_not(None), Payment.accepted_by.is_(None))
    )


def has_unwanted_refund(tenant_id: TenantId) -> Exists:
    """Whether a payment of the statement around it was given back because no order waited for it."""
    # The order is named too: refunds are found by it.
    return exists().where(
        Refund.tenant_id == tenant_id, Refund.payment_id == Payment.id, Refund.order_id == Payment.order_id,
        Refund.requested_by == UNWANTED,
    )  # fmt: skip
