"""Who won an order: the winning store and guide, decided once from evidence that is kept. Pure.

The policy is an ordered list of rules; the first that names a guide wins: the guide who placed the order, the guide the shopper
picked, the last valid link within the window, the holder of the relation, and else the store alone. Pickup staff cannot win:
they are known only after the payment. A guide who buys for himself earns nothing; the sale stays the store's, and says so.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from guides.states import AttributionRule, Scene
from tenants.kernel.ids import GuideId, SceneLinkId, StoreId, TouchId


class TouchEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A contact of this shopper with a link."""

    touch_id: TouchId
    scene_link_id: SceneLinkId
    scene: Scene
    store_id: StoreId | None
    guide_id: GuideId | None
    campaign: str | None
    touched_at: datetime
    guide_active: bool
    """The guide worked for the brand both when touched and now."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about how an order came about; `touches` newest first."""

    store_id: StoreId
    at: datetime
    operator_guide_id: GuideId | None = None
    placed_by_staff: bool = False
    picked_guide_id: GuideId | None = None
    touches: tuple[TouchEvidence, ...] = ()
    relation_guide_id: GuideId | None = None
    shopper_is_guide_id: GuideId | None = None
    """Set when the shopper's openid is a guide's own."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's rules: their order, and for how long a touch counts."""

    rules: tuple[AttributionRule, ...] = (
        AttributionRule.OPERATOR,
        AttributionRule.PICKED,
        AttributionRule.LAST_TOUCH,
        AttributionRule.RELATION,
    )
    window: timedelta = timedelta(days=7)
    own_purchase_earns: bool = False


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """The decision, with the evidence it rests on."""

    store_id: StoreId
    guide_id: GuideId | None
    rule: AttributionRule
    scene: Scene
    evidence: Evidence
    policy: Policy
    touch_id: TouchId | None = None
    own_purchase: bool = False


def attribute(evidence: Evidence, policy: Policy) -> Attribution:
    """Decide. The sale is always the store's where it was bought; the guide is the first that a rule names."""
    rule, guide_id, touch = next(_candidates(evidence, policy), (AttributionRule.STORE_ONLY, None, None))
    own = guide_id is not None and guide_id == evidence.shopper_is_guide_id
    if own and not policy.own_purchase_earns:
        rule, guide_id = AttributionRule.STORE_ONLY, None
    return Attribution(
        store_id=evidence.store_id,
        guide_id=guide_id,
        rule=rule,
        scene=_scene(evidence, policy, touch),
        evidence=evidence,
        policy=policy,
        touch_id=touch.touch_id if touch else None,
        own_purchase=own,
    )


Candidate = tuple[AttributionRule, GuideId | None, TouchEvidence | None]


def _candidates(evidence: Evidence, policy: Policy) -> Iterator[Candidate]:
    """The guides that the policy's rules name, in the policy's order."""
    for rule in policy.rules:
        if rule is AttributionRule.LAST_TOUCH:
            for touch in evidence.touches:
                if touch.guide_id is not None and _counts(touch, evidence, policy):
                    yield rule, touch.guide_id, touch
        else:
            guide_id = {
                AttributionRule.OPERATOR: evidence.operator_guide_id,
                AttributionRule.PICKED: evidence.picked_guide_id,
                AttributionRule.RELATION: evidence.relation_guide_id,
            }.get(rule)
            if guide_id is not None:
                yield rule, guide_id, None


def _counts(touch: TouchEvidence, evidence: Evidence, policy: Policy) -> bool:
    return touch.guide_active and touch.touched_at <= evidence.at < touch.touched_at + policy.window


def _scene(evidence: Evidence, policy: Policy, touch: TouchEvidence | None) -> Scene:
    """Through which door: the winning touch's, else the latest touch's that still counts, else staff's or the shop's own."""
    if touch is not None:
        return touch.scene
    if evidence.placed_by_staff:
        return Scene.IN_STORE
    open_doors = (each for each in evidence.touches if evidence.at < each.touched_at + policy.window)
    latest = next(open_doors, None)
    return latest.scene if latest else Scene.OFFICIAL_SHOP
