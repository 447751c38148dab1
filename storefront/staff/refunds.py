"""Refunds that staff ask for: finance anywhere, a store manager in the own store."""

from uuid import UUID

from litestar import Response, post
from litestar.params import FromPath, JSONBody

from orders import errors
from orders.commands import RequestRefund
from orders.refund import request_refund
from orders.views import RefundView
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now, staff
from storefront.frame import refusals
from storefront.idempotent import REFUSALS, KeyHeader, Once, named
from tenants.kernel.ids import OrderId
from tenants.states import StaffRole


@post(
    "/staff/v1/orders/{order_id:uuid}/refunds",
    operation_id="requestRefund",
    tags=["refunds"],
    guards=[staff(StaffRole.FINANCE, StaffRole.STORE_MANAGER)],
    responses=refusals(
        errors.OrderNotFound, errors.OrderNotRefundable, errors.RefundExceedsPaid, errors.RefundUnclear,
        errors.TooManyRefunds, *REFUSALS,
    ),
)  # fmt: skip
async def ask_refund(
    order_id: FromPath[UUID], data: JSONBody[RequestRefund], tenant: CurrentTenant, principal: CurrentPrincipal,
    wiring: Joined, now: Now, idempotency_key: KeyHeader = None,
) -> Response[RefundView]:  # fmt: skip
    """Give money back for lines, in units or in fen. The answer says it is written down; the money follows."""
    request = named(principal, route="requestRefund", key=idempotency_key, body=data, about=order_id)
    async with tenant.writing() as db:
        verb = request_refund(
            db,
            data,
            order_id=OrderId(order_id),
            now=now,
            requested_by=principal.actor(),
            store_id=principal.store_id,
            splits=wiring.splits,
        )
        return await Once(db, request, now=now).answer(verb)


ROUTES = [ask_refund]
