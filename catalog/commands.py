"""What may be asked of the catalogue: structs that come in. Unknown fields are refused."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.components import LayerContent
from tenants.kernel.ids import LevelId, SkuId
from tenants.levels import Level

PageKey = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,39}$(?!\n)")]
Amount = Annotated[int, Meta(ge=0, le=100_000_000_00)]
"""Fen."""
Instant = Annotated[datetime, Meta(tz=True)]
MOST_ROWS = 1000


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class SaveDraft(_Command, frozen=True, kw_only=True):
    """Save what a level says about a page. `baseVersion` is the version that was being edited; a later one refuses the save."""

    content: LayerContent
    base_version: Annotated[int, Meta(ge=0, le=2_147_483_647)] | None = None


class SchedulePage(_Command, frozen=True, kw_only=True):
    """Show a version from a time on."""

    publish_at: Instant


class PriceChange(_Command, frozen=True, kw_only=True):
    """The price of a SKU at one level, in fen, from a time on until a time (half-open).

    Without `activeFrom` it is the level's standing price: it replaces the standing one, and a dated price wins over it while that holds.
    """

    sku_id: SkuId
    price_fen: Amount
    line_price_fen: Amount | None = None
    promotion_code: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """The campaign that the price belongs to."""
    active_from: Instant | None = None
    active_to: Instant | None = None


class SetPrices(_Command, frozen=True, kw_only=True):
    """Set prices at one level; `withdraw` takes that level's standing prices away, so that the level above is heard again."""

    level: Level
    level_id: LevelId
    prices: Annotated[list[PriceChange], Meta(max_length=MOST_ROWS)] = []
    withdraw: Annotated[list[SkuId], Meta(max_length=MOST_ROWS)] = []


class SetAssortment(_Command, frozen=True, kw_only=True):
    """Say which SKUs a level carries, which it does not, and on which it leaves the word to the level above."""

    level: Level
    level_id: LevelId
    carry: Annotated[list[SkuId], Meta(max_length=MOST_ROWS)] = []
    drop: Annotated[list[SkuId], Meta(max_length=MOST_ROWS)] = []
    inherit: Annotated[list[SkuId], Meta(max_length=MOST_ROWS)] = []


class StockCount(_Command, frozen=True, kw_only=True):
    """So many units of a SKU are on hand; what is held for unpaid orders stays held."""

    sku_id: SkuId
    on_hand: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class SetStock(_Command, frozen=True, kw_only=True):
    """Set what is on hand at one level. A feed numbers its messages: an older or repeated number changes nothing."""

    level: Level
    level_id: LevelId
    counts: Annotated[list[StockCount], Meta(max_length=MOST_ROWS)]
    feed_sequence: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None
