"""The worker's mornings: yesterday is fetched by itself after ten, asked for again while it is not there, and may be switched off."""

from datetime import UTC, datetime, timedelta

from orders.events import OrderPaid
from settlement.events import BillDue
from settlement.reconciliation.react import due_at, expect_bills, fetch_due_bills
from tenants.queries import merchants
from tests.settlement.reconciliation.test_fetch import morning, traded
from tests.support.rows import events, rows, value

DUE = "SELECT payload, due_at FROM app.outbox WHERE tenant_id = :t AND kind = 'BillDue' ORDER BY id"
STATE = "SELECT state FROM app.reconciled_days WHERE tenant_id = :t AND kind = 'trade' AND day = :d"


async def merchant_of(shop):
    async with shop.tenant.reading() as db:
        (merchant,) = await merchants(db)
    return merchant


async def expected(shop, order):
    payment = "SELECT id, paid_at FROM app.payments WHERE tenant_id = :t AND order_id = :o"
    ((payment_id, paid_at),) = await rows(shop.tenant, payment, o=order.id)
    async with shop.tenant.writing() as db:
        await expect_bills(
            db, OrderPaid(order_id=order.id, payment_id=payment_id, paid_at=paid_at), now=shop.now
        )


async def test_the_first_payment_of_a_day_makes_its_files_expected_after_ten_the_next_morning(shop):
    orders = await traded(shop, orders=2)
    for order in orders:
        await expected(shop, order)
    ((payload, due),) = await rows(shop.tenant, DUE)
    day = datetime.fromisoformat(payload["day"]).date()
    assert due == due_at(await merchant_of(shop), day)
    local = due + timedelta(hours=8)
    assert (local.date(), local.hour) == (day + timedelta(days=1), 10)
    assert await value(shop.tenant, STATE, d=day) == "expected"


async def test_a_due_day_is_fetched_and_the_next_one_expected_once(shop):
    orders = await traded(shop)
    day = await morning(shop)
    await expected(shop, orders[0])
    merchant = await merchant_of(shop)
    fact = BillDue(merchant_id=merchant.id, day=day)
    for _ in range(2):
        await fetch_due_bills(shop.tenant, fact, channels=shop.channels, now=shop.now)
    assert await value(shop.tenant, STATE, d=day) == "taken"
    assert [each["day"] for each in await events(shop.tenant, "BillDue")] == [
        str(day),
        str(day + timedelta(days=1)),
    ]


async def test_a_file_that_is_not_there_yet_is_asked_for_again_in_half_an_hour(shop):
    await traded(shop)
    merchant = await merchant_of(shop)
    today = (shop.now.astimezone(UTC) + timedelta(hours=8)).date()
    await shop.pass_days(seconds=21 * 3_600)
    fact = BillDue(merchant_id=merchant.id, day=today, asked=3)
    await fetch_due_bills(shop.tenant, fact, channels=shop.channels, now=shop.now)
    ((payload, due),) = await rows(shop.tenant, DUE)
    assert (payload["asked"], payload["day"], due - shop.now) == (4, str(today), timedelta(minutes=30))
    assert await value(shop.tenant, STATE, d=today) == "pending"


async def test_a_day_asked_for_before_it_is_over_waits_for_its_own_morning(shop):
    await traded(shop)
    merchant = await merchant_of(shop)
    tomorrow = (shop.now.astimezone(UTC) + timedelta(days=1, hours=8)).date()
    fact = BillDue(merchant_id=merchant.id, day=tomorrow)
    await fetch_due_bills(shop.tenant, fact, channels=shop.channels, now=shop.now)
    ((payload, due),) = await rows(shop.tenant, DUE)
    assert (payload["asked"], payload["day"], due) == (0, str(tomorrow), due_at(merchant, tomorrow))
    assert await rows(shop.tenant, STATE, d=tomorrow) == []


async def test_a_brand_may_switch_it_off(shop):
    await shop.settle(reconciliation={"fetchBills": False})
    orders = await traded(shop)
    await expected(shop, orders[0])
    day = await morning(shop)
    merchant = await merchant_of(shop)
    fact = BillDue(merchant_id=merchant.id, day=day)
    await fetch_due_bills(shop.tenant, fact, channels=shop.channels, now=shop.now)
    assert await events(shop.tenant, "BillDue") == []
    assert await rows(shop.tenant, "SELECT 1 FROM app.reconciled_days WHERE tenant_id = :t") == []
