"""What an order costs and what a refund takes back, in whole fen. Pure: no clock, no database, no randomness.

Discounts are spread over lines by largest remainder; a refund by quantity takes the difference of two cumulative values, so that
returning unit by unit gives back exactly what was paid. Who gets which portion is not decided here.
"""

from collections.abc import Sequence

import msgspec

from orders.errors import AmountTooLarge
from tenants.kernel.money import LARGEST, Fen, allocate


class LinePrice(msgspec.Struct, frozen=True):
    """A unit's price in fen and how many."""

    unit_price_fen: Fen
    quantity: int


class LineAmount(msgspec.Struct, frozen=True):
    """One line's amounts in fen: goods - discount = paid."""

    goods_fen: Fen
    discount_fen: Fen
    paid_fen: Fen


class OrderAmount(msgspec.Struct, frozen=True):
    """An order's amounts in fen, which are the sums of its lines'."""

    lines: list[LineAmount]
    goods_fen: Fen
    discount_fen: Fen
    total_fen: Fen


def order_amount(lines: Sequence[LinePrice], *, discount_fen: Fen) -> OrderAmount:
    """Total the lines; raises AmountTooLarge beyond what a front end carries exactly, ValueError for amounts below zero."""
    if any(line.unit_price_fen < 0 or line.quantity < 1 for line in lines) or discount_fen < 0:
        raise ValueError("prices and discounts are not negative, quantities at least one")
    goods = [line.unit_price_fen * line.quantity for line in lines]
    total = sum(goods)
    if total > LARGEST:
        raise AmountTooLarge
    if discount_fen > total:
        raise ValueError("a discount does not exceed the goods")
    discounts = allocate(discount_fen, weights=goods)
    amounts = [
        LineAmount(Fen(each), discount, Fen(each - discount))
        for each, discount in zip(goods, discounts, strict=True)
    ]
    return OrderAmount(amounts, Fen(total), discount_fen, Fen(total - discount_fen))


def refund_for_units(
    paid_fen: Fen, *, quantity: int, refunded_fen: Fen, refunded_quantity: int, units: int
) -> Fen:
    """What `units` more of a line give back: the cumulative value after them less the one before, and never more than is left."""
    if units < 1 or refunded_quantity + units > quantity:
        raise ValueError("no more units come back than were sold")
    before = paid_fen * refunded_quantity // quantity
    after = paid_fen * (refunded_quantity + units) // quantity
    # An amount given back without units (goodwill) may have used up part of it.
    return Fen(min(after - before, paid_fen - refunded_fen))


def kept(paid_fen: Fen, *, refunded_fen: Fen) -> Fen:
    """What is left of a line's payment: the amount that split() is held of."""
    if not 0 <= refunded_fen <= paid_fen:
        raise ValueError("what was refunded lies between nothing and everything")
    return Fen(paid_fen - refunded_fen)
