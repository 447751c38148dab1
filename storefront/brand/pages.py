"""Decorating pages: drafts, publishing, schedules, previews. Headquarters at any level, a store manager at the own store's."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get, post, put
from litestar.params import JSONBody, PathParameter, QueryParameter

from catalog import pages
from catalog.commands import SaveDraft, SchedulePage
from catalog.errors import PageEditedMeanwhile, PageInvalid, PageNotFound, PageStateForbids, PublishTimePassed
from catalog.faces import PageView, preview
from catalog.page_queries import PageVersion, page_versions
from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.brand.levels import LevelRef, check_own_level, level_named
from storefront.errors import MalformedRequest
from storefront.frame import refusals
from storefront.tokens import Principal
from tenants.audit import record_deed
from tenants.errors import LevelUnknown, StoreNotFound
from tenants.kernel.ids import LevelId, StoreId, TenantId
from tenants.levels import Level
from tenants.states import StaffRole

EDITORS = staff(StaffRole.BRAND_HQ, StaffRole.STORE_MANAGER)
PageKey = Annotated[
    str, PathParameter(pattern="^[a-z][a-z0-9-]{0,39}$", description="home, or a page of your own.")
]
LevelName = Annotated[Level, PathParameter(description="Whose layer of the page.")]
AtStore = Annotated[UUID | None, QueryParameter(name="storeId", description="Show it as this store would.")]
AtTime = Annotated[
    datetime | None,
    QueryParameter(name="at", description="Show it as of then; now if not said."),
]
VersionNumber = Annotated[int, PathParameter(ge=1, le=2**31 - 1)]
LAYER = "/brand/v1/pages/{page_key:str}/{level:str}"


def own_layer(principal: Principal, *, tenant_id: TenantId, level: Level, level_id: UUID | None) -> LevelId:
    """The level whose layer is meant, if this principal may touch it."""
    found = level_named(tenant_id, level=level, level_id=level_id)
    check_own_level(principal, level=level, level_id=found)
    return found


def moment(at: datetime | None, *, now: datetime) -> datetime:
    """The time asked about; one without an offset could be anybody's."""
    if at is not None and at.tzinfo is None:
        raise MalformedRequest(details={"at": "needs a time zone offset"})
    return at or now


@get(
    LAYER + "/versions",
    operation_id="listPageVersions",
    tags=["pages"],
    guards=[EDITORS],
    responses=refusals(LevelUnknown),
)
async def list_versions(
    page_key: PageKey,
    level: LevelName,
    tenant: CurrentTenant,
    principal: CurrentPrincipal,
    level_id: LevelRef = None,
) -> list[PageVersion]:
    """The latest versions of one level's layer, newest first."""
    layer = own_layer(principal, tenant_id=tenant.tenant_id, level=level, level_id=level_id)
    async with tenant.reading() as db:
        return await page_versions(db, page_key=page_key, level_id=layer)


@put(
    LAYER + "/draft",
    operation_id="savePageDraft",
    tags=["pages"],
    guards=[EDITORS],
    responses=refusals(LevelUnknown, PageInvalid, PageEditedMeanwhile, PageStateForbids),
)
async def put_draft(
    page_key: PageKey, level: LevelName, data: JSONBody[SaveDraft], tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now, level_id: LevelRef = None,
) -> PageVersion:  # fmt: skip
    """Save what one level says about a page; nobody sees it until it is published."""
    layer = own_layer(principal, tenant_id=tenant.tenant_id, level=level, level_id=level_id)
    async with tenant.writing() as db:
        return await pages.save_draft(
            db, data, page_key=page_key, level=level, level_id=layer, by=principal.actor(), now=now
        )


@post(
    LAYER + "/versions/{version:int}/publish",
    operation_id="publishPage",
    tags=["pages"],
    guards=[EDITORS],
    status_code=200,
    responses=refusals(LevelUnknown, PageNotFound, PageInvalid, PageStateForbids),
)
async def publish_version(
    page_key: PageKey, level: LevelName, version: VersionNumber, tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now, level_id: LevelRef = None,
) -> PageVersion:  # fmt: skip
    """Show a version from now on."""
    layer = own_layer(principal, tenant_id=tenant.tenant_id, level=level, level_id=level_id)
    async with tenant.writing() as db:
        shown = await pages.publish(
            db, page_key=page_key, level=level, level_id=layer, version=version, now=now
        )
        await record_deed(db, actor=principal.actor(), action="publish_page", subject_id=shown.id, now=now)
    return shown


@post(
    LAYER + "/versions/{version:int}/schedule",
    operation_id="schedulePage",
    tags=["pages"],
    guards=[EDITORS],
    status_code=200,
    responses=refusals(LevelUnknown, PageNotFound, PageInvalid, PageStateForbids, PublishTimePassed),
)
async def schedule_version(
    page_key: PageKey, level: LevelName, version: VersionNumber, data: JSONBody[SchedulePage],
    tenant: CurrentTenant, principal: CurrentPrincipal, now: Now, level_id: LevelRef = None,
) -> PageVersion:  # fmt: skip
    """Show a version from a time on."""
    layer = own_layer(principal, tenant_id=tenant.tenant_id, level=level, level_id=level_id)
    async with tenant.writing() as db:
        planned = await pages.schedule(
            db,
            page_key=page_key,
            level=level,
            level_id=layer,
            version=version,
            publish_at=data.publish_at,
            now=now,
        )
        await record_deed(db, actor=principal.actor(), action="schedule_page", subject_id=planned.id, now=now)
    return planned


@post(
    LAYER + "/versions/{version:int}/retire",
    operation_id="retirePage",
    tags=["pages"],
    guards=[EDITORS],
    status_code=200,
    responses=refusals(LevelUnknown, PageNotFound, PageStateForbids),
)
async def retire_version(
    page_key: PageKey, level: LevelName, version: VersionNumber, tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now, level_id: LevelRef = None,
) -> PageVersion:  # fmt: skip
    """Take a published or scheduled version down; the level inherits again."""
    layer = own_layer(principal, tenant_id=tenant.tenant_id, level=level, level_id=level_id)
    async with tenant.writing() as db:
        retired = await pages.retire(db, page_key=page_key, level=level, level_id=layer, version=version)
        await record_deed(db, actor=principal.actor(), action="retire_page", subject_id=retired.id, now=now)
    return retired


@get(
    LAYER + "/versions/{version:int}/preview",
    operation_id="previewPage",
    tags=["pages"],
    guards=[EDITORS],
    responses=refusals(LevelUnknown, PageNotFound, StoreNotFound),
)
async def preview_version(
    page_key: PageKey, level: LevelName, version: VersionNumber, tenant: CurrentTenant,
    principal: CurrentPrincipal, now: Now, level_id: LevelRef = None, store_id: AtStore = None, at: AtTime = None,
) -> PageView:  # fmt: skip
    """The page as a store would show it with this version in place of what its level shows."""
    layer = own_layer(principal, tenant_id=tenant.tenant_id, level=level, level_id=level_id)
    shop = StoreId(store_id) if store_id else (StoreId(layer) if level is Level.STORE else None)
    async with tenant.reading() as db:
        return await preview(
            db, store_id=shop, page_key=page_key, level_id=layer, version=version, at=moment(at, now=now)
        )


ROUTES = [
    list_versions,
    put_draft,
    publish_version,
    schedule_version,
    retire_version,
    preview_version,
]
