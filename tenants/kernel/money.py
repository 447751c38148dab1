"""Whole fen and basis points: the only arithmetic money ever meets.

Two ways to divide, and no third: `allocate` spreads an amount over lines by weight (largest remainder, ties by position), `split`
gives parties their basis points rounded down and the rest to one named residual party. Both always add up to the amount.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Fen = NewType("Fen", int)
Bps = NewType("Bps", int)

WHOLE: Bps = Bps(10_000)
LARGEST = 2**53 - 1
"""The largest integer that a mini-program's JavaScript carries exactly; no amount may exceed it."""
LARGEST_AMOUNT = 10**12
"""Ten billion yuan: more than any one line is worth, and small enough that nine million of them still fit in an account's bigint."""

LONGEST_AMOUNT = 40
AMOUNT = re.compile(
    r"(?P<sign>[-+]?)[¥￥$£€]?\s?(?P<number>(?:\d{1,3}(?:[,，]\d{3})+|\d+)(?:\.\d*)?|\.\d+)", re.ASCII
)


class NotMoney(ValueError):
    """The text is not an amount of money."""


def allocate(amount: Fen, *, weights: Sequence[int]) -> list[Fen]:
    """Spread `amount` (fen, >= 0) over lines in proportion to `weights` (>= 0): largest remainder, ties to the earlier line.

    With no weight at all nothing can be in proportion; then the amount must be zero, else ValueError.
    """
    total = sum(weights)
    if amount < 0 or any(weight < 0 for weight in weights):
        raise ValueError("amounts and weights are not negative")
    if total == 0:
        if amount:
            raise ValueError("an amount cannot be spread over lines without weight")
        return [Fen(0) for _ in weights]
    floors = [amount * weight // total for weight in weights]
    left = amount - sum(floors)
    by_remainder = sorted(range(len(weights)), key=lambda line: (-(amount * weights[line] % total), line))
    for line in by_remainder[:left]:
        floors[line] += 1
    return [Fen(part) for part in floors]


def portion(amount: Fen, rate: Bps) -> Fen:
    """One party's part of `amount` (fen, >= 0) at `rate` basis points, rounded down."""
    return Fen(amount * rate // WHOLE)


def split(amount: Fen, *, rates: Sequence[Bps]) -> tuple[list[Fen], Fen]:
    """Give each rate its portion of `amount` (fen, >= 0) rounded down; return the portions and what the residual party holds."""
    if amount < 0:
        raise ValueError("only an amount that was paid can be split")
    if any(rate < 0 for rate in rates) or sum(rates) > WHOLE:
        raise ValueError("rates lie between 0 and 10000 basis points and do not exceed 10000 together")
    portions = [portion(amount, rate) for rate in rates]
    return portions, Fen(amount - sum(portions))


def fen_from_text(text: str) -> Fen:
    """Read an amount in yuan ("12", "12.5", "￥1,234.50") as fen, exactly; more than two decimals are refused, never rounded."""
    amount = decimal_from_text(text) * 100
    if amount != amount.to_integral_value():
        raise NotMoney(f"{text!r} has fractions of a fen")
    return _bounded(int(amount), text)


def fen_rounded(amount_in_yuan: Decimal) -> Fen:
    """Round an exact product in yuan to fen, half away from zero: the rule for imported price x quantity lines."""
    return _bounded(
        int((amount_in_yuan * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)), str(amount_in_yuan)
    )


def decimal_from_text(text: str) -> Decimal:
    """Read a plain decimal, with or without a currency sign and commas between thousands; anything else is NotMoney.

    A comma anywhere else ("1,5") is refused: half the world means a decimal point by it, and guessing would be a factor of ten.
    """
    found = AMOUNT.fullmatch(text.strip())
    if found is None or len(text) > LONGEST_AMOUNT:
        raise NotMoney(f"{text[:LONGEST_AMOUNT]!r} is not an amount")
    return Decimal(found["sign"] + found["number"].replace(",", "").replace("，", ""))


def yuan_text(amount: Fen) -> str:
    """Write fen as yuan with two decimals, for files that people open."""
    sign, rest = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{rest // 100}.{rest % 100:02d}"


def _bounded(amount: int, text: str) -> Fen:
    if abs(amount) > LARGEST_AMOUNT:
        raise NotMoney(f"{text[:40]!r} is larger than any amount here")
    return Fen(amount)
