"""Promotions and who pays for them: started, ended earlier, never edited."""

from uuid import UUID

from litestar import get, post, put
from litestar.params import FromPath, JSONBody

from settlement.agreements import promotions
from settlement.commands import EndPromotion, StartPromotion
from settlement.errors import (
    FunderNamedTwice,
    FundersExceedWhole,
    PromotionCodeTaken,
    PromotionEndsWrong,
    PromotionNotFound,
)
from settlement.views import PromotionList, PromotionView
from storefront.auth import CurrentPrincipal, CurrentTenant, Now
from storefront.brand.contracts import MONEY_PEOPLE
from storefront.frame import refusals
from tenants.kernel.ids import PromotionId


@get("/brand/v1/promotions", operation_id="listPromotions", tags=["settlement"], guards=[MONEY_PEOPLE])
async def list_promotions(tenant: CurrentTenant) -> PromotionList:
    """Promotions and who pays for them, the newest first."""
    async with tenant.reading() as db:
        return PromotionList(promotions=await promotions.promotions(db))


@post(
    "/brand/v1/promotions",
    operation_id="startPromotion",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(PromotionCodeTaken, PromotionEndsWrong, FundersExceedWhole, FunderNamedTwice),
)
async def start(
    data: JSONBody[StartPromotion], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> PromotionView:
    """Write down who pays for the discounts of a promotion's lines, from its first sale on."""
    async with tenant.writing() as db:
        return await promotions.start_promotion(db, data, actor=principal.actor(), now=now)


@put(
    "/brand/v1/promotions/{promotion_id:uuid}/end",
    operation_id="endPromotion",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(PromotionNotFound, PromotionEndsWrong),
)
async def end(
    promotion_id: FromPath[UUID],
    data: JSONBody[EndPromotion],
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    now: Now,
) -> PromotionView:
    """Let a promotion end earlier; what was sold under it stays as it was frozen."""
    chosen = PromotionId(promotion_id)
    async with tenant.writing() as db:
        return await promotions.end_promotion(db, data, promotion_id=chosen, actor=principal.actor(), now=now)


ROUTES = [list_promotions, start, end]
