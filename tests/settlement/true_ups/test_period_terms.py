"""What a period's terms give, by law over tens of thousands of cases and by hand; each wrong way must be caught by the same laws.

The long run: `SPLIT_CASES=1000000 uv run pytest tests/settlement/true_ups/test_period_terms.py`.
"""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.agreements.agreed import GuaranteeKind, TermLength, TierMode
from settlement.errors import (
    CapBelowGuarantee,
    GuaranteeIncomplete,
    GuaranteeWithoutRate,
    PeriodTermsEmpty,
    TiersNotInOrder,
    TiersStartAboveZero,
)
from settlement.true_ups.period_terms import (
    PeriodDue,
    PeriodRules,
    Tier,
    part_of,
    period_due,
    refuse_wrong_rules,
)
from tenants.kernel.money import LARGEST_AMOUNT, WHOLE, Fen

CASES = int(os.environ.get("SPLIT_CASES", "25000"))
Reckon = Callable[..., PeriodDue]


class Case(msgspec.Struct, frozen=True):
    rules: PeriodRules
    turnover: int
    provisional: int
    days: int
    of_days: int
    earlier: int


def reckon(case: Case, due: Reckon = period_due) -> PeriodDue:
    return due(
        case.rules, turnover_fen=Fen(case.turnover), provisional_fen=Fen(case.provisional),
        days_in_force=case.days, days_in_period=case.of_days, earlier_fen=Fen(case.earlier),
    )  # fmt: skip


def exact_of_tiers(rules: PeriodRules, turnover: int, share: Fraction) -> Fraction:
    """What the tiers give in exact fractions, written from the words of a contract and not from our code."""
    whole = rules.tier_mode is TierMode.WHOLE
    bounds = [int(tier.from_fen * share) if rules.prorated_tiers else tier.from_fen for tier in rules.tiers]
    rates = [Fraction(tier.rate_bps, WHOLE) for tier in rules.tiers]
    if turnover < 0:
        return turnover * rates[0]
    if whole:
        return (
            turnover
            * rates[max(place for place, bound in enumerate(bounds) if bound <= turnover or place == 0)]
        )
    ends = [*bounds[1:], None]
    return sum(
        (
            (min(turnover, turnover if end is None else end) - bound) * rate
            for bound, end, rate in zip(bounds, ends, rates, strict=True)
            if turnover > bound
        ),
        start=Fraction(0),
    )


def broken_law(case: Case, due: Reckon = period_due) -> str | None:
    return next(broken_laws(case, reckon(case, due)), None)


def broken_laws(case: Case, got: PeriodDue) -> Iterator[str]:
    rules, share = case.rules, Fraction(case.days, case.of_days)
    if got.due_fen != got.rated_fen + got.shortfall_fen - got.cut_fen:
        yield "due = rated + shortfall - cut"
    if got.true_up_fen != got.due_fen - case.provisional - case.earlier:
        yield "true-up = due - provisional - earlier"
    if got.shortfall_fen < 0 or got.cut_fen < 0:
        yield "a guarantee never takes, a cap never gives"
    if case.days == 0 and got.due_fen != case.provisional:
        yield "no day, no terms"
    if case.days and rules.tiers:
        yield from broken_tiers(case, got, share)
    if case.days and not rules.tiers and got.rated_fen != case.provisional:
        yield "without tiers what sales gave"
    if case.days:
        yield from broken_cap(case, got, share)
        yield from broken_guarantee(case, got, share)


def broken_tiers(case: Case, got: PeriodDue, share: Fraction) -> Iterator[str]:
    exact = exact_of_tiers(case.rules, case.turnover, share)
    if not abs(got.rated_fen - exact) < 1 or abs(got.rated_fen) > abs(exact):
        yield "tiers within one fen, never above"
    if sum(each.amount_fen for each in got.slices) != got.rated_fen:
        yield "slices add up"
    if sum(each.turnover_fen for each in got.slices) != case.turnover:
        yield "slices cover the turnover"


def broken_cap(case: Case, got: PeriodDue, share: Fraction) -> Iterator[str]:
    if case.rules.cap_fen is not None:
        cap = int(case.rules.cap_fen * share)
        if got.due_fen > cap or (got.cut_fen and got.due_fen != cap):
            yield "never above the cap, and at the cap when cut"


def broken_guarantee(case: Case, got: PeriodDue, share: Fraction) -> Iterator[str]:
    rules, uncut = case.rules, got.due_fen + got.cut_fen
    guarantee = int(rules.guarantee_fen * share)
    beside = bool(rules.tiers) and not rules.guarantee_in_tiers
    of_sales = rules.guarantee_kind is GuaranteeKind.SALES
    if (rules.guarantee_kind is None or (of_sales and case.turnover >= guarantee)) and got.shortfall_fen:
        yield "no guarantee, or sold enough: nothing to make up"
    if rules.guarantee_kind is GuaranteeKind.AMOUNT:
        floor = case.provisional if beside else got.rated_fen
        added = max(0, guarantee - floor) if rules.higher_of else guarantee
        if uncut != got.rated_fen + added:
            yield "the higher of both, or the amount beside the rate"
    if of_sales and case.turnover < guarantee:
        if rules.tiers and not beside and uncut <= exact_of_tiers(rules, guarantee, share) - 1:
            yield "at least what the guaranteed sales give"
        owed = Fraction((guarantee - case.turnover) * (rules.ordinary_bps or 0), WHOLE)
        if (beside or not rules.tiers) and not owed - 1 < got.shortfall_fen <= owed:
            yield "the shortfall at the ordinary rate"


def random_case(random: Random) -> Case:
    bounds = sorted(
        {0, *(random.randint(1, 10 ** random.randint(2, 12)) for _ in range(random.randrange(4)))}
    )
    tiers = tuple(
        Tier(from_fen=low, to_fen=high, rate_bps=random.choice([0, 333, 1_500, random.randint(0, WHOLE)]))
        for low, high in zip(bounds, [*bounds[1:], None], strict=True)
    )
    kind = random.choice([None, *GuaranteeKind])
    rules = PeriodRules(
        length=random.choice(list(TermLength)), tiers=tiers if random.random() < 0.6 else (),
        tier_mode=random.choice(list(TierMode)), prorated_tiers=random.random() < 0.5, guarantee_kind=kind,
        guarantee_fen=random.randint(1, 10**random.randint(1, 12)) if kind else 0,
        guarantee_in_tiers=random.random() < 0.5,
        higher_of=random.random() < 0.7 or kind is GuaranteeKind.SALES,
        cap_fen=random.randint(0, 10**random.randint(1, 12)) if random.random() < 0.4 else None,
        ordinary_bps=random.randint(0, WHOLE),
    )  # fmt: skip
    turnover = random.choice(
        [0, 1, random.choice(bounds), random.randint(0, 10**6), random.randint(-(10**6), LARGEST_AMOUNT)]
    )
    of_days = random.choice([28, 30, 31, 91, 92, 365, 366])
    days = random.choice([0, 1, random.randint(0, of_days), of_days])
    provisional = part_of(turnover, random.randint(0, WHOLE))
    return Case(rules, turnover, provisional, days, of_days, random.choice([0, 0, random.randint(-999, 999)]))


def test_every_period_keeps_the_laws() -> None:
    random = Random(20261122)
    for _ in range(CASES):
        case = random_case(random)
        assert broken_law(case) is None, case


@settings(max_examples=max(100, CASES // 20), deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_no_period_that_hypothesis_can_think_of_breaks_a_law(seed: int) -> None:
    case = random_case(Random(seed))
    assert broken_law(case) is None, case


def whole_for_marginal(rules: PeriodRules, **said: object) -> PeriodDue:
    return period_due(msgspec.structs.replace(rules, tier_mode=TierMode.WHOLE), **said)


def not_prorated(rules: PeriodRules, **said: object) -> PeriodDue:
    return period_due(rules, **(said | {"days_in_force": said["days_in_period"]}))


def clamped_at_zero(rules: PeriodRules, **said: object) -> PeriodDue:
    got = period_due(rules, **said)
    return msgspec.structs.replace(got, true_up_fen=Fen(max(0, got.true_up_fen)))


def cap_left_out(rules: PeriodRules, **said: object) -> PeriodDue:
    return period_due(msgspec.structs.replace(rules, cap_fen=None), **said)


def earlier_left_out(rules: PeriodRules, **said: object) -> PeriodDue:
    return period_due(rules, **(said | {"earlier_fen": Fen(0)}))


@pytest.mark.parametrize(
    "wrong", [whole_for_marginal, not_prorated, clamped_at_zero, cap_left_out, earlier_left_out]
)
def test_famous_wrong_ways_are_caught_by_the_laws(wrong: Reckon) -> None:
    random = Random(5)
    assert any(broken_law(random_case(random), wrong) for _ in range(3_000))


TIERS = (Tier(from_fen=0, to_fen=1_000_000, rate_bps=2_000), Tier(from_fen=1_000_000, rate_bps=1_500))


def rules(**said: object) -> PeriodRules:
    return PeriodRules(**({"length": TermLength.MONTH} | said))


def due(agreed: PeriodRules, turnover: int, provisional: int, *, days: int = 30) -> PeriodDue:
    return reckon(Case(agreed, turnover, provisional, days, 30, 0))


def test_marginal_and_whole_tiers_differ_and_are_told_slice_by_slice() -> None:
    marginal = due(rules(tiers=TIERS), 1_500_000, 300_000)
    assert [(each.turnover_fen, each.amount_fen) for each in marginal.slices] == [
        (1_000_000, 200_000),
        (500_000, 75_000),
    ]
    whole = due(rules(tiers=TIERS, tier_mode=TierMode.WHOLE), 1_500_000, 300_000)
    assert (marginal.true_up_fen, whole.true_up_fen) == (-25_000, -75_000)


def test_a_bound_belongs_to_the_tier_it_begins() -> None:
    whole = rules(tiers=TIERS, tier_mode=TierMode.WHOLE)
    assert [due(whole, turnover, 0).due_fen for turnover in (999_999, 1_000_000)] == [199_999, 150_000]


def test_guaranteed_sales_are_made_up_at_the_ordinary_rate() -> None:
    agreed = rules(guarantee_kind=GuaranteeKind.SALES, guarantee_fen=100_000, ordinary_bps=1_500)
    assert due(agreed, 60_000, 9_000).due_fen == 15_000
    assert due(agreed, 120_000, 18_000).due_fen == 18_000
    assert due(agreed, -20_000, -3_000).due_fen == 15_000


def test_a_guarantee_inside_the_tiers_goes_through_them_and_outside_stands_beside_them() -> None:
    said = {
        "tiers": TIERS,
        "guarantee_kind": GuaranteeKind.SALES,
        "guarantee_fen": 1_200_000,
        "ordinary_bps": 2_000,
    }
    assert due(rules(**said), 400_000, 80_000).due_fen == 200_000 + 30_000
    assert due(rules(**said, guarantee_in_tiers=False), 400_000, 80_000).due_fen == 80_000 + 160_000


def test_more_turnover_at_a_lower_rate_never_makes_a_guarantee_take_away() -> None:
    tiers = (Tier(from_fen=0, to_fen=100, rate_bps=2_000), Tier(from_fen=100, rate_bps=1_000))
    said = {
        "tiers": tiers,
        "tier_mode": TierMode.WHOLE,
        "guarantee_kind": GuaranteeKind.SALES,
        "guarantee_fen": 100,
    }
    assert due(rules(**said), 90, 0).due_fen == 18


def test_the_higher_of_both_or_the_amount_beside_the_rate() -> None:
    said = {"guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 10_000}
    assert due(rules(**said), 50_000, 7_500).due_fen == 10_000
    assert due(rules(**said, higher_of=False), 50_000, 7_500).due_fen == 17_500


def test_a_part_of_a_period_has_its_part_of_guarantee_and_cap() -> None:
    said = {"guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 10_000, "cap_fen": 20_000}
    assert due(rules(**said), 0, 0, days=10).due_fen == 3_333
    assert due(rules(**said), 10**6, 10**5, days=10).due_fen == 6_666


@pytest.mark.parametrize(
    ("said", "refusal", "place"),
    [
        ({}, PeriodTermsEmpty, "p"),
        ({"tiers": (Tier(from_fen=1, rate_bps=1),)}, TiersStartAboveZero, "p.tiers[0].fromFen"),
        ({"tiers": (Tier(from_fen=0, to_fen=9, rate_bps=1), Tier(from_fen=8, rate_bps=1))}, TiersNotInOrder, "p.tiers[0].toFen"),
        ({"tiers": (Tier(from_fen=0, to_fen=9, rate_bps=1), Tier(from_fen=10, rate_bps=1))}, TiersNotInOrder, "p.tiers[0].toFen"),
        ({"tiers": (Tier(from_fen=0, to_fen=9, rate_bps=1),)}, TiersNotInOrder, "p.tiers[0].toFen"),
        ({"guarantee_kind": GuaranteeKind.AMOUNT}, GuaranteeIncomplete, "p.guaranteeFen"),
        ({"guarantee_fen": 1, "cap_fen": 1}, GuaranteeIncomplete, "p.guaranteeFen"),
        ({"guarantee_kind": GuaranteeKind.SALES, "guarantee_fen": 1, "higher_of": False, "ordinary_bps": 1}, GuaranteeIncomplete, "p.higherOf"),
        ({"guarantee_kind": GuaranteeKind.SALES, "guarantee_fen": 1}, GuaranteeWithoutRate, "p.guaranteeKind"),
        ({"guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 100, "cap_fen": 99}, CapBelowGuarantee, "p.capFen"),
        ({"guarantee_kind": GuaranteeKind.SALES, "guarantee_fen": 1_000, "ordinary_bps": 1_000, "cap_fen": 99}, CapBelowGuarantee, "p.capFen"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_counted_are_refused_by_the_field(
    said: dict[str, object], refusal: type[Exception], place: str
) -> None:
    with pytest.raises(refusal) as refused:
        refuse_wrong_rules(rules(**said), place="p")
    assert list(refused.value.details) == [place]
