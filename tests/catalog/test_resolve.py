"""Which row wins, as a specification."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from catalog.resolve import (
    AssortmentFact,
    PriceFact,
    StockLevel,
    availability_of,
    evidence_of,
    most_specific,
    stock_level,
    winning_price,
)
from catalog.states import Availability
from tenants.kernel.ids import LevelId
from tenants.kernel.money import Fen
from tenants.levels import Level, LevelPath

BRAND, GROUP, STORE, ELSEWHERE = (LevelId(UUID(int=number)) for number in (1, 2, 3, 4))
PATH = LevelPath(BRAND, GROUP, STORE)
NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def price(level_id, fen, *, since=NOON - HOUR, until=None):
    return PriceFact(level_id, since, until, Fen(fen))


def test_the_most_specific_level_wins_whatever_the_order():
    facts = [
        AssortmentFact(STORE, listed=False),
        AssortmentFact(BRAND, listed=True),
        AssortmentFact(GROUP, listed=True),
    ]
    assert most_specific(facts, PATH) == AssortmentFact(STORE, listed=False)


def test_levels_off_the_path_say_nothing():
    assert most_specific([AssortmentFact(ELSEWHERE, listed=True)], PATH) is None


def test_a_stores_older_price_beats_the_brands_newer_one():
    chosen = winning_price([price(BRAND, 100), price(STORE, 200, since=NOON - 9 * HOUR)], PATH, at=NOON)
    assert chosen is not None
    assert chosen.price_fen == 200


def test_of_two_prices_of_one_level_the_one_that_began_last_wins():
    prices = [price(BRAND, 100, since=NOON - 5 * HOUR), price(BRAND, 80, since=NOON, until=NOON + HOUR)]
    assert winning_price(prices, PATH, at=NOON) == prices[1]
    assert winning_price(prices, PATH, at=NOON + HOUR) == prices[0], "half-open: it has ended at its end"
    assert winning_price(prices, PATH, at=NOON - HOUR) == prices[0], "and not begun before its beginning"


def test_a_flash_price_at_the_brand_does_not_beat_the_stores_own():
    prices = [price(STORE, 100), price(BRAND, 1, since=NOON)]
    assert winning_price(prices, PATH, at=NOON) == prices[0]


@pytest.mark.parametrize(
    ("on_sale", "listed", "priced", "available", "expected"),
    [
        (True, True, True, 1, Availability.AVAILABLE),
        (True, True, True, 0, Availability.SOLD_OUT),
        (True, True, True, -2, Availability.SOLD_OUT),
        (True, True, False, 0, Availability.NOT_PRICED),
        (True, False, True, 9, Availability.NOT_RANGED_HERE),
        (True, None, True, 9, Availability.NOT_RANGED_HERE),
        (False, True, True, 9, Availability.NOT_RANGED_HERE),
    ],
)
def test_not_carrying_is_a_decision_and_being_sold_out_is_not(on_sale, listed, priced, available, expected):
    assert availability_of(on_sale=on_sale, listed=listed, priced=priced, available=available) is expected


def test_the_evidence_names_the_level():
    assert evidence_of(PATH, level_id=GROUP, active_from=NOON).level is Level.GROUP
    assert evidence_of(LevelPath(BRAND), level_id=BRAND, active_from=NOON).level is Level.BRAND


@pytest.mark.parametrize(
    ("available", "shown"), [(-1, "0"), (0, "0"), (1, "1+"), (9, "1+"), (10, "10+"), (98, "10+"), (99, "99+")]
)
def test_stock_is_shown_in_steps(available, shown):
    assert stock_level(available) == StockLevel(shown)
