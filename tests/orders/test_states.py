"""Every state machine: all allowed and all forbidden moves, from the one table."""

import itertools

import pytest

from orders.states import (
    ORDER_MOVES,
    PAYMENT_MOVES,
    PICKUP_MOVES,
    REFUND_MOVES,
    OrderState,
    PaymentStatus,
    PickupState,
    RefundStatus,
    origins,
)

MACHINES = {
    OrderState: (
        ORDER_MOVES,
        {
            "awaiting_payment": {"paid", "cancelled"},
            "paid": {"collected", "refunded"},
            "collected": {"refunded"},
            "cancelled": {"paid"},
            "refunded": set(),
        },
    ),
    PaymentStatus: (
        PAYMENT_MOVES,
        {
            "intended": {"prepared", "paid", "closed", "refused"},
            "prepared": {"paid", "closed"},
            "paid": set(),
            "closed": {"paid"},
            "refused": {"paid"},
        },
    ),
    RefundStatus: (
        REFUND_MOVES,
        {
            "intended": {"pending", "done", "failed", "abnormal"},
            "pending": {"done", "failed", "abnormal"},
            "abnormal": {"done", "failed"},
            "done": set(),
            "failed": {"pending", "done", "abnormal"},
        },
    ),
    PickupState: (
        PICKUP_MOVES,
        {"waiting": {"redeemed", "void"}, "redeemed": set(), "void": set()},
    ),
}
EVERY_MOVE = [
    (states, before, after) for states in MACHINES for before, after in itertools.product(states, states)
]


@pytest.mark.parametrize(("states", "before", "after"), EVERY_MOVE)
def test_a_move_is_possible_exactly_where_the_table_says_so(states, before, after):
    moves, expected = MACHINES[states]
    assert (before in origins(moves, after)) == (after.value in expected[before.value])


@pytest.mark.parametrize("states", list(MACHINES))
def test_every_state_stands_in_the_table(states):
    moves, expected = MACHINES[states]
    assert set(moves) == set(states) == {states(name) for name in expected}
