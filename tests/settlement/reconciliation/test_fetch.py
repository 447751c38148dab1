"""A merchant's day from its channel: fetched over HTTP, compared with our books, and every planted untruth found and nothing else."""

import asyncio
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from orders.give_back import ask_refund, send_refund
from orders.ports import Refused, Unknown
from settlement.posting.pending import post_pending
from settlement.reconciliation.bills import BEIJING, latest_ready
from settlement.reconciliation.errors import DayNotOver
from settlement.reconciliation.fetch import reconcile_merchant
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.queries import Wanted, differences
from settlement.reconciliation.states import BillKind, DayState, DifferenceState
from tenants.queries import merchants
from tests.storefront.adapters.parties import next_morning
from tests.support.bills import FIRST, NOW
from tests.support.rows import rows
from tests.support.trading import PRICE

OPEN = Wanted(state=DifferenceState.OPEN)
OF_TRADE = Wanted(state=DifferenceState.OPEN, bill=BillKind.TRADE)


async def reconcile(shop, day, **changes):
    async with shop.tenant.reading() as db:
        (merchant,) = await merchants(db)
    await post_pending(shop.tenant, now=shop.now)
    asked = {"channels": shop.channels, "now": shop.now, "by": "system:test", **changes}
    return await reconcile_merchant(shop.tenant, merchant, day=day, **asked)


async def morning(shop):
    """The next morning at the simulator; returns the day that is over."""
    day = await next_morning(shop.control)
    shop.now = await shop.control.advance(0)
    return day


async def found(shop, wanted=OPEN):
    async with shop.tenant.reading() as db:
        listed = await differences(db, wanted, now=shop.now)
    return [
        (each.bill.value, each.kind.value, each.key.split(":")[0], each.amount_fen)
        for each in listed.differences
    ]


async def plant(shop, day, change, *, row=0, bill="ALL", **fields):
    await shop.control.command(
        "bills/changes",
        mchid=shop.trading.mchid,
        bill=bill,
        bill_date=day.isoformat(),
        change=change,
        row=row,
        **fields,
    )


async def traded(shop, *, orders=3, refund=500):
    """A day of trade: paid orders, and a refund of the first."""
    await morning(shop)
    placed = [await shop.paid() for _ in range(orders)]
    if refund:
        await shop.refund(placed[0].id, refund)
    return placed


def of(done, kind):
    (shown,) = [each for each in done.days if each.kind is kind]
    return shown


async def test_an_honest_day_agrees_to_the_fen_and_running_again_changes_nothing(shop):
    await traded(shop)
    day = await morning(shop)
    done = await reconcile(shop, day)
    trade = of(done, BillKind.TRADE)
    assert (trade.state, trade.matched, trade.classes) == (DayState.TAKEN, 4, [])
    assert (trade.ours_fen, trade.theirs_fen) == (3 * PRICE - 500, 3 * PRICE - 500)
    assert of(done, BillKind.SPLIT).state is DayState.NOTHING
    assert of(done, BillKind.FUND).state is DayState.TAKEN
    assert done.proof.holds, done.proof
    assert done.agrees
    assert await found(shop, Wanted()) == []
    assert await reconcile(shop, day) == done
    ((files,),) = await rows(shop.tenant, "SELECT count(*) FROM app.bill_files WHERE tenant_id = :t")
    assert files == 3


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ({"change": "drop", "row": 1}, ("trade", "missing_there", "payment", -PRICE)),
        ({"change": "drop", "row": 3}, ("trade", "missing_there", "refund", -500)),
        ({"change": "duplicate", "row": 2}, ("trade", "duplicated", "payment", PRICE)),
        (
            {"change": "alter", "row": 1, "column": "订单金额", "value": "199.01"},
            ("trade", "amount", "payment", 1),
        ),
        (
            {"change": "alter", "row": 3, "column": "申请退款金额", "value": "4.99"},
            ("trade", "amount", "refund", -1),
        ),
        (
            {"change": "alter", "row": 1, "column": "手续费", "value": "1.20000"},
            ("trade", "fee", "payment", 0),
        ),
        (
            {"change": "alter", "row": 1, "column": "代金券金额", "value": "1.00"},
            ("trade", "amount", "payment", -100),
        ),
        (
            {"change": "alter", "row": 1, "column": "微信订单号", "value": "4200009"},
            ("trade", "state", "payment", 0),
        ),
        (
            {"change": "alter", "row": 3, "column": "退款状态", "value": "CLOSED"},
            ("trade", "state", "refund", 0),
        ),
        (
            {"change": "add", "column": "商户订单号", "value": "P-nobody"},
            ("trade", "missing_here", "payment", PRICE),
        ),
        (
            {"change": "total", "column": "订单总金额", "value": "1.00"},
            ("trade", "totals", "totals", 100 - 3 * PRICE),
        ),
        (
            {"change": "total", "bill": "FUND", "column": "收入金额", "value": "1.00"},
            ("fund", "totals", "totals", None),
        ),
    ],
)
async def test_a_planted_untruth_is_found_with_its_class_and_nothing_else(shop, planted, expected):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, **planted)
    done = await reconcile(shop, day)
    assert not done.agrees
    (only,) = await found(shop)
    assert only[:3] == expected[:3]
    assert expected[3] is None or only[3] == expected[3]


async def test_an_untruth_that_the_summary_follows_is_found_all_the_same(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "drop", row=0)
    done = await reconcile(shop, day)
    assert of(done, BillKind.TRADE).open_differences == 1
    assert not done.proof.holds
    assert done.proof.unbilled_fen == PRICE


async def test_a_spoilt_file_is_refused_and_nothing_of_it_is_kept(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "hash")
    done = await reconcile(shop, day)
    trade = of(done, BillKind.TRADE)
    assert trade.state is DayState.REFUSED
    assert "not the one that was announced" in trade.reason
    assert (done.proof, done.agrees) == (None, False)
    kept = await rows(shop.tenant, "SELECT kind FROM app.bill_files WHERE tenant_id = :t AND kind = 'trade'")
    assert kept == []


async def test_a_file_that_is_not_ready_is_told_and_is_no_difference(shop):
    await traded(shop)
    day = await morning(shop)
    await shop.paid()
    await shop.pass_days(seconds=21 * 3_600)  # nine in the morning: the file comes at ten
    done = await reconcile(shop, day + timedelta(days=1))
    assert {each.state for each in done.days} == {DayState.PENDING}
    assert (done.agrees, done.is_pending, done.proof) == (True, True, None)
    await shop.pass_days(seconds=3_601)
    assert (await reconcile(shop, day + timedelta(days=1))).days[0].state is DayState.TAKEN


async def test_a_dry_run_finds_the_same_and_keeps_nothing(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "drop", row=0)
    tried = await reconcile(shop, day, dry_run=True)
    for table in ("bill_files", "bill_rows", "differences", "reconciled_days"):
        assert await rows(shop.tenant, f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t") == [(0,)]
    assert await reconcile(shop, day) == tried


async def test_three_who_reconcile_at_once_keep_and_find_everything_once(shop):
    await traded(shop)
    day = await morning(shop)
    await plant(shop, day, "drop", row=0)
    await post_pending(shop.tenant, now=shop.now)
    done = await asyncio.gather(*(reconcile(shop, day) for _ in range(3)))
    assert done[0] == done[1] == done[2]
    assert len(await found(shop)) == 1
    assert await rows(shop.tenant, "SELECT kind, version FROM app.bill_files WHERE tenant_id = :t ORDER BY 1") == [
        ("fund", 1), ("split", 1), ("trade", 1),
    ]  # fmt: skip


async def test_splits_and_returns_are_in_the_books_as_in_their_file(shop):
    (order,) = await traded(shop, orders=1, refund=0)
    await shop.collect(order.id)
    await shop.pass_days(8)
    await morning(shop)
    await shop.split_through(order.id)
    await shop.refund(order.id, PRICE // 2)
    await shop.give_back(order.id)
    day = await morning(shop)
    done = await reconcile(shop, day)
    assert of(done, BillKind.SPLIT).matched == 2
    assert done.agrees, (await found(shop), done.proof)
    await plant(shop, day, "drop", row=1, bill="SPLIT")
    assert not (await reconcile(shop, day)).agrees
    assert [each[:3] for each in await found(shop)] == [("split", "missing_there", "return")]


async def test_money_that_no_order_wanted_is_explained(shop):
    await morning(shop)
    order = await shop.trading.place(now=shop.now)
    payment = await shop.trading.prepare(order.id)
    await shop.trading.take_money(payment.payment_no)
    await rows_written(
        shop,
        "UPDATE app.orders SET state = 'cancelled', closed_at = placed_at WHERE tenant_id = :t AND id = :o",
        o=order.id,
    )
    # Sold out meanwhile: money that comes late keeps an order whose goods are still there.
    await rows_written(shop, "UPDATE app.reservations SET state = 'released' WHERE tenant_id = :t")
    await rows_written(shop, "UPDATE app.stock SET on_hand = 0, reserved = 0 WHERE tenant_id = :t")
    await shop.trading.sync(order.id, now=shop.now)
    ((refund_id,),) = await rows(shop.tenant, "SELECT id FROM app.refunds WHERE tenant_id = :t")
    await send_refund(shop.tenant, refund_id, channels=shop.channels, splits=shop.splits, now=shop.now)
    await ask_refund(shop.tenant, refund_id, asked=0, channels=shop.channels, now=shop.now)
    done = await reconcile(shop, await morning(shop))
    assert done.agrees, (await found(shop), done.proof)
    assert {line.name for line in done.proof.lines} == {"unwanted payments", "unwanted refunds", "fees"}


async def rows_written(shop, statement, **values):
    async with shop.tenant.writing() as db:
        await db.execute(text(statement), {"t": db.tenant_id, **values})


async def test_a_payment_with_coupons_agrees_too(shop):
    await morning(shop)
    order = await shop.trading.place(now=shop.now)
    payment = await shop.trading.prepare(order.id)
    coupons = [
        {"couponId": "c1", "type": "CASH", "amount": 900},
        {"couponId": "c2", "type": "NOCASH", "amount": 300},
    ]
    await shop.control.pay(
        payment_no=payment.payment_no, mchid=shop.trading.mchid, wait=False, coupons=coupons
    )
    await shop.trading.sync(order.id)
    await shop.refund(order.id, 6_300)
    done = await reconcile(shop, await morning(shop))
    assert done.agrees, (await found(shop), done.proof)


async def test_a_refund_that_the_channel_counts_a_day_later_is_late_and_needs_nobody(shop):
    (order,) = await traded(shop, orders=1, refund=0)
    refund = await shop.ask_refund(order.id, 700)
    first = await morning(shop)
    assert (await reconcile(shop, first)).agrees  # the channel has not accepted it: it cannot be in its file
    await shop.send_refund(refund)
    second = await morning(shop)
    assert (await reconcile(shop, second)).agrees
    assert await found(shop, Wanted(kind=MatchClass.LATE, bill=BillKind.TRADE)) == [
        ("trade", "late", "refund", 0)
    ]
    assert (await reconcile(shop, first)).agrees


async def test_what_was_missing_here_closes_by_itself_once_it_is_known(shop):
    await morning(shop)
    order = await shop.trading.place(now=shop.now)
    payment = await shop.trading.prepare(order.id, now=shop.now)
    await shop.trading.take_money(payment.payment_no)  # and nobody hears of it
    await reconcile(shop, await morning(shop))
    assert [each[1] for each in await found(shop, OF_TRADE)] == [
        "state"
    ]  # we know the number; not that it was paid
    await shop.trading.sync(order.id)
    await reconcile(shop, await morning(shop))
    assert await found(shop) == []
    assert (await rows(shop.tenant, "SELECT note FROM app.differences WHERE tenant_id = :t"))[
        0
    ].note.startswith("a later")


async def test_a_taken_day_is_compared_again_though_its_file_comes_spoilt_this_time(shop):
    await morning(shop)
    order = await shop.trading.place(now=shop.now)
    payment = await shop.trading.prepare(order.id, now=shop.now)
    await shop.trading.take_money(payment.payment_no)
    day = await morning(shop)
    await reconcile(shop, day)
    assert [each[1] for each in await found(shop, OF_TRADE)] == ["state"]
    await shop.trading.sync(order.id)
    await plant(shop, day, "hash")
    done = await reconcile(shop, day)
    assert of(done, BillKind.TRADE).state is DayState.TAKEN
    assert await found(shop) == []


async def test_why_a_taken_day_could_not_be_fetched_again_is_told_until_it_could(shop):
    await traded(shop)
    day = await morning(shop)
    taken = await reconcile(shop, day)
    refusing = await reconcile(shop, day, channels=Silent())
    kinds = {each.kind: each for each in refusing.not_fetched}
    assert "仅支持三个月内的账单" in kinds[BillKind.TRADE].reason
    assert "did not answer" in kinds[BillKind.SPLIT].reason
    trade = of(refusing, BillKind.TRADE)
    assert (trade.state, trade.version, trade.matched) == (DayState.TAKEN, 1, 4)
    assert refusing.agrees
    assert refusing.proof.holds
    assert (await reconcile(shop, day)) == taken
    assert taken.not_fetched == []


@pytest.mark.parametrize("ahead", [0, 1, 30])
async def test_a_day_that_is_not_over_is_refused_and_nothing_is_written(shop, ahead):
    await traded(shop)
    day = (await morning(shop)) + timedelta(days=1 + ahead)
    before = await rows(shop.tenant, "SELECT 1 FROM app.reconciled_days WHERE tenant_id = :t")
    with pytest.raises(DayNotOver) as refused:
        await reconcile(shop, day)
    told = " ".join(refused.value.details.values())
    assert f"{day} is not over" in told
    assert f"{day + timedelta(days=1)} 10:00 Beijing" in told
    assert f"{day - timedelta(days=1 + ahead)}, since" in told
    assert await rows(shop.tenant, "SELECT 1 FROM app.reconciled_days WHERE tenant_id = :t") == before


@pytest.mark.parametrize(
    ("hour", "latest"),
    [((2026, 11, 2, 9, 59), date(2026, 10, 31)), ((2026, 11, 2, 10, 0), date(2026, 11, 1))],
)
def test_yesterdays_files_are_there_from_ten(hour, latest):
    assert latest_ready(datetime(*hour, tzinfo=BEIJING)) == latest


class Silent:
    """A channel that has the trade file refused, does not answer for splits, and offers no movements."""

    async def bills(self, _tenant, _merchant_id):
        return self

    async def trade_bill(self, _day):
        return Refused("INVALID_REQUEST", "账单日期已过期，仅支持三个月内的账单")

    async def split_bill(self, _day):
        return Unknown("timed out")

    async def fund_bill(self, _day):
        return Refused("NOT_OFFERED", "a sub-merchant's fund bill is its own")


async def test_why_a_file_is_not_there_is_told_and_what_is_not_offered_is_not_missed(tenant):
    async with tenant.reading() as db:
        (merchant,) = await merchants(db)
    done = await reconcile_merchant(tenant, merchant, day=FIRST, channels=Silent(), now=NOW, by="system:test")
    assert [(each.kind, each.state) for each in done.days] == [
        (BillKind.TRADE, DayState.REFUSED), (BillKind.SPLIT, DayState.REFUSED),
    ]  # fmt: skip
    assert "仅支持三个月内的账单" in done.days[0].reason
    assert "did not answer: timed out" in done.days[1].reason
    assert (done.agrees, done.proof) == (False, None)
