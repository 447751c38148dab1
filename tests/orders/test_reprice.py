"""改价: the old number closed first, the new price paid under a new one, nothing else changed."""

import asyncio
import contextlib
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from catalog.commands import PriceChange, SetPrices
from catalog.price import set_prices
from orders.commands import RepriceOrder
from orders.errors import (
    OrderAlreadyPaid,
    OrderNotFound,
    OrderNotPayable,
    PaymentPending,
    PaymentRefused,
    PriceAboveGoods,
    PriceBeyondAuthority,
)
from orders.ports import Unknown
from orders.reprice import Authority, reprice_order
from orders.states import OrderState, PaymentStatus
from settlement.agreements.freeze import ContractTerms
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.states import PartyKind, RateBase
from tenants.kernel.ids import LevelId
from tenants.levels import Level
from tests.orders.test_pay import Channels
from tests.support.rows import events, rows, value
from tests.support.shop import add_product, sell
from tests.support.trading import PRICE

ANYTHING = Authority(actor="staff:hq", store_id=None, limited=False)
TOTAL = "SELECT total_fen FROM app.orders WHERE tenant_id = :t AND id = :o"
LINES = "SELECT paid_fen, discount_fen, goods_fen, terms_id FROM app.order_lines WHERE tenant_id = :t AND order_id = :o ORDER BY line_no"
PAYMENTS = "SELECT payment_no, state, amount_fen FROM app.payments WHERE tenant_id = :t AND order_id = :o ORDER BY id"
ATTRIBUTION = "SELECT attribution, guide_id, store_id, placed_at, expires_at FROM app.orders WHERE tenant_id = :t AND id = :o"


async def reprice(trading, order, total, *, now, authority=ANYTHING, channels=None):
    return await reprice_order(
        trading.tenant,
        RepriceOrder(total_fen=total, reason="老顾客"),
        order_id=order.id,
        authority=authority,
        channels=channels or trading.channels,
        terms=ContractTerms(),
        now=now,
    )


async def test_the_new_price_is_paid_under_a_new_number_and_the_old_one_cannot_be(trading, now):
    order = await trading.place((trading.shirt.sku, 2), (trading.tea.sku, 1))
    first = await trading.prepare(order.id)
    before = await rows(trading.tenant, LINES, o=order.id)
    frozen = await rows(trading.tenant, ATTRIBUTION, o=order.id)
    view = await reprice(trading, order, 50_000, now=now)
    assert (view.total_fen, view.discount_fen, view.state) == (50_000, 9_700, OrderState.AWAITING_PAYMENT)
    after = await rows(trading.tenant, LINES, o=order.id)
    assert sum(row.paid_fen for row in after) == 50_000
    assert [row.goods_fen - row.discount_fen for row in after] == [row.paid_fen for row in after]
    assert [row.terms_id for row in after] == [row.terms_id for row in before]
    assert await rows(trading.tenant, ATTRIBUTION, o=order.id) == frozen
    second = await trading.prepare(order.id)
    assert second.payment_no != first.payment_no
    assert (second.amount_fen, second.order_state) == (50_000, OrderState.AWAITING_PAYMENT)
    books = await trading.control.books()
    states = {each["outTradeNo"]: each["tradeState"] for each in books["payments"]}
    assert (states[first.payment_no], states[second.payment_no]) == ("CLOSED", "NOTPAY")
    await trading.take_money(second.payment_no)
    paid = await trading.sync(order.id)
    assert paid.order_state is OrderState.PAID
    assert (
        await value(
            trading.tenant, "SELECT paid_fen FROM app.orders WHERE tenant_id = :t AND id = :o", o=order.id
        )
        == 50_000
    )


async def test_a_discount_is_spread_by_largest_remainder(trading, now):
    async with trading.tenant.writing() as db:
        small = await sell(db, await add_product(db, "纽扣"), price=1)
    order = await trading.place((trading.shirt.sku, 1), (small.sku, 1), total=PRICE + 1)
    await reprice(trading, order, PRICE - 99, now=now)
    found = await rows(trading.tenant, LINES, o=order.id)
    assert [(row.paid_fen, row.discount_fen) for row in found] == [(PRICE - 100, 100), (1, 0)]


async def test_what_was_paid_at_the_last_moment_stays_at_its_price(trading, now):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    await trading.take_money(payment.payment_no)
    with pytest.raises(OrderAlreadyPaid):
        await reprice(trading, order, 100, now=now)
    state, paid = (
        await rows(
            trading.tenant,
            "SELECT state, paid_fen FROM app.orders WHERE tenant_id = :t AND id = :o",
            o=order.id,
        )
    )[0]
    assert (state, paid) == (OrderState.PAID, PRICE)


async def test_nothing_changes_while_the_channel_cannot_say(trading, now):
    async def silent(_channel, _number):
        return Unknown("no answer")

    order = await trading.place()
    payment = await trading.prepare(order.id)
    with pytest.raises(PaymentPending):
        await reprice(trading, order, 100, now=now, channels=Channels(trading.channels, close=silent))
    assert (await trading.prepare(order.id)).payment_no == payment.payment_no
    assert [(row.state, row.amount_fen) for row in await rows(trading.tenant, PAYMENTS, o=order.id)] == [
        (PaymentStatus.PREPARED, PRICE)
    ]


async def test_it_is_written_down_who_did_it_and_why(trading, now):
    order = await trading.place()
    await reprice(trading, order, 15_000, now=now)
    ((actor, reason),) = await rows(
        trading.tenant,
        "SELECT actor, reason FROM app.audit_log WHERE tenant_id = :t AND action = 'reprice_order'",
    )
    assert (actor, reason) == ("staff:hq", f"{PRICE} -> 15000 fen: 老顾客")
    (told,) = await events(trading.tenant, "OrderRepriced")
    assert (told["total_before_fen"], told["total_fen"]) == (PRICE, 15_000)


async def test_a_store_manager_reaches_no_further_by_small_steps(trading, now):
    manager = Authority(actor="staff:m", store_id=trading.store.id, limited=True)
    order = await trading.place()
    await reprice(trading, order, PRICE * 95 // 100, now=now, authority=manager)
    await reprice(trading, order, PRICE * 90 // 100, now=now, authority=manager)
    with pytest.raises(PriceBeyondAuthority):
        await reprice(trading, order, PRICE * 89 // 100, now=now, authority=manager)
    async with trading.tenant.writing() as db:
        more = (
            'UPDATE app.tenants SET settings = \'{"pricing": {"managerOffBps": 5000}}\' WHERE tenant_id = :t'
        )
        await db.execute(text(more), {"t": db.tenant_id})
    view = await reprice(trading, order, PRICE // 2, now=now, authority=manager)
    assert view.total_fen == PRICE // 2


async def test_other_stores_orders_and_prices_above_the_goods_are_refused(trading, other_tenant, now):
    order = await trading.place()
    elsewhere = Authority(actor="staff:m", store_id=trading.elsewhere.id, limited=True)
    with pytest.raises(OrderNotFound):
        await reprice(trading, order, PRICE - 1, now=now, authority=elsewhere)
    with pytest.raises(PriceAboveGoods):
        await reprice(trading, order, PRICE + 1, now=now)
    trading.tenant, own = other_tenant, trading.tenant
    with pytest.raises(OrderNotFound):
        await reprice(trading, order, 1, now=now)
    trading.tenant = own


async def test_paid_and_cancelled_orders_keep_their_price(trading, now):
    with pytest.raises(OrderAlreadyPaid):
        await reprice(trading, await trading.paid(), 1, now=now)
    order = await trading.place()
    async with trading.tenant.writing() as db:
        over = "UPDATE app.orders SET state = 'cancelled' WHERE tenant_id = :t AND id = :o"
        await db.execute(text(over), {"t": db.tenant_id, "o": order.id})
    with pytest.raises(OrderNotPayable):
        await reprice(trading, order, 1, now=now)


async def test_an_order_made_free_is_paid_without_the_channel(trading, now):
    order = await trading.place()
    await reprice(trading, order, 0, now=now)
    payment = await trading.prepare(order.id)
    assert (payment.order_state, payment.payment_no) == (OrderState.PAID, None)


async def test_repricing_and_preparing_at_once_never_leaves_a_handed_out_number_at_the_old_price(
    trading, now
):
    order = await trading.place()
    handed_out = set()

    async def calmly(work):
        with contextlib.suppress(PaymentPending, PaymentRefused, OrderNotPayable):
            return await work

    async def prepare():
        payment = await trading.prepare(order.id)
        if payment.parameters is not None:
            handed_out.add(payment.payment_no)

    for total in (PRICE - 10, PRICE - 20, PRICE - 30):
        changed = reprice(trading, order, total, now=now)
        await asyncio.gather(calmly(prepare()), calmly(changed), calmly(prepare()))
    await calmly(prepare())
    await prepare()
    total = await value(trading.tenant, TOTAL, o=order.id)
    books = await trading.control.books()
    payable = [
        each["totalFen"]
        for each in books["payments"]
        if each["outTradeNo"] in handed_out and each["tradeState"] == "NOTPAY"
    ]
    assert payable == [total]


async def test_the_base_of_the_rates_follows_the_new_price(trading, now):
    await agree_ex_tax(trading)
    order = await trading.place((trading.shirt.sku, 1))
    bases = "SELECT base_fen FROM app.order_lines WHERE tenant_id = :t AND order_id = :o"
    assert await value(trading.tenant, bases, o=order.id) == PRICE * 100 // 113
    await reprice(trading, order, 10_000, now=now)
    assert await value(trading.tenant, bases, o=order.id) == 10_000 * 100 // 113


async def agree_ex_tax(trading):
    async with trading.tenant.writing() as db:
        party = NamedParty(kind=PartyKind.AGENT, code="a1")
        command = CreateContract(
            code="agent", name="代理", active_from=datetime(2020, 1, 1, tzinfo=UTC), store_ids=[trading.store.id],
            rates=[ContractRateRow(party=party, rate_bps=1_000), ContractRateRow(party=party, rate_bps=200, promotion_code="P")],
            base=RateBase.EX_TAX, tax_bps=1_300,
        )  # fmt: skip
        await create_contract(db, command, created_by="staff:test", now=datetime(2020, 1, 1, tzinfo=UTC))


async def test_a_price_of_a_campaign_carries_it_to_the_line_and_its_rate(trading, now):
    await agree_ex_tax(trading)
    async with trading.tenant.writing() as db:
        change = PriceChange(sku_id=trading.tea.sku, price_fen=PRICE, promotion_code="P")
        await set_prices(
            db, SetPrices(level=Level.STORE, level_id=LevelId(trading.store.id), prices=[change])
        )
    order = await trading.place((trading.shirt.sku, 1), (trading.tea.sku, 1))
    found = await rows(
        trading.tenant,
        "SELECT l.promotion_code, p.rate_bps FROM app.order_lines l JOIN app.terms_portions p ON p.tenant_id = l.tenant_id"
        " AND p.terms_id = l.terms_id WHERE l.tenant_id = :t AND p.tenant_id = :t AND l.order_id = :o ORDER BY l.line_no",
        o=order.id,
    )
    assert [tuple(each) for each in found] == [(None, 1_000), ("P", 200)]
