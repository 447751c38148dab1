"""Every read of the guides' package."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select

from guides.attribution import Evidence, Policy, TouchEvidence
from guides.errors import GuideNotFound, SceneExpired, SceneNotFound
from guides.models import (
    CommissionPlan,
    CommissionRate,
    Guide,
    GuideAssignment,
    GuideCard,
    Relation,
    SceneLink,
    Touch,
)
from guides.states import AttributionRule, CommissionBase, Scene
from guides.views import CardView, GuideView, PlanView, SceneLinkView
from tenants.kernel.ids import (
    GuideId,
    LevelId,
    MerchantId,
    PlanId,
    SceneLinkId,
    ShopperId,
    StaffId,
    StoreId,
    TouchId,
)
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading
from tenants.levels import Level, LevelPath
from tenants.queries import find_tenant, shopper_openid, shown, tenant_settings

RECENT_TOUCHES = 20


async def find_guide(db: Reading, guide_id: GuideId) -> GuideView:
    """One guide."""
    row = (await db.execute(_guides(db).where(Guide.id == guide_id))).one_or_none()
    if row is None:
        raise GuideNotFound(guide_id=guide_id)
    return shown(GuideView, row)


async def guides_of_store(db: Reading, store_id: StoreId, *, at: datetime) -> list[GuideView]:
    """The guides who work at a store at a moment."""
    statement = (
        _guides(db)
        .join(
            GuideAssignment,
            and_(GuideAssignment.tenant_id == Guide.tenant_id, GuideAssignment.guide_id == Guide.id),
        )
        .where(
            GuideAssignment.tenant_id == db.tenant_id, GuideAssignment.store_id == store_id, *_assigned(at)
        )
        .order_by(Guide.code)
    )
    return [shown(GuideView, row) for row in await db.execute(statement)]


async def guide_of_staff(db: Reading, staff_id: StaffId, *, at: datetime) -> GuideId | None:
    """The guide a staff member is, if any and still working."""
    statement = select(Guide.id).where(
        Guide.tenant_id == db.tenant_id, Guide.staff_id == staff_id, *_working(at)
    )
    found = (await db.execute(statement)).scalar_one_or_none()
    return None if found is None else GuideId(found)


async def works_at(db: Reading, *, guide_id: GuideId, store_id: StoreId, at: datetime) -> bool:
    """Whether a guide works at a store at a moment."""
    statement = (
        select(Guide.id)
        .join(
            GuideAssignment,
            and_(GuideAssignment.tenant_id == Guide.tenant_id, GuideAssignment.guide_id == Guide.id),
        )
        .where(
            Guide.tenant_id == db.tenant_id,
            GuideAssignment.tenant_id == db.tenant_id,
            Guide.id == guide_id,
            GuideAssignment.store_id == store_id,
            *_working(at),
            *_assigned(at),
        )
        .limit(1)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def guide_ids_by_code(db: Reading, codes: Sequence[str]) -> dict[str, GuideId]:
    """Which of these guide codes exist, and their ids."""
    statement = select(Guide.code, Guide.id).where(Guide.tenant_id == db.tenant_id, Guide.code.in_(codes))
    return {row.code: GuideId(row.id) for row in await db.execute(statement)}


async def card_of(db: Reading, guide_id: GuideId, *, merchant_id: MerchantId) -> str | None:
    """The number under which the payment channel knows the guide at this merchant, if it does."""
    statement = select(GuideCard.card_no).where(
        GuideCard.tenant_id == db.tenant_id,
        GuideCard.guide_id == guide_id,
        GuideCard.merchant_id == merchant_id,
    )
    return (await db.execute(statement)).scalar_one_or_none()


async def cards_of(db: Reading, guide_id: GuideId) -> list[CardView]:
    """Every card of a guide, one a merchant."""
    columns = [getattr(GuideCard, field) for field in CardView.__struct_fields__]
    statement = select(*columns).where(GuideCard.tenant_id == db.tenant_id, GuideCard.guide_id == guide_id)
    return [shown(CardView, row) for row in await db.execute(statement.order_by(GuideCard.merchant_id))]


async def guides_without_card(db: Reading, *, at: datetime) -> tuple[int, list[GuideView]]:
    """How many cards there are at all, and the working guides who have none."""
    counted = select(func.count()).select_from(GuideCard).where(GuideCard.tenant_id == db.tenant_id)
    number = (await db.execute(counted)).scalar_one()
    has_card = exists().where(GuideCard.tenant_id == db.tenant_id, GuideCard.guide_id == Guide.id)
    statement = _guides(db).where(*_working(at), ~has_card).order_by(Guide.code)
    return number, [shown(GuideView, row) for row in await db.execute(statement)]


async def resolve_scene(db: Reading, code: str, *, at: datetime) -> SceneLinkView:
    """What a scene code (without the tenant's public code) stands for; an expired or revoked one is refused as such."""
    public_code = (await find_tenant(db)).public_code
    statement = (
        select(SceneLink, Guide.name.label("guide_name"))
        .outerjoin(Guide, and_(Guide.tenant_id == SceneLink.tenant_id, Guide.id == SceneLink.guide_id))
        .where(SceneLink.tenant_id == db.tenant_id, SceneLink.code == code)
    )
    row = (await db.execute(statement)).one_or_none()
    if row is None:
        raise SceneNotFound
    link: SceneLink = row.SceneLink
    if link.revoked_at is not None or (link.expires_at is not None and link.expires_at <= at):
        raise SceneExpired(scene_link_id=link.id)
    return link_view(link, public_code=public_code, guide_name=row.guide_name)


async def links_of(
    db: Reading, *, guide_id: GuideId | None = None, store_id: StoreId | None = None
) -> list[SceneLinkView]:
    """The links of a guide or of a store, newest first."""
    public_code = (await find_tenant(db)).public_code
    statement = (
        select(SceneLink, Guide.name.label("guide_name"))
        .outerjoin(Guide, and_(Guide.tenant_id == SceneLink.tenant_id, Guide.id == SceneLink.guide_id))
        .where(SceneLink.tenant_id == db.tenant_id)
        .order_by(SceneLink.id.desc())
        .limit(200)
    )
    if guide_id is not None:
        statement = statement.where(SceneLink.guide_id == guide_id)
    if store_id is not None:
        statement = statement.where(SceneLink.store_id == store_id)
    rows = await db.execute(statement)
    return [link_view(row.SceneLink, public_code=public_code, guide_name=row.guide_name) for row in rows]


async def gather_evidence(
    db: Reading,
    shopper_id: ShopperId | None,
    *,
    store_id: StoreId,
    at: datetime,
    policy: Policy,
    operator_guide_id: GuideId | None = None,
    placed_by_staff: bool = False,
    picked_guide_id: GuideId | None = None,
) -> Evidence:
    """Everything attribution decides from, as it stands now; the caller freezes it on the order."""
    if picked_guide_id is not None:
        await find_guide(db, picked_guide_id)
    known: dict[str, Any] = {}
    if shopper_id is not None:
        known = {
            "touches": await _touches(db, shopper_id, at=at, policy=policy),
            "relation_guide_id": await _relation_holder(db, shopper_id, at=at),
            "shopper_is_guide_id": await _guide_with_openid(db, await shopper_openid(db, shopper_id)),
        }
    return Evidence(
        store_id=store_id,
        at=at,
        operator_guide_id=operator_guide_id,
        placed_by_staff=placed_by_staff,
        picked_guide_id=picked_guide_id,
        **known,
    )


async def attribution_policy(db: Reading) -> Policy:
    """The tenant's attribution rules (`settings.attribution`: rules, windowDays, ownPurchaseEarns), else the default ones."""
    stored = (await tenant_settings(db)).get("attribution") or {}
    default = Policy()
    return Policy(
        rules=tuple(AttributionRule(rule) for rule in stored.get("rules", default.rules)),
        window=timedelta(days=stored.get("windowDays", default.window.days)),
        own_purchase_earns=bool(stored.get("ownPurchaseEarns", default.own_purchase_earns)),
    )


async def commission_plans(db: Reading, path: LevelPath, *, at: datetime) -> list[PlanView]:
    """The plans in force at any level of a store's path; `commission.plan_in_force` picks among them."""
    return await _plans(
        db,
        CommissionPlan.level_id.in_(path.ids()),
        CommissionPlan.active_from <= at,
        or_(CommissionPlan.active_to.is_(None), CommissionPlan.active_to > at),
    )


async def plans_of_level(db: Reading, level_id: LevelId) -> list[PlanView]:
    """Every plan a level ever had, oldest first."""
    return await _plans(db, CommissionPlan.level_id == level_id)


async def every_plan(db: Reading) -> list[PlanView]:
    """Every plan of the tenant: for imports that meet many stores and moments at once."""
    return await _plans(db)


def link_view(link: SceneLink, *, public_code: str, guide_name: str | None) -> SceneLinkView:
    """Show a link; its code starts with the tenant's public code, so that it finds its tenant by itself."""
    return SceneLinkView(
        id=SceneLinkId(link.id),
        scene_code=public_code + link.code,
        scene=Scene(link.scene),
        store_id=StoreId(link.store_id) if link.store_id else None,
        guide_id=GuideId(link.guide_id) if link.guide_id else None,
        guide_name=guide_name,
        campaign=link.campaign,
        target=link.target,
        expires_at=link.expires_at,
    )


async def _plans(db: Reading, *conditions: Any) -> list[PlanView]:
    statement = (
        select(CommissionPlan, CommissionRate.category_code, CommissionRate.rate_bps)
        .join(
            CommissionRate,
            and_(
                CommissionRate.tenant_id == CommissionPlan.tenant_id,
                CommissionRate.plan_id == CommissionPlan.id,
            ),
        )
        .where(
            CommissionPlan.tenant_id == db.tenant_id, CommissionRate.tenant_id == db.tenant_id, *conditions
        )
        .order_by(CommissionPlan.active_from, CommissionPlan.id)
    )
    plans: dict[Any, tuple[CommissionPlan, dict[str, Bps]]] = {}
    for row in await db.execute(statement):
        _, rates = plans.setdefault(row.CommissionPlan.id, (row.CommissionPlan, {}))
        rates[row.category_code] = Bps(row.rate_bps)
    return [_plan_view(plan, rates) for plan, rates in plans.values()]


def _plan_view(plan: CommissionPlan, rates: dict[str, Bps]) -> PlanView:
    return PlanView(
        id=PlanId(plan.id),
        name=plan.name,
        level=Level(plan.level),
        level_id=LevelId(plan.level_id),
        base=CommissionBase(plan.base),
        active_from=plan.active_from,
        active_to=plan.active_to,
        rates_bps=rates,
    )


async def _touches(
    db: Reading, shopper_id: ShopperId, *, at: datetime, policy: Policy
) -> tuple[TouchEvidence, ...]:
    statement = (
        select(Touch, Guide.active_from, Guide.active_to)
        .outerjoin(Guide, and_(Guide.tenant_id == Touch.tenant_id, Guide.id == Touch.guide_id))
        .where(
            Touch.tenant_id == db.tenant_id,
            Touch.shopper_id == shopper_id,
            Touch.touched_at > at - policy.window,
            Touch.touched_at <= at,
        )
        .order_by(Touch.touched_at.desc(), Touch.id.desc())
        .limit(RECENT_TOUCHES)
    )
    return tuple(_touch_evidence(row, at=at) for row in await db.execute(statement))


def _touch_evidence(row: Any, *, at: datetime) -> TouchEvidence:
    touch: Touch = row.Touch
    since, until = row.active_from, row.active_to
    return TouchEvidence(
        touch_id=TouchId(touch.id),
        scene_link_id=SceneLinkId(touch.scene_link_id),
        scene=Scene(touch.scene),
        store_id=StoreId(touch.store_id) if touch.store_id else None,
        guide_id=GuideId(touch.guide_id) if touch.guide_id else None,
        campaign=touch.campaign,
        touched_at=touch.touched_at,
        guide_active=since is not None and since <= touch.touched_at and (until is None or at < until),
    )


async def _relation_holder(db: Reading, shopper_id: ShopperId, *, at: datetime) -> GuideId | None:
    statement = (
        select(Relation.guide_id)
        .join(Guide, and_(Guide.tenant_id == Relation.tenant_id, Guide.id == Relation.guide_id))
        .where(
            Relation.tenant_id == db.tenant_id,
            Guide.tenant_id == db.tenant_id,
            Relation.shopper_id == shopper_id,
            Relation.active_from <= at,
            or_(Relation.active_to.is_(None), Relation.active_to > at),
            *_working(at),
        )
    )
    found = (await db.execute(statement)).scalars().first()
    return None if found is None else GuideId(found)


async def _guide_with_openid(db: Reading, openid: str) -> GuideId | None:
    statement = select(Guide.id).where(Guide.tenant_id == db.tenant_id, Guide.openid == openid)
    found = (await db.execute(statement)).scalars().first()
    return None if found is None else GuideId(found)


def _guides(db: Reading) -> Select[Any]:
    columns = [getattr(Guide, field) for field in GuideView.__struct_fields__]
    return select(*columns).where(Guide.tenant_id == db.tenant_id)


def _working(at: datetime) -> tuple[Any, ...]:
    return (Guide.active_from <= at, or_(Guide.active_to.is_(None), Guide.active_to > at))


def _assigned(at: datetime) -> tuple[Any, ...]:
    return (
        GuideAssignment.active_from <= at,
        or_(GuideAssignment.active_to.is_(None), GuideAssignment.active_to > at),
    )
