"""What a mall should stand at, told without the product: sales, what came back of them, and the contract's words, in plain arithmetic.

A line is what was asked and what was paid for it; of what is kept its part of the asked price counts. It knows no ledger, no stretches,
no reckonings: only months, and what stands of each line when a month is over.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

RATE = Fraction(15, 100)


@dataclass
class Line:
    """One line: sold in a month (counted on from any), and what came back of it when."""

    month: int
    asked: int
    paid: int
    back: list[tuple[int, int]] = field(default_factory=list)

    def kept(self, until: int) -> int:
        return self.paid - sum(fen for month, fen in self.back if month <= until)

    def counts(self, until: int) -> int:
        """What counts as turnover of it at the end of a month."""
        return floor(Fraction(self.kept(until) * self.asked, self.paid))

    def mall(self, until: int) -> int:
        """What its rate gives the mall."""
        return floor(self.counts(until) * RATE)


@dataclass
class Told:
    """Everything that happened at a contract's stores."""

    lines: list[Line] = field(default_factory=list)
    loose: list[tuple[int, int]] = field(default_factory=list)
    """Refunds of unknown sales: month and amount."""

    def unknown(self, months: Iterable[int]) -> list[int]:
        return [fen for month, fen in self.loose if month in set(months)]


Figures = tuple[int, int]
"""Turnover, and what sales gave the mall."""


def by_sale(told: Told, months: range, until: int) -> Figures:
    """Of a term, what is left of its own sales at the end of a month."""
    own = [line for line in told.lines if line.month in months]
    unknown = told.unknown(months)
    return (
        sum(line.counts(until) for line in own) - sum(unknown),
        sum(line.mall(until) for line in own) - sum(floor(fen * RATE) for fen in unknown),
    )


def by_return(told: Told, months: range, _until: int) -> Figures:
    """Of a term, what was sold in it less what came back in it, whenever that was sold."""
    turnover = gave = 0
    for line in told.lines:
        if line.month <= months[-1]:
            before = max(months[0] - 1, line.month - 1)
            sold_before = line.month <= before
            turnover += line.counts(months[-1]) - (line.counts(before) if sold_before else 0)
            gave += line.mall(months[-1]) - (line.mall(before) if sold_before else 0)
    unknown = told.unknown(months)
    return turnover - sum(unknown), gave - sum(floor(fen * RATE) for fen in unknown)


def towards_nothing(exact: Fraction) -> int:
    return floor(exact) if exact >= 0 else -floor(-exact)


def capped(cap: int) -> Callable[[int, int], int]:
    return lambda _turnover, gave: min(gave, cap)


def at_least(amount: int) -> Callable[[int, int], int]:
    return lambda _turnover, gave: max(gave, amount)


def marginal(bound: int, below: Fraction, above: Fraction) -> Callable[[int, int], int]:
    """超额累进 with two tiers."""
    return lambda turnover, _: towards_nothing(
        min(turnover, bound) * below + max(0, turnover - bound) * above
    )


def whole(bound: int, below: Fraction, above: Fraction) -> Callable[[int, int], int]:
    """全额累进 with two tiers."""
    return lambda turnover, _: towards_nothing(turnover * (above if turnover >= bound else below))


def mall_stands_at(
    told: Told,
    *,
    until: int,
    length: int,
    gives: Callable[[int, int], int],
    counted: Callable[..., Figures],
    ends: int | None = None,
) -> int:
    """When a month is closed: what the terms give that are over, and what sales gave in the one that is not.

    Where the contract `ends` with a month, whatever comes back later by its own date is its last term's.
    """
    total = 0
    for first in range(0, until + 1 if ends is None else min(until + 1, ends), length):
        months = range(first, first + length)
        over = months[-1] <= until
        after_the_end = ends is not None and months[-1] == ends - 1 and counted is by_return
        until_now = range(first, until + 1)
        turnover, gave = counted(told, months if over and not after_the_end else until_now, until)
        total += gives(turnover, gave) if over else gave
    return total
