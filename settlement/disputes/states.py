"""Every state a dispute or a difference can be in, and the only ways from one to another. Pure."""

from enum import StrEnum


class DisputeState(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    """处理中: numbers may be imported, differences wait for answers."""
    RESOLVED = "resolved"
    """已处理: every difference has an answer with its reason."""


class AnswerState(StrEnum):
    """What came of a difference."""

    OPEN = "open"
    """待处理."""
    OURS_STAND = "ours_stand"
    """以我方为准: our books are right, and a reason says why."""
    THEIRS_STAND = "theirs_stand"
    """以对方为准: theirs are right: an adjustment was asked for."""


class RowLevel(StrEnum):
    """What one row of the other side's numbers is about."""

    LINE = "line"
    """One line of one order."""
    ORDER = "order"
    """One order."""
    DAY = "day"
    """One day."""


class Compared(StrEnum):
    """Which of our figures theirs are held against."""

    PORTION = "portion"
    """What the party gets."""
    BASE = "base"
    """What the rate is of: what was sold, net of refunds, or as much of the base that the contract says."""


DISPUTE_MOVES: dict[DisputeState, frozenset[DisputeState]] = {
    DisputeState.OPEN: frozenset({DisputeState.RESOLVED}),
    DisputeState.RESOLVED: frozenset(),
}
DIFFERENCE_MOVES: dict[AnswerState, frozenset[AnswerState]] = {
    AnswerState.OPEN: frozenset({AnswerState.OURS_STAND, AnswerState.THEIRS_STAND}),
    AnswerState.OURS_STAND: frozenset(),
    AnswerState.THEIRS_STAND: frozenset(),
}
