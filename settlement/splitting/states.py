"""Every state a receiver, a split, a part, a return or an unfreeze can be in, and the only ways from one to another. Pure.

A late answer can never take a later state back: whoever writes names the old states in the WHERE (`origins`).
"""

from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class ReceiverState(StrEnum):
    """Where a receiver stands."""

    INTENDED = "intended"
    """Written down; the channel may or may not know it."""
    ADDED = "added"
    """The channel knows it: parts may be sent."""
    REFUSED = "refused"
    """The channel does not take it; its word and sentence say why."""
    ENDED = "ended"
    """Another one of the same party took its place, or it was taken off."""


class SplitStatus(StrEnum):
    """Where the splitting of one payment stands."""

    WAITING = "waiting"
    """待核销: paid; the goods are not handed over yet."""
    SCHEDULED = "scheduled"
    """待分账: to be split once its moment has come."""
    INTENDED = "intended"
    """The number and the parts are written down; the channel may or may not know them."""
    ACCEPTED = "accepted"
    """The channel works on it."""
    FINISHED = "finished"
    """Every part has ended; the rest may still be frozen."""
    ENDED = "ended"
    """已完结: the rest is unfrozen, and the channel has said that nothing is left."""
    LAPSED = "lapsed"
    """The channel can split it no more: nothing (further) went through it, what is owed stays payable."""


class PartStatus(StrEnum):
    """Where one receiver's part stands."""

    PENDING = "pending"
    """Written down or accepted; not known to have ended."""
    DONE = "done"
    """The receiver has it."""
    CLOSED = "closed"
    """The receiver will not get it; what it is owed stays payable."""


class ReturnStatus(StrEnum):
    """Where one return stands."""

    INTENDED = "intended"
    """The number is written down; the channel may or may not know it."""
    PENDING = "pending"
    """Accepted, or waiting for the receiver's account to hold the money."""
    DONE = "done"
    """The money is back."""
    CLAIMED = "claimed"
    """It will not come back through the channel: a claim on the party."""
    REPLACED = "replaced"
    """It waited too long and ended; another number asks once more."""
    DROPPED = "dropped"
    """No longer wanted: its refund failed, or the part never reached the receiver."""


class UnfreezeStatus(StrEnum):
    """Where one unfreeze stands."""

    INTENDED = "intended"
    """The number is written down; the channel may or may not know it."""
    DONE = "done"
    """The channel says that nothing is left unsplit."""
    FUTILE = "futile"
    """The channel answered success and unfroze nothing: another number is needed."""


RECEIVER_MOVES: dict[ReceiverState, frozenset[ReceiverState]] = {
    ReceiverState.INTENDED: frozenset({ReceiverState.ADDED, ReceiverState.REFUSED, ReceiverState.ENDED}),
    ReceiverState.ADDED: frozenset({ReceiverState.ENDED}),
    ReceiverState.REFUSED: frozenset({ReceiverState.ADDED, ReceiverState.ENDED}),
    ReceiverState.ENDED: frozenset(),
}
SPLIT_MOVES: dict[SplitStatus, frozenset[SplitStatus]] = {
    SplitStatus.WAITING: frozenset({SplitStatus.SCHEDULED, SplitStatus.LAPSED}),
    SplitStatus.SCHEDULED: frozenset({SplitStatus.INTENDED, SplitStatus.FINISHED, SplitStatus.LAPSED}),
    SplitStatus.INTENDED: frozenset({SplitStatus.ACCEPTED, SplitStatus.FINISHED, SplitStatus.LAPSED}),
    SplitStatus.ACCEPTED: frozenset({SplitStatus.FINISHED}),
    SplitStatus.FINISHED: frozenset({SplitStatus.ENDED}),
    SplitStatus.ENDED: frozenset(),
    SplitStatus.LAPSED: frozenset(),
}
PART_MOVES: dict[PartStatus, frozenset[PartStatus]] = {
    PartStatus.PENDING: frozenset({PartStatus.DONE, PartStatus.CLOSED}),
    PartStatus.DONE: frozenset(),
    PartStatus.CLOSED: frozenset(),
}
RETURN_MOVES: dict[ReturnStatus, frozenset[ReturnStatus]] = {
    ReturnStatus.INTENDED: frozenset(
        {
            ReturnStatus.PENDING,
            ReturnStatus.DONE,
            ReturnStatus.CLAIMED,
            ReturnStatus.REPLACED,
            ReturnStatus.DROPPED,
        }
    ),
    ReturnStatus.PENDING: frozenset(
        {ReturnStatus.DONE, ReturnStatus.CLAIMED, ReturnStatus.REPLACED, ReturnStatus.DROPPED}
    ),
    ReturnStatus.DONE: frozenset(),
    # The channel's word that money came back always counts, whatever was thought before.
    ReturnStatus.CLAIMED: frozenset({ReturnStatus.DONE, ReturnStatus.DROPPED}),
    ReturnStatus.REPLACED: frozenset(),
    ReturnStatus.DROPPED: frozenset(),
}
UNFREEZE_MOVES: dict[UnfreezeStatus, frozenset[UnfreezeStatus]] = {
    UnfreezeStatus.INTENDED: frozenset({UnfreezeStatus.DONE, UnfreezeStatus.FUTILE}),
    UnfreezeStatus.DONE: frozenset(),
    UnfreezeStatus.FUTILE: frozenset(),
}

HELD = (PartStatus.PENDING, PartStatus.DONE)
"""Parts that count as split off."""
RECALLED = (ReturnStatus.INTENDED, ReturnStatus.PENDING, ReturnStatus.DONE, ReturnStatus.CLAIMED)
"""Returns that count as no longer split off: back, on the way, or owed to us."""


def origins(moves: dict[State, frozenset[State]], target: State) -> list[State]:
    """The states from which `target` may be reached."""
    return [state for state, targets in moves.items() if target in targets]
