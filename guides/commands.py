"""What may be asked of the guides' package: structs that come in. Unknown fields are refused."""

from typing import Annotated

import msgspec
from msgspec import Meta

from guides.states import Scene
from tenants.commands import Basis, Code, Instant, Name
from tenants.kernel.ids import GuideId, MerchantId, StaffId, StoreId

WebAddress = Annotated[str, Meta(max_length=255, pattern=r"^https://[!-~]+$")]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class EmployGuide(_Command, frozen=True):
    """Make a person a guide of a store."""

    code: Code
    name: Name
    store_id: StoreId
    staff_id: StaffId | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None
    openid: Annotated[str, Meta(max_length=64)] | None = None
    wecom_userid: Annotated[str, Meta(max_length=64)] | None = None
    avatar_url: WebAddress | None = None


class ChangeGuide(_Command, frozen=True):
    """Replace what is shown of a guide; what is left out is forgotten. Where the guide works is changed by moving."""

    name: Name
    phone: Annotated[str, Meta(max_length=40)] | None = None
    openid: Annotated[str, Meta(max_length=64)] | None = None
    wecom_userid: Annotated[str, Meta(max_length=64)] | None = None
    avatar_url: WebAddress | None = None


class KeepCard(_Command, frozen=True):
    """The number under which the payment channel knows a guide; `merchantId` is the payee, by default the default merchant."""

    card_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
    merchant_id: MerchantId | None = None


class ShareLink(_Command, frozen=True):
    """Make a short opaque link: a guide's, a store's or a campaign's."""

    scene: Scene = Scene.GUIDE
    store_id: StoreId | None = None
    guide_id: GuideId | None = None
    campaign: Annotated[str, Meta(max_length=64)] | None = None
    target: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[a-zA-Z0-9/_?=&.-]+$")] = "home"
    expires_at: Instant | None = None


class RecordTouch(_Command, frozen=True):
    """Say that a shopper (or a visitor not logged in yet) came through a code."""

    scene: Annotated[str, Meta(min_length=6, max_length=32, pattern=r"^[0-9A-Za-z]+$")]
    visitor: Annotated[str, Meta(min_length=16, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")] | None = None
    """A random string the front end keeps until log-in, so that a touch before log-in finds its shopper."""
    launch_scene: Annotated[int, Meta(ge=0, le=99_999)] | None = None
    """The platform's own number of how the mini-program was opened (1047 = code scan)."""


class PlanRate(_Command, frozen=True):
    """A rate for one category, or (without a category) for everything else."""

    rate_bps: Basis
    category_code: Annotated[str, Meta(max_length=64)] = ""


class StartPlan(_Command, frozen=True):
    """Start a commission plan at one level; the plan before it ends at that moment."""

    name: Name
    rates: Annotated[list[PlanRate], Meta(min_length=1, max_length=500)]
    active_from: Instant
