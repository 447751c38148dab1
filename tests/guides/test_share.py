"""Links and touches: what a code stands for, whose touch it was, and which relation it founds."""

from datetime import datetime, timedelta

import pytest

from guides.attribution import Policy, attribute
from guides.commands import EmployGuide, PlanRate, ShareLink, StartPlan
from guides.employ import employ_guide, let_guide_go, move_guide
from guides.errors import (
    GuideCodeTaken,
    GuideNotHere,
    PlanOverlaps,
    SceneExpired,
    SceneNeedsPlace,
    SceneNotFound,
)
from guides.plans import start_plan
from guides.queries import gather_evidence, guides_of_store, plans_of_level, resolve_scene
from guides.share import recognise_visitor, record_touch, share_link
from guides.states import AttributionRule, Scene
from guides.views import GuideView, SceneLinkView
from tenants.kernel.ids import LevelId, ShopperId, StoreId
from tenants.kernel.scope import Writing
from tenants.levels import Level
from tenants.ports import ShopperIdentity
from tenants.shoppers import meet_shopper
from tests.support.shop import Shop, add_store

VISITOR = "visitor-0123456789"


async def employ(db: Writing, shop: Shop, *, now: datetime, code: str = "G1", **facts: object) -> GuideView:
    return await employ_guide(db, EmployGuide(code=code, name="导购", store_id=shop.id, **facts), now=now)


async def guide_link(db: Writing, *, now: datetime, **facts: object) -> tuple[Shop, GuideView, SceneLinkView]:
    shop = await add_store(db)
    guide = await employ(db, shop, now=now, **facts)
    link = await share_link(
        db, ShareLink(scene=Scene.GUIDE, store_id=shop.id, guide_id=guide.id), created_by="test", now=now
    )
    return shop, guide, link


async def shopper(db: Writing, *, now: datetime, openid: str = "o-1") -> ShopperId:
    return await meet_shopper(db, ShopperIdentity(openid, None), now=now)


def code_of(link: SceneLinkView) -> str:
    return link.scene_code[5:]


async def attributed(db: Writing, who: ShopperId, *, store_id: StoreId, at: datetime):
    policy = Policy()
    return attribute(await gather_evidence(db, who, store_id=store_id, at=at, policy=policy), policy)


async def test_a_scene_code_fits_and_stands_for_its_guide_and_store(db: Writing, now: datetime) -> None:
    shop, guide, link = await guide_link(db, now=now)
    found = await resolve_scene(db, code_of(link), at=now)
    assert len(link.scene_code) <= 32
    assert link.scene_code.isalnum()
    assert (found.store_id, found.guide_id, found.guide_name) == (shop.id, guide.id, "导购")


async def test_a_touch_wins_the_order_for_its_guide_and_founds_the_relation(
    db: Writing, now: datetime
) -> None:
    shop, guide, link = await guide_link(db, now=now)
    who = await shopper(db, now=now)
    await record_touch(db, code_of(link), shopper_id=who, visitor=None, launch_scene=1047, now=now)
    within = await attributed(db, who, store_id=shop.id, at=now + timedelta(days=1))
    assert (within.guide_id, within.rule) == (guide.id, AttributionRule.LAST_TOUCH)
    long_after = await attributed(db, who, store_id=shop.id, at=now + timedelta(days=30))
    assert (long_after.guide_id, long_after.rule) == (guide.id, AttributionRule.RELATION)


async def test_a_touch_before_log_in_finds_its_shopper(db: Writing, now: datetime) -> None:
    shop, guide, link = await guide_link(db, now=now)
    await record_touch(db, code_of(link), shopper_id=None, visitor=VISITOR, launch_scene=None, now=now)
    who = await shopper(db, now=now)
    assert (await attributed(db, who, store_id=shop.id, at=now)).guide_id is None
    assert await recognise_visitor(db, VISITOR, shopper_id=who, now=now) == 1
    assert (
        await recognise_visitor(db, VISITOR, shopper_id=await shopper(db, now=now, openid="o-2"), now=now)
        == 0
    )
    assert (await attributed(db, who, store_id=shop.id, at=now)).guide_id == guide.id


async def test_the_first_guide_keeps_the_relation(db: Writing, now: datetime) -> None:
    shop, first, link = await guide_link(db, now=now)
    second = await employ(db, shop, now=now, code="G2")
    other = await share_link(
        db, ShareLink(scene=Scene.GUIDE, store_id=shop.id, guide_id=second.id), created_by="test", now=now
    )
    who = await shopper(db, now=now)
    for each in (link, other):
        await record_touch(db, code_of(each), shopper_id=who, visitor=None, launch_scene=None, now=now)
    assert (await attributed(db, who, store_id=shop.id, at=now + timedelta(days=30))).guide_id == first.id


async def test_a_guide_who_left_wins_no_later_order(db: Writing, now: datetime) -> None:
    shop, guide, link = await guide_link(db, now=now)
    who = await shopper(db, now=now)
    await record_touch(db, code_of(link), shopper_id=who, visitor=None, launch_scene=None, now=now)
    await let_guide_go(db, guide.id, now=now + timedelta(hours=1))
    decided = await attributed(db, who, store_id=shop.id, at=now + timedelta(hours=2))
    assert decided.rule is AttributionRule.STORE_ONLY


async def test_a_guides_own_purchase_is_recognised_by_the_openid(db: Writing, now: datetime) -> None:
    shop, _, link = await guide_link(db, now=now, openid="o-1")
    who = await shopper(db, now=now)
    await record_touch(db, code_of(link), shopper_id=who, visitor=None, launch_scene=None, now=now)
    assert (await attributed(db, who, store_id=shop.id, at=now)).own_purchase


async def test_an_unknown_or_expired_code_leads_nowhere(db: Writing, now: datetime) -> None:
    with pytest.raises(SceneNotFound):
        await resolve_scene(db, "nonsense", at=now)
    shop = await add_store(db)
    link = await share_link(
        db,
        ShareLink(scene=Scene.COMMUNITY, store_id=shop.id, expires_at=now + timedelta(hours=1)),
        created_by="t",
        now=now,
    )
    with pytest.raises(SceneExpired):
        await resolve_scene(db, code_of(link), at=now + timedelta(hours=1))


async def test_a_guides_link_needs_a_guide_who_works_there(db: Writing, now: datetime) -> None:
    here, elsewhere = await add_store(db), await add_store(db, "别处")
    guide = await employ(db, here, now=now)
    with pytest.raises(SceneNeedsPlace):
        await share_link(db, ShareLink(scene=Scene.GUIDE, store_id=here.id), created_by="t", now=now)
    with pytest.raises(GuideNotHere):
        await share_link(
            db,
            ShareLink(scene=Scene.GUIDE, store_id=elsewhere.id, guide_id=guide.id),
            created_by="t",
            now=now,
        )


async def test_a_moved_guide_works_at_the_new_store_only(db: Writing, now: datetime) -> None:
    old, new = await add_store(db), await add_store(db, "新店")
    guide = await employ(db, old, now=now)
    later = now + timedelta(days=1)
    await move_guide(db, guide.id, store_id=new.id, now=later)
    assert [each.id for each in await guides_of_store(db, new.id, at=later)] == [guide.id]
    assert await guides_of_store(db, old.id, at=later) == []
    assert [each.id for each in await guides_of_store(db, old.id, at=now)] == [guide.id]


async def test_a_guides_code_is_given_once(db: Writing, now: datetime) -> None:
    shop = await add_store(db)
    await employ(db, shop, now=now)
    with pytest.raises(GuideCodeTaken):
        await employ(db, shop, now=now)


async def test_a_new_plan_ends_the_one_before_it(db: Writing, now: datetime) -> None:
    level_id = LevelId(db.tenant_id)

    async def start(at: datetime):
        command = StartPlan(name="方案", rates=[PlanRate(rate_bps=300)], active_from=at)
        return await start_plan(db, command, level=Level.BRAND, level_id=level_id, now=now)

    first = await start(now)
    second = await start(now + timedelta(days=30))
    assert [plan.active_to for plan in await plans_of_level(db, level_id)] == [second.active_from, None]
    with pytest.raises(PlanOverlaps):
        await start(first.active_from)
