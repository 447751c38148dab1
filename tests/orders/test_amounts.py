"""The arithmetic of orders and refunds: whole fen, nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.amounts import LinePrice, kept, order_amount, refund_for_units
from orders.errors import AmountTooLarge
from tenants.kernel.money import LARGEST, Fen

PRICES = st.integers(min_value=0, max_value=10**9)
LINES = st.lists(
    st.builds(LinePrice, PRICES, st.integers(min_value=1, max_value=999)), min_size=1, max_size=20
)


@given(LINES, st.data())
def test_lines_add_up_to_the_order_whatever_the_discount(lines, data):
    goods = sum(line.unit_price_fen * line.quantity for line in lines)
    discount = Fen(data.draw(st.integers(min_value=0, max_value=goods)))
    amount = order_amount(lines, discount_fen=discount)
    assert sum(line.goods_fen for line in amount.lines) == amount.goods_fen == goods
    assert sum(line.discount_fen for line in amount.lines) == amount.discount_fen == discount
    assert sum(line.paid_fen for line in amount.lines) == amount.total_fen == goods - discount
    assert all(0 <= line.discount_fen <= line.goods_fen for line in amount.lines)


def test_a_discount_goes_by_largest_remainder_and_ties_to_the_earlier_line():
    lines = [LinePrice(Fen(100), 1), LinePrice(Fen(100), 1), LinePrice(Fen(100), 1)]
    amount = order_amount(lines, discount_fen=Fen(100))
    assert [line.discount_fen for line in amount.lines] == [34, 33, 33]


def test_an_amount_that_no_front_end_carries_exactly_is_refused():
    with pytest.raises(AmountTooLarge):
        order_amount([LinePrice(Fen(LARGEST), 2)], discount_fen=Fen(0))


@pytest.mark.parametrize(("price", "quantity", "discount"), [(-1, 1, 0), (1, 0, 0), (1, 1, -1), (1, 1, 2)])
def test_amounts_below_nothing_are_a_mistake_of_the_caller(price, quantity, discount):
    with pytest.raises(ValueError):
        order_amount([LinePrice(Fen(price), quantity)], discount_fen=Fen(discount))


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=50), st.data())
def test_units_given_back_in_any_parts_give_back_exactly_what_was_paid(paid, quantity, data):
    back, units_back, parts = 0, 0, []
    while units_back < quantity:
        units = data.draw(st.integers(min_value=1, max_value=quantity - units_back))
        part = refund_for_units(
            Fen(paid), quantity=quantity, refunded_fen=Fen(back), refunded_quantity=units_back, units=units
        )
        back, units_back = back + part, units_back + units
        parts.append(part)
        assert kept(Fen(paid), refunded_fen=Fen(back)) == paid - back
    assert back == paid
    assert all(part >= 0 for part in parts)


def test_rounding_each_unit_by_itself_would_lose_a_fen():
    paid, quantity = Fen(100), 3
    assert sum(round(paid / quantity) for _ in range(quantity)) != paid


@given(st.integers(min_value=1, max_value=10**6), st.integers(min_value=1, max_value=20), st.data())
def test_goodwill_given_before_units_never_makes_more_than_was_paid(paid, quantity, data):
    goodwill = data.draw(st.integers(min_value=0, max_value=paid))
    rest = refund_for_units(
        Fen(paid), quantity=quantity, refunded_fen=Fen(goodwill), refunded_quantity=0, units=quantity
    )
    assert goodwill + rest == paid


def test_more_units_than_were_sold_do_not_come_back():
    with pytest.raises(ValueError):
        refund_for_units(Fen(100), quantity=2, refunded_fen=Fen(50), refunded_quantity=1, units=2)
    with pytest.raises(ValueError):
        kept(Fen(100), refunded_fen=Fen(101))
