"""Quotes: what can be had, what cannot and why, and when it can be collected. Nothing is held."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from orders.commands import AskQuote, WantedLine
from orders.errors import AmountTooLarge
from orders.quote import quote
from tenants.kernel.ids import new_id
from tenants.kernel.money import LARGEST
from tests.support.rows import value
from tests.support.shop import add_product, say, sell
from tests.support.trading import PRICE

NOON = datetime(2026, 10, 1, 4, 0, tzinfo=UTC)
"""Twelve in Shanghai."""


async def ask(trading, *lines, now=NOON):
    wanted = [WantedLine(sku_id=sku_id, quantity=quantity) for sku_id, quantity in lines]
    async with trading.tenant.reading() as db:
        return await quote(db, AskQuote(store_id=trading.store.id, lines=wanted), now=now)


async def change(trading, statement):
    async with trading.tenant.writing() as db:
        await db.execute(text(statement), {"t": db.tenant_id})


async def test_every_line_is_in_exactly_one_list(trading):
    async with trading.tenant.writing() as db:
        foreign = await sell(db, await add_product(db, "限定款"), price=PRICE)
        await say(db, foreign.sku, trading.store.id, listed=False)
        scarce = await sell(db, await add_product(db, "尾货"), price=PRICE, stock=2)
        unpriced = await add_product(db, "未定价")
        await say(db, unpriced.sku, listed=True, stock=5)
    unknown = new_id()
    asked = [(trading.shirt.sku, 2), (foreign.sku, 1), (scarce.sku, 3), (unpriced.sku, 1), (unknown, 1)]
    answer = await ask(trading, *asked)
    lists = [answer.lines, answer.not_ranged, answer.sold_out, answer.invalid]
    assert [[line.sku_id for line in found] for found in lists] == [
        [trading.shirt.sku], [foreign.sku], [scarce.sku], [unpriced.sku, unknown],
    ]  # fmt: skip
    assert (answer.total_fen, answer.goods_fen, answer.discount_fen) == (2 * PRICE, 2 * PRICE, 0)
    assert [line.available for line in answer.sold_out] == [2]
    assert await value(trading.tenant, "SELECT sum(reserved) FROM app.stock WHERE tenant_id = :t") == 0


async def test_a_store_that_hands_nothing_over_says_so_for_every_line(trading):
    await change(trading, "UPDATE app.stores SET status = 'online_only' WHERE tenant_id = :t")
    answer = await ask(trading, (trading.shirt.sku, 1))
    assert [line.sku_id for line in answer.not_deliverable] == [trading.shirt.sku]
    assert (answer.lines, answer.total_fen) == ([], 0)
    assert answer.pickup_eta_text == "该门店暂不支持自提"


@pytest.mark.parametrize(
    ("weekly", "told"),
    [
        ('[{"days": [1,2,3,4,5,6,7], "opens": "10:00", "closes": "22:00"}]', "付款后即可到店自提"),
        ('[{"days": [1,2,3,4,5,6,7], "opens": "13:30", "closes": "22:00"}]', "10月1日13:30开门后可自提"),
        ('[{"days": [6], "opens": "09:00", "closes": "22:00"}]', "10月3日09:00开门后可自提"),
        (None, "请于门店营业时间内自提"),
    ],
)
async def test_the_time_of_pickup_follows_the_stores_hours_in_its_own_zone(trading, weekly, told):
    async with trading.tenant.writing() as db:
        statement = "UPDATE app.opening_hours SET weekly = CAST(:weekly AS jsonb) WHERE tenant_id = :t"
        await db.execute(text(statement), {"t": db.tenant_id, "weekly": weekly})
    assert (await ask(trading, (trading.shirt.sku, 1))).pickup_eta_text == told


async def test_an_amount_beyond_any_front_end_is_refused(trading):
    async with trading.tenant.writing() as db:
        dear = await sell(db, await add_product(db, "天价"), price=LARGEST // 2)
    with pytest.raises(AmountTooLarge):
        await ask(trading, (dear.sku, 3))
