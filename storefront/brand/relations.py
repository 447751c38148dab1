"""Headquarters look after guides' relations: contact ways and cards, giving shoppers to another guide, a guide who leaves."""

from uuid import UUID

from litestar import get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from guides.cards import register_card
from guides.commands import ChangeGuide
from guides.contacts.commands import Depart, Reassign
from guides.contacts.depart import depart, reassign
from guides.contacts.queries import moves_of, ways_of
from guides.contacts.views import ContactWayView, MovePage
from guides.contacts.ways import open_contact_way
from guides.employ import change_guide
from guides.errors import (
    CardFactsMissing,
    CardPending,
    CardRefused,
    ContactWayPending,
    ContactWayRefused,
    GuideLeft,
    GuideNotFound,
    GuideNotInWecom,
    TakerNotReady,
)
from guides.queries import find_guide
from guides.views import CardView, GuideView
from storefront.auth import CurrentPrincipal, CurrentTenant, Joined, Now, staff
from storefront.frame import refusals
from tenants.audit import record_deed
from tenants.errors import MerchantNotFound, MerchantNotReady
from tenants.kernel.ids import GuideId
from tenants.kernel.paging import CursorUnreadable, PageTooLarge
from tenants.states import StaffRole

HEADQUARTERS = staff(StaffRole.BRAND_HQ)
GUIDE = "/brand/v1/guides/{guide_id:uuid}"


@put(
    GUIDE,
    operation_id="changeGuide",
    responses=refusals(GuideNotFound),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def change(
    guide_id: FromPath[UUID], data: JSONBody[ChangeGuide], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> GuideView:  # fmt: skip
    """Replace what is shown of a guide; their card at WeChat Pay is told of it."""
    async with tenant.writing() as db:
        changed = await change_guide(db, data, guide_id=GuideId(guide_id), now=now)
        await record_deed(db, actor=principal.actor(), action="change_guide", subject_id=guide_id, now=now)
    return changed


@post(
    f"{GUIDE}/departure",
    operation_id="departGuide",
    status_code=200,
    responses=refusals(GuideNotFound, TakerNotReady),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def depart_guide(
    guide_id: FromPath[UUID], data: JSONBody[Depart], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> MovePage:  # fmt: skip
    """End a guide's employment: the taker gets the shoppers (WeCom asks each for a day), or the store does. What was earned stays."""
    async with tenant.writing() as db:
        return await depart(db, data, guide_id=GuideId(guide_id), actor=principal.actor(), now=now)


@post(
    f"{GUIDE}/reassignment",
    operation_id="reassignRelations",
    status_code=200,
    responses=refusals(GuideNotFound, GuideLeft, TakerNotReady),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def reassign_relations(
    guide_id: FromPath[UUID], data: JSONBody[Reassign], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> MovePage:  # fmt: skip
    """Give some or all of a guide's shoppers to another guide; the old one keeps them until WeCom says that the new one has them."""
    async with tenant.writing() as db:
        return await reassign(db, data, guide_id=GuideId(guide_id), actor=principal.actor(), now=now)


@get(
    f"{GUIDE}/moves",
    operation_id="listMoves",
    responses=refusals(GuideNotFound, CursorUnreadable, PageTooLarge),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def list_moves(
    guide_id: FromPath[UUID],
    tenant: CurrentTenant,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> MovePage:
    """What became of each shopper whom the guide gave away: waiting, done, refused, moved too often, failed."""
    async with tenant.reading() as db:
        await find_guide(db, GuideId(guide_id))
        return await moves_of(db, GuideId(guide_id), cursor=cursor, limit=limit)


@post(
    f"{GUIDE}/contact-way",
    operation_id="openContactWay",
    status_code=200,
    responses=refusals(
        GuideNotFound, GuideLeft, GuideNotInWecom, ContactWayRefused, ContactWayPending, MerchantNotReady
    ),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def open_way(
    guide_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> ContactWayView:
    """Make the code by which shoppers add a guide in WeCom, or show the one there is; it ends when the guide leaves."""
    return await open_contact_way(
        tenant, GuideId(guide_id), contacts=wiring.contacts, actor=principal.actor(), now=now
    )


@get(
    f"{GUIDE}/contact-ways",
    operation_id="listContactWays",
    responses=refusals(GuideNotFound),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def list_ways(guide_id: FromPath[UUID], tenant: CurrentTenant) -> list[ContactWayView]:
    """Every contact way a guide ever had, the newest first."""
    async with tenant.reading() as db:
        await find_guide(db, GuideId(guide_id))
        return await ways_of(db, GuideId(guide_id))


@post(
    f"{GUIDE}/card/registration",
    operation_id="registerGuideCard",
    status_code=200,
    responses=refusals(
        GuideNotFound,
        GuideLeft,
        CardFactsMissing,
        CardRefused,
        CardPending,
        MerchantNotFound,
        MerchantNotReady,
    ),
    tags=["people"],
    guards=[HEADQUARTERS],
)
async def register(
    guide_id: FromPath[UUID], tenant: CurrentTenant, principal: CurrentPrincipal, wiring: Joined, now: Now
) -> CardView:
    """Register a guide at WeChat Pay (支付即服务): the card is shown after payments of the guide's orders."""
    return await register_card(tenant, GuideId(guide_id), desk=wiring.desk, actor=principal.actor(), now=now)


ROUTES = [change, depart_guide, reassign_relations, list_moves, open_way, list_ways, register]
