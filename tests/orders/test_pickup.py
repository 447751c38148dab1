"""Pickup: once, at its store, by people whose guesses are counted."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from orders import payments
from orders.commands import RedeemPickup
from orders.errors import (
    AlreadyCollected,
    PickupAtOtherStore,
    PickupCodeUnknown,
    PickupGuessesUsedUp,
    PickupVoid,
)
from orders.pickup import Counter, look_up_pickup, redeem_pickup, waiting_pickups
from orders.states import PickupState
from tenants.states import StaffRole
from tests.support.rows import events, rows, value

WRONG = "000000000000"


@pytest.fixture
async def counter(trading):
    return Counter(await trading.employ(StaffRole.GUIDE), trading.store.id)


async def code_of(trading, order):
    statement = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"
    return await value(trading.tenant, statement, o=order.id)


async def redeem(trading, code, counter, now):
    return await redeem_pickup(trading.tenant, RedeemPickup(code=code), counter=counter, now=now)


async def test_who_when_and_where_are_kept_and_the_order_is_collected(trading, counter, now):
    order = await trading.paid((trading.shirt.sku, 2))
    shown = await redeem(trading, await code_of(trading, order), counter, now)
    assert (shown.state, [line.quantity for line in shown.lines]) == (PickupState.REDEEMED, [2])
    kept = (
        "SELECT redeemed_by_staff_id, redeemed_at, redeemed_at_store_id FROM app.pickups WHERE tenant_id = :t"
    )
    assert [tuple(row) for row in await rows(trading.tenant, kept)] == [
        (counter.staff_id, now, trading.store.id)
    ]
    assert await value(trading.tenant, "SELECT state FROM app.orders WHERE tenant_id = :t") == "collected"
    assert len(await events(trading.tenant, "OrderCollected")) == 1


async def test_a_code_is_good_once_however_many_ask_at_once(trading, counter, now):
    order = await trading.paid()
    code = await code_of(trading, order)
    asked = [redeem(trading, code, counter, now) for _ in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, AlreadyCollected)]
    assert len(refused) == 7
    assert refused[0].details == {"collectedAt": now.isoformat(), "store": "淮海路店"}
    assert len(await events(trading.tenant, "OrderCollected")) == 1


async def test_another_store_and_head_office_hand_nothing_over(trading, counter, now):
    code = await code_of(trading, await trading.paid())
    for store_id in (trading.elsewhere.id, None):
        with pytest.raises(PickupAtOtherStore):
            await redeem(trading, code, Counter(counter.staff_id, store_id), now)
        with pytest.raises(PickupAtOtherStore):
            await look_up_pickup(trading.tenant, code, counter=Counter(counter.staff_id, store_id), now=now)
    assert await value(trading.tenant, "SELECT state FROM app.pickups WHERE tenant_id = :t") == "waiting"


async def test_looking_up_shows_what_to_hand_over_and_changes_nothing(trading, counter, now):
    order = await trading.paid((trading.shirt.sku, 1), (trading.tea.sku, 3))
    shown = await look_up_pickup(trading.tenant, await code_of(trading, order), counter=counter, now=now)
    assert (shown.order_no, shown.state) == (order.order_no, PickupState.WAITING)
    assert [(line.title, line.quantity) for line in shown.lines] == [("亚麻衬衫", 1), ("冷泡茶", 3)]


async def test_ten_wrong_codes_close_the_counter_for_ten_minutes(trading, counter, now):
    at = now.replace(minute=now.minute // 10 * 10, second=1, microsecond=0)
    code = await code_of(trading, await trading.paid())
    for _ in range(10):
        with pytest.raises(PickupCodeUnknown):
            await redeem(trading, WRONG, counter, at)
    with pytest.raises(PickupGuessesUsedUp):
        await redeem(trading, code, counter, at)
    with pytest.raises(PickupGuessesUsedUp):
        await look_up_pickup(trading.tenant, code, counter=counter, now=at)
    await redeem(trading, code, counter, at + timedelta(minutes=10))


async def test_guesses_at_once_add_up(trading, counter, now):
    asked = [redeem(trading, WRONG, counter, now) for _ in range(30)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers].count(PickupCodeUnknown) == 10


async def test_counting_after_the_look_would_let_every_guess_of_a_crowd_through(
    trading, counter, now, monkeypatch
):
    async def count_nothing_yet(_db, _staff_id, *, now):
        """The famous bug: the attempt is only counted once it has failed."""

    monkeypatch.setattr("orders.pickup._spend_guess", count_nothing_yet)
    asked = [redeem(trading, WRONG, counter, now) for _ in range(30)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in answers].count(PickupCodeUnknown) > 10


async def test_right_codes_cost_no_guesses(trading, counter, now):
    for _ in range(3):
        code = await code_of(trading, await trading.paid())
        for _ in range(4):
            await look_up_pickup(trading.tenant, code, counter=counter, now=now)
        await redeem(trading, code, counter, now)
        with pytest.raises(AlreadyCollected):
            await redeem(trading, code, counter, now)
    assert (
        await value(trading.tenant, "SELECT sum(failures) FROM app.pickup_attempts WHERE tenant_id = :t") == 0
    )


async def test_a_refunded_orders_code_is_void(trading, counter, now):
    order = await trading.paid()
    async with trading.tenant.writing() as db:
        statement = "UPDATE app.orders SET refunded_fen = paid_fen WHERE tenant_id = :t AND id = :o"
        await db.execute(text(statement), {"t": db.tenant_id, "o": order.id})
    with pytest.raises(PickupVoid):
        await redeem(trading, await code_of(trading, order), counter, now)


async def test_another_brands_code_answers_as_an_unknown_one(trading, other_tenant, counter, now):
    code = await code_of(trading, await trading.paid())
    async with other_tenant.writing() as db:
        await db.execute(
            text(
                "INSERT INTO app.staff (tenant_id, id, login, name, role, password_hash, active, created_at)"
                " VALUES (:t, :id, 'x', 'x', 'guide', 'x', true, now())"
            ),
            {"t": db.tenant_id, "id": counter.staff_id},
        )
    with pytest.raises(PickupCodeUnknown):
        await redeem_pickup(other_tenant, RedeemPickup(code=code), counter=counter, now=now)


async def test_a_code_that_is_taken_is_drawn_again(trading, monkeypatch):
    drawn = iter(["111111111111", "111111111111", "222222222222"])
    monkeypatch.setattr(payments, "new_pickup_code", lambda: next(drawn))
    first, second = await trading.paid(), await trading.paid()
    assert [await code_of(trading, order) for order in (first, second)] == ["111111111111", "222222222222"]


async def test_what_waits_at_a_store_is_listed_oldest_first_page_by_page(trading, counter, now):
    placed = [await trading.paid() for _ in range(3)]
    async with trading.tenant.reading() as db:
        first = await waiting_pickups(db, trading.store.id, limit=2)
        second = await waiting_pickups(db, trading.store.id, limit=2, cursor=first.next_cursor)
        nothing = await waiting_pickups(db, trading.elsewhere.id)
    found = [each.order_id for each in (*first.orders, *second.orders)]
    assert found == [order.id for order in placed]
    assert (second.next_cursor, nothing.orders) == (None, [])
