"""The shopper's orders: place, list, pay, give up."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from catalog.errors import NotRangedHere, SkuNotFound, SoldOut
from guides.errors import GuideNotFound
from orders import errors, queries
from orders.commands import PlaceOrder
from orders.pay import cancel_order, prepare_payment, sync_payment
from orders.place import place_order
from orders.states import OrderState
from orders.views import OrderPage, OrderTabs, OrderView, PaymentView, PlacedOrder
from settlement.errors import NoTermsInForce, RatesExceedWhole
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now, shopper
from storefront.frame import refusals
from storefront.idempotent import REFUSALS, KeyHeader, Once, named
from tenants.errors import (
    MerchantNotFound,
    MerchantNotReady,
    ShopperNotFound,
    StoreNotFound,
    StoreNotSelling,
    TenantSuspended,
)
from tenants.kernel.ids import OrderId, ShopperId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge

PLACING = (
    StoreNotFound, StoreNotSelling, TenantSuspended, MerchantNotFound, SkuNotFound, NotRangedHere, SoldOut,
    errors.SkuRepeated, errors.NotForSale, errors.PickupNotOffered, errors.TotalAmountDifferent, errors.AmountTooLarge,
    NoTermsInForce, RatesExceedWhole, GuideNotFound, ShopperNotFound, *REFUSALS,
)  # fmt: skip


@post(
    "/shopper/v1/orders",
    operation_id="placeOrder",
    tags=["orders"],
    guards=[shopper],
    responses=refusals(*PLACING),
)
async def place(
    data: JSONBody[PlaceOrder], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now,
    idempotency_key: KeyHeader = None,
) -> Response[PlacedOrder]:  # fmt: skip
    """Place an order; its units are held for fifteen minutes. `totalFen` must repeat the quote's total."""
    request = named(principal, route="placeOrder", key=idempotency_key, body=data)
    buyer = ShopperId(principal.subject)
    async with tenant.writing() as db:
        verb = place_order(db, data, now=now, shopper_id=buyer, terms=wiring.terms)
        return await Once(db, request, now=now).answer(verb)


@get(
    "/shopper/v1/orders",
    operation_id="listOwnOrders",
    tags=["orders"],
    guards=[shopper],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_own(
    tenant: CurrentTenant, principal: CurrentPrincipal, now: Now, status: FromQuery[OrderState | None] = None,
    cursor: FromQuery[str | None] = None, limit: FromQuery[int | None] = None,
) -> OrderPage:  # fmt: skip
    """The shopper's orders, newest first; `status` chooses a tab."""
    buyer = ShopperId(principal.subject)
    async with tenant.reading() as db:
        return await queries.orders_of_shopper(db, buyer, now=now, state=status, cursor=cursor, limit=limit)


@get("/shopper/v1/orders/counts", operation_id="countOwnOrders", tags=["orders"], guards=[shopper])
async def count_own(tenant: CurrentTenant, principal: CurrentPrincipal) -> OrderTabs:
    """How many of the shopper's orders stand in each state."""
    async with tenant.reading() as db:
        return await queries.order_tabs(db, ShopperId(principal.subject))


@get(
    "/shopper/v1/orders/{order_id:uuid}",
    operation_id="getOwnOrder",
    tags=["orders"],
    guards=[shopper],
    responses=refusals(errors.OrderNotFound),
)
async def get_own(
    order_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> OrderView:
    """One order with its timeline, refunds and, while it waits to be collected, its pickup code."""
    buyer = ShopperId(principal.subject)
    async with tenant.reading() as db:
        return await queries.order_of_shopper(db, OrderId(order_id), shopper_id=buyer, now=now)


@post(
    "/shopper/v1/orders/{order_id:uuid}/payment",
    operation_id="preparePayment",
    tags=["payment"],
    guards=[shopper],
    status_code=200,
    responses=refusals(
        errors.OrderNotFound, errors.OrderAlreadyPaid, errors.OrderNotPayable, errors.PaymentTimeOver,
        errors.PaymentRefused, errors.PaymentPending, errors.PaymentDiffers, MerchantNotReady,
    ),
)  # fmt: skip
async def pay(
    order_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> PaymentView:
    """Prepare the payment; the parameters go to wx.requestPayment. Repeating it returns the same payment."""
    return await prepare_payment(
        tenant,
        OrderId(order_id),
        shopper_id=ShopperId(principal.subject),
        channels=wiring.channels,
        cards=wiring.cards,
        now=now,
    )


@get(
    "/shopper/v1/orders/{order_id:uuid}/payment",
    operation_id="getPayment",
    tags=["payment"],
    guards=[shopper],
    responses=refusals(errors.OrderNotFound, errors.PaymentDiffers, MerchantNotReady),
)
async def get_payment(
    order_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now,
    *, sync: FromQuery[bool] = False,
) -> PaymentView:  # fmt: skip
    """Where the payment stands; with `sync=1` the channel is asked first, for front ends that came back without an answer."""
    buyer = ShopperId(principal.subject)
    if sync:
        return await sync_payment(
            tenant, OrderId(order_id), shopper_id=buyer, channels=wiring.channels, now=now
        )
    async with tenant.reading() as db:
        return await queries.payment_view(db, OrderId(order_id), shopper_id=buyer)


@post(
    "/shopper/v1/orders/{order_id:uuid}/cancel",
    operation_id="cancelOrder",
    tags=["orders"],
    guards=[shopper],
    status_code=200,
    responses=refusals(
        errors.OrderNotFound,
        errors.OrderAlreadyPaid,
        errors.PaymentPending,
        errors.PaymentDiffers,
        MerchantNotReady,
    ),
)
async def cancel(
    order_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> OrderView:
    """Give an unpaid order up; its units are free again once the channel has closed the payment."""
    buyer = ShopperId(principal.subject)
    await cancel_order(tenant, OrderId(order_id), shopper_id=buyer, channels=wiring.channels, now=now)
    async with tenant.reading() as db:
        return await queries.order_of_shopper(db, OrderId(order_id), shopper_id=buyer, now=now)


ROUTES = [place, list_own, count_own, get_own, pay, get_payment, cancel]
