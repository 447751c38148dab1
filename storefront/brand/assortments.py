"""Assortments at one level: headquarters at any, a store manager at the own store."""

from litestar import put
from litestar.params import JSONBody

from catalog.assortment import set_assortment
from catalog.commands import SetAssortment
from catalog.errors import SkuNotFound
from catalog.price import LevelChanged
from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.brand.levels import check_own_level
from storefront.frame import refusals
from tenants.audit import record_deed
from tenants.errors import LevelUnknown
from tenants.states import StaffRole


@put(
    "/brand/v1/assortments",
    operation_id="setAssortment",
    tags=["catalogue"],
    guards=[staff(StaffRole.BRAND_HQ, StaffRole.STORE_MANAGER)],
    responses=refusals(LevelUnknown, SkuNotFound),
)
async def put_assortment(
    data: JSONBody[SetAssortment], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> LevelChanged:
    """Say which SKUs a level carries, which it does not, and on which the level above decides."""
    check_own_level(principal, level=data.level, level_id=data.level_id)
    async with tenant.writing() as db:
        changed = await set_assortment(db, data)
        await record_deed(
            db, actor=principal.actor(), action="set_assortment", subject_id=data.level_id, now=now
        )
    return changed


ROUTES = [put_assortment]
