"""Money never loses a fen: laws by hypothesis, and the famous bugs as controls."""

import ast
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.kernel import money
from tenants.kernel.money import Bps, Fen, NotMoney, allocate, fen_from_text, fen_rounded, split, yuan_text

amounts = st.integers(0, 10**11).map(Fen)
rates = st.lists(st.integers(0, 2_000).map(Bps), max_size=5)


@given(amount=amounts, weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_allocated_parts_add_up_and_lie_within_one_fen_of_exact(amount: Fen, weights: list[int]) -> None:
    if not sum(weights):
        weights[0] = 1
    parts = allocate(amount, weights=weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) < 1


def test_a_tie_of_remainders_goes_to_the_earlier_line() -> None:
    assert allocate(Fen(100), weights=[1, 1, 1]) == [34, 33, 33]
    assert allocate(Fen(2), weights=[1, 1, 1]) == [1, 1, 0]


def test_an_amount_cannot_be_spread_over_lines_without_weight() -> None:
    assert allocate(Fen(0), weights=[0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="without weight"):
        allocate(Fen(1), weights=[0, 0])


@given(amount=amounts, given_rates=rates)
def test_portions_and_residual_add_up_and_no_portion_exceeds_its_rate(
    amount: Fen, given_rates: list[Bps]
) -> None:
    portions, residual = split(amount, rates=given_rates)
    assert sum(portions) + residual == amount
    assert residual >= 0
    for portion, rate in zip(portions, given_rates, strict=True):
        assert 0 <= Fraction(amount * rate, 10_000) - portion < 1


def test_rates_over_the_whole_are_refused() -> None:
    with pytest.raises(ValueError, match="do not exceed 10000"):
        split(Fen(100), rates=[Bps(6_000), Bps(4_001)])


def test_rounding_each_portion_by_itself_would_lose_fen() -> None:
    """Control: the usual way breaks the law that the real one keeps."""
    chance = random.Random(7)
    broken = 0
    for _ in range(1_000):
        amount, given_rates = chance.randrange(10_000), [Bps(3_333)] * 3
        rounded = [round(amount * rate / 10_000) for rate in given_rates]
        residual = round(amount * 1 / 10_000)
        broken += sum(rounded) + residual != amount
        portions, rest = split(Fen(amount), rates=given_rates)
        assert sum(portions) + rest == amount
    assert broken > 0


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("8.20", 820),
        ("12", 1200),
        ("￥1,234.50", 123450),
        (" 0.01 ", 1),
        ("-3.5", -350),
        ("19.990", 1999),
    ],
)
def test_text_is_read_exactly(text: str, fen: int) -> None:
    assert fen_from_text(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1.005",
        "NaN",
        "Infinity",
        "1_000",
        "１２",
        "0x10",
        "9" * 40,
        "--1",
        "1.2.3",
        "\x00",
        "1,5",
        "1e2",
        "1e999999999",
        "12,34.5",
        "$",
        "1 2",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(NotMoney):
        fen_from_text(text)


def test_the_float_way_reads_8_20_as_819() -> None:
    """Control: what float arithmetic makes of prices."""
    wrong = [cents for cents in range(10_000) if int(float(f"{cents / 100:.2f}") * 100) != cents]
    assert len(wrong) > 100
    assert all(fen_from_text(f"{cents // 100}.{cents % 100:02d}") == cents for cents in wrong)


@pytest.mark.parametrize(("yuan", "fen"), [("0.005", 1), ("-0.005", -1), ("1.4949", 149), ("2.675", 268)])
def test_products_are_rounded_half_away_from_zero(yuan: str, fen: int) -> None:
    assert fen_rounded(Decimal(yuan)) == fen


@given(amount=st.integers(-(10**12), 10**12).map(Fen))
def test_yuan_text_is_read_back_as_the_same_fen(amount: Fen) -> None:
    assert fen_from_text(yuan_text(amount)) == amount


def test_no_money_module_divides_with_a_float() -> None:
    """The arithmetic somebody could sue over holds no float literal, no true division and no float()."""
    root = Path(money.__file__).parents[2]
    for name in (
        "tenants/kernel/money.py",
        "orders/amounts.py",
        "settlement/split.py",
        "settlement/terms.py",
        "guides/commission.py",
    ):
        for node in ast.walk(ast.parse((root / name).read_text())):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), (
                f"{name}:{node.lineno}"
            )
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)), f"{name}:{node.lineno}"
            assert not (isinstance(node, ast.Name) and node.id == "float"), f"{name}:{node.lineno}"
