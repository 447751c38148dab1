"""The laws of splitting, over tens of thousands of cases; each famous wrong way must be caught by the same laws.

The long run (10^6 cases a law, 50,000 of hypothesis): `SPLIT_CASES=1000000 uv run pytest tests/settlement/test_split.py`.
"""

import os
from collections.abc import Callable
from itertools import pairwise
from random import Random
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.split import Portion, reversal, split_line
from tenants.kernel.ids import PartyId
from tenants.kernel.money import LARGEST, WHOLE, Bps, Fen

CASES = int(os.environ.get("SPLIT_CASES", "40000"))
PARTIES = [PartyId(UUID(int=number)) for number in range(1, 8)]
RESIDUAL = PARTIES[0]

Split = Callable[[Fen, "Agreed"], dict[PartyId, Fen]]
Reversal = Callable[..., dict[PartyId, Fen]]


class Agreed(msgspec.Struct, frozen=True):
    residual_party_id: PartyId
    portions: tuple[Portion, ...]


def agreed(*rates: int) -> Agreed:
    return Agreed(
        RESIDUAL, tuple(Portion(party, Bps(rate)) for party, rate in zip(PARTIES[1:], rates, strict=False))
    )


def broken_split_law(amount: Fen, terms: Agreed, divide: Split) -> str | None:
    parts = divide(amount, terms)
    if sum(parts.values()) != amount:
        return "sum"
    for portion in terms.portions:
        exact = amount * portion.rate_bps  # in ten-thousandths of a fen, so that nothing is rounded here
        if not exact - WHOLE < parts[portion.party_id] * WHOLE <= exact:
            return "within one fen, never above"
    if any(part < 0 or not isinstance(part, int) for part in parts.values()):
        return "whole and not negative"
    return None


def broken_refund_law(amount: Fen, refunds: list[Fen], terms: Agreed, take_back: Reversal) -> str | None:
    """Walk a sale through its refunds; after each, every balance must be split(kept)."""
    balance, kept = dict(split_line(amount, terms)), amount
    for refund in refunds:
        back = take_back(kept, Fen(kept - refund), terms=terms)
        kept = Fen(kept - refund)
        if sum(back.values()) != refund:
            return "parts of a refund add up to it"
        if back[terms.residual_party_id] < 1 - len(terms.portions) and terms.portions:
            return "the residual step is off by n - 1 at most"
        balance = {party: Fen(held - back[party]) for party, held in balance.items()}
        if balance != split_line(kept, terms):
            return "balance = split(kept)"
    if kept == 0 and any(balance.values()):
        return "a full refund leaves zero"
    return None


def random_case(random: Random) -> tuple[Fen, Agreed, list[Fen]]:
    count, left, rates = random.randrange(6), WHOLE, []
    for _ in range(count):
        rate = random.choice(
            [0, 1, 3, random.randint(0, left), min(left, random.choice([333, 1500, 2000, 3333]))]
        )
        rates.append(rate)
        left = Bps(left - rate) if rate <= left else left
        if sum(rates) > WHOLE:
            rates.pop()
    amount = random.choice(
        [0, 1, 2, 9, random.randint(0, 999), random.randint(0, 10**7), random.randint(0, LARGEST)]
    )
    cuts, rest = [], amount
    for _ in range(random.randrange(4)):
        part = random.randint(0, rest)
        cuts.append(Fen(part))
        rest -= part
    if random.random() < 0.5:
        cuts.append(Fen(rest))
    return Fen(amount), agreed(*rates), cuts


def test_every_split_and_every_partition_of_a_refund_keeps_the_laws() -> None:
    random = Random(20261101)
    for _ in range(CASES):
        amount, terms, cuts = random_case(random)
        assert broken_split_law(amount, terms, split_line) is None, (amount, terms)
        assert broken_refund_law(amount, cuts, terms, reversal) is None, (amount, terms, cuts)


def sale_from(numbers: tuple[int, tuple[int, ...], tuple[int, ...], bool]) -> tuple[Fen, Agreed, list[Fen]]:
    amount, marks, edges, in_full = numbers
    rates = [high - low for low, high in pairwise([0, *sorted(marks)])]
    cuts = [high - low for low, high in pairwise([0, *sorted(edge % (amount + 1) for edge in edges)])]
    if in_full:
        cuts.append(amount - sum(cuts))
    return Fen(amount), agreed(*rates), [Fen(cut) for cut in cuts]


# Fixed shapes: drawing lists costs hypothesis several times what the laws cost.
amounts = st.one_of(st.integers(0, 1000), st.integers(0, LARGEST))
marks = st.integers(0, WHOLE)
sales = st.tuples(
    amounts, st.tuples(marks, marks, marks, marks), st.tuples(amounts, amounts), st.booleans()
).map(sale_from)


@settings(max_examples=CASES // 20, deadline=None, database=None)
@given(sales)
def test_no_sale_that_hypothesis_can_think_of_breaks_a_law(sale: tuple[Fen, Agreed, list[Fen]]) -> None:
    amount, terms, cuts = sale
    assert broken_split_law(amount, terms, split_line) is None
    assert broken_refund_law(amount, cuts, terms, reversal) is None


def test_nine_yuan_at_fifteen_two_and_a_half_and_one_percent() -> None:
    assert list(split_line(Fen(899), agreed(1500, 250, 100)).values()) == [134, 22, 8, 735]


def test_a_refund_step_may_give_the_residual_party_a_fen_and_is_not_clamped() -> None:
    # 2 fen: 1 + 0, rest 1; 1 fen: 0 + 0, rest 1: the whole fen comes from the first party.
    terms = agreed(5000, 4999)
    assert reversal(Fen(2), Fen(1), terms=terms) == {PARTIES[1]: 1, PARTIES[2]: 0, RESIDUAL: 0}
    terms = agreed(3334, 3333, 3333)
    steps = [reversal(Fen(kept), Fen(kept - 1), terms=terms)[RESIDUAL] for kept in range(10_000, 0, -1)]
    assert min(steps) == -2
    assert sum(steps) == split_line(Fen(10_000), terms)[RESIDUAL]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (0, -1), (-5, -5)])
def test_a_refund_cannot_keep_more_than_was_kept(before: int, after: int) -> None:
    with pytest.raises(ValueError, match="refund keeps"):
        reversal(Fen(before), Fen(after), terms=agreed(1000))


def rounded_split(amount: Fen, terms: Agreed) -> dict[PartyId, Fen]:
    parts = {p.party_id: Fen(round(amount * p.rate_bps / WHOLE)) for p in terms.portions}
    return parts | {RESIDUAL: Fen(amount - sum(parts.values()))}


def float_split(amount: Fen, terms: Agreed) -> dict[PartyId, Fen]:
    yuan = amount / 100
    parts = {p.party_id: Fen(int(yuan * (p.rate_bps / WHOLE) * 100)) for p in terms.portions}
    return parts | {RESIDUAL: Fen(int(yuan * 100) - sum(parts.values()))}


def each_refund_by_itself(before: Fen, after: Fen, *, terms: Agreed) -> dict[PartyId, Fen]:
    return split_line(Fen(before - after), terms)


@pytest.mark.parametrize("divide", [rounded_split, float_split])
def test_rounding_and_floats_are_caught_by_the_laws(divide: Split) -> None:
    random = Random(1)
    cases = (random_case(random) for _ in range(2_000))
    assert any(broken_split_law(amount, terms, divide) for amount, terms, _ in cases if amount < 10**7)


def test_splitting_each_refund_by_itself_is_caught_by_the_laws() -> None:
    random = Random(2)
    cases = (random_case(random) for _ in range(2_000))
    assert any(broken_refund_law(amount, cuts, terms, each_refund_by_itself) for amount, terms, cuts in cases)
