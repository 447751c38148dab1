"""Booking through the worker: each message once, history in steps, batches that wait together worked off together."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from orders.events import HistoryImported, OrderPaid, RefundDone
from orders.states import Source
from settlement import react
from settlement.events import PostingPaused
from settlement.posting.post_history import Cursor
from storefront.subscriptions import SUBSCRIPTIONS
from tenants.kernel.ids import new_id
from tenants.kernel.outbox import append, begin_reaction
from tenants.kernel.scope import TenantScope, Writing
from tests.support.books import OCTOBER, MallStore, balances, give_back, open_mall_store, sell


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


async def waiting(tenant: TenantScope) -> list[str]:
    async with tenant.reading() as db:
        found = await db.execute(
            text("SELECT kind FROM app.outbox WHERE tenant_id = :t ORDER BY id"), {"t": tenant.tenant_id}
        )
        return list(found.scalars())


async def test_what_orders_publish_is_booked(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000)
        refund = await give_back(db, sale, {0: 1_000})
        await react.book_refund(db, RefundDone(refund_id=refund, refunded_at=OCTOBER), now=OCTOBER)
        await react.book_paid_order(
            db, OrderPaid(order_id=sale.id, payment_id=None, paid_at=OCTOBER), now=OCTOBER
        )
        assert await balances(db) == {"mall": 1_350, "brand": 7_650}


async def test_of_batches_that_wait_together_the_last_one_books(shop: MallStore) -> None:
    batches = sorted(str(new_id()) for _ in range(2))  # of two ids of one millisecond either may be the later
    earlier, later = (HistoryImported(source_name="till", batch=batch) for batch in batches)
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, source=Source.HISTORY)
        await append(db, earlier, now=OCTOBER)
        await append(db, later, now=OCTOBER)
        await react.book_history(db, earlier, now=OCTOBER)
        assert await balances(db) == {}
        await react.book_history(db, later, now=OCTOBER)
        assert await balances(db) == {"mall": 1_500, "brand": 8_500}
    assert "PostingPaused" in await waiting(shop.tenant)


async def test_history_is_walked_in_steps_until_nothing_is_left(shop: MallStore) -> None:
    batch = HistoryImported(source_name="till", batch=str(new_id()))
    async with shop.tenant.writing() as db:
        for _ in range(7):
            await give_back(db, await sell(db, shop.store_id, 1_000, source=Source.HISTORY), {0: 100})
    async with shop.tenant.writing() as db:
        await react.book_history(db, batch, now=OCTOBER)
    async with shop.tenant.writing() as db:
        cursor = Cursor(sales_done=True)
        await react.go_on_booking(db, PostingPaused(source_name="till", cursor=cursor), now=OCTOBER)
        assert await balances(db) == {"mall": 7 * 135, "brand": 7 * 765}


def test_every_reaction_is_subscribed_under_its_lasting_name() -> None:
    names = {reaction.name for reactions in SUBSCRIPTIONS.values() for reaction in reactions}
    assert {
        "settlement.book_paid_order", "settlement.book_refund", "settlement.book_history", "settlement.go_on_booking"
    } <= names  # fmt: skip


async def test_a_line_that_joins_a_booked_document_later_is_booked_too(shop: MallStore) -> None:
    late = datetime(2026, 10, 20, tzinfo=UTC)
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 1_000, source=Source.HISTORY)
        await react.go_on_booking(db, PostingPaused(source_name="till", cursor=Cursor()), now=OCTOBER)
        await db.execute(
            text(
                "INSERT INTO app.order_lines (tenant_id, id, order_id, line_no, kind, specs, quantity, goods_fen, discount_fen,"
                " paid_fen, refunded_fen, refunded_quantity, terms_id, evidence)"
                " VALUES (:t, :id, :order, 2, 'goods', '[]', 1, 500, 0, 500, 0, 0, :terms, '{}')"
            ),
            {"t": db.tenant_id, "id": new_id(), "order": sale.id, "terms": sale.terms_id},
        )
        await react.go_on_booking(
            db, PostingPaused(source_name="till", cursor=Cursor()), now=late + timedelta(days=1)
        )
        assert await balances(db) == {"mall": 225, "brand": 1_275}


async def two_workers_and_two_batches(shop: MallStore) -> dict[str, int]:
    """The later batch's reaction has looked at the lines already, and is not done, when the earlier batch commits and is worked off."""
    earlier, later = (HistoryImported(source_name="till", batch=batch) for batch in ("batch 1", "batch 2"))
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, source=Source.HISTORY)
        later_id = await append(db, later, now=OCTOBER)

    async def work_off_the_earlier() -> None:
        async with shop.tenant.writing() as db:
            await react.book_history(db, earlier, now=OCTOBER)

    async with shop.tenant.writing() as slow:
        await begin_reaction(slow, event_id=later_id, verb=react.BOOK_HISTORY, now=OCTOBER)
        await react.book_history(slow, later, now=OCTOBER)
        async with shop.tenant.writing() as db:
            await sell(db, shop.store_id, 1_000, source=Source.HISTORY)
        other = asyncio.create_task(work_off_the_earlier())
        await asyncio.sleep(0.3)
    await other
    async with shop.tenant.writing() as db:
        return await balances(db)


async def test_an_earlier_batch_is_not_left_to_a_later_one_that_is_already_under_way(shop: MallStore) -> None:
    assert await two_workers_and_two_batches(shop) == {"mall": 1_650, "brand": 9_350}


async def test_control_without_the_lock_the_earlier_batch_is_booked_by_nobody(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hold_nothing(db: Writing, source_name: str) -> None:
        """Look at the queue alone."""

    monkeypatch.setattr(react, "_hold_source", hold_nothing)
    assert await two_workers_and_two_batches(shop) == {"mall": 1_500, "brand": 8_500}
