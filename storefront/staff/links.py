"""Guides' and stores' links: the short codes that mini-program codes carry."""

from litestar import get, post
from litestar.params import JSONBody

from guides import queries
from guides.commands import ShareLink
from guides.errors import GuideNotFound, GuideNotHere, SceneNeedsPlace
from guides.share import share_link
from guides.views import SceneLinkView
from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.errors import RoleNotAllowed
from storefront.frame import refusals
from storefront.tokens import Principal
from tenants.errors import StoreNotFound
from tenants.states import StaffRole

SELLERS = staff(StaffRole.BRAND_HQ, StaffRole.STORE_MANAGER, StaffRole.GUIDE)


@post(
    "/staff/v1/links",
    operation_id="shareLink",
    tags=["links"],
    guards=[SELLERS],
    responses=refusals(SceneNeedsPlace, GuideNotFound, GuideNotHere, StoreNotFound),
)
async def share(
    data: JSONBody[ShareLink], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> SceneLinkView:
    """Make a link; a guide makes only the own ones, a store manager only the own store's."""
    _check_own(principal, data)
    async with tenant.writing() as db:
        return await share_link(db, data, created_by=principal.actor(), now=now)


@get("/staff/v1/links", operation_id="listLinks", tags=["links"], guards=[SELLERS])
async def own_links(tenant: CurrentTenant, principal: CurrentPrincipal) -> list[SceneLinkView]:
    """The caller's links: a guide's own, a store manager's store's, all of them for headquarters."""
    async with tenant.reading() as db:
        return await queries.links_of(db, guide_id=principal.guide_id, store_id=principal.store_id)


def _check_own(principal: Principal, command: ShareLink) -> None:
    if principal.role is StaffRole.BRAND_HQ:
        return
    if command.store_id != principal.store_id:
        raise RoleNotAllowed
    if principal.role is StaffRole.GUIDE and command.guide_id != principal.guide_id:
        raise RoleNotAllowed


ROUTES = [share, own_links]
