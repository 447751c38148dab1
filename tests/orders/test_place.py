"""Placing: priced, attributed, on frozen terms, units held."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from catalog.errors import NotRangedHere, SkuNotFound, SoldOut
from guides.commands import ShareLink
from guides.share import record_touch, share_link
from guides.states import AttributionRule, Scene
from orders.commands import PlaceAssistedOrder, WantedLine
from orders.errors import NotForSale, PickupNotOffered, SkuRepeated, TotalAmountDifferent
from orders.place import place_assisted_order
from tenants.errors import StoreNotFound, StoreNotSelling, TenantSuspended
from tenants.kernel.ids import SkuId, StoreId, new_id
from tenants.kernel.scope import Writing
from tenants.states import StaffRole
from tests.support.shop import add_product, say, sell
from tests.support.trading import PRICE


async def row_of(trading, table, **where):
    conditions = " AND ".join(f"{name} = :{name}" for name in where)
    async with trading.tenant.reading() as db:
        statement = text(f"SELECT * FROM app.{table} WHERE tenant_id = :t AND {conditions}")
        return (await db.execute(statement, {"t": db.tenant_id, **where})).one()


async def counted(trading, statement, **parameters):
    async with trading.tenant.reading() as db:
        return (await db.execute(text(statement), {"t": db.tenant_id, **parameters})).scalar_one()


async def test_an_order_freezes_store_evidence_terms_and_amounts_before_any_payment(trading, now):
    order = await trading.place((trading.shirt.sku, 2), (trading.tea.sku, 1), now=now)
    row = await row_of(trading, "orders", id=order.id)
    assert (row.total_fen, row.goods_fen, row.paid_fen, row.state) == (
        3 * PRICE,
        3 * PRICE,
        0,
        "awaiting_payment",
    )
    assert (row.attribution_rule, row.guide_id, row.scene) == ("store_only", None, "official_shop")
    assert row.attribution["evidence"]["store_id"] == str(trading.store.id)
    assert row.off_hours is False
    assert row.expires_at == now + timedelta(minutes=15)
    assert (len(row.order_no), row.order_no.isdigit()) == (20, True)
    line = await row_of(trading, "order_lines", order_id=order.id, line_no=1)
    assert (line.quantity, line.paid_fen, line.category_code) == (2, 2 * PRICE, "tops")
    assert line.terms_id is not None
    assert line.evidence["price"]["level"] == "brand"
    held = await counted(
        trading, "SELECT reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s", s=trading.shirt.sku
    )
    assert held == 2


async def test_placing_publishes_the_order_and_the_end_of_its_time(trading, now):
    order = await trading.place(now=now)
    due = await counted(
        trading,
        "SELECT due_at FROM app.outbox WHERE tenant_id = :t AND kind = 'ReservationRanOut' AND payload->>'order_id' = :o",
        o=str(order.id),
    )
    assert due == order.expires_at


async def test_the_total_must_be_the_one_that_was_quoted(trading):
    with pytest.raises(TotalAmountDifferent) as refused:
        await trading.place(total=PRICE - 1)
    assert refused.value.details == {"totalFen": str(PRICE)}


async def test_not_ranged_is_told_apart_from_sold_out_line_by_line(trading):
    async with trading.tenant.writing() as db:
        elsewhere_only = await sell(db, await add_product(db, "限定款"), price=PRICE)
        await say(db, elsewhere_only.sku, trading.store.id, listed=False)
        scarce = await sell(db, await add_product(db, "尾货"), price=PRICE, stock=1)
    with pytest.raises(NotRangedHere) as refused:
        await trading.place((trading.shirt.sku, 1), (elsewhere_only.sku, 1), (scarce.sku, 2))
    assert refused.value.details == {"lines[1]": "NOT_RANGED_HERE", "lines[2]": "SOLD_OUT: 1 left"}
    with pytest.raises(SoldOut) as refused:
        await trading.place((trading.shirt.sku, 1), (scarce.sku, 2))
    assert refused.value.details == {"lines[1]": "SOLD_OUT: 1 left"}


async def test_unknown_unpriced_and_repeated_units_are_refused(trading, other_tenant):
    async with trading.tenant.writing() as db:
        unpriced = await add_product(db, "未定价")
        await say(db, unpriced.sku, listed=True, stock=5)
    async with other_tenant.writing() as db:
        foreign = await sell(db, await add_product(db), price=PRICE)
    for sku_id in (SkuId(new_id()), foreign.sku):
        with pytest.raises(SkuNotFound):
            await trading.place((sku_id, 1))
    with pytest.raises(NotForSale):
        await trading.place((unpriced.sku, 1))
    with pytest.raises(SkuRepeated):
        await trading.place((trading.shirt.sku, 1), (trading.shirt.sku, 2))


@pytest.mark.parametrize(
    ("column", "value", "refusal"),
    [
        ("status", "'closed'", StoreNotSelling),
        ("status", "'online_only'", PickupNotOffered),
        ("pickup_offered", "false", PickupNotOffered),
        ("active_to", "now() - interval '1 minute'", StoreNotSelling),
        ("active_from", "now() + interval '1 day'", StoreNotSelling),
    ],
)
async def test_a_store_sells_only_while_it_may(trading, column, value, refusal):
    async with trading.tenant.writing() as db:
        statement = f"UPDATE app.stores SET {column} = {value} WHERE tenant_id = :t AND id = :s"
        await db.execute(text(statement), {"t": db.tenant_id, "s": trading.store.id})
    with pytest.raises(refusal):
        await trading.place()


async def test_a_suspended_brand_and_an_unknown_store_sell_nothing(trading):
    with pytest.raises(StoreNotFound):
        await trading.place(store_id=StoreId(new_id()))
    async with trading.tenant.writing() as db:
        await db.execute(
            text("UPDATE app.tenants SET status = 'suspended' WHERE tenant_id = :t"), {"t": db.tenant_id}
        )
    with pytest.raises(TenantSuspended):
        await trading.place()


async def test_outside_its_hours_an_order_says_so(trading, now):
    async with trading.tenant.writing() as db:
        statement = "UPDATE app.opening_hours SET weekly = '[]' WHERE tenant_id = :t"
        await db.execute(text(statement), {"t": db.tenant_id})
    assert (await trading.place(now=now)).off_hours is True


async def test_a_guides_link_wins_the_order_at_the_plans_rate(trading, now):
    guide_id = await trading.guide(rate_bps=500)
    async with trading.tenant.writing() as db:
        link = await share_link(
            db, ShareLink(store_id=trading.store.id, guide_id=guide_id), created_by="staff:test", now=now
        )
        await record_touch(
            db, link.scene_code[5:], shopper_id=trading.shopper_id, visitor=None, launch_scene=1047, now=now
        )
    order = await trading.place(now=now + timedelta(seconds=1))
    assert (order.guide_id, order.attribution_rule, order.scene) == (
        guide_id, AttributionRule.LAST_TOUCH, Scene.GUIDE,
    )  # fmt: skip
    row = await row_of(trading, "orders", id=order.id)
    assert row.attribution["evidence"]["touches"][0]["scene_link_id"] == str(link.id)
    rate = await counted(
        trading,
        "SELECT p.rate_bps FROM app.order_lines l JOIN app.terms_portions p ON p.tenant_id = l.tenant_id AND p.terms_id = l.terms_id"
        " WHERE l.tenant_id = :t AND p.tenant_id = :t AND l.order_id = :o AND p.rate_bps = 500",
        o=order.id,
    )
    assert rate == 500


async def test_the_operator_wins_an_assisted_order(trading, now):
    staff_id = await trading.employ(StaffRole.GUIDE)
    guide_id = await trading.guide(staff_id=staff_id)
    command = PlaceAssistedOrder(
        shopper_id=trading.shopper_id,
        lines=[WantedLine(sku_id=trading.shirt.sku, quantity=1)],
        total_fen=PRICE,
    )
    async with trading.tenant.writing() as db:
        order = await place_assisted_order(
            db, command, now=now, staff_id=staff_id, store_id=trading.store.id, terms=trading.terms
        )
    assert (order.guide_id, order.attribution_rule, order.scene) == (
        guide_id, AttributionRule.OPERATOR, Scene.IN_STORE,
    )  # fmt: skip
    assert (await row_of(trading, "orders", id=order.id)).placed_by_staff_id == staff_id


async def buy_all_at_once(trading, sku_id, *, buyers):
    async def buy():
        try:
            await trading.place((sku_id, 1))
        except SoldOut:
            return 0
        return 1

    return sum(await asyncio.gather(*(buy() for _ in range(buyers))))


async def test_two_hundred_buyers_of_twenty_units_get_twenty(trading):
    async with trading.tenant.writing() as db:
        scarce = await sell(db, await add_product(db, "首发"), price=PRICE, stock=20)
    assert await buy_all_at_once(trading, scarce.sku, buyers=200) == 20
    reserved = "SELECT reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
    assert await counted(trading, reserved, s=scarce.sku) == 20
    orders = "SELECT count(*) FROM app.order_lines WHERE tenant_id = :t AND sku_id = :s"
    assert await counted(trading, orders, s=scarce.sku) == 20


async def test_reading_then_writing_stock_would_oversell(trading, monkeypatch):
    async with trading.tenant.writing() as db:
        scarce = await sell(db, await add_product(db, "首发"), price=PRICE, stock=20)
    await trading.place()  # the terms are written by the first order; the others would wait for it

    async def read_then_write(db: Writing, *, order_id, path, wants, expires_at, now):
        (want,) = wants
        read = "SELECT on_hand - reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
        row = {"t": db.tenant_id, "s": want.sku_id}
        left = (await db.execute(text(read), row)).scalar_one()
        await asyncio.sleep(0.05)
        if left < want.quantity:
            raise SoldOut
        write = "UPDATE app.stock SET reserved = :r WHERE tenant_id = :t AND sku_id = :s"
        await db.execute(text(write), row | {"r": 20 - left + want.quantity})

    monkeypatch.setattr("orders.place.stock.reserve", read_then_write)
    assert await buy_all_at_once(trading, scarce.sku, buyers=40) > 20
