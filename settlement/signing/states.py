"""Every state a statement or an adjustment can be in, and the only ways from one to another. Pure."""

from enum import StrEnum


class StatementState(StrEnum):
    """Where a statement stands."""

    CLOSED = "closed"
    """待审批: its month is closed and counted; nobody has signed it yet."""
    APPROVED = "approved"
    """已审批: a second person signed it. Its corrections fall into the open period from now on, and it may be paid."""
    DISPUTED = "disputed"
    """有争议: its party does not agree; nothing is paid on it meanwhile."""
    RESOLVED = "resolved"
    """争议已处理: every difference has an answer; it waits for its signature, again if it had one."""
    SUPERSEDED = "superseded"
    """已被新版本取代: a later version says what is right. It stays as it is, for ever."""


class AdjustmentState(StrEnum):
    """Where a manual adjustment stands."""

    PROPOSED = "proposed"
    """待复核: one person asks for it; nothing is booked."""
    BOOKED = "booked"
    """已入账: a second person agreed."""
    REFUSED = "refused"
    """已驳回: a second person did not; or its time has passed."""


STATEMENT_MOVES: dict[StatementState, frozenset[StatementState]] = {
    StatementState.CLOSED: frozenset(
        {StatementState.APPROVED, StatementState.DISPUTED, StatementState.SUPERSEDED}
    ),
    StatementState.APPROVED: frozenset({StatementState.DISPUTED}),
    # Not superseded while it is disputed: the open differences would hang on figures that nobody looks at any more.
    StatementState.DISPUTED: frozenset({StatementState.RESOLVED}),
    StatementState.RESOLVED: frozenset(
        {StatementState.APPROVED, StatementState.DISPUTED, StatementState.SUPERSEDED}
    ),
    StatementState.SUPERSEDED: frozenset(),
}
ADJUSTMENT_MOVES: dict[AdjustmentState, frozenset[AdjustmentState]] = {
    AdjustmentState.PROPOSED: frozenset({AdjustmentState.BOOKED, AdjustmentState.REFUSED}),
    AdjustmentState.BOOKED: frozenset(),
    AdjustmentState.REFUSED: frozenset(),
}
