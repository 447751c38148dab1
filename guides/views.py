"""What the guides' package shows: structs that go out."""

from datetime import datetime

import msgspec

from guides.states import CommissionBase, Scene
from tenants.kernel.ids import GuideId, LevelId, MerchantId, PlanId, SceneLinkId, StaffId, StoreId, TouchId
from tenants.kernel.money import Bps
from tenants.levels import Level


class GuideView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A guide."""

    id: GuideId
    code: str
    name: str
    staff_id: StaffId | None
    active_from: datetime
    active_to: datetime | None


class CardView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The number under which a merchant's payment channel knows a guide."""

    guide_id: GuideId
    merchant_id: MerchantId
    card_no: str
    kept_at: datetime


class SceneLinkView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A link: `scene_code` is what goes into a mini-program code's scene (at most 32 characters, opaque)."""

    id: SceneLinkId
    scene_code: str
    scene: Scene
    store_id: StoreId | None
    guide_id: GuideId | None
    guide_name: str | None
    campaign: str | None
    target: str
    expires_at: datetime | None


class TouchView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A recorded touch and where it leads."""

    id: TouchId
    link: SceneLinkView


class PlanView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A commission plan with its rates by category code ('' = everything else)."""

    id: PlanId
    name: str
    level: Level
    level_id: LevelId
    base: CommissionBase
    active_from: datetime
    active_to: datetime | None
    rates_bps: dict[str, Bps]
