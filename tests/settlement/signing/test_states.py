"""Every move of statements, adjustments, disputes, differences, payouts and their lines, allowed and forbidden, from one table."""

import pytest

from settlement.disputes.states import DIFFERENCE_MOVES, DISPUTE_MOVES, AnswerState, DisputeState
from settlement.payouts.states import LINE_MOVES, LIVE, PAYOUT_MOVES, UNDER_WAY, LineState, PayoutState
from settlement.signing.states import ADJUSTMENT_MOVES, STATEMENT_MOVES, AdjustmentState, StatementState
from settlement.splitting.states import origins

ALLOWED = {
    StatementState: (STATEMENT_MOVES, """
        closed -> approved, disputed, superseded
        approved -> disputed
        disputed -> resolved
        resolved -> approved, disputed, superseded
        superseded ->"""),
    AdjustmentState: (ADJUSTMENT_MOVES, """
        proposed -> booked, refused
        booked ->
        refused ->"""),
    DisputeState: (DISPUTE_MOVES, """
        open -> resolved
        resolved ->"""),
    AnswerState: (DIFFERENCE_MOVES, """
        open -> ours_stand, theirs_stand
        ours_stand ->
        theirs_stand ->"""),
    PayoutState: (PAYOUT_MOVES, """
        prepared -> released, withdrawn
        released -> done
        withdrawn ->
        done ->"""),
    LineState: (LINE_MOVES, """
        held -> sent, freed
        sent -> paid, failed
        paid -> returned
        failed ->
        returned ->
        freed ->"""),
}  # fmt: skip


def table(text: str) -> dict[str, set[str]]:
    rows = (line.split("->") for line in text.strip().splitlines())
    return {state.strip(): {each.strip() for each in to.split(",") if each.strip()} for state, to in rows}


@pytest.mark.parametrize("states", ALLOWED, ids=lambda states: states.__name__)
def test_every_move_that_is_not_in_the_table_is_forbidden(states) -> None:
    moves, written = ALLOWED[states]
    allowed = table(written)
    assert set(moves) == set(states)
    for state in states:
        for target in states:
            assert (target in moves[state]) == (target in allowed[state]), f"{state} -> {target}"
            assert (state in origins(moves, target)) == (target in allowed[state])


def test_what_counts_against_a_statement_is_what_left_or_may_still_leave() -> None:
    assert set(LIVE) == {LineState.HELD, LineState.SENT, LineState.PAID}
    assert set(UNDER_WAY) == {LineState.HELD, LineState.SENT}
