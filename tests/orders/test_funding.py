"""Who bears a discount: parts add up, the named funder takes the rest, refunds in any partition end at nothing."""

import os
from random import Random
from uuid import UUID

import pytest

from orders.funding import Funder, Funding, funded, funded_by_kind, kept_discount
from tenants.kernel.ids import PartyId
from tenants.kernel.money import LARGEST_AMOUNT, WHOLE, Bps, Fen

CASES = int(os.environ.get("FUNDING_CASES", "15000"))
BRAND, MALL, OWNER, PLATFORM = (PartyId(UUID(int=number)) for number in range(1, 5))


def funding(*rates: tuple[PartyId, str, int]) -> Funding:
    funders = tuple(Funder(party, kind, Bps(bps)) for party, kind, bps in rates)
    return Funding(funders=funders, residual_party_id=BRAND, residual_kind="brand")


def test_twenty_yuan_shared_by_halves() -> None:
    halves = funding((MALL, "mall", 5_000))
    assert funded(Fen(2_000), sold=8_000, kept=8_000, funding=halves) == {MALL: 1_000, BRAND: 1_000}
    assert funded(Fen(2_001), sold=8_000, kept=8_000, funding=halves) == {MALL: 1_000, BRAND: 1_001}
    assert funded(Fen(2_001), sold=8_000, kept=4_000, funding=halves) == {MALL: 500, BRAND: 500}
    assert funded(Fen(2_001), sold=8_000, kept=0, funding=halves) == {MALL: 0, BRAND: 0}


def test_of_a_line_given_away_the_discount_goes_with_its_units() -> None:
    assert [kept_discount(Fen(1_000), sold=3, kept=units) for units in (3, 2, 1, 0)] == [1_000, 666, 333, 0]


def test_two_parties_of_one_kind_count_together() -> None:
    shared = funding((MALL, "mall", 2_000), (PLATFORM, "brand", 3_000))
    assert funded_by_kind(Fen(1_001), funding=shared) == {"mall": 200, "brand": 801}
    assert funded_by_kind(Fen(1_001), funding=None) == {}


def test_what_was_never_sold_cannot_be_kept() -> None:
    with pytest.raises(ValueError, match="kept"):
        funded(Fen(1), sold=5, kept=6, funding=funding())
    with pytest.raises(ValueError, match="kept"):
        funded(Fen(1), sold=0, kept=0, funding=funding())


def test_at_every_moment_the_parts_are_the_discount_on_what_is_kept_and_nobody_is_below_nothing() -> None:
    random = Random(5)
    for _ in range(CASES):
        paid = random.choice([1, 2, 99, random.randint(1, 10**6), LARGEST_AMOUNT])
        discount = random.randint(0, 2 * paid)
        first = random.randint(1, 9_999)
        shared = funding((MALL, "mall", first), (OWNER, "franchisee", random.randint(1, WHOLE - first)))
        kept, borne = paid, dict(funded(Fen(discount), sold=paid, kept=paid, funding=shared))
        assert sum(borne.values()) == discount
        while kept:
            after = (
                random.choice([0, kept - 1, random.randint(0, kept)])
                if kept < 10**4
                else random.randint(0, kept // 2)
            )
            now = funded(Fen(discount), sold=paid, kept=after, funding=shared)
            assert sum(now.values()) == discount * after // paid
            assert all(fen >= 0 for fen in now.values())
            assert all(now[party] <= borne[party] for party in (MALL, OWNER))
            kept, borne = after, now
        assert set(borne.values()) == {0}
