"""How a payment that no order wanted is known: a refund of it was asked for by nobody but us. One clause, for whoever counts payments."""

from sqlalchemy import Exists, exists

from orders.models import Payment, Refund
from orders.payments import UNWANTED
from tenants.kernel.ids import TenantId


def is_unwanted(tenant_id: TenantId) -> Exists:
    """Whether a payment of the statement around it was given back because no order waited for it."""
    # The order is named too: refunds are found by it.
    return exists().where(
        Refund.tenant_id == tenant_id, Refund.payment_id == Payment.id, Refund.order_id == Payment.order_id,
        Refund.requested_by == UNWANTED,
    )  # fmt: skip
