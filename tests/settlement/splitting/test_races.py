"""Refunds and splits of one order at once: never more together than was paid, here and at the channel. RACES=1000 is the long run."""

import asyncio
import contextlib
import os
import random

import pytest
from sqlalchemy import text

from orders.errors import RefundExceedsPaid, RefundPending
from settlement.splitting.errors import SplitPending
from tenants.kernel.ids import new_id
from tests.support.figures import note_figures
from tests.support.rows import rows, value
from tests.support.trading import PRICE

RACES = int(os.environ.get("RACES", "6"))
AT_ONCE = 20
COUNTERS = "SELECT paid_fen, refunded_fen, split_fen FROM app.orders WHERE tenant_id = :t"
STOCK = "UPDATE app.stock SET on_hand = 100000 WHERE tenant_id = :t"


async def stocked(shop, count):
    async with shop.tenant.writing() as db:
        await db.execute(text(STOCK), {"t": db.tenant_id})
    return [await shop.collected() for _ in range(count)]


async def race(shop, order, draw):
    """One split and refunds of random size, sent and not sent, with their returns, all at once."""

    async def refund(amount, sends):
        try:
            asked = await shop.ask_refund(order.id, amount)
            if sends:
                await shop.send_refund(asked)
        except (RefundExceedsPaid, RefundPending, SplitPending):
            return

    async def split():
        try:
            await shop.split_through(order.id)
        except SplitPending:
            return

    largest = PRICE // (AT_ONCE // 2)
    refunds = [refund(draw.randrange(1, largest), turn % 5 == 0) for turn in range(AT_ONCE - 1)]
    await asyncio.gather(split(), *refunds)
    with contextlib.suppress(SplitPending):
        await shop.give_back(order.id)


@pytest.mark.timeout(14_400)
async def test_refunds_and_splits_at_once_never_exceed_what_was_paid(shop):
    draw = random.Random(20)
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=RACES * 2 * PRICE)
    orders = await stocked(shop, RACES)
    await shop.pass_days(8)
    for order in orders:
        await race(shop, order, draw)
    counted = await rows(shop.tenant, COUNTERS)
    overspent = [row for row in counted if row.refunded_fen + row.split_fen > row.paid_fen]
    at_channel = await overspent_at_the_channel(shop)
    note_figures(
        "refunds and splits at once", orders=RACES, at_once=AT_ONCE, overspent=len(overspent), overspent_at_the_channel=len(at_channel),
        refunded_fen=sum(row.refunded_fen for row in counted), split_fen=sum(row.split_fen for row in counted),
    )  # fmt: skip
    assert overspent == []
    assert sum(row.refunded_fen for row in counted) > RACES * PRICE // 2
    assert at_channel == []
    assert await shop.books_hold() == []


async def overspent_at_the_channel(shop):
    """Payments of which more left, refunds and splits less returns together, than came in."""
    books = await shop.control.books()
    mine = [each for each in books["payments"] if each["mchid"] == shop.trading.mchid]
    numbers = {
        each["outOrderNo"]: each["outTradeNo"]
        for each in books["splits"]
        if each["mchid"] == shop.trading.mchid
    }
    back: dict[str, int] = {}
    for each in books["returns"]:
        if each["outOrderNo"] in numbers and each["result"] == "SUCCESS":
            number = numbers[each["outOrderNo"]]
            back[number] = back.get(number, 0) + each["amountFen"]
    asked = await rows(
        shop.tenant,
        "SELECT p.payment_no, coalesce(sum(r.amount_fen), 0) AS fen FROM app.split_returns r"
        " JOIN app.splits s ON s.tenant_id = r.tenant_id AND s.id = r.split_id"
        " JOIN app.payments p ON p.tenant_id = s.tenant_id AND p.id = s.payment_id"
        " WHERE r.tenant_id = :t AND s.tenant_id = :t AND p.tenant_id = :t AND r.state IN ('intended', 'pending', 'claimed')"
        " GROUP BY p.payment_no",
    )
    coming = {row.payment_no: int(row.fen) for row in asked}
    return [
        each["outTradeNo"]
        for each in mine
        if each["refundedFen"]
        + each["splitFen"]
        - back.get(each["outTradeNo"], 0)
        - coming.get(each["outTradeNo"], 0)
        > each["totalFen"]
    ]


async def test_summing_then_inserting_would_overspend(shop):
    (order,) = await stocked(shop, 1)
    draw = random.Random(20)
    total = "SELECT coalesce(sum(amount_fen), 0) FROM app.refunds WHERE tenant_id = :t AND order_id = :o"
    insert = (
        "INSERT INTO app.refunds (tenant_id, id, refund_no, source, source_name, order_id, store_id, state, amount_fen,"
        " requested_by, business_on, requested_at) VALUES (:t, :id, :no, 'storefront', :kind, :o, :store, 'intended',"
        " :amount, 'test', current_date, now())"
    )

    async def sum_then_insert(kind):
        amount = draw.randrange(1, PRICE // 4)
        async with shop.tenant.writing() as db:
            row = {"t": db.tenant_id, "o": order.id}
            spent = (await db.execute(text(total), row)).scalar_one()
            await asyncio.sleep(0.02)
            if spent + amount <= PRICE:
                number = new_id()
                more = {
                    "id": number,
                    "no": number.hex,
                    "store": shop.trading.store.id,
                    "amount": amount,
                    "kind": kind,
                }
                await db.execute(text(insert), row | more)

    await asyncio.gather(*(sum_then_insert(kind) for kind in ("split", "refund") * (AT_ONCE // 2)))
    assert await value(shop.tenant, total, o=order.id) > PRICE
