"""Money that comes after an order was given up: the order stands again if its goods are there, else the money goes back."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from catalog import stock
from orders.give_back import send_refund
from orders.pay import give_up_order
from orders.ports import Closed
from orders.states import OrderState
from orders.verify import verify_orders
from tenants.kernel.ids import RefundId
from tests.orders.test_pay import Channels, record, told
from tests.support.rows import events, rows, value

STOCK = "SELECT on_hand, reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
STATES = "SELECT state, count(*) AS number FROM app.orders WHERE tenant_id = :t GROUP BY state"
CODE = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"


async def blind(_channel, _argument):
    """The channel is believed to have closed what was paid."""
    return Closed()


async def given_up(trading, now, *, shopper_id=None):
    """An order whose money was taken, and which was given up all the same."""
    buyer = {} if shopper_id is None else {"shopper_id": shopper_id}
    order = await trading.place(**buyer)
    payment = await trading.prepare(order.id, **buyer)
    await trading.control.pay(payment_no=payment.payment_no, mchid=trading.mchid, wait=False)
    blinded = Channels(trading.channels, close=blind)
    await give_up_order(trading.tenant, order.id, channels=blinded, now=now, reason="expired")
    return order, payment


async def leave(trading, units):
    async with trading.tenant.writing() as db:
        statement = "UPDATE app.stock SET on_hand = reserved + :n WHERE tenant_id = :t AND sku_id = :s"
        await db.execute(text(statement), {"t": db.tenant_id, "s": trading.shirt.sku, "n": units})


async def laws(trading, now):
    async with trading.tenant.reading() as db:
        return await verify_orders(db, now=now)


async def test_the_order_stands_again_while_its_goods_are_there(trading, now):
    order, payment = await given_up(trading, now)
    await record(trading, told(trading, payment), now)
    ((state, paid, closed_at),) = await rows(
        trading.tenant,
        "SELECT state, paid_fen, closed_at FROM app.orders WHERE tenant_id = :t AND id = :o",
        o=order.id,
    )
    assert (state, paid, closed_at) == (OrderState.PAID, order.total_fen, None)
    assert tuple((await rows(trading.tenant, STOCK, s=trading.shirt.sku))[0]) == (99, 0)
    assert len(await value(trading.tenant, CODE, o=order.id)) == 12
    assert len(await events(trading.tenant, "OrderPaid")) == 1
    assert await events(trading.tenant, "RefundRequested") == []
    assert await laws(trading, now) == []


async def test_the_money_goes_back_when_somebody_else_has_the_goods(trading, now):
    order, payment = await given_up(trading, now)
    await leave(trading, 1)
    await trading.place()
    await record(trading, told(trading, payment, transaction_id=None), now)
    assert (
        await value(
            trading.tenant, "SELECT state FROM app.orders WHERE tenant_id = :t AND id = :o", o=order.id
        )
        == "cancelled"
    )
    assert await events(trading.tenant, "OrderPaid") == []
    assert tuple((await rows(trading.tenant, STOCK, s=trading.shirt.sku))[0]) == (1, 1)
    (requested,) = await events(trading.tenant, "RefundRequested")
    await send_refund(
        trading.tenant, RefundId(UUID(requested["refund_id"])), channels=trading.channels, splits=trading.splits, now=now
    )  # fmt: skip
    books = await trading.control.books()
    (back,) = [each for each in books["refunds"] if each["outTradeNo"] == payment.payment_no]
    assert back["amountFen"] == order.total_fen
    assert await laws(trading, now) == []


async def race_for_the_last(trading, now, *, shoppers=6):
    """Several late payments for one unit, all told at once, each of them three times."""
    paid = [await given_up(trading, now, shopper_id=await trading.shopper()) for _ in range(shoppers)]
    await leave(trading, 1)
    messages = [told(trading, payment, transaction_id=f"42-{at}") for at, (_, payment) in enumerate(paid)]
    await asyncio.gather(*(record(trading, message, now) for message in messages * 3))
    states = {row.state: row.number for row in await rows(trading.tenant, STATES)}
    (shelf,) = await rows(trading.tenant, STOCK, s=trading.shirt.sku)
    return states, tuple(shelf), len(await events(trading.tenant, "RefundRequested"))


async def test_of_many_late_payments_for_the_last_unit_one_gets_it_and_the_others_their_money(trading, now):
    assert await race_for_the_last(trading, now) == ({"paid": 1, "cancelled": 5}, (0, 0), 5)
    assert await laws(trading, now) == []


async def test_taking_without_a_guard_sells_the_last_unit_twice(trading, now, monkeypatch):
    """The control: the units are believed to be there."""

    async def believe(_db, *, order_id):
        return True

    monkeypatch.setattr(stock, "retake", believe)
    states, _, _ = await race_for_the_last(trading, now, shoppers=3)
    assert states == {"paid": 3}
    assert await laws(trading, now) != []


async def test_an_order_that_costs_something_else_now_is_not_paid_by_the_old_amount(trading, now):
    order, payment = await given_up(trading, now)
    async with trading.tenant.writing() as db:
        dearer = "UPDATE app.orders SET total_fen = total_fen + 1, goods_fen = goods_fen + 1 WHERE tenant_id = :t AND id = :o"
        await db.execute(text(dearer), {"t": db.tenant_id, "o": order.id})
    await record(trading, told(trading, payment), now)
    assert len(await events(trading.tenant, "RefundRequested")) == 1


@pytest.mark.parametrize("turn", range(3))
async def test_late_money_and_a_new_buyer_of_the_last_unit_never_both_get_it(trading, now, turn):
    _, payment = await given_up(trading, now)
    await leave(trading, 1)

    async def buy():
        await asyncio.sleep(turn / 200)
        try:
            await trading.place()
        except Exception as refusal:  # noqa: BLE001 sold out is one of the two ends
            return refusal
        return None

    refusal, _ = await asyncio.gather(buy(), record(trading, told(trading, payment), now))
    refunds = len(await events(trading.tenant, "RefundRequested"))
    assert (refusal is None) == (refunds == 1)
    ((on_hand, reserved),) = await rows(trading.tenant, STOCK, s=trading.shirt.sku)
    assert on_hand - reserved == 0
