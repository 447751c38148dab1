"""Where money stands beside statements: a party's balance, an order's waterfall, the channel's expected fees, money in suspense."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery

from orders.errors import OrderNotFound
from settlement.calendar import next_month
from settlement.commands import month_from_text
from settlement.errors import MonthUnreadable, PartyNotFound
from settlement.money.balance import party_balance
from settlement.money.queries import expected_fees, in_suspense
from settlement.money.views import FeeList, PartyBalance, SuspenseList, Waterfall
from settlement.money.waterfall import order_waterfall
from storefront.auth import CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from tenants.kernel.ids import OrderId, PartyId


@get(
    "/brand/v1/settlement/parties/{party_id:uuid}/balance", operation_id="getPartyBalance", tags=["settlement"],
    guards=[MONEY_PEOPLE], responses=refusals(PartyNotFound),
)  # fmt: skip
async def get_balance(party_id: FromPath[UUID], tenant: CurrentTenant, now: Now) -> PartyBalance:
    """What a party has earned: frozen, matured, payable and paid, which add up to the ledger's."""
    async with tenant.reporting() as db:
        return await party_balance(db, PartyId(party_id), now=now)


@get(
    "/brand/v1/orders/{order_id:uuid}/money/waterfall", operation_id="getOrderWaterfall", tags=["settlement"],
    guards=[MONEY_PEOPLE], responses=refusals(OrderNotFound),
)  # fmt: skip
async def get_waterfall(order_id: FromPath[UUID], tenant: CurrentTenant, now: Now) -> Waterfall:
    """Every fen of an order from the list price to what each party holds, with cause, rule and evidence of each step."""
    async with tenant.reading() as db:
        return await order_waterfall(db, OrderId(order_id), now=now)


@get(
    "/brand/v1/settlement/fees", operation_id="listExpectedFees", tags=["settlement"], guards=[MONEY_PEOPLE],
    responses=refusals(MonthUnreadable),
)  # fmt: skip
async def list_fees(tenant: CurrentTenant, month: FromQuery[str]) -> FeeList:
    """What the channel is expected to keep of a month's payments, by day and merchant number."""
    first = month_from_text(month)
    async with tenant.reporting() as db:
        return await expected_fees(db, first=first, after=next_month(first))


@get("/brand/v1/settlement/suspense", operation_id="listSuspense", tags=["settlement"], guards=[MONEY_PEOPLE])
async def list_suspense(tenant: CurrentTenant, now: Now) -> SuspenseList:
    """Money that came in and that no order wanted, as long as it has not gone back, the oldest first."""
    async with tenant.reporting() as db:
        return await in_suspense(db, now=now)


ROUTES = [get_balance, get_waterfall, list_fees, list_suspense]
