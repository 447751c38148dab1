"""What becomes of a refund: it fails only when the channel refuses it and does not know it, and only units still in the store go back on the shelf."""

import pytest
from sqlalchemy import text

from orders import give_back
from orders.commands import RedeemPickup, RefundedLine
from orders.errors import PaymentDiffers, RefundPending
from orders.pickup import Counter, redeem_pickup
from orders.ports import RefundState, Refused, Unknown
from orders.states import RefundStatus
from tenants.states import StaffRole
from tests.orders.test_pay import Channels
from tests.orders.test_refund import ON_HAND, ask, counters, finish, send
from tests.support.rows import events, rows, value
from tests.support.trading import PRICE

NO = Refused("INVALID_REQUEST", "订单已超过可退款期限")
CODE = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"
STATE = "SELECT state FROM app.refunds WHERE tenant_id = :t AND id = :r"


async def refuse(_channel, _request):
    return NO


async def refuse_what_is_done(channel, request):
    """The repeat of a call that took effect: the work is done, and the answer is no."""
    await channel.refund(request)
    return NO


async def at_the_channel(trading, refund):
    books = await trading.control.books()
    return [each["amountFen"] for each in books["refunds"] if each["outRefundNo"] == refund.refund_no]


async def on_hand(trading):
    return await value(trading.tenant, ON_HAND, s=trading.shirt.sku)


async def hand_over(trading, order, now):
    code = await value(trading.tenant, CODE, o=order.id)
    counter = Counter(await trading.employ(StaffRole.GUIDE), trading.store.id)
    await redeem_pickup(trading.tenant, RedeemPickup(code=code), counter=counter, now=now)


async def failed(trading, order, now):
    """A refund that the channel refused, and does not know."""
    refund = await ask(trading, order, now=now)
    assert await send(trading, refund, now, Channels(trading.channels, refund=refuse)) is RefundStatus.FAILED
    return refund


async def test_a_refusal_of_a_number_that_the_channel_knows_is_no_failure(trading, now):
    order = await trading.paid()
    refund = await ask(trading, order, now=now)
    answered = Channels(trading.channels, refund=refuse_what_is_done)
    assert await send(trading, refund, now, answered) in {RefundStatus.PENDING, RefundStatus.DONE}
    assert (await counters(trading, order))[:2] == (PRICE, PRICE)
    assert await at_the_channel(trading, refund) == [PRICE]


async def test_a_refusal_while_nobody_says_whether_the_number_is_known_is_no_failure_yet(trading, now):
    async def silent(_channel, _number):
        return Unknown("no answer")

    order = await trading.paid()
    refund = await ask(trading, order, now=now)
    with pytest.raises(RefundPending):
        await send(trading, refund, now, Channels(trading.channels, refund=refuse, look_up_refund=silent))
    assert await value(trading.tenant, STATE, r=refund.id) == RefundStatus.INTENDED
    assert (await counters(trading, order))[0] == PRICE
    assert await send(trading, refund, now, Channels(trading.channels, refund=refuse)) is RefundStatus.FAILED
    assert (await counters(trading, order))[0] == 0


async def test_control_believing_the_refusal_gives_the_money_back_twice(trading, now, monkeypatch):
    async def believe(_tenant, _outgoing, *, refused, channels):
        return refused

    monkeypatch.setattr(give_back, "_look_before_failing", believe)
    order = await trading.paid((trading.shirt.sku, 2))
    half = RefundedLine(line_no=1, amount_fen=PRICE)
    first = await ask(trading, order, half, now=now)
    answered = Channels(trading.channels, refund=refuse_what_is_done)
    assert await send(trading, first, now, answered) is RefundStatus.FAILED
    second = await ask(trading, order, half, now=now)
    await send(trading, second, now)
    assert [*await at_the_channel(trading, first), *await at_the_channel(trading, second)] == [PRICE, PRICE]
    assert (await counters(trading, order))[0] == PRICE


async def test_a_failed_refund_that_was_done_after_all_counts_once(trading, now):
    order = await trading.paid((trading.shirt.sku, 2))
    refund = await failed(trading, order, now)
    assert (await counters(trading, order))[0] == 0
    for _ in range(3):
        assert await finish(trading, refund, now) is RefundStatus.DONE
    assert await counters(trading, order) == (PRICE, 2 * PRICE, "paid")
    line = (
        "SELECT refunded_fen, refunded_quantity FROM app.order_lines WHERE tenant_id = :t AND order_id = :o"
    )
    assert [tuple(row) for row in await rows(trading.tenant, line, o=order.id)] == [(PRICE, 1)]
    assert [len(await events(trading.tenant, kind)) for kind in ("RefundFailed", "RefundDone")] == [1, 1]
    assert await on_hand(trading) == 99


async def test_a_failed_refund_that_was_done_after_its_amount_was_promised_elsewhere_is_shown_to_a_person(
    trading, now
):
    order = await trading.paid()
    refund = await failed(trading, order, now)
    await ask(trading, order, now=now)
    with pytest.raises(PaymentDiffers):
        await finish(trading, refund, now)
    assert (await counters(trading, order))[0] == PRICE


async def test_units_asked_back_before_the_hand_over_go_on_the_shelf_when_the_money_arrives_after_it(
    trading, now
):
    order = await trading.paid((trading.shirt.sku, 3))
    before = await ask(trading, order, now=now)
    await hand_over(trading, order, now)
    after = await ask(trading, order, now=now)
    shelves = "SELECT on_the_shelf FROM app.refunds WHERE tenant_id = :t AND id = :r"
    assert [await value(trading.tenant, shelves, r=each.id) for each in (before, after)] == [True, False]
    await finish(trading, after, now)
    assert await on_hand(trading) == 97
    await finish(trading, before, now)
    assert await on_hand(trading) == 98


async def test_units_come_back_once_however_often_the_channel_repeats_itself(trading, now):
    order = await trading.paid((trading.shirt.sku, 2))
    refund = await ask(trading, order, now=now)
    for state in (RefundState.PENDING, RefundState.DONE, RefundState.DONE, RefundState.ABNORMAL):
        await finish(trading, refund, now, state=state)
    assert await on_hand(trading) == 99


async def test_units_of_a_refund_that_failed_stay_sold(trading, now):
    order = await trading.paid((trading.shirt.sku, 2))
    await failed(trading, order, now)
    assert await on_hand(trading) == 98
    await hand_over(trading, order, now)
    assert await on_hand(trading) == 98


async def test_control_deciding_when_the_money_arrives_loses_units_that_never_left(trading, now):
    order = await trading.paid((trading.shirt.sku, 2))
    refund = await ask(trading, order, now=now)
    await hand_over(trading, order, now)
    # The famous bug: what the order's state says now stands for what it was when the refund was asked for.
    naive = (
        "UPDATE app.refunds r SET on_the_shelf = o.state = 'paid' FROM app.orders o WHERE o.tenant_id = :t AND r.tenant_id = :t"
        " AND o.id = r.order_id RETURNING r.id"
    )
    async with trading.tenant.writing() as db:
        await db.execute(text(naive), {"t": db.tenant_id})
    await finish(trading, refund, now)
    assert await on_hand(trading) == 98
