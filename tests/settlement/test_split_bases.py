"""The laws of splitting on a base of its own: list price, price without tax, a discount that somebody else paid.

The long run: `SPLIT_CASES=1000000 uv run pytest tests/settlement/test_split_bases.py`.
"""

import os
from collections.abc import Callable
from random import Random
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.bases import BaseKind, BaseRule, base_of_line
from settlement.split import LineBase, Portion, reversal, split_line
from tenants.kernel.ids import PartyId
from tenants.kernel.money import LARGEST_AMOUNT, WHOLE, Bps, Fen

CASES = int(os.environ.get("SPLIT_CASES", "50000"))
PARTIES = [PartyId(UUID(int=number)) for number in range(1, 6)]
RESIDUAL = PARTIES[0]
KINDS = ("mall", "brand", "platform")

Reversal = Callable[..., dict[PartyId, Fen]]


class Agreed(msgspec.Struct, frozen=True):
    residual_party_id: PartyId
    portions: tuple[Portion, ...]


class Case(msgspec.Struct, frozen=True):
    base: LineBase
    terms: Agreed
    cuts: tuple[int, ...]


def broken_law(case: Case, *, take_back: Reversal = reversal) -> str | None:
    """Walk a sale through its refunds; after each, every balance must be split(kept) on the line's base."""
    kept = case.base.paid_fen
    balance = dict(split_line(kept, case.terms, base=case.base))
    for cut in (0, *case.cuts):
        back = take_back(kept, Fen(kept - cut), terms=case.terms, base=case.base)
        kept = Fen(kept - cut)
        if sum(back.values()) != cut:
            return "parts of a refund add up to it"
        balance = {party: Fen(held - back[party]) for party, held in balance.items()}
        if balance != split_line(kept, case.terms, base=case.base):
            return "balance = split(kept)"
        if sum(balance.values()) != kept:
            return "sum"
        broken = off_exact(case, kept, balance)
        if broken:
            return broken
    if kept == 0 and any(balance.values()):
        return "a full refund leaves zero"
    return None


def off_exact(case: Case, kept: Fen, balance: dict[PartyId, Fen]) -> str | None:
    """Whether a portion is off its exact value by more than the fen of the base and the fen of the portion; nothing is rounded here."""
    paid, base = case.base.paid_fen, case.base.base_fen
    over, under = (kept, 1) if base is None else (kept * base, paid or 1)
    if paid == 0 and base is not None:
        over = 0
    of_base = over, under
    for portion in case.terms.portions:
        over, under = (kept, 1) if portion.of_paid else of_base
        exact = over * portion.rate_bps
        part = balance[portion.party_id] * WHOLE * under
        if not exact - (WHOLE + portion.rate_bps) * under < part <= exact:
            return "within one fen of the base and one of the portion, never above"
    return None


def random_case(random: Random) -> Case:
    paid = random.choice(
        [0, 1, 2, 99, random.randint(0, 999), random.randint(0, 10**7), random.randint(0, LARGEST_AMOUNT)]
    )
    goods = paid + random.choice([0, 1, random.randint(0, 5_000), random.randint(0, paid + 1)])
    funded = {kind: Fen(random.randint(0, (goods - paid) // 3)) for kind in KINDS}
    rule = BaseRule(
        kind=random.choice(list(BaseKind)), tax_bps=random.choice([300, 600, 900, 1300, 0]),
        funded_by=tuple(random.sample(KINDS, random.randint(0, 3))),
    )  # fmt: skip
    base = base_of_line(rule, goods_fen=Fen(goods), paid_fen=Fen(paid), funded=funded)
    left, portions = WHOLE, []
    for party in PARTIES[1 : 1 + random.randrange(5)]:
        rate = random.choice([0, 1, 333, random.randint(0, left)])
        rate = min(rate, left)
        left = Bps(left - rate)
        portions.append(Portion(party, Bps(rate), of_paid=random.random() < 0.3))
    cuts, rest = [], paid
    for _ in range(random.randrange(4)):
        cuts.append(random.randint(0, rest))
        rest -= cuts[-1]
    if random.random() < 0.5:
        cuts.append(rest)
    return Case(LineBase(Fen(paid), base), Agreed(RESIDUAL, tuple(portions)), tuple(cuts))


def test_every_base_and_every_partition_of_a_refund_keeps_the_laws() -> None:
    random = Random(20261121)
    for _ in range(CASES):
        case = random_case(random)
        assert broken_law(case) is None, case


@settings(max_examples=max(100, CASES // 20), deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_no_case_that_hypothesis_can_think_of_breaks_a_law(seed: int) -> None:
    case = random_case(Random(seed))
    assert broken_law(case) is None, case


def test_a_base_is_what_the_rule_says() -> None:
    def base(**said: object) -> int | None:
        return base_of_line(
            BaseRule(**said), goods_fen=Fen(12_000), paid_fen=Fen(10_000), funded={"mall": Fen(1_000)}
        )

    assert base() is None
    assert base(funded_by=("mall",)) == 11_000
    assert base(funded_by=("brand",)) is None
    assert base(kind=BaseKind.LIST) == 12_000
    assert base(kind=BaseKind.EX_TAX, tax_bps=1_300) == 10_000 * 10_000 // 11_300 == 8_849
    assert base(kind=BaseKind.EX_TAX, tax_bps=1_300, funded_by=("mall",)) == 11_000 * 10_000 // 11_300
    assert base(kind=BaseKind.NOTHING) == 0


def test_a_base_above_what_was_paid_may_leave_the_residual_party_owing() -> None:
    terms = Agreed(RESIDUAL, (Portion(PARTIES[1], Bps(6_000)),))
    base = LineBase(Fen(5_000), Fen(10_000))
    assert split_line(Fen(5_000), terms, base=base) == {PARTIES[1]: 6_000, RESIDUAL: -1_000}
    clamped = 5_000
    assert split_line(Fen(5_000), terms, base=base)[PARTIES[1]] != clamped


def test_a_portion_of_what_was_paid_knows_no_base() -> None:
    """List 100.00, paid 50.00: the mall's 10 % are of the one, a guide's 3 % of the other."""
    terms = Agreed(RESIDUAL, (Portion(PARTIES[1], Bps(1_000)), Portion(PARTIES[2], Bps(300), of_paid=True)))
    base = LineBase(Fen(5_000), Fen(10_000))
    assert split_line(Fen(5_000), terms, base=base) == {PARTIES[1]: 1_000, PARTIES[2]: 150, RESIDUAL: 3_850}
    on_one_base = Agreed(RESIDUAL, (Portion(PARTIES[2], Bps(300)),))
    assert split_line(Fen(5_000), on_one_base, base=base)[PARTIES[2]] == 300


def base_lost_on_refund(before: Fen, after: Fen, *, terms: Agreed, base: LineBase) -> dict[PartyId, Fen]:
    """The famous bug: what was paid is split on the base, what goes back on the amount."""
    return reversal(before, after, terms=terms)


def base_of_each_part(before: Fen, after: Fen, *, terms: Agreed, base: LineBase) -> dict[PartyId, Fen]:
    """Another: each refund's own base rounded by itself."""
    return split_line(Fen(before - after), terms, base=base)


@pytest.mark.parametrize("wrong", [base_lost_on_refund, base_of_each_part])
def test_a_refund_that_forgets_the_base_is_caught_by_the_laws(wrong: Reversal) -> None:
    random = Random(3)
    cases = (random_case(random) for _ in range(2_000))
    assert any(broken_law(case, take_back=wrong) for case in cases)
