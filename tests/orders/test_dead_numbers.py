"""A process that dies between closing a number and writing that down leaves no dead number in a shopper's hand."""

import asyncio

import pytest

from orders import pay
from orders.commands import RepriceOrder
from orders.errors import PaymentPending
from orders.pay import give_up_order
from orders.ports import Unknown
from orders.reprice import Authority, reprice_order
from orders.states import OrderState, PaymentStatus
from tests.orders.test_pay import Channels
from tests.support.rows import rows
from tests.support.trading import PRICE

ANYBODY = Authority(actor="staff:hq", store_id=None, limited=False)
PAYMENTS = "SELECT payment_no, state, amount_fen FROM app.payments WHERE tenant_id = :t AND order_id = :o ORDER BY id"


class Killed(BaseException):
    """The process ends here: nothing that follows is run, not even an `except Exception`."""


async def dies_after_closing(channel, payment_no):
    await channel.close(payment_no)
    raise Killed


async def closed_and_killed(trading, order, now, how="reprice"):
    dying = Channels(trading.channels, close=dies_after_closing)
    with pytest.raises(Killed):
        if how == "reprice":
            command = RepriceOrder(total_fen=PRICE - 100, reason="老顾客")
            await reprice_order(
                trading.tenant,
                command,
                order_id=order.id,
                authority=ANYBODY,
                channels=dying,
                terms=trading.terms,
                now=now,
            )
        else:
            await give_up_order(trading.tenant, order.id, channels=dying, now=now, reason="shopper")


async def state_at_channel(trading, payment_no):
    books = await trading.control.books()
    return next(each["tradeState"] for each in books["payments"] if each["outTradeNo"] == payment_no)


@pytest.mark.parametrize("how", ["reprice", "give up"])
async def test_the_next_attempt_to_pay_gets_a_number_that_can_be_paid(trading, now, how):
    order = await trading.place()
    first = await trading.prepare(order.id)
    await closed_and_killed(trading, order, now, how)
    assert await state_at_channel(trading, first.payment_no) == "CLOSED"
    second = await trading.prepare(order.id)
    assert second.payment_no != first.payment_no
    assert second.parameters is not None
    await trading.take_money(second.payment_no)
    assert (await trading.sync(order.id)).order_state is OrderState.PAID
    assert [(each.payment_no, each.state) for each in await rows(trading.tenant, PAYMENTS, o=order.id)] == [
        (first.payment_no, PaymentStatus.CLOSED),
        (second.payment_no, PaymentStatus.PAID),
    ]


async def test_without_asking_first_the_dead_number_is_handed_out_again(trading, now, monkeypatch):
    """The control: nobody writes down that the number is being closed."""

    async def forget(*_arguments, **_named):
        return

    monkeypatch.setattr(pay, "_note_closing", forget)
    order = await trading.place()
    first = await trading.prepare(order.id)
    await closed_and_killed(trading, order, now)
    again = await trading.prepare(order.id)
    assert again.payment_no == first.payment_no
    assert await state_at_channel(trading, again.payment_no) == "CLOSED"


async def test_a_number_that_was_not_closed_after_all_is_handed_out_again(trading, now):
    async def dies_before_closing(_channel, _payment_no):
        raise Killed

    order = await trading.place()
    first = await trading.prepare(order.id)
    with pytest.raises(Killed):
        await give_up_order(
            trading.tenant, order.id, channels=Channels(trading.channels, close=dies_before_closing), now=now,
            reason="shopper",
        )  # fmt: skip
    together = await asyncio.gather(*(trading.prepare(order.id) for _ in range(4)))
    assert {each.payment_no for each in together} == {first.payment_no}


async def test_a_number_that_was_paid_meanwhile_pays_the_order(trading, now):
    async def dies_before_closing(_channel, _payment_no):
        raise Killed

    order = await trading.place()
    first = await trading.prepare(order.id)
    with pytest.raises(Killed):
        await give_up_order(
            trading.tenant, order.id, channels=Channels(trading.channels, close=dies_before_closing), now=now,
            reason="shopper",
        )  # fmt: skip
    await trading.take_money(first.payment_no)
    with pytest.raises(pay.OrderAlreadyPaid):
        await trading.prepare(order.id)
    assert (await trading.sync(order.id)).order_state is OrderState.PAID


async def test_while_the_channel_cannot_say_no_number_is_handed_out(trading, now):
    async def silent(_channel, _payment_no):
        return Unknown("no answer")

    order = await trading.place()
    await trading.prepare(order.id)
    await closed_and_killed(trading, order, now)
    with pytest.raises(PaymentPending):
        await trading.prepare(order.id, channels=Channels(trading.channels, look_up=silent))


async def test_the_worker_repairs_it_when_the_time_to_pay_is_over(trading, now):
    order = await trading.place()
    await trading.prepare(order.id)
    await closed_and_killed(trading, order, now)
    state = await give_up_order(
        trading.tenant, order.id, channels=trading.channels, now=now, reason="expired"
    )
    assert state is OrderState.CANCELLED
