"""WeChat lets a payee be split for only so often a second: whoever is told to wait waits, and nothing is lost or split twice."""

import asyncio

import pytest

from settlement.splitting.errors import SplitPending
from settlement.splitting.states import SplitStatus
from tests.support.rows import value
from tests.support.trading import PRICE

ORDERS = 12
PART = PRICE * 2_000 // 10_000


@pytest.fixture
async def busy(shop):
    """The payee may be split for three times a second."""
    await shop.control.command("limits", scale=0.1)
    yield shop
    await shop.control.command("limits", scale=1)


async def test_a_payee_told_to_wait_is_split_for_in_the_end_once_each(busy):
    orders = [await busy.collected() for _ in range(ORDERS)]
    await busy.pass_days(8)
    told_to_wait = 0

    async def send(order):
        nonlocal told_to_wait
        try:
            return await busy.send(order.id)
        except SplitPending as pending:
            told_to_wait += pending.fields.get("reason") == "RATELIMIT_EXCEED"
            return SplitStatus.INTENDED

    for _ in range(30):
        states = await asyncio.gather(*(send(order) for order in orders))
        if SplitStatus.INTENDED not in states and SplitStatus.SCHEDULED not in states:
            break
        await asyncio.sleep(0.5)
    assert told_to_wait > 0
    for order in orders:
        assert (await busy.split_through(order.id)).state is SplitStatus.ENDED
    assert await busy.available() == ORDERS * PART
    numbers = "SELECT count(DISTINCT split_no) FROM app.splits WHERE tenant_id = :t"
    assert await value(busy.tenant, numbers) == ORDERS
    books = await busy.control.books()
    mine = [each for each in books["splits"] if each["mchid"] == busy.trading.mchid and not each["unfreezes"]]
    assert len(mine) == ORDERS
    assert await busy.books_hold() == []
