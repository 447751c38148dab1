"""Two lists against each other: each class, several of one key, days, and what is never believed."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.reconciliation.matching import Difference, Item, MatchClass, compare, match
from tenants.kernel.money import Fen

DAY = date(2026, 10, 8)
SALE = Item(key="A1", on=DAY, amount_fen=Fen(10_000), fee_millifen=60_000, words={"state": "paid"})


def changed(**facts: object) -> Item:
    return msgspec.structs.replace(SALE, **facts)


def classes(ours: list[Item], theirs: list[Item], *, late_days: int = 1) -> list[MatchClass]:
    return [each.kind for each in match(ours, theirs, late_days=late_days)]


@pytest.mark.parametrize(
    ("theirs", "kind", "differing"),
    [
        (changed(amount_fen=Fen(10_001)), MatchClass.AMOUNT, ("amount",)),
        (changed(fee_millifen=61_000), MatchClass.FEE, ("fee",)),
        (changed(fee_millifen=60_001), MatchClass.FEE, ("fee",)),
        (changed(words={"state": "refunded"}), MatchClass.STATE, ("state",)),
        (changed(on=DAY + timedelta(days=1)), MatchClass.LATE, ("day",)),
        (changed(on=DAY - timedelta(days=1)), MatchClass.LATE, ("day",)),
        (changed(amount_fen=Fen(9_999), fee_millifen=1), MatchClass.AMOUNT, ("amount", "fee")),
        (changed(fee_millifen=1, on=DAY + timedelta(days=1)), MatchClass.FEE, ("fee", "day")),
    ],
)
def test_a_pair_is_named_after_the_gravest_thing_that_differs(
    theirs: Item, kind: MatchClass, differing: tuple[str, ...]
) -> None:
    (found,) = match([SALE], [theirs], late_days=1)
    assert (found.kind, found.differing) == (kind, differing)
    assert found.amount_fen == theirs.amount_fen - SALE.amount_fen
    assert found.fee_millifen == (theirs.fee_millifen or 0) - 60_000


def test_what_agrees_is_no_difference_and_is_still_told() -> None:
    assert match([SALE], [SALE], late_days=0) == []
    assert [each.kind for each in compare([SALE], [SALE], late_days=0)] == [MatchClass.MATCHED]


def test_what_a_side_does_not_say_is_not_compared() -> None:
    assert classes([changed(fee_millifen=None, words={})], [SALE]) == []
    assert classes([changed(amounts={"coupon": 5})], [SALE]) == []


def test_a_coupon_that_differs_is_a_difference_of_money() -> None:
    (found,) = match([changed(amounts={"coupon": 500})], [changed(amounts={"coupon": 450})], late_days=0)
    assert (found.kind, found.differing, found.amount_fen) == (MatchClass.AMOUNT, ("coupon",), -50)


def test_each_side_may_miss_what_the_other_has() -> None:
    ours, theirs = changed(key="ours"), changed(key="theirs")
    found = match([ours], [theirs], late_days=1)
    assert [(each.kind, each.amount_fen) for each in found] == [
        (MatchClass.MISSING_THERE, -10_000),
        (MatchClass.MISSING_HERE, 10_000),
    ]


def test_a_copy_is_duplicated_on_whichever_side_it_stands() -> None:
    (there,) = match([SALE], [SALE, SALE], late_days=0)
    (here,) = match([SALE, SALE], [SALE], late_days=0)
    assert (there.kind, there.ours, there.amount_fen) == (MatchClass.DUPLICATED, None, 10_000)
    assert (here.kind, here.theirs, here.amount_fen) == (MatchClass.DUPLICATED, None, -10_000)


def test_equal_numbers_of_copies_match_one_by_one() -> None:
    assert classes([SALE, SALE, SALE], [SALE, SALE, SALE]) == []


def test_the_odd_copy_is_the_one_that_is_found() -> None:
    odd = changed(amount_fen=Fen(7))
    (found,) = match([SALE, SALE], [odd, SALE, SALE], late_days=0)
    assert (found.kind, found.theirs) == (MatchClass.DUPLICATED, odd)


def test_days_too_far_apart_are_two_events() -> None:
    assert classes([SALE], [changed(on=DAY + timedelta(days=2))]) == [
        MatchClass.MISSING_HERE,
        MatchClass.MISSING_THERE,
    ]


def test_differences_that_cancel_out_in_the_total_are_both_found() -> None:
    ours = [changed(key="a"), changed(key="b")]
    theirs = [changed(key="a", amount_fen=Fen(10_001)), changed(key="b", amount_fen=Fen(9_999))]
    assert sum(item.amount_fen for item in ours) == sum(item.amount_fen for item in theirs)
    assert classes(ours, theirs) == [MatchClass.AMOUNT, MatchClass.AMOUNT]


def test_the_order_of_a_list_changes_nothing() -> None:
    ours = [changed(key=key) for key in "abcd"]
    theirs = [
        changed(key=key, amount_fen=Fen(amount))
        for key, amount in zip("abce", (1, 10_000, 2, 3), strict=True)
    ]
    assert match(ours, theirs, late_days=1) == match(ours[::-1], theirs[::-1], late_days=1)


def test_an_item_without_a_fee_does_not_take_the_place_of_an_equal_one() -> None:
    items = [changed(key="a", fee_millifen=fee) for fee in (0, None, 1)]
    assert match(items, items[::-1], late_days=0) == []


ITEMS = st.lists(
    st.builds(
        Item,
        key=st.sampled_from("abcde"),
        on=st.integers(0, 4).map(lambda days: DAY + timedelta(days=days)),
        amount_fen=st.integers(-3, 3).map(Fen),
        fee_millifen=st.none() | st.integers(0, 2),
    ),
    max_size=12,
)


@given(ours=ITEMS, theirs=ITEMS, late_days=st.integers(0, 4))
def test_no_item_is_lost_and_no_fen(ours: list[Item], theirs: list[Item], late_days: int) -> None:
    assert lost(compare(ours, theirs, late_days=late_days), ours, theirs) == []


@given(items=ITEMS)
def test_a_list_agrees_with_itself(items: list[Item]) -> None:
    assert match(items, items[::-1], late_days=0) == []


def lost(findings: Iterable[Difference], ours: list[Item], theirs: list[Item]) -> list[str]:
    """What a matching has lost: items that stand in no finding, and fen between the lists that no finding explains."""
    found = list(findings)
    broken = []
    for name, side in (("ours", ours), ("theirs", theirs)):
        told = Counter(repr(item) for each in found if (item := getattr(each, name)) is not None)
        if told != Counter(map(repr, side)):
            broken.append(name)
    between = sum(item.amount_fen for item in theirs) - sum(item.amount_fen for item in ours)
    if sum(each.amount_fen for each in found) != between:
        broken.append("fen")
    return broken


def test_a_matching_that_keeps_one_item_a_key_loses_some() -> None:
    """The control: the usual dictionary by key, which forgets that a file may list something twice."""
    twice = [SALE, changed(amount_fen=Fen(1))]

    def by_key(ours: list[Item], theirs: list[Item]) -> Iterable[Difference]:
        here, there = {item.key: item for item in ours}, {item.key: item for item in theirs}
        return compare(here.values(), there.values(), late_days=1)

    assert lost(by_key([SALE], twice), [SALE], twice) == ["theirs", "fen"]
    assert lost(compare([SALE], twice, late_days=1), [SALE], twice) == []
