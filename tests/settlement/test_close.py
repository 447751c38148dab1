"""Closing a month: what it books, what it refuses, where late events go, and that twice is once."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from orders.states import Source
from settlement.close import close_month
from settlement.errors import EarlierPeriodOpen, LaterPeriodClosed, PeriodNotOver, StatementDiffers
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid
from settlement.posting.post_refunds import post_refund
from settlement.queries import periods, statements
from settlement.sheets.lines import statement_days, statement_lines
from settlement.sheets.names import names_of
from settlement.verify import verify_books
from settlement.views import ClosingView, StatementView
from tenants.kernel.scope import TenantScope
from tests.support.books import (
    MallStore,
    add_mall,
    add_store,
    give_back,
    give_back_loose,
    mall_contract,
    open_mall_store,
    sell,
)

SEPTEMBER, OCTOBER, NOVEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)
MID_OCTOBER = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


async def close(
    tenant: TenantScope, month: date = OCTOBER, *, now: datetime = AFTER, **how: bool
) -> ClosingView:
    return (await close_month(tenant, month, closed_by="staff:test", now=now, **how))[-1]


def of(closing: ClosingView, code: str) -> StatementView:
    return next(view for view in closing.statements if view.party.code.startswith(code))


async def sound(tenant: TenantScope) -> bool:
    async with tenant.reading() as db:
        report = await verify_books(db)
    assert report.sound, [finding for finding in report.findings if finding.broken]
    return True


async def test_a_closed_month_says_what_each_party_earned_and_gave_back(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=MID_OCTOBER)
        await give_back(db, sale, {0: 2_000}, at=MID_OCTOBER)
        await sell(db, shop.store_id, 500, at=MID_OCTOBER, source=Source.HISTORY)
    closing = await close(shop.tenant)
    mall, brand = of(closing, "mall"), of(closing, "brand")
    assert (mall.opening_fen, mall.earned_fen, mall.reversed_fen, mall.closing_fen) == (0, 1575, 300, 1275)
    assert (brand.earned_fen, brand.reversed_fen, brand.closing_fen) == (8925, 1700, 7225)
    assert closing.totals.agree
    assert closing.totals.orders_fen == 8_500
    assert await sound(shop.tenant)


async def test_closing_books_what_the_worker_has_not_come_to(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=MID_OCTOBER)
        await give_back(db, sale, {0: 10_000}, at=MID_OCTOBER)
    assert of(await close(shop.tenant), "mall").lines == 2


async def test_closing_twice_writes_the_same_statements_once(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=MID_OCTOBER)
    first = await close(shop.tenant)
    again = await close(shop.tenant, now=DECEMBER)
    assert not first.already_closed
    assert again.already_closed
    assert again.statements == first.statements


async def test_two_closings_at_once_write_one_set_of_statements(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        for _ in range(20):
            await sell(db, shop.store_id, 999, at=MID_OCTOBER)
    one, other = await asyncio.gather(close(shop.tenant), close(shop.tenant))
    assert one.statements == other.statements
    assert sorted((one.already_closed, other.already_closed)) == [False, True]


async def test_a_late_refund_falls_into_the_open_period_with_its_own_date(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=MID_OCTOBER)
    before = await close(shop.tenant)
    async with shop.tenant.writing() as db:
        refund = await give_back(db, sale, {0: 10_000}, at=MID_OCTOBER + timedelta(days=3))
        await post_refund(db, refund, now=AFTER)
    assert (await close(shop.tenant)).statements == before.statements
    november = await close(shop.tenant, NOVEMBER, now=DECEMBER)
    mall = of(november, "mall")
    assert (mall.opening_fen, mall.earned_fen, mall.reversed_fen, mall.closing_fen) == (1500, 0, 1500, 0)
    async with shop.tenant.reading() as db:
        assert await statement_days(db, mall.party.id, month=NOVEMBER) == [date(2026, 10, 15)]
    assert await sound(shop.tenant)


async def test_a_negative_balance_is_carried_forward_and_never_clamped(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 100, at=MID_OCTOBER)
        await give_back_loose(db, shop.store_id, 10_000, at=MID_OCTOBER)
    october = of(await close(shop.tenant), "mall")
    assert (october.earned_fen, october.reversed_fen, october.closing_fen) == (15, 1500, -1485)
    november = of(await close(shop.tenant, NOVEMBER, now=DECEMBER), "mall")
    assert (november.opening_fen, november.closing_fen, november.lines) == (-1485, -1485, 0)


async def test_refunds_without_a_known_sale_are_booked_alike_one_by_one_and_in_sql(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        for source in Source:
            await give_back_loose(db, shop.store_id, 899, 3, 0, at=MID_OCTOBER, source=source)
    mall = of(await close(shop.tenant), "mall")
    assert (mall.reversed_fen, mall.lines) == (2 * 134, 2)
    assert await sound(shop.tenant)


async def test_a_month_that_is_not_over_in_a_contracts_zone_is_refused(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 100, at=MID_OCTOBER)
    with pytest.raises(PeriodNotOver):
        await close(shop.tenant, now=datetime(2026, 10, 31, 15, 59, tzinfo=UTC))
    assert not (await close(shop.tenant, now=datetime(2026, 10, 31, 16, 0, tzinfo=UTC))).already_closed


async def test_an_early_closing_leaves_the_rest_of_the_month_to_the_next(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 100, at=MID_OCTOBER)
    with pytest.raises(PeriodNotOver):
        await close(shop.tenant, NOVEMBER, now=MID_OCTOBER, early=True)
    assert of(await close(shop.tenant, now=MID_OCTOBER, early=True), "brand").earned_fen == 85
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 1_000, at=MID_OCTOBER + timedelta(days=1))
    assert of(await close(shop.tenant, NOVEMBER, now=DECEMBER), "brand").earned_fen == 850


async def test_months_are_closed_in_order(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 100, at=datetime(2026, 9, 5, tzinfo=UTC))
        await sell(db, shop.store_id, 100, at=MID_OCTOBER)
    with pytest.raises(EarlierPeriodOpen):
        await close(shop.tenant)
    closings = await close_month(shop.tenant, OCTOBER, closed_by="staff:test", now=AFTER, through=True)
    assert [closing.month for closing in closings] == ["2026-09", "2026-10"]
    assert of(closings[1], "brand").opening_fen == of(closings[0], "brand").closing_fen == 85
    with pytest.raises(LaterPeriodClosed):
        await close(shop.tenant, date(2026, 8, 1))


async def test_days_are_counted_in_the_contracts_zone(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        # 00:30 on 1 November in Shanghai is still October in Greenwich.
        await sell(db, shop.store_id, 100, at=datetime(2026, 10, 31, 16, 30, tzinfo=UTC))
        await sell(
            db, shop.store_id, 100, at=datetime(2026, 10, 31, 16, 30, tzinfo=UTC), source=Source.HISTORY
        )
    assert (await close(shop.tenant)).statements == []
    async with shop.tenant.reading() as db:
        november = next(each for each in await periods(db) if each.starts_on == NOVEMBER)
    assert november.contract_code == "mall"


async def test_closing_while_orders_are_booked_loses_nothing(shop: MallStore) -> None:
    tenant = shop.tenant
    booked: list[object] = []
    enough = asyncio.Event()

    async def trade() -> None:
        for _ in range(40):
            async with tenant.writing() as db:
                sale = await sell(db, shop.store_id, 1_000, at=MID_OCTOBER)
            async with tenant.writing() as db:
                await post_order_paid(db, sale.id, now=AFTER)
            booked.append(sale)
            if len(booked) == 10:
                enough.set()

    async def shut() -> ClosingView:
        await enough.wait()
        return await close(tenant)

    _, _, october = await asyncio.gather(trade(), trade(), shut())
    november = await close(tenant, NOVEMBER, now=DECEMBER)
    assert of(november, "brand").closing_fen == 80 * 850
    assert of(october, "brand").earned_fen + of(november, "brand").earned_fen == 80 * 850
    assert await sound(tenant)


async def test_a_contract_made_after_the_closing_books_its_late_sales_into_the_open_month(
    shop: MallStore,
) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 100, at=MID_OCTOBER)
    await close(shop.tenant)
    async with shop.tenant.writing() as db:
        mall_id = await add_mall(db, "滨江汇")
        store_id = await add_store(db, "S9")
        await mall_contract(db, mall_id, [store_id], code="mall-late")
        sale = await sell(db, store_id, 1_000, at=MID_OCTOBER)
        await post_order_paid(db, sale.id, now=AFTER)
    assert (await close(shop.tenant)).already_closed
    assert of(await close(shop.tenant, NOVEMBER, now=DECEMBER), "brand").earned_fen == 850


async def test_an_edit_by_the_tables_owner_is_seen_when_the_month_is_closed_again(
    shop: MallStore, owner
) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=MID_OCTOBER)
    await close(shop.tenant)
    await owner.execute(
        "UPDATE app.ledger_entries SET amount_fen = amount_fen + 1 WHERE tenant_id = $1 AND order_id = $2",
        shop.tenant.tenant_id, sale.id,
    )  # fmt: skip
    with pytest.raises(StatementDiffers):
        await close(shop.tenant)
    async with shop.tenant.reading() as db:
        report = await verify_books(db)
    broken = {finding.law for finding in report.findings if finding.broken}
    assert len(broken) == 4  # balances, kept, split(kept), statements


async def test_a_statement_is_the_same_whatever_contracts_stores_and_guides_are_called_later(
    shop: MallStore,
) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, 3, at=MID_OCTOBER)
        await give_back(db, sale, {0: 10}, at=MID_OCTOBER)
    mall = of(await close(shop.tenant), "mall")
    async with shop.tenant.reading() as db:
        stores = (await names_of(db, mall.id)).stores
        lines = await statement_lines(db, mall.party.id, month=OCTOBER, day=date(2026, 10, 12), stores=stores)
    async with shop.tenant.writing() as db:
        await mall_contract(
            db, shop.mall_id, [shop.store_id], bps=9_000, active_from=MID_OCTOBER - timedelta(days=1)
        )
        await db.execute(
            text("UPDATE app.stores SET name = '改名店', code = 'MOVED' WHERE tenant_id = :t"),
            {"t": db.tenant_id},
        )
    assert of(await close(shop.tenant), "mall") == mall
    async with shop.tenant.reading() as db:
        kept = (await names_of(db, mall.id)).stores
        again = await statement_lines(db, mall.party.id, month=OCTOBER, day=date(2026, 10, 12), stores=kept)
        assert again == lines
        assert [line.portion_fen for line in lines] == [134, -1]
        assert [line.base_fen for line in lines] == [899, -10]


async def test_pending_is_booked_once_and_says_how_much(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, at=MID_OCTOBER)
        await give_back(db, sale, {0: 899}, at=MID_OCTOBER)
        await sell(db, shop.store_id, 899, 1, at=MID_OCTOBER, source=Source.HISTORY)
    told: list[tuple[str, int, int | None]] = []

    def say(stage: str, *, done: int, total: int | None) -> None:
        told.append((stage, done, total))

    caught = await post_pending(shop.tenant, now=AFTER, say=say)
    assert (caught.orders, caught.refunds, caught.history_lines) == (1, 1, 2)
    assert ("history", 2, 2) in told
    assert (await post_pending(shop.tenant, now=AFTER)).entries == 0


async def test_another_tenants_books_stay_closed(shop: MallStore, other_tenant: TenantScope) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 899, at=MID_OCTOBER)
    await close(shop.tenant)
    assert (await close(other_tenant)).statements == []
    async with other_tenant.reading() as db:
        assert await statements(db) == []
