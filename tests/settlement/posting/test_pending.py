"""Booking what waits beside a worker that books too: no deadlock, and no job lost to a busy database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.states import Source
from settlement import patience
from settlement.close import close_month
from settlement.commands import ContractRateRow, NamedParty
from settlement.ledger import channel_account, payable_account
from settlement.patience import patiently
from settlement.posting import pending
from settlement.posting.history_steps import MOST_STRETCHES, stretch_ends
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid, post_orders_paid
from settlement.posting.post_refunds import post_refund
from settlement.states import PartyKind
from settlement.terms import party_id_of
from settlement.verify import verify_books
from tenants.kernel.ids import OrderId
from tenants.kernel.scope import DatabaseBusy, TenantScope, Writing
from tests.support.books import add_mall, add_store, give_back, mall_contract, open_mall_store, sell

SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
TRIES = 64


@dataclass(frozen=True)
class Crossing:
    """Three orders of one store; two of them open an account that lies before those that the third one moves."""

    plain: OrderId
    with_mall: OrderId
    workers: OrderId


async def cross(tenant: TenantScope) -> Crossing:
    """Make stores until the mall's account comes before channel and brand; one in three does."""
    async with tenant.writing() as db:
        mall = await add_mall(db)
        named = NamedParty(kind=PartyKind.MALL, mall_id=mall)
        rates = [ContractRateRow(party=named, rate_bps=1_000, category_code="c")]
        for number in range(TRIES):
            store = await add_store(db, f"S{number}", mall_id=mall)
            contract = await mall_contract(db, mall, [store], code=f"m{number}", rates=rates)
            of_mall, of_brand = (
                payable_account(
                    party_id_of(db.tenant_id, code), store_id=store, contract_id=contract.id
                ).account_id(db.tenant_id)
                for code in (f"mall:{mall}", "brand")
            )
            if of_mall < min(channel_account(store, "storefront").account_id(db.tenant_id), of_brand):
                break
        first = await sell(db, store, 1_000, at=SOLD)
        plain = await sell(db, store, 1_000, at=SOLD)
        with_mall = await sell(db, store, 1_000, at=SOLD, category="c")
        workers = await sell(db, store, 1_000, at=SOLD, category="c")
    async with tenant.writing() as db:
        await post_order_paid(db, first.id, now=AFTER)
    return Crossing(plain.id, with_mall.id, workers.id)


async def until_somebody_waits(db: Writing) -> None:
    """Wait until another transaction stands before a lock."""
    for _ in range(500):
        if (await db.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one():
            return
        await asyncio.sleep(0.02)


async def post_once(begun: asyncio.Event, tenant: TenantScope, order_id: OrderId) -> None:
    """What the worker does while the month's end is between its first order and its second."""
    await begun.wait()
    async with tenant.writing() as db:
        await post_order_paid(db, order_id, now=AFTER)


async def test_what_waits_is_booked_beside_the_worker_without_a_deadlock(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossing, begun = await cross(tenant), asyncio.Event()

    async def slowly(db: Writing, order_ids: Sequence[OrderId], *, now: datetime) -> int:
        entries = await post_orders_paid(db, order_ids, now=now)
        begun.set()
        await asyncio.sleep(0.3)
        return entries

    monkeypatch.setattr(pending, "post_orders_paid", slowly)
    monkeypatch.setattr(patience, "ATTEMPTS", 1)
    await asyncio.gather(post_pending(tenant, now=AFTER), post_once(begun, tenant, crossing.workers))
    async with tenant.reading() as db:
        assert (await verify_books(db)).sound


async def test_control_two_orders_in_one_transaction_deadlock_with_the_worker(tenant: TenantScope) -> None:
    crossing, begun = await cross(tenant), asyncio.Event()

    async def both() -> None:
        async with tenant.writing_much() as db:
            await post_order_paid(db, crossing.plain, now=AFTER)
            begun.set()
            await until_somebody_waits(db)
            await post_order_paid(db, crossing.with_mall, now=AFTER)

    worker = post_once(begun, tenant, crossing.workers)
    ended = await asyncio.gather(both(), worker, return_exceptions=True)
    assert any(isinstance(each, DatabaseBusy) for each in ended)


async def test_a_step_that_finds_the_database_busy_is_tried_again_and_not_for_ever(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_SECONDS", 0.001)
    tried = []

    def busy(times: int) -> Callable[[Writing], Awaitable[int]]:
        async def step(db: Writing) -> int:
            tried.append(db)
            if len(tried) <= times:
                raise DatabaseBusy
            return len(tried)

        return step

    assert await patiently(tenant, busy(2)) == 3
    tried.clear()
    with pytest.raises(DatabaseBusy):
        await patiently(tenant, busy(99))
    assert len(tried) == patience.ATTEMPTS


async def test_a_month_closed_while_workers_book_at_random_adds_up(tenant: TenantScope) -> None:
    shop, random = await open_mall_store(tenant, bps=3_333), Random(7)
    sales, refunds = [], []
    async with tenant.writing() as db:
        stores = [shop.store_id, await add_store(db, "S9")]
        for _ in range(60):
            source = random.choice([Source.STOREFRONT, Source.STOREFRONT, Source.HISTORY])
            amounts = [random.randint(1, 9_999), random.randint(1, 99)]
            sale = await sell(db, random.choice(stores), *amounts, at=SOLD, source=source)
            mine = source is Source.STOREFRONT
            if mine:
                sales.append(sale.id)
            if random.random() < 0.6:
                refund = await give_back(db, sale, {0: random.randint(1, amounts[0])}, at=SOLD)
                refunds += [refund] if mine else []

    async def worker() -> None:
        for order_id in random.sample(sales, len(sales)):
            await patiently(tenant, partial(post_order_paid, order_id=order_id, now=AFTER))
        for refund_id in random.sample(refunds, len(refunds)):
            await patiently(tenant, partial(post_refund, refund_id=refund_id, now=AFTER))

    async def closer() -> list[object]:
        await asyncio.sleep(random.random() * 0.2)
        [view] = await close_month(tenant, SOLD.date().replace(day=1), closed_by="staff:test", now=AFTER)
        assert view.totals.agree
        return list(view.statements)

    one, other, *_ = await asyncio.gather(closer(), closer(), worker(), worker())
    assert one == other
    async with tenant.reading() as reading:
        assert (await verify_books(reading)).sound


async def test_the_first_stretch_of_history_is_booked_before_two_lanes_book_the_rest(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement planned while the journals are empty reads all of them for every line, and the lane beside it is writing them."""
    shop, right = await open_mall_store(tenant), pending.post_stretch
    async with tenant.writing() as db:
        for _ in range(60):
            await sell(db, shop.store_id, 899, source=Source.HISTORY)
    beside: list[int] = []
    under_way: set[object] = set()

    async def seen(db: Writing, **named: object) -> tuple[int, int]:
        under_way.add(db)
        beside.append(len(under_way))
        booked = await right(db, **named)
        await asyncio.sleep(0.05)
        under_way.discard(db)
        return booked

    monkeypatch.setattr(pending, "post_stretch", seen)
    caught = await post_pending(tenant, now=AFTER, at_once=10)
    assert caught.history_lines == 60
    assert beside[0] == 1
    assert beside[1:3] == [1, 2]


@pytest.mark.parametrize("lines", [1, 1_999, 2_001, 20_000, 1_000_000, 50_000_000])
def test_stretches_end_with_the_last_document_and_hold_no_more_than_was_asked(lines: int) -> None:
    bounds = [UUID(int=number) for number in range(1, MOST_STRETCHES + 1)]
    ends = [end.int for end in stretch_ends(bounds, lines=lines, at_once=100_000)]
    sizes = [(end - before) * lines / MOST_STRETCHES for before, end in pairwise([0, *ends])]
    assert ends[-1] == MOST_STRETCHES
    assert sizes[0] <= max(2_000, lines / MOST_STRETCHES)
    assert max(sizes) <= 100_000
    assert len(sizes) > 2 or lines < 2_002
