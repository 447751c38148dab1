"""Who won an order, decided from evidence: every rule, its order, its window, and the guide who buys for himself."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guides.attribution import Evidence, Policy, TouchEvidence, attribute
from guides.states import AttributionRule, Scene
from tenants.kernel.ids import GuideId, SceneLinkId, StoreId, TouchId

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
STORE = StoreId(UUID(int=1))
OPERATOR, PICKED, TOUCHED, HOLDER = (GuideId(UUID(int=n)) for n in (11, 12, 13, 14))


def touch(
    *,
    ago: timedelta = timedelta(hours=1),
    guide: GuideId | None = TOUCHED,
    active: bool = True,
    **changes: object,
) -> TouchEvidence:
    facts = {
        "touch_id": TouchId(UUID(int=100)),
        "scene_link_id": SceneLinkId(UUID(int=200)),
        "scene": Scene.GUIDE,
        "store_id": STORE,
        "guide_id": guide,
        "campaign": None,
        "touched_at": AT - ago,
        "guide_active": active,
    }
    return TouchEvidence(**facts | changes)


def evidence(**facts: object) -> Evidence:
    return Evidence(store_id=STORE, at=AT, **facts)


EVERYTHING = {
    "operator_guide_id": OPERATOR,
    "picked_guide_id": PICKED,
    "touches": (touch(),),
    "relation_guide_id": HOLDER,
}


@pytest.mark.parametrize(
    ("missing", "winner", "rule"),
    [
        ((), OPERATOR, AttributionRule.OPERATOR),
        (("operator_guide_id",), PICKED, AttributionRule.PICKED),
        (("operator_guide_id", "picked_guide_id"), TOUCHED, AttributionRule.LAST_TOUCH),
        (("operator_guide_id", "picked_guide_id", "touches"), HOLDER, AttributionRule.RELATION),
        (tuple(EVERYTHING), None, AttributionRule.STORE_ONLY),
    ],
)
def test_the_first_rule_that_names_a_guide_wins(missing, winner, rule) -> None:
    known = {name: fact for name, fact in EVERYTHING.items() if name not in missing}
    decided = attribute(evidence(**known), Policy())
    assert (decided.guide_id, decided.rule, decided.store_id) == (winner, rule, STORE)


def test_a_touch_counts_until_its_window_is_over() -> None:
    window = Policy().window
    just_inside = touch(ago=window - timedelta(seconds=1))
    assert attribute(evidence(touches=(just_inside,)), Policy()).guide_id == TOUCHED
    assert attribute(evidence(touches=(touch(ago=window),)), Policy()).guide_id is None


def test_the_latest_touch_with_a_guide_wins_over_a_later_one_without() -> None:
    campaign = touch(ago=timedelta(minutes=1), guide=None, scene=Scene.LIVE)
    decided = attribute(evidence(touches=(campaign, touch())), Policy())
    assert (decided.guide_id, decided.scene) == (TOUCHED, Scene.GUIDE)


def test_a_guide_who_has_left_wins_nothing() -> None:
    decided = attribute(evidence(touches=(touch(active=False),)), Policy())
    assert decided.rule is AttributionRule.STORE_ONLY


def test_a_touch_from_the_future_does_not_count() -> None:
    assert attribute(evidence(touches=(touch(ago=timedelta(seconds=-1)),)), Policy()).guide_id is None


def test_a_guide_who_buys_for_himself_earns_nothing_and_it_is_said() -> None:
    own = evidence(touches=(touch(),), shopper_is_guide_id=TOUCHED)
    decided = attribute(own, Policy())
    assert (decided.guide_id, decided.rule, decided.own_purchase) == (None, AttributionRule.STORE_ONLY, True)
    assert attribute(own, Policy(own_purchase_earns=True)).guide_id == TOUCHED


def test_an_order_placed_by_staff_comes_through_the_store() -> None:
    assert attribute(evidence(placed_by_staff=True), Policy()).scene is Scene.IN_STORE
    assert attribute(evidence(), Policy()).scene is Scene.OFFICIAL_SHOP
    assert (
        attribute(evidence(touches=(touch(guide=None, scene=Scene.COMMUNITY),)), Policy()).scene
        is Scene.COMMUNITY
    )


def test_a_policy_may_order_the_rules_otherwise() -> None:
    relation_first = Policy(rules=(AttributionRule.RELATION, AttributionRule.LAST_TOUCH))
    assert attribute(evidence(**EVERYTHING), relation_first).guide_id == HOLDER


@given(st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_the_decision_carries_the_evidence_it_rests_on(known: set[str]) -> None:
    given_evidence = evidence(**{name: EVERYTHING[name] for name in known})
    decided = attribute(given_evidence, Policy())
    assert decided.evidence == given_evidence
    assert attribute(decided.evidence, decided.policy) == decided
