"""Running the splits that are due without the worker: each once, twice at once too; and payouts that leave to the channel what it will bring."""

import asyncio

from settlement.close import close_month
from settlement.payouts import due
from settlement.payouts.due import due_parties
from settlement.payouts.states import SkipReason
from settlement.payouts.views import DueView
from settlement.queries import statements
from settlement.signing.standing import approve_statement
from settlement.splitting.run import SplitRun, due_splits, next_due_at, run_splits, split_counts
from settlement.splitting.schedule import open_split
from settlement.splitting.states import SplitStatus
from tests.support.split_shop import SplitShop
from tests.support.trading import PRICE

PART = PRICE * 2_000 // 10_000


async def ran(shop: SplitShop) -> SplitRun:
    return await run_splits(shop.tenant, channels=shop.channels, now=shop.now)


async def due_to_the_mall(shop: SplitShop) -> DueView:
    month_after = shop.now.date().replace(day=28)
    async with shop.tenant.reading() as db:
        found = await due_parties(db, on=month_after.replace(year=month_after.year + 1), now=shop.now)
    return next(each for each in found if each.party.kind == "mall")


async def test_what_is_due_is_sent_and_followed_to_the_end_once(shop: SplitShop) -> None:
    for _ in range(2):
        await shop.collected()
    assert (await ran(shop)).due == 0
    async with shop.tenant.reading() as db:
        assert await next_due_at(db) > shop.now
    await shop.pass_days(8)
    async with shop.tenant.reading() as db:
        assert len(await due_splits(db, now=shop.now)) == 2
    one, other = await asyncio.gather(ran(shop), ran(shop))
    assert one.due + other.due >= 2
    for _ in range(3):
        await shop.pass_days(seconds=30)
        last = await ran(shop)
    async with shop.tenant.reading() as db:
        assert (await split_counts(db))[SplitStatus.ENDED] == (2, 2 * PRICE)
    assert (last.due, (await ran(shop)).due) == (0, 0)


async def test_what_the_channel_will_bring_is_not_paid_out_as_well(shop: SplitShop) -> None:
    order = await shop.collected()
    month = shop.now.date().replace(day=1)
    await close_month(shop.tenant, month, closed_by="staff:closer", now=shop.now, early=True)
    async with shop.tenant.writing() as db:
        mall = next(each for each in await statements(db, month=month) if each.party.kind == "mall")
        assert mall.closing_fen == PART
        await approve_statement(db, mall.id, approved_by="staff:second", now=shop.now)
    waiting = await due_to_the_mall(shop)
    assert (waiting.on_its_way_fen, waiting.amount_fen, waiting.skipped) == (PART, 0, SkipReason.NOTHING_LEFT)
    await shop.pass_days(8)
    await shop.split_through(order.id)
    brought = await due_to_the_mall(shop)
    assert (brought.since_fen, brought.on_its_way_fen, brought.amount_fen) == (PART, 0, 0)


async def test_of_goods_that_nobody_fetched_the_malls_part_is_due_once_the_channel_can_bring_it_no_more(
    shop: SplitShop,
) -> None:
    order = await shop.paid()
    async with shop.tenant.writing() as db:
        await open_split(db, order.id, now=shop.now)
    month = shop.now.date().replace(day=1)
    await close_month(shop.tenant, month, closed_by="staff:closer", now=shop.now, early=True)
    async with shop.tenant.writing() as db:
        mall = next(each for each in await statements(db, month=month) if each.party.kind == "mall")
        await approve_statement(db, mall.id, approved_by="staff:second", now=shop.now)
    await shop.pass_days(30)
    frozen = await due_to_the_mall(shop)
    assert (frozen.on_its_way_fen, frozen.amount_fen) == (PART, 0)
    await shop.pass_days(2)
    assert (await shop.split(order.id)).state is SplitStatus.WAITING
    thawed = await due_to_the_mall(shop)
    assert (thawed.on_its_way_fen, thawed.amount_fen) == (0, PART)
    # Fetched all the same: the channel has nothing left to split, so it is not paid twice.
    await shop.collect(order.id)
    await shop.pass_days(8)
    assert await shop.send(order.id) is SplitStatus.LAPSED
    assert (await due_to_the_mall(shop)).amount_fen == PART


async def test_control_without_looking_at_the_channel_it_would_be_paid_twice(
    shop: SplitShop, monkeypatch
) -> None:
    async def nothing(_db, _months, **_now):
        return {}

    monkeypatch.setattr(due, "_coming", nothing)
    monkeypatch.setattr(due, "_split_since", nothing)
    await shop.collected()
    month = shop.now.date().replace(day=1)
    await close_month(shop.tenant, month, closed_by="staff:closer", now=shop.now, early=True)
    async with shop.tenant.writing() as db:
        mall = next(each for each in await statements(db, month=month) if each.party.kind == "mall")
        await approve_statement(db, mall.id, approved_by="staff:second", now=shop.now)
    assert (await due_to_the_mall(shop)).amount_fen == PART
