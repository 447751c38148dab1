"""Units are counted once: held, taken, released, put back, never oversold."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from catalog.commands import SetStock, StockCount
from catalog.errors import SoldOut
from catalog.stock import Want, put_back, release, reserve, retake, set_on_hand, take
from catalog.versions import face_version
from tenants.kernel.ids import LevelId, OrderId, SkuId, new_id
from tenants.kernel.scope import DatabaseBusy
from tenants.levels import Level, path_of
from tests.support.shop import add_group, add_product, add_store, say

READ = text("SELECT on_hand, reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s AND level_id = :l")


async def count(db, sku_id, level_id=None):
    row = (await db.execute(READ, {"t": db.tenant_id, "s": sku_id, "l": level_id or db.tenant_id})).one()
    return tuple(row)


async def hold(db, now, sku_id, quantity=1, *, path=None, order_id=None):
    order_id = order_id or OrderId(new_id())
    path = path or path_of(db.tenant_id)
    wants = [Want(sku_id, quantity)]
    await reserve(
        db, order_id=order_id, path=path, wants=wants, expires_at=now + timedelta(minutes=15), now=now
    )
    return order_id


async def test_reserving_holds_units_without_moving_them(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=5)
    await hold(db, now, product.sku, 2)
    assert await count(db, product.sku) == (5, 2)


async def test_lines_of_one_sku_are_added_up(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=5)
    wants = [Want(product.sku, 3), Want(product.sku, 3)]
    with pytest.raises(SoldOut) as refused:
        await reserve(
            db, order_id=OrderId(new_id()), path=path_of(db.tenant_id), wants=wants,
            expires_at=now + timedelta(minutes=1), now=now,
        )  # fmt: skip
    assert refused.value.fields["shortages"] == {product.sku: 5}


async def test_a_refused_cart_names_what_is_short_and_holds_nothing(tenant, now):
    async with tenant.writing() as db:
        plenty, short = await add_product(db), await add_product(db)
        nothing = await add_product(db)
        await say(db, plenty.sku, stock=50)
        await say(db, short.sku, stock=1)
    with pytest.raises(SoldOut) as refused:
        async with tenant.writing() as db:
            await reserve(
                db, order_id=OrderId(new_id()), path=path_of(db.tenant_id),
                wants=[Want(plenty.sku, 1), Want(short.sku, 2), Want(nothing.sku, 1)],
                expires_at=now + timedelta(minutes=1), now=now,
            )  # fmt: skip
    assert refused.value.fields["shortages"] == {short.sku: 1, nothing.sku: 0}
    async with tenant.reading() as db:
        assert await count(db, plenty.sku) == (50, 0)


async def test_the_most_specific_level_with_a_row_is_the_one_counted(db, now):
    group = await add_group(db)
    store = await add_store(db, group=group)
    product = await add_product(db)
    await say(db, product.sku, stock=100)
    await say(db, product.sku, group, level=Level.GROUP, stock=3)
    order_id = await hold(db, now, product.sku, 3, path=store.path)
    assert await count(db, product.sku, group) == (3, 3)
    with pytest.raises(SoldOut):
        await hold(db, now, product.sku, 1, path=store.path)
    await say(db, product.sku, store.id, stock=1)
    await take(db, order_id=order_id)
    assert await count(db, product.sku, group) == (0, 0), (
        "taken where it was held, though the store counts now"
    )


async def test_taking_twice_takes_once(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=5)
    order_id = await hold(db, now, product.sku, 2)
    assert await take(db, order_id=order_id) == []
    assert await take(db, order_id=order_id) == []
    assert await count(db, product.sku) == (3, 0)


async def test_releasing_twice_releases_once_and_never_what_was_taken(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=5)
    kept, dropped = await hold(db, now, product.sku, 2), await hold(db, now, product.sku, 1)
    await take(db, order_id=kept)
    for order_id in (kept, dropped, dropped):
        await release(db, order_id=order_id)
    assert await count(db, product.sku) == (3, 0)


async def test_a_payment_after_release_takes_what_is_still_there(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=2)
    order_id = await hold(db, now, product.sku, 2)
    await release(db, order_id=order_id)
    assert await retake(db, order_id=order_id) is True
    assert await retake(db, order_id=order_id) is True
    assert await count(db, product.sku) == (0, 0)


async def test_a_payment_after_release_changes_nothing_when_one_sku_is_gone(db, now):
    first, second = await add_product(db), await add_product(db)
    for product in (first, second):
        await say(db, product.sku, stock=1)
    order_id = OrderId(new_id())
    await reserve(
        db, order_id=order_id, path=path_of(db.tenant_id), wants=[Want(first.sku, 1), Want(second.sku, 1)],
        expires_at=now + timedelta(minutes=1), now=now,
    )  # fmt: skip
    await release(db, order_id=order_id)
    await hold(db, now, second.sku)
    assert await retake(db, order_id=order_id) is False
    assert await count(db, first.sku) == (1, 0)
    assert await count(db, second.sku) == (1, 1)


async def test_a_refund_puts_units_back_where_they_came_from(db, now):
    store = await add_store(db)
    product, other = await add_product(db), await add_product(db)
    await say(db, product.sku, store.id, stock=4)
    await say(db, other.sku, store.id, stock=4)
    order_id = await hold(db, now, product.sku, 3, path=store.path)
    await take(db, order_id=order_id)
    assert await put_back(db, order_id=order_id, wants=[Want(product.sku, 2), Want(other.sku, 1)]) == 2
    assert await count(db, product.sku, store.id) == (3, 0)
    assert await count(db, other.sku, store.id) == (4, 0), "never taken by this order"


async def test_a_count_below_what_is_held_is_told_when_the_order_is_paid(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=5)
    order_id = await hold(db, now, product.sku, 2)
    brand = LevelId(db.tenant_id)
    await set_on_hand(
        db,
        SetStock(
            level=Level.BRAND,
            level_id=brand,
            counts=[StockCount(sku_id=product.sku, on_hand=1)],
            feed_sequence=1,
        ),
    )
    assert await count(db, product.sku) == (1, 2), "a feed sets what is on hand and keeps what is held"
    assert await take(db, order_id=order_id) == [product.sku]
    assert await count(db, product.sku) == (0, 0)


async def test_units_that_were_not_there_never_come_back_from_a_refund(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=3)
    order_id = await hold(db, now, product.sku, 3)
    command = SetStock(
        level=Level.BRAND, level_id=LevelId(db.tenant_id), counts=[StockCount(sku_id=product.sku, on_hand=1)]
    )
    await set_on_hand(db, command)
    await take(db, order_id=order_id)
    assert await count(db, product.sku) == (0, 0)
    assert await put_back(db, order_id=order_id, wants=[Want(product.sku, 3)]) == 1
    assert await put_back(db, order_id=order_id, wants=[Want(product.sku, 3)]) == 0
    assert await count(db, product.sku) == (1, 0)


async def test_an_older_feed_changes_nothing(db):
    product, unknown = await add_product(db), SkuId(new_id())
    brand = {"level": Level.BRAND, "level_id": LevelId(db.tenant_id)}
    newer = await set_on_hand(
        db,
        SetStock(
            **brand,
            counts=[StockCount(sku_id=product.sku, on_hand=7), StockCount(sku_id=unknown, on_hand=1)],
            feed_sequence=2,
        ),
    )
    assert (newer.changed, newer.stale, newer.unknown) == (1, (), (unknown,))
    older = await set_on_hand(
        db, SetStock(**brand, counts=[StockCount(sku_id=product.sku, on_hand=9)], feed_sequence=1)
    )
    assert (older.changed, older.stale) == (0, (product.sku,))
    assert await count(db, product.sku) == (7, 0)
    by_hand = await set_on_hand(
        db, SetStock(**brand, counts=[StockCount(sku_id=product.sku, on_hand=3)], feed_sequence=None)
    )
    assert by_hand.changed == 1
    again = await set_on_hand(
        db, SetStock(**brand, counts=[StockCount(sku_id=product.sku, on_hand=8)], feed_sequence=2)
    )
    assert again.changed == 0, "a count by hand does not wind the feed back"


async def test_a_face_changes_only_when_stock_crosses_a_step(db, now):
    product = await add_product(db)
    await say(db, product.sku, stock=60)
    path = path_of(db.tenant_id)
    before = await face_version(db, path)
    await hold(db, now, product.sku, 1)
    assert await face_version(db, path) == before
    order_id = await hold(db, now, product.sku, 50)
    after = await face_version(db, path)
    assert after != before
    await take(db, order_id=order_id)
    assert await face_version(db, path) == after, "taking what was held leaves the same number to sell"


async def race(tenant, now, sku_id, buyers, buy):
    async def one():
        try:
            async with tenant.writing() as db:
                await buy(db)
        except SoldOut:
            return False
        return True

    return sum(await asyncio.gather(*(one() for _ in range(buyers))))


async def test_of_two_hundred_shoppers_twenty_win_twenty_units(tenant, now):
    async with tenant.writing() as db:
        product = await add_product(db)
        await say(db, product.sku, stock=20)
    won = await race(tenant, now, product.sku, 200, lambda db: hold(db, now, product.sku))
    async with tenant.reading() as db:
        assert (won, await count(db, product.sku)) == (20, (20, 20))


async def test_reading_and_then_writing_would_oversell(tenant, now):
    """The control: the famous bug lets more shoppers win than there are units."""
    async with tenant.writing() as db:
        product = await add_product(db)
        await say(db, product.sku, stock=20)

    async def read_then_write(db):
        on_hand, reserved = await count(db, product.sku)
        if on_hand - reserved < 1:
            raise SoldOut
        await db.execute(
            text("UPDATE app.stock SET reserved = :r WHERE tenant_id = :t AND sku_id = :s AND level_id = :t"),
            {"r": reserved + 1, "t": db.tenant_id, "s": product.sku},
        )

    assert await race(tenant, now, product.sku, 200, read_then_write) > 20


async def test_carts_with_the_same_skus_in_any_order_never_wait_in_a_ring(tenant, now):
    async with tenant.writing() as db:
        skus = [(await add_product(db)).sku for _ in range(6)]
        for sku_id in skus:
            await say(db, sku_id, stock=1000)

    async def cart(turn):
        wanted = [Want(sku_id, 1) for sku_id in (skus if turn % 2 else reversed(skus))]
        order_id = OrderId(new_id())
        async with tenant.writing() as db:
            await reserve(
                db, order_id=order_id, path=path_of(db.tenant_id), wants=wanted,
                expires_at=now + timedelta(minutes=1), now=now,
            )  # fmt: skip
        async with tenant.writing() as db:
            await (take if turn % 3 else release)(db, order_id=order_id)

    await asyncio.gather(*(cart(turn) for turn in range(60)))
    async with tenant.reading() as db:
        assert {await count(db, sku_id) for sku_id in skus} == {(960, 0)}


async def test_taking_skus_one_by_one_in_any_order_would_wait_in_a_ring(tenant, now):
    """The control: two carts, each holding what the other wants next."""
    async with tenant.writing() as db:
        skus = [(await add_product(db)).sku for _ in range(2)]
        for sku_id in skus:
            await say(db, sku_id, stock=50)
    both_hold_one = asyncio.Barrier(2)

    async def cart(wanted):
        async with tenant.writing() as db:
            await hold(db, now, wanted[0])
            await asyncio.wait_for(both_hold_one.wait(), timeout=5)
            await hold(db, now, wanted[1])

    ended = await asyncio.gather(cart(skus), cart(skus[::-1]), return_exceptions=True)
    assert [type(each) for each in ended if each is not None] == [DatabaseBusy]
