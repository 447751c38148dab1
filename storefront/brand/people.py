"""Headquarters' people: staff with their roles, guides with their stores and commission plans."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from guides import queries as guide_queries
from guides.cards import keep_card
from guides.commands import EmployGuide, KeepCard, StartPlan
from guides.contacts.commands import Depart
from guides.contacts.depart import depart
from guides.employ import employ_guide, move_guide
from guides.errors import GuideCodeTaken, GuideNotFound, PlanOverlaps, PlanRatesRepeat
from guides.plans import start_plan
from guides.views import GuideView, PlanView
from settlement.agreements.commissions import refuse_over_contracts
from settlement.errors import RatesExceedWhole
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now, staff
from storefront.brand.levels import LevelRef, level_named
from storefront.frame import refusals
from tenants import queries
from tenants.audit import record_deed
from tenants.commands import EmployStaff
from tenants.employ import dismiss_staff, employ_staff
from tenants.errors import (
    LevelUnknown,
    MallNotFound,
    MerchantNotFound,
    StaffLoginTaken,
    StaffNotFound,
    StaffRoleNeedsStore,
    StoreNotFound,
)
from tenants.kernel.ids import GuideId, StaffId, StoreId
from tenants.levels import Level
from tenants.states import StaffRole
from tenants.views import StaffView

HEADQUARTERS = staff(StaffRole.BRAND_HQ)
AtThisStore = Annotated[UUID, QueryParameter(name="storeId", description="Whose guides.")]


@get("/brand/v1/staff", operation_id="listStaff", tags=["people"], guards=[HEADQUARTERS])
async def list_staff(tenant: CurrentTenant) -> list[StaffView]:
    """Everybody who may log in for the brand."""
    async with tenant.reading() as db:
        return await queries.all_staff(db)


@post(
    "/brand/v1/staff",
    operation_id="employStaff",
    tags=["people"],
    guards=[HEADQUARTERS],
    responses=refusals(StaffLoginTaken, StaffRoleNeedsStore, StoreNotFound, MallNotFound),
)
async def employ_new_staff(
    data: JSONBody[EmployStaff], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> StaffView:
    """Give a person a log-in and a role."""
    password_hash = await wiring.passwords.hash(data.password)
    async with tenant.writing() as db:
        employed = await employ_staff(db, data, password_hash=password_hash, now=now)
        await record_deed(db, actor=principal.actor(), action="employ_staff", subject_id=employed.id, now=now)
    return employed


@delete(
    "/brand/v1/staff/{staff_id:uuid}",
    operation_id="dismissStaff",
    tags=["people"],
    guards=[HEADQUARTERS],
    status_code=200,
    responses=refusals(StaffNotFound),
)
async def dismiss(
    staff_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> StaffView:
    """End a staff member's log-in."""
    async with tenant.writing() as db:
        dismissed = await dismiss_staff(db, StaffId(staff_id))
        await record_deed(db, actor=principal.actor(), action="dismiss_staff", subject_id=staff_id, now=now)
    return dismissed


@get(
    "/brand/v1/guides",
    operation_id="listGuides",
    tags=["people"],
    guards=[staff(StaffRole.BRAND_HQ, StaffRole.FINANCE)],
)
async def list_guides(tenant: CurrentTenant, store_id: AtThisStore, now: Now) -> list[GuideView]:
    """The guides who work at a store now."""
    async with tenant.reading() as db:
        return await guide_queries.guides_of_store(db, StoreId(store_id), at=now)


@post(
    "/brand/v1/guides",
    operation_id="employGuide",
    tags=["people"],
    guards=[HEADQUARTERS],
    responses=refusals(GuideCodeTaken, StoreNotFound, StaffNotFound),
)
async def employ_new_guide(data: JSONBody[EmployGuide], tenant: CurrentTenant, now: Now) -> GuideView:
    """Make a person a guide of a store."""
    async with tenant.writing() as db:
        return await employ_guide(db, data, now=now)


@post(
    "/brand/v1/guides/{guide_id:uuid}/stores/{store_id:uuid}",
    operation_id="moveGuide",
    tags=["people"],
    guards=[HEADQUARTERS],
    status_code=200,
    responses=refusals(GuideNotFound, StoreNotFound),
)
async def move(
    guide_id: FromPath[UUID], store_id: FromPath[UUID], tenant: CurrentTenant, now: Now
) -> GuideView:
    """Move a guide to another store from now on."""
    async with tenant.writing() as db:
        return await move_guide(db, GuideId(guide_id), store_id=StoreId(store_id), now=now)


@post(
    "/brand/v1/guides/{guide_id:uuid}/card",
    operation_id="keepGuideCard",
    tags=["people"],
    guards=[HEADQUARTERS],
    status_code=200,
    responses=refusals(GuideNotFound, MerchantNotFound),
)
async def keep_guides_card(
    guide_id: FromPath[UUID], data: JSONBody[KeepCard], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> GuideView:  # fmt: skip
    """Keep the number under which WeChat Pay knows a guide: its card is shown after payments of the guide's orders."""
    async with tenant.writing() as db:
        return await keep_card(db, data, guide_id=GuideId(guide_id), actor=principal.actor(), now=now)


@delete(
    "/brand/v1/guides/{guide_id:uuid}",
    operation_id="letGuideGo",
    tags=["people"],
    guards=[HEADQUARTERS],
    status_code=200,
    responses=refusals(GuideNotFound),
)
async def let_go(
    guide_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> GuideView:
    """End a guide's employment without a successor: relations are the store's; what was earned stays with the person."""
    async with tenant.writing() as db:
        await depart(db, Depart(), guide_id=GuideId(guide_id), actor=principal.actor(), now=now)
        return await guide_queries.find_guide(db, GuideId(guide_id))


@post(
    "/brand/v1/commission-plans/{level:str}",
    operation_id="startCommissionPlan",
    tags=["people"],
    guards=[staff(StaffRole.BRAND_HQ, StaffRole.FINANCE)],
    responses=refusals(LevelUnknown, PlanOverlaps, PlanRatesRepeat, RatesExceedWhole),
)
async def start_commission_plan(
    level: FromPath[Level],
    data: JSONBody[StartPlan],
    tenant: CurrentTenant,
    now: Now,
    level_id: LevelRef = None,
) -> PlanView:
    """Start a commission plan for the brand, a group or a store; the plan before it ends then."""
    where_id = level_named(tenant.tenant_id, level=level, level_id=level_id)
    async with tenant.writing() as db:
        await refuse_over_contracts(db, data, level_id=where_id)
        return await start_plan(db, data, level=level, level_id=where_id, now=now)


ROUTES = [
    list_staff,
    employ_new_staff,
    dismiss,
    list_guides,
    employ_new_guide,
    move,
    keep_guides_card,
    let_go,
    start_commission_plan,
]
