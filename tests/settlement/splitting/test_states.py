"""Every allowed and every forbidden step of receivers, splits, parts, returns and unfreezes, from one table each."""

from enum import StrEnum

import pytest

from settlement.splitting import states

MACHINES = {
    states.ReceiverState: states.RECEIVER_MOVES,
    states.SplitStatus: states.SPLIT_MOVES,
    states.PartStatus: states.PART_MOVES,
    states.ReturnStatus: states.RETURN_MOVES,
    states.UnfreezeStatus: states.UNFREEZE_MOVES,
}
ALLOWED = {
    states.ReceiverState: {
        "intended": "added refused ended", "added": "ended", "refused": "added ended", "ended": "",
    },
    states.SplitStatus: {
        "waiting": "scheduled lapsed", "scheduled": "intended finished lapsed", "intended": "accepted finished lapsed",
        "accepted": "finished", "finished": "ended", "ended": "", "lapsed": "",
    },
    states.PartStatus: {"pending": "done closed", "done": "", "closed": ""},
    states.ReturnStatus: {
        "intended": "pending done claimed replaced dropped", "pending": "done claimed replaced dropped", "done": "",
        "claimed": "done dropped", "replaced": "", "dropped": "",
    },
    states.UnfreezeStatus: {"intended": "done futile", "done": "", "futile": ""},
}  # fmt: skip
STEPS = [
    (kind, old, new, new.value in ALLOWED[kind][old.value].split())
    for kind in MACHINES
    for old in kind
    for new in kind
]


@pytest.mark.parametrize(("kind", "old", "new", "allowed"), STEPS)
def test_a_step_is_allowed_or_forbidden_as_the_table_says(
    kind: type[StrEnum], old: StrEnum, new: StrEnum, allowed: bool
) -> None:
    assert (old in states.origins(MACHINES[kind], new)) is allowed


@pytest.mark.parametrize("kind", MACHINES)
def test_every_state_is_reached_and_leads_to_an_end(kind: type[StrEnum]) -> None:
    moves = MACHINES[kind]
    first = next(iter(kind))
    seen, waiting = set(), [first]
    while waiting:
        state = waiting.pop()
        seen.add(state)
        waiting += [target for target in moves[state] if target not in seen]
    assert seen == set(kind)
    assert any(not targets for targets in moves.values())


@pytest.mark.parametrize("kind", MACHINES)
def test_no_step_leads_back(kind: type[StrEnum]) -> None:
    moves = MACHINES[kind]

    def later(state: StrEnum) -> set[StrEnum]:
        found = set(moves[state])
        return found.union(*(later(target) for target in moves[state])) if found else found

    assert [state for state in kind if state in later(state)] == []
