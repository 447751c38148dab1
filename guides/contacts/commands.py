"""What may be asked about guides' contacts: structs that come in. Unknown fields are refused."""

from typing import Annotated

import msgspec
from msgspec import Meta

from tenants.kernel.ids import GuideId, ShopperId


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class Depart(_Command, frozen=True):
    """A guide leaves. The taker gets the relations, one shopper at a time; without one they are the store's."""

    taker_guide_id: GuideId | None = None


class Reassign(_Command, frozen=True):
    """A guide who stays gives relations away: these shoppers', or all."""

    taker_guide_id: GuideId
    shopper_ids: Annotated[list[ShopperId], Meta(min_length=1, max_length=1000)] | None = None
