"""Staff's view of orders: place one for a shopper, list and read the own store's."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from orders import queries
from orders.commands import PlaceAssistedOrder
from orders.errors import OrderNotFound
from orders.place import place_assisted_order
from orders.states import OrderState
from orders.views import OrderPage, OrderView, PlacedOrder
from storefront.auth import CurrentPrincipal, CurrentStore, CurrentTenant, Joined, Now, staff
from storefront.frame import refusals
from storefront.idempotent import KeyHeader, Once, named
from storefront.shopper.orders import PLACING
from tenants.kernel.ids import OrderId, StaffId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.states import StaffRole

AT_THE_COUNTER = staff(StaffRole.STORE_MANAGER, StaffRole.GUIDE)
READERS = staff(StaffRole.BRAND_HQ, StaffRole.FINANCE, StaffRole.STORE_MANAGER, StaffRole.GUIDE)


@post(
    "/staff/v1/orders",
    operation_id="placeAssistedOrder",
    tags=["orders"],
    guards=[AT_THE_COUNTER],
    responses=refusals(*PLACING),
)
async def place_assisted(
    data: JSONBody[PlaceAssistedOrder], tenant: CurrentTenant, principal: CurrentPrincipal, store: CurrentStore,
    wiring: Joined, now: Now, idempotency_key: KeyHeader = None,
) -> Response[PlacedOrder]:  # fmt: skip
    """代客下单: place an order at the own store for a shopper, who pays it from the own mini-program."""
    request = named(principal, route="placeAssistedOrder", key=idempotency_key, body=data)
    operator = StaffId(principal.subject)
    async with tenant.writing() as db:
        verb = place_assisted_order(db, data, now=now, staff_id=operator, store_id=store, terms=wiring.terms)
        return await Once(db, request, now=now).answer(verb)


@get(
    "/staff/v1/orders",
    operation_id="listStoreOrders",
    tags=["orders"],
    guards=[READERS],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_store_orders(
    tenant: CurrentTenant, principal: CurrentPrincipal, now: Now, status: FromQuery[OrderState | None] = None,
    cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None,
) -> OrderPage:  # fmt: skip
    """The own store's orders, newest first; all stores' for head office and finance."""
    async with tenant.reading() as db:
        return await queries.orders_of_store(
            db, principal.store_id, now=now, state=status, cursor=cursor, limit=limit
        )


@get(
    "/staff/v1/orders/{order_id:uuid}",
    operation_id="getStoreOrder",
    tags=["orders"],
    guards=[READERS],
    responses=refusals(OrderNotFound),
)
async def get_store_order(
    order_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> OrderView:
    """One order of the own store; the pickup code is the shopper's to show."""
    async with tenant.reading() as db:
        return await queries.order_for_staff(db, OrderId(order_id), store_id=principal.store_id, now=now)


ROUTES = [place_assisted, list_store_orders, get_store_order]
