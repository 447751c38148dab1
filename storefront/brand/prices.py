"""Prices and counted stock at one level: headquarters at any, a store manager at the own store."""

from litestar import put
from litestar.params import JSONBody

from catalog.commands import SetPrices, SetStock
from catalog.errors import PricePeriodEmpty, SkuNotFound
from catalog.price import LevelChanged, set_prices
from catalog.stock import Counted, set_on_hand
from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.brand.levels import check_own_level
from storefront.frame import refusals
from tenants.audit import record_deed
from tenants.errors import LevelUnknown
from tenants.states import StaffRole

DECIDERS = staff(StaffRole.BRAND_HQ, StaffRole.STORE_MANAGER)


@put(
    "/brand/v1/prices",
    operation_id="setPrices",
    tags=["catalogue"],
    guards=[DECIDERS],
    responses=refusals(LevelUnknown, SkuNotFound, PricePeriodEmpty),
)
async def put_prices(
    data: JSONBody[SetPrices], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> LevelChanged:
    """Set prices at one level, or withdraw them; a brand's price is one row, whatever the number of stores."""
    check_own_level(principal, level=data.level, level_id=data.level_id)
    async with tenant.writing() as db:
        changed = await set_prices(db, data)
        await record_deed(db, actor=principal.actor(), action="set_prices", subject_id=data.level_id, now=now)
    return changed


@put(
    "/brand/v1/stock",
    operation_id="setStock",
    tags=["catalogue"],
    guards=[DECIDERS],
    responses=refusals(LevelUnknown),
)
async def put_stock(
    data: JSONBody[SetStock], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> Counted:
    """Set what is on hand at one level; a feed's older message changes nothing, ids that no SKU has are named."""
    check_own_level(principal, level=data.level, level_id=data.level_id)
    async with tenant.writing() as db:
        counted = await set_on_hand(db, data)
        await record_deed(db, actor=principal.actor(), action="set_stock", subject_id=data.level_id, now=now)
    return counted


ROUTES = [put_prices, put_stock]
