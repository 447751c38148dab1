"""Paying: one number for ever, the channel's word compared with ours, nothing released while it may still be paid."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from orders.errors import (
    OrderAlreadyPaid,
    OrderNotFound,
    OrderNotPayable,
    PaymentDiffers,
    PaymentPending,
    PaymentTimeOver,
    PaymentUnknown,
)
from orders.pay import cancel_order, give_up_order
from orders.payments import record_payment
from orders.ports import ChannelPayment, PaymentState, Unknown
from orders.states import OrderState, PaymentStatus
from storefront.simulators.faults import FaultKind
from tenants.kernel.ids import OrderId, new_id
from tests.support.rows import events, rows, value
from tests.support.shop import add_product, sell
from tests.support.trading import open_trading

ORDER = "SELECT state FROM app.orders WHERE tenant_id = :t AND id = :o"
RESERVED = "SELECT reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
ON_HAND = "SELECT on_hand FROM app.stock WHERE tenant_id = :t AND sku_id = :s"


class Channels:
    """The trading brand's channels with one method answered by the test."""

    def __init__(self, inner, **answers):
        self.inner, self.answers, self.calls = inner, answers, []

    async def channel(self, tenant, merchant_id):
        channel = await self.inner.channel(tenant, merchant_id)
        return Answering(channel, self.answers, self.calls)


class Answering:
    def __init__(self, channel, answers, calls):
        self.channel, self.answers, self.calls = channel, answers, calls

    def __getattr__(self, name):
        async def call(argument):
            self.calls.append((name, argument))
            answer = self.answers.get(name)
            if answer is not None:
                return await answer(self.channel, argument)
            return await getattr(self.channel, name)(argument)

        return call


def told(trading, payment, **changes):
    """What the channel tells of a payment that was made."""
    facts = {
        "payment_no": payment.payment_no, "state": PaymentState.PAID, "merchant_no": trading.mchid,
        "appid": trading.appid, "transaction_id": "4200001", "total_fen": payment.amount_fen,
        "payer_total_fen": payment.amount_fen, "currency": "CNY",
    }  # fmt: skip
    return ChannelPayment(**(facts | changes))


async def record(trading, message, now):
    async with trading.tenant.writing() as db:
        await record_payment(db, message, now=now)


async def test_a_paid_order_takes_its_units_makes_a_code_and_tells_the_world(trading):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    assert payment.parameters.package.startswith("prepay_id=")
    assert payment.parameters.sign_type == "RSA"
    await trading.take_money(payment.payment_no)
    after = await trading.sync(order.id)
    assert (after.order_state, after.state, after.parameters) == (OrderState.PAID, PaymentStatus.PAID, None)
    assert (await value(trading.tenant, RESERVED, s=trading.shirt.sku)) == 0
    assert (await value(trading.tenant, ON_HAND, s=trading.shirt.sku)) == 99
    code = await value(
        trading.tenant, "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o", o=order.id
    )
    assert len(code) == 12
    assert code.isdigit()
    (paid,) = await events(trading.tenant, "OrderPaid")
    assert paid["order_id"] == str(order.id)


async def test_preparing_twice_returns_the_same_payment(trading):
    order = await trading.place()
    first = await trading.prepare(order.id)
    assert await trading.prepare(order.id) == first
    together = await asyncio.gather(*(trading.prepare(order.id) for _ in range(5)))
    assert {each.payment_no for each in together} == {first.payment_no}


async def test_an_unknown_outcome_is_repeated_with_the_same_number_and_words(trading):
    async def lost(channel, request):
        await channel.prepare(request)
        return Unknown("the answer got lost")

    order = await trading.place()
    losing = Channels(trading.channels, prepare=lost)
    with pytest.raises(PaymentPending):
        await trading.prepare(order.id, channels=losing)
    watching = Channels(trading.channels)
    payment = await trading.prepare(order.id, channels=watching)
    assert [request for _, request in losing.calls] == [request for _, request in watching.calls]
    assert payment.payment_no == losing.calls[0][1].payment_no


async def test_an_answer_lost_on_the_wire_leaves_one_payment_at_the_channel(trading):
    order = await trading.place()
    await trading.control.plan_fault(FaultKind.ERROR_AFTER, path="*/jsapi", times=1)
    payment = await trading.prepare(order.id)
    books = await trading.control.books()
    ours = [each for each in books["payments"] if each["mchid"] == trading.mchid]
    assert [each["outTradeNo"] for each in ours] == [payment.payment_no]


async def test_an_order_of_nothing_is_paid_without_the_channel(trading):
    async with trading.tenant.writing() as db:
        gift = await sell(db, await add_product(db, "赠品"), price=0)
    order = await trading.place((gift.sku, 1), total=0)
    silent = Channels(trading.channels)
    payment = await trading.prepare(order.id, channels=silent)
    assert (payment.order_state, payment.state, payment.payment_no) == (OrderState.PAID, None, None)
    assert silent.calls == []
    assert len(await events(trading.tenant, "OrderPaid")) == 1


async def test_only_its_shopper_pays_an_order_and_only_once_in_time(trading, now):
    order = await trading.place(now=now)
    with pytest.raises(OrderNotFound):
        await trading.prepare(order.id, shopper_id=await trading.shopper())
    with pytest.raises(OrderNotFound):
        await trading.prepare(OrderId(new_id()))
    with pytest.raises(PaymentTimeOver):
        await trading.prepare(order.id, now=now + timedelta(minutes=14, seconds=30))
    paid = await trading.paid()
    with pytest.raises(OrderAlreadyPaid):
        await trading.prepare(paid.id)


async def test_time_to_pay_at_the_channel_ends_with_the_reservation(trading):
    order = await trading.place()
    watching = Channels(trading.channels)
    await trading.prepare(order.id, channels=watching)
    assert watching.calls[0][1].expires_at <= order.expires_at


@pytest.mark.parametrize(
    "lie",
    [
        {"total_fen": 1, "currency": "USD"}, {"total_fen": None}, {"total_fen": 0}, {"currency": "USD"}, {"currency": None}, {"merchant_no": "1999999999"},
        {"appid": "wxsomebodyelse"},
    ],
)  # fmt: skip
async def test_a_message_that_does_not_agree_with_the_payment_changes_nothing(trading, now, lie):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    with pytest.raises(PaymentDiffers):
        await record(trading, told(trading, payment, **lie), now)
    assert await value(trading.tenant, ORDER, o=order.id) == "awaiting_payment"


async def test_another_amount_is_written_down_and_pays_no_order(trading, now):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    for _ in range(2):
        await record(trading, told(trading, payment, total_fen=1), now)
    assert await value(trading.tenant, ORDER, o=order.id) == "awaiting_payment"
    facts = "SELECT state, amount_fen, asked_fen, payer_total_fen FROM app.payments WHERE tenant_id = :t"
    assert await rows(trading.tenant, facts) == [("paid", 1, payment.amount_fen, 1)]
    assert len(await events(trading.tenant, "PaymentDiffered")) == 1
    # Now the first amount after all: two words of one number that contradict each other, for a person.
    with pytest.raises(PaymentDiffers):
        await record(trading, told(trading, payment), now)


async def test_a_message_about_nobodys_payment_is_refused_also_when_it_is_another_brands(
    trading, now, database, keys, control, channels, merchant_key
):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    other = await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
    with pytest.raises(PaymentUnknown):
        await record(other, told(other, payment), now)
    with pytest.raises(OrderNotFound):
        await give_up_order(other.tenant, order.id, channels=channels, now=now, reason="expired")
    assert await value(trading.tenant, ORDER, o=order.id) == "awaiting_payment"


async def test_a_hundred_repeats_at_once_pay_once(trading, now):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    await asyncio.gather(*(record(trading, told(trading, payment), now) for _ in range(100)))
    assert len(await events(trading.tenant, "OrderPaid")) == 1
    assert (await value(trading.tenant, ON_HAND, s=trading.shirt.sku)) == 99


@pytest.mark.parametrize("late", [PaymentState.OPEN, PaymentState.CLOSED])
async def test_a_late_word_never_takes_a_payment_back(trading, now, late):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    await record(trading, told(trading, payment), now)
    await record(trading, told(trading, payment, state=late), now)
    assert await value(trading.tenant, ORDER, o=order.id) == "paid"


async def test_giving_up_closes_at_the_channel_first_then_releases(trading, now):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    watching = Channels(trading.channels)
    state = await give_up_order(trading.tenant, order.id, channels=watching, now=now, reason="expired")
    assert state is OrderState.CANCELLED
    assert [name for name, _ in watching.calls] == ["close"]
    assert (await value(trading.tenant, RESERVED, s=trading.shirt.sku)) == 0
    books = await trading.control.books()
    assert [p["tradeState"] for p in books["payments"] if p["outTradeNo"] == payment.payment_no] == ["CLOSED"]
    assert [event["reason"] for event in await events(trading.tenant, "OrderCancelled")] == ["expired"]
    with pytest.raises(OrderNotPayable):
        await trading.prepare(order.id)


async def test_a_payment_that_came_first_keeps_the_order(trading, now):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    await trading.take_money(payment.payment_no)
    state = await give_up_order(
        trading.tenant, order.id, channels=trading.channels, now=now, reason="expired"
    )
    assert state is OrderState.PAID
    assert await value(trading.tenant, ORDER, o=order.id) == "paid"
    assert await events(trading.tenant, "OrderCancelled") == []


async def test_while_the_channel_cannot_say_nothing_is_released(trading, now):
    async def silence(_channel, _argument):
        return Unknown("no answer")

    order = await trading.place()
    await trading.prepare(order.id)
    silent = Channels(trading.channels, close=silence, look_up=silence)
    with pytest.raises(PaymentPending):
        await give_up_order(trading.tenant, order.id, channels=silent, now=now, reason="expired")
    assert (await value(trading.tenant, RESERVED, s=trading.shirt.sku)) == 1


async def test_a_number_that_the_channel_never_heard_can_be_given_up(trading, now):
    async def lost(_channel, _request):
        return Unknown("never sent")

    order = await trading.place()
    with pytest.raises(PaymentPending):
        await trading.prepare(order.id, channels=Channels(trading.channels, prepare=lost))
    state = await give_up_order(
        trading.tenant, order.id, channels=trading.channels, now=now, reason="expired"
    )
    assert state is OrderState.CANCELLED


async def test_parameters_prepared_while_the_order_was_given_up_never_leave_the_house(trading, now):
    async def overtaken(channel, request):
        await give_up_order(trading.tenant, order.id, channels=trading.channels, now=now, reason="shopper")
        return await channel.prepare(request)

    order = await trading.place()
    with pytest.raises(OrderNotPayable):
        await trading.prepare(order.id, channels=Channels(trading.channels, prepare=overtaken))
    assert await value(trading.tenant, ORDER, o=order.id) == "cancelled"


async def test_a_second_payment_of_one_order_goes_back_by_itself(trading, now):
    order = await trading.place()
    first = await trading.prepare(order.id)
    async with trading.tenant.writing() as db:
        statement = "UPDATE app.payments SET state = 'closed' WHERE tenant_id = :t AND order_id = :o"
        await db.execute(text(statement), {"t": db.tenant_id, "o": order.id})
    second = await trading.prepare(order.id)
    assert second.payment_no != first.payment_no
    await record(trading, told(trading, second), now)
    await record(trading, told(trading, first), now)
    await record(trading, told(trading, first), now)
    assert len(await events(trading.tenant, "OrderPaid")) == 1
    refunds = await rows(
        trading.tenant,
        "SELECT r.amount_fen, p.payment_no FROM app.refunds r JOIN app.payments p"
        " ON p.tenant_id = r.tenant_id AND p.id = r.payment_id WHERE r.tenant_id = :t AND p.tenant_id = :t",
    )
    assert [(each.amount_fen, each.payment_no) for each in refunds] == [(order.total_fen, first.payment_no)]


async def test_a_shopper_gives_up_only_what_is_not_paid(trading, now):
    order = await trading.place()
    await cancel_order(
        trading.tenant, order.id, shopper_id=trading.shopper_id, channels=trading.channels, now=now
    )
    assert await value(trading.tenant, ORDER, o=order.id) == "cancelled"
    paid = await trading.paid()
    with pytest.raises(OrderAlreadyPaid):
        await cancel_order(
            trading.tenant, paid.id, shopper_id=trading.shopper_id, channels=trading.channels, now=now
        )
