"""Which row wins: of several levels the most specific one that says anything, of several prices of one level the one that began last.

Pure, and the specification of what the listing query does in SQL; a property test holds the two together. Also says what a store
can tell of a SKU, and how much of its stock a public page may show.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from catalog.states import Availability
from tenants.kernel.ids import LevelId
from tenants.kernel.money import Fen
from tenants.levels import Level, LevelPath


class AssortmentFact(msgspec.Struct, frozen=True):
    """One level's word on whether it carries a SKU."""

    level_id: LevelId
    listed: bool


class PriceFact(msgspec.Struct, frozen=True):
    """One level's price of a SKU over a half-open time."""

    level_id: LevelId
    active_from: datetime
    active_to: datetime | None
    price_fen: Fen
    line_price_fen: Fen | None = None


class StockFact(msgspec.Struct, frozen=True):
    """One level's count of a SKU."""

    level_id: LevelId
    on_hand: int
    reserved: int


class PriceEvidence(msgspec.Struct, frozen=True, rename="camel"):
    """Why a price holds: the level that set it and since when."""

    level: Level
    level_id: LevelId
    active_from: datetime


class AtLevel(Protocol):
    """Anything said at one level."""

    @property
    def level_id(self) -> LevelId:
        """The level's id."""
        ...


Fact = TypeVar("Fact", bound=AtLevel)


class StockLevel(StrEnum):
    """How much stock a public page shows: steps, so that most orders change no page."""

    NONE = "0"
    """Nothing is left."""
    FEW = "1+"
    """One to nine."""
    SOME = "10+"
    """Ten to ninety-eight."""
    MANY = "99+"
    """Ninety-nine or more."""


def most_specific(facts: Iterable[Fact], path: LevelPath) -> Fact | None:
    """The fact of the most specific level on the path; facts of other levels count for nothing."""
    ids = path.ids()
    return max(
        (fact for fact in facts if fact.level_id in ids),
        key=lambda fact: path.rank(fact.level_id),
        default=None,
    )


def winning_price(prices: Iterable[PriceFact], path: LevelPath, *, at: datetime) -> PriceFact | None:
    """The price that holds at `at` (half-open periods): the most specific level first, then the one that began last."""
    ids = path.ids()
    holding = (
        price
        for price in prices
        if price.level_id in ids
        and price.active_from <= at
        and (price.active_to is None or at < price.active_to)
    )
    return max(holding, key=lambda price: (path.rank(price.level_id), price.active_from), default=None)


def evidence_of(path: LevelPath, *, level_id: LevelId, active_from: datetime) -> PriceEvidence:
    """Name the level behind a price."""
    level = {path.brand: Level.BRAND, path.group: Level.GROUP, path.store: Level.STORE}[level_id]
    return PriceEvidence(level, level_id, active_from)


def availability_of(*, on_sale: bool, listed: bool | None, priced: bool, available: int) -> Availability:
    """What a store can say of a SKU: a decision not to carry it comes before a pity that it is gone."""
    if not on_sale or not listed:
        return Availability.NOT_RANGED_HERE
    if not priced:
        return Availability.NOT_PRICED
    return Availability.AVAILABLE if available > 0 else Availability.SOLD_OUT


def stock_level(available: int) -> StockLevel:
    """The step that a number of units falls on."""
    if available <= 0:
        return StockLevel.NONE
    if available < 10:  # noqa: PLR2004 the steps of StockLevel
        return StockLevel.FEW
    return StockLevel.SOME if available < 99 else StockLevel.MANY  # noqa: PLR2004 the steps of StockLevel
