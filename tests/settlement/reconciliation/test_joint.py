"""What a partner's cashier keeps, beside what was agreed: row by row, with an account for the rest. Pure and by the million where it counts."""

import random
from datetime import date
from fractions import Fraction

import pytest

from settlement.reconciliation.joint import (
    CashierTerms,
    Rounding,
    expected_fen,
    in_force,
    joint_difference,
    variance_fen,
)
from tenants.kernel.ids import StoreId, new_id
from tenants.kernel.money import Bps

DAY = date(2026, 10, 8)


def terms(day=DAY, **changes):
    agreed = {
        "cashier": "jd", "starts_on": day, "deduction_bps": Bps(1_500), "fee_bps": Bps(60),
        "rounding": Rounding.HALF_UP, "store_id": StoreId(new_id()),
    }  # fmt: skip
    return CashierTerms(**(agreed | changes))


def line(gross, deduction, fee=None, *, kind="order"):
    return {"kind": kind, "gross_fen": gross, "deduction_fen": deduction, "fee_fen": fee}


def test_expected_is_exact_and_rounded_as_agreed():
    chosen = random.Random(7)
    for _ in range(20_000):
        gross, rate = chosen.randrange(0, 10**9), Bps(chosen.randrange(0, 10_001))
        exact = Fraction(gross * rate, 10_000)
        assert expected_fen(gross, rate, rounding=Rounding.DOWN) == exact.__floor__()
        assert expected_fen(gross, rate, rounding=Rounding.HALF_UP) == (exact + Fraction(1, 2)).__floor__()


@pytest.mark.parametrize(
    ("cells", "beyond"),
    [
        (line(10_000, 1_500, 60), 0), (line(10_000, 1_600, 60), 100), (line(10_000, 1_500, 59), -1), (line(10_000, None), 0),
        (line(10_000, 1_500, 60, kind="refund"), 0), (line(10_000, 1_400, 60, kind="refund"), 100),
        (line(10_000, 9_999, 60, kind="adjust"), 0), (line(3, 1), 1), (line(4, 1), 0),
    ],
)  # fmt: skip
def test_what_is_kept_beyond_the_agreement_counts_and_what_is_not_told_does_not(cells, beyond):
    assert variance_fen(cells, terms()) == beyond
    found = joint_difference("order:X", DAY, cells=cells, terms=terms())
    assert (found is None) == (beyond == 0)


def test_the_terms_of_the_rows_own_day_hold():
    later, first = terms(date(2026, 11, 1)), terms()
    assert in_force([later, first], date(2026, 10, 31)) == first
    assert in_force([later, first], date(2026, 11, 1)) == later
    assert in_force([later, first], date(2026, 10, 7)) is None
