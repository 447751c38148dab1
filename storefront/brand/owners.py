"""Who runs each store from when on, and whose the merchant numbers are."""

from uuid import UUID

from litestar import get, post, put
from litestar.params import FromPath, JSONBody

from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.frame import refusals
from tenants import queries
from tenants.commands import OwnMerchant, OwnStore
from tenants.errors import (
    DefaultMerchantIsBrands,
    MerchantNotFound,
    MerchantOfAnother,
    OwnershipTimesReversed,
    OwnershipTooEarly,
    OwnerUnclear,
    StoreNotFound,
)
from tenants.kernel.ids import MerchantId, StoreId
from tenants.own_store import own_merchant, own_store
from tenants.standings import ownerships
from tenants.states import StaffRole
from tenants.views import MerchantList, MerchantView, OwnershipList, OwnershipView

HEADQUARTERS = staff(StaffRole.BRAND_HQ)
OFFICE = staff(StaffRole.BRAND_HQ, StaffRole.FINANCE)


@get(
    "/brand/v1/stores/{store_id:uuid}/ownerships",
    operation_id="listOwnerships",
    tags=["stores"],
    guards=[OFFICE],
    responses=refusals(StoreNotFound),
)
async def list_ownerships(store_id: FromPath[UUID], tenant: CurrentTenant) -> OwnershipList:
    """Who ran, runs and will run a store; empty where only the store itself says."""
    async with tenant.reading() as db:
        await queries.store_facts(db, StoreId(store_id))
        return OwnershipList(await ownerships(db, [StoreId(store_id)]))


@post(
    "/brand/v1/stores/{store_id:uuid}/ownerships",
    operation_id="ownStore",
    tags=["stores"],
    guards=[HEADQUARTERS],
    responses=refusals(
        StoreNotFound, OwnerUnclear, OwnershipTooEarly, OwnershipTimesReversed, MerchantNotFound,
        MerchantOfAnother,
    ),
)  # fmt: skip
async def let_own(
    store_id: FromPath[UUID],
    data: JSONBody[OwnStore],
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    now: Now,
) -> OwnershipView:
    """Let somebody run a store from a day on; it ends the ownership before, and orders placed until then stay with that one."""
    async with tenant.writing() as db:
        return await own_store(db, data, store_id=StoreId(store_id), actor=principal.actor(), now=now)


@get("/brand/v1/merchants", operation_id="listMerchants", tags=["stores"], guards=[OFFICE])
async def list_merchants(tenant: CurrentTenant) -> MerchantList:
    """The brand's merchant numbers and whose they are, the default one first."""
    async with tenant.reading() as db:
        return MerchantList(await queries.merchants(db))


@put(
    "/brand/v1/merchants/{merchant_id:uuid}/owner",
    operation_id="ownMerchant",
    tags=["stores"],
    guards=[HEADQUARTERS],
    responses=refusals(MerchantNotFound, OwnerUnclear, DefaultMerchantIsBrands),
)
async def say_whose(
    merchant_id: FromPath[UUID],
    data: JSONBody[OwnMerchant],
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    now: Now,
) -> MerchantView:
    """Say whose a merchant number is: what it takes from then on, its owner has in hand."""
    chosen = MerchantId(merchant_id)
    async with tenant.writing() as db:
        return await own_merchant(db, data, merchant_id=chosen, actor=principal.actor(), now=now)


ROUTES = [list_ownerships, let_own, list_merchants, say_whose]
