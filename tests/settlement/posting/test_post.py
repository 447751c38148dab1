"""Booking sales and refunds: every party holds split(kept), whatever the order of messages."""

import asyncio
from random import Random

import pytest
from sqlalchemy import text

from orders.states import Source
from settlement.errors import RefundExceedsKept
from settlement.posting.post import post_order_paid
from settlement.posting.post_history import Cursor, post_history
from settlement.posting.post_refunds import post_refund
from tenants.kernel.money import LARGEST_AMOUNT
from tenants.kernel.scope import Database, TenantScope
from tests.support.books import OCTOBER, MallStore, balances, give_back, open_mall_store, sell


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


async def counted(tenant: TenantScope, table: str) -> int:
    async with tenant.reading() as db:
        statement = text(f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t")
        return int((await db.execute(statement, {"t": tenant.tenant_id})).scalar_one())


async def test_each_line_is_split_by_itself_and_the_brand_takes_the_rest(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, 899)
        assert await post_order_paid(db, sale.id, now=OCTOBER) == 4
        assert await balances(db, order_id=sale.id) == {"mall": 268, "brand": 1530}


async def test_posting_twice_books_once(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899)
        await post_order_paid(db, sale.id, now=OCTOBER)
        assert await post_order_paid(db, sale.id, now=OCTOBER) == 0
    assert await counted(shop.tenant, "ledger_entries") == 2


async def test_two_workers_at_once_book_once(shop: MallStore, worker_database: Database) -> None:
    tenant = shop.tenant
    async with tenant.writing() as db:
        sales = [await sell(db, shop.store_id, 899, 3) for _ in range(20)]
        refunds = [await give_back(db, sale, {0: 100}) for sale in sales]

    async def work(worker: TenantScope) -> None:
        for sale, refund in zip(sales, refunds, strict=True):
            async with worker.writing() as db:
                await post_order_paid(db, sale.id, now=OCTOBER)
            async with worker.writing() as db:
                await post_refund(db, refund, now=OCTOBER)

    worker = worker_database.tenant(tenant.tenant_id)
    await asyncio.gather(work(worker), work(worker), work(worker))
    assert await counted(tenant, "journals") == 40
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 20 * (119 + 0), "brand": 20 * (799 - 119 + 3)}


async def test_a_refund_that_overtakes_its_sale_books_both(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899)
        refund = await give_back(db, sale, {0: 899})
        assert await post_refund(db, refund, now=OCTOBER) == 2
        assert await balances(db, order_id=sale.id) == {"mall": 0, "brand": 0}
    assert await counted(shop.tenant, "ledger_entries") == 4


async def test_refunds_of_one_line_end_at_split_of_kept_in_whatever_order_they_are_booked(
    shop: MallStore,
) -> None:
    random = Random(7)
    for _ in range(10):
        async with shop.tenant.writing() as db:
            sale = await sell(db, shop.store_id, 899)
            refunds = [await give_back(db, sale, {0: random.randint(1, 200)}) for _ in range(4)]
            random.shuffle(refunds)
            for refund in refunds:
                await post_refund(db, refund, now=OCTOBER)
            mall = sale.kept[0] * 1500 // 10_000
            assert await balances(db, order_id=sale.id) == {"mall": mall, "brand": sale.kept[0] - mall}


async def test_a_negative_residual_step_swaps_the_sides_and_never_writes_a_negative_amount(
    tenant: TenantScope,
) -> None:
    # At 99.99 % the mall's floor falls by 2 fen where 1 fen is refunded of 10,000: the brand receives one.
    shop = await open_mall_store(tenant, bps=9999)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 2, 10_000)
        await post_order_paid(db, sale.id, now=OCTOBER)
        for _ in range(4):
            await post_refund(db, await give_back(db, sale, {1: 1}), now=OCTOBER)
        kept = 9_996
        assert await balances(db, order_id=sale.id) == {"mall": 1 + kept * 9999 // 10_000, "brand": 1 + 1}


async def test_a_refund_of_more_than_was_kept_is_refused(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100)
        first, second = await give_back(db, sale, {0: 60}), await give_back(db, sale, {0: 40})
        await db.execute(
            text("UPDATE app.refund_lines SET amount_fen = 41 WHERE tenant_id = :t AND refund_id = :r"),
            {"t": db.tenant_id, "r": second},
        )
        await post_refund(db, first, now=OCTOBER)
        with pytest.raises(RefundExceedsKept):
            await post_refund(db, second, now=OCTOBER)


async def test_an_order_of_nothing_is_booked_without_entries(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 0)
        assert await post_order_paid(db, sale.id, now=OCTOBER) == 0
    assert await counted(shop.tenant, "journals") == 1


@pytest.mark.parametrize("role", ["app_rw", "app_worker"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE app.ledger_entries SET amount_fen = 1", "DELETE FROM app.ledger_entries", "TRUNCATE app.ledger_entries",
     "UPDATE app.journals SET posted_at = now()", "DELETE FROM app.journals", "DELETE FROM app.ledger_accounts",
     "UPDATE app.ledger_accounts SET name = 'x'", "UPDATE app.statements SET closing_fen = 0", "DELETE FROM app.statements",
     "UPDATE app.frozen_terms SET profit_sharing = true", "DELETE FROM app.terms_portions",
     "UPDATE app.contract_rates SET rate_bps = 0"],
)  # fmt: skip
async def test_the_books_are_only_appended_to(
    shop: MallStore, worker_database: Database, role: str, statement: str
) -> None:
    scope = shop.tenant if role == "app_rw" else worker_database.tenant(shop.tenant.tenant_id)
    async with scope.writing() as db:
        assert (await db.execute(text("SELECT current_user"))).scalar_one() == role
        with pytest.raises(Exception, match="permission denied"):
            await db.execute(text(statement).execution_options(crosses_tenants=True))
        await db.rollback()


async def walk(tenant: TenantScope, *, at_once: int = 7) -> int:
    cursor: Cursor | None = Cursor()
    lines = 0
    while cursor is not None:
        async with tenant.writing() as db:
            booked = await post_history(db, source_name="till", cursor=cursor, now=OCTOBER, at_once=at_once)
        lines, cursor = lines + booked.lines, booked.cursor
    return lines


async def test_history_in_sql_books_the_same_fen_as_one_by_one(
    tenant: TenantScope, other_tenant: TenantScope
) -> None:
    random = Random(11)
    cases = [
        ([random.choice([0, 1, 99, random.randint(1, 10**6), LARGEST_AMOUNT]) for _ in range(random.randint(1, 3))], random.random())
        for _ in range(40)
    ]  # fmt: skip
    totals = []
    for scope, source in ((tenant, Source.HISTORY), (other_tenant, Source.STOREFRONT)):
        shop = await open_mall_store(scope, bps=3333)
        for amounts, share in cases:
            async with scope.writing() as db:
                sale = await sell(db, shop.store_id, *amounts, source=source)
                refunds = [
                    await give_back(db, sale, {0: int(amounts[0] // 7 * share)}),
                    await give_back(db, sale, {place: amount // 3 for place, amount in enumerate(amounts)}),
                ]
                if source is Source.STOREFRONT:
                    await post_order_paid(db, sale.id, now=OCTOBER)
                    for refund in refunds:
                        await post_refund(db, refund, now=OCTOBER)
        if source is Source.HISTORY:
            assert await walk(scope) == sum(len(amounts) * 2 + 1 for amounts, _ in cases)
        async with scope.writing() as db:
            totals.append(await balances(db))
            stored = await db.execute(
                text("SELECT sum(balance_fen) FROM app.ledger_accounts WHERE tenant_id = :t"),
                {"t": db.tenant_id},
            )
            assert stored.scalar_one() == 0
    assert totals[0] == totals[1]
    assert await walk(tenant) == 0


async def test_two_walks_over_history_at_once_book_each_line_once(tenant: TenantScope) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        for _ in range(30):
            await give_back(db, await sell(db, shop.store_id, 899, 100, source=Source.HISTORY), {0: 899})
    assert sum(await asyncio.gather(walk(tenant), walk(tenant, at_once=11))) == 90
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 30 * 15, "brand": 30 * 85}
