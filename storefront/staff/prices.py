"""Price changes of unpaid orders: a store manager in the own store and within limits, head office and finance anywhere."""

from uuid import UUID

from litestar import post
from litestar.params import FromPath, JSONBody

from orders import errors
from orders.commands import RepriceOrder
from orders.reprice import Authority, reprice_order
from orders.views import OrderView
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now, staff
from storefront.frame import refusals
from tenants.errors import MerchantNotReady
from tenants.kernel.ids import OrderId
from tenants.states import StaffRole


@post(
    "/staff/v1/orders/{order_id:uuid}/price",
    operation_id="repriceOrder",
    tags=["orders"],
    guards=[staff(StaffRole.BRAND_HQ, StaffRole.FINANCE, StaffRole.STORE_MANAGER)],
    status_code=200,
    responses=refusals(
        errors.OrderNotFound, errors.OrderAlreadyPaid, errors.OrderNotPayable, errors.PriceAboveGoods,
        errors.PriceBeyondAuthority, errors.PaymentPending, errors.PaymentDiffers, MerchantNotReady,
    ),
)  # fmt: skip
async def reprice(
    order_id: FromPath[UUID], data: JSONBody[RepriceOrder], tenant: CurrentTenant, principal: CurrentPrincipal,
    wiring: Joined, now: Now,
) -> OrderView:  # fmt: skip
    """改价: change what an unpaid order costs. A payment that was prepared is closed; the new price is paid under a new number."""
    authority = Authority(
        actor=principal.actor(),
        store_id=principal.store_id,
        limited=principal.role is StaffRole.STORE_MANAGER,
    )
    return await reprice_order(
        tenant, data, order_id=OrderId(order_id), authority=authority, channels=wiring.channels,
        terms=wiring.terms, now=now,
    )  # fmt: skip


ROUTES = [reprice]
