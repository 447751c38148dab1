"""The counter: look a pickup code up, hand the goods over, see what waits."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from orders import errors
from orders.commands import RedeemPickup
from orders.pickup import Counter, look_up_pickup, redeem_pickup, waiting_pickups
from orders.views import PickupOrder, WaitingPickups
from storefront.auth import CurrentPrincipal, CurrentStore, CurrentTenant, Now
from storefront.frame import refusals
from storefront.staff.orders import AT_THE_COUNTER
from storefront.tokens import Principal
from tenants.kernel.ids import StaffId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge

CodeQuery = Annotated[str, QueryParameter(name="code", pattern=r"^[0-9]{12}$")]


@post(
    "/staff/v1/pickups/redemptions",
    operation_id="redeemPickup",
    tags=["pickups"],
    guards=[AT_THE_COUNTER],
    responses=refusals(
        errors.PickupCodeUnknown, errors.PickupAtOtherStore, errors.AlreadyCollected, errors.PickupVoid,
        errors.PickupGuessesUsedUp,
    ),
)  # fmt: skip
async def redeem(
    data: JSONBody[RedeemPickup], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> PickupOrder:
    """核销: hand the goods over, once, at the order's pickup store."""
    return await redeem_pickup(tenant, data, counter=_counter(principal), now=now)


@get(
    "/staff/v1/pickups",
    operation_id="lookUpPickup",
    tags=["pickups"],
    guards=[AT_THE_COUNTER],
    responses=refusals(errors.PickupCodeUnknown, errors.PickupAtOtherStore, errors.PickupGuessesUsedUp),
)
async def look_up(
    code: CodeQuery, tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> PickupOrder:
    """The order behind a code, before the hand-over; wrong codes are counted."""
    return await look_up_pickup(tenant, code, counter=_counter(principal), now=now)


@get(
    "/staff/v1/pickups/waiting",
    operation_id="listWaitingPickups",
    tags=["pickups"],
    guards=[AT_THE_COUNTER],
    responses=refusals(CursorUnreadable, PageTooLarge),
)
async def list_waiting(
    tenant: CurrentTenant, store: CurrentStore, cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> WaitingPickups:  # fmt: skip
    """What waits to be collected at the own store, oldest first."""
    async with tenant.reading() as db:
        return await waiting_pickups(db, store, cursor=cursor, limit=limit)


def _counter(principal: Principal) -> Counter:
    return Counter(StaffId(principal.subject), principal.store_id)


ROUTES = [redeem, look_up, list_waiting]
