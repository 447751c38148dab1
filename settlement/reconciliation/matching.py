"""Two lists of the same events, ours and theirs, matched by key: what agrees, and what differs in which way. Pure.

Knows neither bills nor orders: an item is a key, a day and an amount, with whatever else both sides may say of it. Keys may stand several
times on either side. Nothing is believed because a total agrees: every item is looked at. Memory grows with the items of one call, so
whoever has a million of them calls with the items of one range of keys after the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum

import msgspec

from tenants.kernel.money import Fen


class MatchClass(StrEnum):
    """How two sides compare in one item. `here` are our books, `there` is the other side's file."""

    MATCHED = "matched"
    """Both know it and say the same."""
    MISSING_HERE = "missing_here"
    """They list it, we do not know it (长款)."""
    MISSING_THERE = "missing_there"
    """We know it, they do not list it (短款)."""
    DUPLICATED = "duplicated"
    """One side lists it more often than the other."""
    AMOUNT = "amount"
    """Both know it, with different amounts."""
    FEE = "fee"
    """The amount agrees, the fee does not."""
    STATE = "state"
    """The money agrees; its state, currency or another word does not."""
    LATE = "late"
    """The same on both sides, on neighbouring days."""
    TOTALS = "totals"
    """A file tells other sums than its own rows add up to. No pair of items ever says this."""
    VARIANCE = "variance"
    """联合收银差异: a partner's cashier keeps otherwise than was agreed. No pair of items ever says this."""
    BALANCE = "balance"
    """An account's balance does not go on from the row, or the file, before it. No pair of items ever says this."""


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event as one side tells it. Amounts are fen, signed as both sides agree; fees thousandths of a fen.

    `amounts` (a coupon's part, a deduction) and `words` (state, currency) are compared where both sides name them; None as a fee says
    nothing. `ref` is the caller's own, untouched here: the row it was read from.
    """

    key: str
    on: date
    amount_fen: Fen
    fee_millifen: int | None = None
    amounts: Mapping[str, int] = {}
    words: Mapping[str, str] = {}
    ref: str = ""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What matching says of one item or pair: the gravest class, everything that differs, both sides (None: not there)."""

    kind: MatchClass
    key: str
    ours: Item | None
    theirs: Item | None
    differing: tuple[str, ...] = ()
    """The names of what differs: amount, fee, day, or a name of `amounts` or `words`."""

    @property
    def amount_fen(self) -> Fen:
        """What they say beyond what we say; of a difference of coupons or deductions the sum of those."""
        here, there = self.ours, self.theirs
        between = Fen((there.amount_fen if there else 0) - (here.amount_fen if here else 0))
        if between or here is None or there is None:
            return between
        return Fen(
            sum(there.amounts.get(name, here.amounts[name]) - here.amounts[name] for name in here.amounts)
        )

    @property
    def fee_millifen(self) -> int:
        """The fee they say beyond the one we expect, in thousandths of a fen; 0 where a side names none."""
        here, there = self.ours, self.theirs
        if here is None or there is None or here.fee_millifen is None or there.fee_millifen is None:
            return 0
        return there.fee_millifen - here.fee_millifen

    @property
    def on(self) -> date:
        """The day it belongs to: theirs, where they list it."""
        side = self.theirs or self.ours
        assert side is not None  # noqa: S101 a difference has a side by construction
        return side.on


def match(ours: Iterable[Item], theirs: Iterable[Item], *, late_days: int) -> list[Difference]:
    """Every difference between two lists, in the order of keys; what agrees is left out.

    Items of one key are paired within `late_days` of each other: the most alike first, each once.
    """
    return [
        found for found in compare(ours, theirs, late_days=late_days) if found.kind is not MatchClass.MATCHED
    ]


def compare(ours: Iterable[Item], theirs: Iterable[Item], *, late_days: int) -> Iterator[Difference]:
    """Like `match`, with what agrees: one finding for every pair and every item that has none."""
    here, there = _by_key(ours), _by_key(theirs)
    for key in sorted(here.keys() | there.keys()):
        yield from _of_key(key, here.get(key, []), there.get(key, []), late_days=late_days)


def _by_key(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.key].append(item)
    return found


def _of_key(key: str, ours: list[Item], theirs: list[Item], *, late_days: int) -> Iterator[Difference]:
    if len(ours) == 1 and len(theirs) == 1 and _days_apart(ours[0], theirs[0]) <= late_days:
        yield _pair(key, ours[0], theirs[0])
        return
    pairs = _paired(ours, theirs, late_days=late_days)
    for here_at, there_at in pairs:
        yield _pair(key, ours[here_at], theirs[there_at])
    known_here = [ours[here_at] for here_at, _ in pairs]
    known_there = [theirs[there_at] for _, there_at in pairs]
    for item in _left(theirs, {there_at for _, there_at in pairs}):
        again = any(_days_apart(item, here) <= late_days for here in known_here)
        kind = MatchClass.DUPLICATED if again else MatchClass.MISSING_HERE
        yield Difference(kind=kind, key=key, ours=None, theirs=item)
    for item in _left(ours, {here_at for here_at, _ in pairs}):
        again = any(_days_apart(item, there) <= late_days for there in known_there)
        kind = MatchClass.DUPLICATED if again else MatchClass.MISSING_THERE
        yield Difference(kind=kind, key=key, ours=item, theirs=None)


def _paired(ours: list[Item], theirs: list[Item], *, late_days: int) -> list[tuple[int, int]]:
    """Pair the places of items that stand several times: the most alike first, so that one odd copy among three is found as the odd one."""
    near = sorted(
        (_unlikeness(here, there), here_at, there_at)
        for here_at, here in enumerate(ours)
        for there_at, there in enumerate(theirs)
        if _days_apart(here, there) <= late_days
    )
    taken_here: set[int] = set()
    taken_there: set[int] = set()
    pairs = []
    for _, here_at, there_at in near:
        if here_at not in taken_here and there_at not in taken_there:
            taken_here.add(here_at)
            taken_there.add(there_at)
            pairs.append((here_at, there_at))
    return pairs


def _unlikeness(here: Item, there: Item) -> tuple[int, int, int, bool]:
    differing = _differing(here, there)
    money = abs(here.amount_fen - there.amount_fen)
    # Equals before those that agree because one side names no fee: that one agrees with others too.
    return (money, len(differing), _days_apart(here, there), here != there)


def _left(items: list[Item], taken: set[int]) -> list[Item]:
    return [item for place, item in enumerate(items) if place not in taken]


def _days_apart(here: Item, there: Item) -> int:
    return abs((here.on - there.on).days)


def _pair(key: str, here: Item, there: Item) -> Difference:
    differing = _differing(here, there)
    return Difference(kind=_gravest(here, differing), key=key, ours=here, theirs=there, differing=differing)


def _differing(here: Item, there: Item) -> tuple[str, ...]:
    names = ["amount"] if here.amount_fen != there.amount_fen else []
    names += [
        name for name in here.amounts if there.amounts.get(name, here.amounts[name]) != here.amounts[name]
    ]
    if (
        here.fee_millifen is not None
        and there.fee_millifen is not None
        and here.fee_millifen != there.fee_millifen
    ):
        names.append("fee")
    names += [name for name in here.words if there.words.get(name, here.words[name]) != here.words[name]]
    if here.on != there.on:
        names.append("day")
    return tuple(names)


def _gravest(here: Item, differing: tuple[str, ...]) -> MatchClass:
    if not differing:
        return MatchClass.MATCHED
    if "amount" in differing or any(name in here.amounts for name in differing):
        return MatchClass.AMOUNT
    if "fee" in differing:
        return MatchClass.FEE
    if any(name in here.words for name in differing):
        return MatchClass.STATE
    return MatchClass.LATE
