"""How an import speaks about a row: what became of it, and what was found in its cells.

Every import verb of every package answers in these words, so that one report serves them all. Reads no file and writes no row.
"""

from collections.abc import Callable, Hashable, Iterable
from enum import StrEnum
from typing import TypeVar

import msgspec

Each = TypeVar("Each")


class Verdict(StrEnum):
    """How bad a finding is."""

    REFUSED = "refused"
    """The row was not imported because of it."""
    KEPT_AS_TEXT = "kept_as_text"
    """The text was kept, its meaning could not be read with certainty."""
    WARNING = "warning"
    """The row was imported; somebody should look."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something about one cell (or, without a column, about the row) that the report must say."""

    column: str
    value: str
    reason: str
    verdict: Verdict


class RowState(StrEnum):
    """What became of a row."""

    IMPORTED = "imported"
    """It changed something."""
    UNCHANGED = "unchanged"
    """Everything it says was so already."""
    REFUSED = "refused"
    """Nothing of it was kept; its findings say why."""


class RowOutcome(msgspec.Struct, frozen=True):
    """What became of the row with this number."""

    number: int
    state: RowState
    findings: tuple[Finding, ...] = ()


def refusal(column: str, value: str, *, reason: str) -> Finding:
    """A finding that refuses its row."""
    return Finding(column=column, value=value, reason=reason, verdict=Verdict.REFUSED)


def warning(column: str, value: str, *, reason: str) -> Finding:
    """A finding that lets its row pass."""
    return Finding(column=column, value=value, reason=reason, verdict=Verdict.WARNING)


def first_of_each(
    rows: Iterable[Each], *, key: Callable[[Each], Hashable]
) -> tuple[list[Each], list[tuple[Each, Each]]]:
    """Part rows into the first of each key and the later ones, each with the first it repeats: one statement may touch a row once."""
    first: dict[Hashable, Each] = {}
    repeated: list[tuple[Each, Each]] = []
    for row in rows:
        earlier = first.setdefault(key(row), row)
        if earlier is not row:
            repeated.append((row, earlier))
    return list(first.values()), repeated
