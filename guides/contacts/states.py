"""Where a move of a relation stands, and the only ways on. Pure."""

from enum import StrEnum


class MoveState(StrEnum):
    """Where one shopper's move stands."""

    INTENDED = "intended"
    """Written down; WeCom may or may not know it."""
    WAITING = "waiting"
    """WeCom lets the shopper a day to refuse."""
    DONE = "done"
    """The taker (without one: the store) has the relation."""
    REFUSED = "refused"
    """The shopper refused: the relation is the store's."""
    LIMITED = "limited"
    """Moved twice within ninety days: WeCom moves nobody more often."""
    TAKER_FULL = "taker_full"
    """The taker has as many contacts as WeCom allows."""
    FAILED = "failed"
    """WeCom would not, for the reason in `code`."""


OPEN = (MoveState.INTENDED, MoveState.WAITING)
MOVE_MOVES: dict[MoveState, frozenset[MoveState]] = {
    MoveState.INTENDED: frozenset(set(MoveState) - {MoveState.INTENDED}),
    MoveState.WAITING: frozenset(set(MoveState) - {MoveState.INTENDED, MoveState.WAITING}),
    MoveState.DONE: frozenset(),
    MoveState.REFUSED: frozenset(),
    MoveState.LIMITED: frozenset(),
    MoveState.TAKER_FULL: frozenset(),
    MoveState.FAILED: frozenset(),
}


def origins(target: MoveState) -> list[MoveState]:
    """The states from which `target` may be reached."""
    return [state for state, targets in MOVE_MOVES.items() if target in targets]
