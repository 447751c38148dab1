"""联合收银: what a partner's cashier was agreed to keep of a sale, and what it keeps beyond that. Pure.

Expected is worked out for each row from its gross and the rates of its day; a refund's row gives back by the same rule. What a statement
does not tell is not compared.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from settlement.reconciliation.matching import Difference, Item, MatchClass
from tenants.kernel.ids import StoreId
from tenants.kernel.money import WHOLE, Bps, Fen


class Rounding(StrEnum):
    """How the partner rounds a part of a fen."""

    HALF_UP = "half_up"
    """四舍五入."""
    DOWN = "down"
    """舍去."""


class CashierTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with one partner's cashier from a day on; orders that only its statements know are of `store_id`."""

    cashier: str
    starts_on: date
    deduction_bps: Bps
    fee_bps: Bps
    rounding: Rounding
    store_id: StoreId


def expected_fen(gross: int, rate: Bps, *, rounding: Rounding) -> Fen:
    """What is kept of a gross amount (fen, >= 0) at a rate."""
    half = WHOLE if rounding is Rounding.HALF_UP else 0
    return Fen((2 * gross * rate + half) // (2 * WHOLE))


def variance_of(cells: Mapping[str, Any], terms: CashierTerms) -> dict[str, tuple[Fen, Fen]]:
    """What a row tells otherwise than was agreed: deduction and fee, (expected, told) each. An adjustment is what it is."""
    if cells["kind"] not in {"order", "refund"}:
        return {}
    rates = {"deduction": terms.deduction_bps, "fee": terms.fee_bps}
    found = {
        name: (expected_fen(cells["gross_fen"], rate, rounding=terms.rounding), Fen(cells[f"{name}_fen"]))
        for name, rate in rates.items()
        if cells.get(f"{name}_fen") is not None
    }
    return {name: each for name, each in found.items() if each[0] != each[1]}


def variance_fen(cells: Mapping[str, Any], terms: CashierTerms) -> Fen:
    """By how much the partner keeps more than agreed: a refund's row that gives back too little counts as well."""
    beyond = sum(told - agreed for agreed, told in variance_of(cells, terms).values())
    return Fen(-beyond if cells["kind"] == "refund" else beyond)


def joint_difference(
    key: str, day: date, *, cells: Mapping[str, Any], terms: CashierTerms
) -> Difference | None:
    """The row's difference of its own class, beside whatever else differs in it."""
    off = variance_of(cells, terms)
    if not off:
        return None
    agreed, told = (
        Item(
            key=f"variance:{key}", on=day, amount_fen=Fen(sum(each[side] for each in off.values())),
            amounts={name: each[side] for name, each in off.items()},
        )
        for side in (0, 1)
    )  # fmt: skip
    return Difference(
        kind=MatchClass.VARIANCE, key=agreed.key, ours=agreed, theirs=told, differing=tuple(off)
    )


def in_force(terms: list[CashierTerms], day: date) -> CashierTerms | None:
    """The terms of a day; `terms` are of one cashier, the latest first."""
    return next((each for each in terms if each.starts_on <= day), None)
