"""资金账单 row by row: every movement beside what our books expect of it, and a balance that goes on from row to row and day to day."""

import pytest
from sqlalchemy import text

from settlement.reconciliation.states import BillKind, DayState
from tests.settlement.reconciliation.test_fetch import found, morning, of, plant, reconcile, traded
from tests.support.rows import rows, value
from tests.support.trading import PRICE

FEE = 119
"""Of one payment at 0.6 %, half up."""


async def of_fund(shop):
    return sorted(each[1:] for each in await found(shop) if each[0] == "fund")


async def test_every_movement_of_a_day_with_splits_returns_and_refunds_is_expected(shop):
    (order, other) = await traded(shop, orders=2, refund=0)
    first = await morning(shop)
    assert (await reconcile(shop, first)).agrees
    await shop.collect(order.id)
    await shop.pass_days(8)
    await morning(shop)
    await shop.split_through(order.id)
    refund = await shop.ask_refund(order.id, 500)
    await shop.give_back(order.id)
    await shop.send_refund(refund)
    await shop.refund(other.id, 700)
    day = await morning(shop)
    done = await reconcile(shop, day)
    assert done.agrees, (await found(shop), done.proof)
    # the part and its return, the other order's refund and its fee; the first one waits for money and is expected nowhere
    assert (of(done, BillKind.FUND).matched, of(done, BillKind.FUND).classes) == (4, [])


async def test_a_part_that_left_stands_there_as_the_receiver_got_it(shop):
    """What leaves for a receiver stands in the file under the part's own number."""
    (order,) = await traded(shop, orders=1, refund=0)
    await shop.collect(order.id)
    await shop.pass_days(8)
    await morning(shop)
    await shop.split_through(order.id)
    day = await morning(shop)
    assert (await reconcile(shop, day)).agrees
    ((account, amount),) = await rows(
        shop.tenant, "SELECT account, amount_fen FROM app.split_parts WHERE tenant_id = :t"
    )
    keys = await rows(
        shop.tenant, "SELECT cells FROM app.bill_rows WHERE tenant_id = :t AND kind = 'movement'"
    )
    assert account == shop.mall_account
    assert -amount in [row.cells["amount_fen"] for row in keys if row.cells["kind"] == "分账"]


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ({"change": "drop", "row": 0}, [("missing_there", "fund.paid", -PRICE)]),
        ({"change": "drop", "row": 1}, [("balance", "balance", -FEE), ("missing_there", "fund.fee", FEE)]),
        (
            {"change": "alter", "row": 2, "column": "收支金额(元)", "value": "199.01"},
            [("amount", "fund.paid", 1), ("balance", "balance", -1)],
        ),
        (
            {"change": "alter", "row": 3, "column": "收支金额(元)", "value": "1.20"},
            [("amount", "fund.fee", -1), ("balance", "balance", 1)],
        ),
        (
            {"change": "alter", "row": 2, "column": "账户结余(元)", "value": "1.00"},
            [("balance", "balance", None), ("balance", "balance", None)],
        ),
        (
            {"change": "duplicate", "row": 2},
            [("balance", "balance", -PRICE), ("duplicated", "fund.paid", PRICE)],
        ),
        (
            {"change": "alter", "row": 2, "column": "微信支付业务单号", "value": "4200009"},
            [("missing_here", "fund.paid", PRICE), ("missing_there", "fund.paid", -PRICE)],
        ),
        (
            {"change": "alter", "row": 3, "column": "业务类型", "value": "平台服务费"},
            [("missing_here", "fund.unknown", -FEE), ("missing_there", "fund.fee", FEE)],
        ),
    ],
)
async def test_a_planted_untruth_is_found_in_its_row_and_nothing_else(shop, planted, expected):
    await traded(shop, orders=2, refund=0)
    day = await morning(shop)
    await plant(shop, day, bill="FUND", **planted)
    done = await reconcile(shop, day)
    assert not done.agrees
    seen = await of_fund(shop)
    assert [each[:2] for each in seen] == [each[:2] for each in expected]
    assert all(
        wanted is None or each[2] == wanted for each, (_, _, wanted) in zip(seen, expected, strict=True)
    )
    assert [each for each in await found(shop) if each[0] != "fund"] == []


async def test_changes_that_cancel_out_are_found_though_every_sum_agrees(shop):
    """The control for sums: two payments exchange a fen, no total moves, and whoever adds up sees nothing."""
    await traded(shop, orders=2, refund=0)
    day = await morning(shop)
    for row, amount in ((0, "198.99"), (2, "199.01")):
        await plant(shop, day, "alter", bill="FUND", row=row, column="收支金额(元)", value=amount)
    done = await reconcile(shop, day)
    told = "SELECT told = counted AS agrees FROM app.bill_files WHERE tenant_id = :t AND kind = 'fund'"
    assert not done.agrees
    assert [each[:2] for each in await of_fund(shop)] == [
        ("amount", "fund.paid"), ("amount", "fund.paid"), ("balance", "balance"),
    ]  # fmt: skip
    assert await value(shop.tenant, told) in {True, False}


async def test_withdrawals_need_a_reason_or_a_policy(shop):
    await traded(shop, orders=1, refund=0)
    await shop.pass_days(8)
    await morning(shop)
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=10_000)
    await shop.control.command("withdrawals", mchid=shop.trading.mchid, amount_fen=2_500)
    day = await morning(shop)
    await reconcile(shop, day)
    assert await of_fund(shop) == [
        ("missing_here", "fund.deposit", 10_000), ("missing_here", "fund.withdrawal", -2_500),
    ]  # fmt: skip
    async with shop.tenant.writing() as db:
        listed = '{"reconciliation": {"ownMovements": "listed"}}'
        await db.execute(
            text("UPDATE app.tenants SET settings = settings || CAST(:s AS jsonb) WHERE tenant_id = :t"),
            {"t": db.tenant_id, "s": listed},
        )
    done = await reconcile(shop, day)
    assert await of_fund(shop) == []
    assert of(done, BillKind.FUND).state is DayState.TAKEN


async def test_a_balance_goes_on_from_day_to_day_over_idle_days(shop):
    await traded(shop, orders=1, refund=0)
    first = await morning(shop)
    assert (await reconcile(shop, first)).agrees
    idle = await morning(shop)
    assert of(await reconcile(shop, idle), BillKind.FUND).state is DayState.NOTHING
    await shop.paid()
    day = await morning(shop)
    assert (await reconcile(shop, day)).agrees
    # A movement of the first day that its file left out: the day after next cannot begin where it does.
    await plant(shop, first, "drop", row=1, bill="FUND")
    await reconcile(shop, first)
    opening = "SELECT day, ours, theirs FROM app.differences WHERE tenant_id = :t AND key = 'balance:opening' AND state = 'open'"
    ((on, here, there),) = await rows(shop.tenant, opening)
    assert on == day
    assert there["amountFen"] - here["amountFen"] == -FEE


async def test_a_refund_that_fails_comes_back_and_nothing_is_left_open(shop):
    (order,) = await traded(shop, orders=1, refund=0)
    number = await value(shop.tenant, "SELECT payment_no FROM app.payments WHERE tenant_id = :t")
    await shop.control.command(
        "refunds/decide", out_trade_no=number, mchid=shop.trading.mchid, status="CLOSED"
    )
    refund = await shop.ask_refund(order.id, 700)
    await shop.send_refund(refund)
    day = await morning(shop)
    done = await reconcile(shop, day)
    assert await of_fund(shop) == []
    assert of(done, BillKind.FUND).matched == 6  # taken back, come again, and the fee of both


async def test_a_fund_file_that_was_kept_before_rows_were_compared_compares_as_well(shop):
    """Rows of old are known by their flow's number; what they are about is read from their cells."""
    await traded(shop, orders=1, refund=0)
    day = await morning(shop)
    done = await reconcile(shop, day)
    keys = await rows(
        shop.tenant, "SELECT key, kind FROM app.bill_rows WHERE tenant_id = :t AND kind = 'movement'"
    )
    assert {row.key.split(":")[0] for row in keys} == {"movement"}
    assert of(done, BillKind.FUND).matched == len(keys) == 2
