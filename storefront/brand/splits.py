"""Splitting through WeChat, for finance: who receives parts, and where each payment's split stands."""

from uuid import UUID

from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from settlement.commands import AddReceiver
from settlement.errors import ReceiverNotFound, ReceiverNotPossible, SplitPending
from settlement.splitting import queries
from settlement.splitting.policy import SplitPolicy, choose_split_policy, split_policy
from settlement.splitting.receivers import add_receiver, end_receiver
from settlement.splitting.states import SplitStatus
from settlement.splitting.views import ReceiverList, ReceiverView, SplitList
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from tenants.errors import MerchantNotFound, MerchantNotReady, TenantNotFound
from tenants.kernel.ids import OrderId, ReceiverId
from tenants.kernel.paging import PageTooLarge


@get(
    "/brand/v1/settlement/receivers", operation_id="listReceivers", tags=["settlement"], guards=[MONEY_PEOPLE]
)
async def list_receivers(tenant: CurrentTenant) -> ReceiverList:
    """Every party's receivers, ended ones too."""
    async with tenant.reading() as db:
        return ReceiverList(receivers=await queries.receivers(db))


@post(
    "/brand/v1/settlement/receivers",
    operation_id="addReceiver",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(
        ReceiverNotFound, ReceiverNotPossible, SplitPending, MerchantNotFound, MerchantNotReady
    ),
)
async def add(
    data: JSONBody[AddReceiver], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> ReceiverView:
    """Let a party receive its parts under a merchant number; what WeChat says stands in the answer's state."""
    return await add_receiver(
        tenant, data, channels=wiring.channels, keys=wiring.keys, actor=principal.actor(), now=now
    )


@delete(
    "/brand/v1/settlement/receivers/{receiver_id:uuid}",
    operation_id="endReceiver",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    status_code=200,
    responses=refusals(ReceiverNotFound, SplitPending, MerchantNotReady),
)
async def end(
    receiver_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> ReceiverView:
    """Send a party nothing more through WeChat: what it is owed from now on is paid otherwise."""
    chosen = ReceiverId(receiver_id)
    return await end_receiver(
        tenant, chosen, channels=wiring.channels, keys=wiring.keys, actor=principal.actor(), now=now
    )


@get(
    "/brand/v1/settlement/splits",
    operation_id="listSplits",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(PageTooLarge),
)
async def list_splits(
    tenant: CurrentTenant, status: FromQuery[SplitStatus | None] = None, warned: FromQuery[bool | None] = None,
    limit: FromQuery[int | None] = None,
) -> SplitList:  # fmt: skip
    """Splits, the oldest payment first; `warned` ones unfreeze within days and are not split yet."""
    async with tenant.reading() as db:
        return SplitList(splits=await queries.splits(db, state=status, warned=bool(warned), limit=limit))


@get(
    "/brand/v1/orders/{order_id:uuid}/splits",
    operation_id="getOrderSplits",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
)
async def get_order_splits(order_id: FromPath[UUID], tenant: CurrentTenant) -> SplitList:
    """The split of an order's payment, with parts, returns and unfreezes; empty where nothing was marked for splitting."""
    async with tenant.reading() as db:
        return SplitList(splits=await queries.split_of_order(db, OrderId(order_id)))


@get(
    "/brand/v1/settlement/split-policy",
    operation_id="getSplitPolicy",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
)
async def get_split_policy(tenant: CurrentTenant) -> SplitPolicy:
    """When payments are split, and how much of them may be: the defaults until the brand chooses."""
    async with tenant.reading() as db:
        return await split_policy(db)


@put(
    "/brand/v1/settlement/split-policy",
    operation_id="chooseSplitPolicy",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(TenantNotFound),
)
async def put_split_policy(
    data: JSONBody[SplitPolicy], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> SplitPolicy:
    """Choose it anew as a whole, for what is handed over from now on; what is scheduled already stays where it is."""
    async with tenant.writing() as db:
        return await choose_split_policy(db, data, actor=principal.actor(), now=now)


ROUTES = [
    list_receivers, add, end, list_splits, get_order_splits, get_split_policy, put_split_policy,
]  # fmt: skip
