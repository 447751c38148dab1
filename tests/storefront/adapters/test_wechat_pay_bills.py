"""Bills: fetched from the simulator a day later, and read by the names in their headers, exactly and loudly."""

import gzip
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from orders.ports import RefundRequest, Unknown
from settlement.reconciliation.bills import BillPending, NothingBilled, SplitKind, TradeKind
from storefront.adapters.errors import BillColumnUnknown, BillDigestWrong, BillUnreadable
from storefront.adapters.wechat_pay import bill_rows
from storefront.adapters.wechat_pay.bills import unpacked
from storefront.simulators.faults import FaultKind
from tenants.kernel.money import Fen
from tests.storefront.adapters.parties import (
    next_morning,
    open_partner,
    open_receiver,
    paid_for_splitting,
    part,
    receiver,
    return_of,
    split_of,
)

HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
ROW = (
    "`2022-03-21 13:51:31,`wx0,`180023671,`0,`,`4200001,`P-1,`o-1,`JSAPI,`SUCCESS,`OTHERS,`CNY,`{settled},`0.00,`0,`0,`0.00,`0.00,`,`,"
    "`{name},`,`{fee},`0.90%,`{total},`0.00,`"
)
SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


def bill(
    *, header=HEADER, settled="0.01", total="0.01", fee="0.00000", name="外套", sums=None, rows=1
) -> bytes:
    row = ROW.format(settled=settled, total=total, fee=fee, name=name)
    told = sums or f"`{rows},`{settled},`0.00,`0.00,`{fee},`{total},`0.00"
    return ("\ufeff" + "\r\n".join([header, *[row] * rows, SUMS, told]) + "\r\n").encode()


async def test_a_days_payments_and_refunds_are_in_its_trade_bill(till):
    await next_morning(till.control)
    first, second = await till.paid(10_001), await till.paid(250)
    asked = RefundRequest(
        payment_no=first.payment_no,
        refund_no="R" + first.payment_no,
        refund_fen=Fen(301),
        total_fen=Fen(10_001),
        reason="",
    )
    await till.channel.refund(asked)
    read = await till.channel.bills.trade_bill(await next_morning(till.control))
    assert [(row.kind, row.payment_no, row.total_fen) for row in read.rows] == [
        (TradeKind.PAYMENT, first.payment_no, 10_001),
        (TradeKind.PAYMENT, second.payment_no, 250),
        (TradeKind.REFUND, first.payment_no, 0),
    ]
    refund = read.rows[2]
    assert (refund.refund_no, refund.refund_asked_fen, refund.refund_fen) == (asked.refund_no, 301, 301)
    assert (read.rows[0].merchant_no, read.rows[0].sub_merchant_no) == (till.mchid, None)
    assert read.rows[0].fee_millifen == 60_000
    assert read.rows[0].at.tzinfo is UTC
    assert read.told == read.counted
    assert (read.counted.count, read.counted.total_fen) == (3, 10_251)


async def test_a_days_movements_are_in_its_fund_bill(till):
    await next_morning(till.control)
    await till.control.command("deposits", mchid=till.mchid, amount_fen=5_000)
    await till.control.withdraw(mchid=till.mchid, amount_fen=1_200)
    read = await till.channel.bills.fund_bill(await next_morning(till.control))
    assert [row.amount_fen for row in read.rows] == [5_000, -1_200]
    assert read.rows[1].balance_fen == 3_800
    assert read.told == read.counted


async def test_a_days_splits_and_returns_are_in_its_split_bill(till):
    await next_morning(till.control)
    mall = await open_receiver(till.control)
    await till.channel.splitting.add_receiver(receiver(mall))
    transaction = await paid_for_splitting(till)
    asked = split_of(transaction, part(mall, 1_234))
    await till.channel.splitting.split(asked)
    await till.control.advance(3)
    back = return_of(asked.split_no, mall, 34)
    await till.channel.splitting.give_back(back)
    read = await till.channel.bills.split_bill(await next_morning(till.control))
    assert [(row.kind, row.number, row.amount_fen, row.receiver) for row in read.rows] == [
        (SplitKind.SPLIT, asked.split_no, 1_234, mall),
        (SplitKind.RETURN, back.return_no, 34, mall),
    ]
    assert read.told == read.counted


async def test_a_sub_merchants_bill_is_asked_for_by_its_number(control, http, merchant_key, notify_url):
    chain = await open_partner(control, http, merchant_key=merchant_key, notify_url=notify_url)
    await next_morning(control)
    await chain.till.paid(700)
    bills = chain.till.channel.bills
    day = await next_morning(control)
    (row,) = (await bills.trade_bill(day)).rows
    assert (row.sub_merchant_no, row.total_fen) == (chain.sub_mchid, 700)
    assert (await bills.fund_bill(day)).code == "NOT_OFFERED"


async def test_a_day_without_a_file_and_a_file_not_yet_made_are_told_apart(till):
    await next_morning(till.control)
    quiet = await next_morning(till.control)
    assert await till.channel.bills.trade_bill(quiet) == NothingBilled()
    await till.paid(100)
    noon_to_nine = 21 * 3_600
    await till.control.advance(noon_to_nine)
    assert await till.channel.bills.trade_bill(quiet + timedelta(days=1)) == BillPending()
    await till.control.advance(3_600)
    assert len((await till.channel.bills.trade_bill(quiet + timedelta(days=1))).rows) == 1


async def test_planned_untruths_stay_in_the_rows_and_show_against_the_summary(till):
    await next_morning(till.control)
    await till.paid(1_000)
    await till.paid(2_000)
    day = ((await till.control.advance(0)).astimezone(UTC)).date().isoformat()
    change = {"mchid": till.mchid, "bill_date": day, "keep_summary": True}
    await till.control.command("bills/changes", change="drop", row=0, **change)
    read = await till.channel.bills.trade_bill(await next_morning(till.control))
    assert (read.told.count, read.counted.count) == (2, 1)


async def test_a_file_that_is_not_the_announced_one_is_refused(till):
    await next_morning(till.control)
    await till.paid(1_000)
    day = ((await till.control.advance(0)).astimezone(UTC)).date().isoformat()
    await till.control.command("bills/changes", mchid=till.mchid, bill_date=day, change="hash")
    yesterday = await next_morning(till.control)
    with pytest.raises(BillDigestWrong):
        await till.channel.bills.trade_bill(yesterday)


async def test_a_download_that_fails_is_repeated_and_then_unknown(till):
    await next_morning(till.control)
    await till.paid(1_000)
    day = await next_morning(till.control)
    await till.control.plan_fault(FaultKind.ERROR_AFTER, path="/v3/billdownload/*", times=2)
    assert len((await till.channel.bills.trade_bill(day)).rows) == 1
    await till.control.plan_fault(FaultKind.BUSY, path="/v3/billdownload/*", times=3)
    assert isinstance(await till.channel.bills.trade_bill(day), Unknown)


@pytest.mark.parametrize(
    ("text", "fen"),
    [("0.01", 1), ("8.20", 820), ("1001", 100_100), ("-3.5", -350), ("90071992547409.93", 9007199254740993)],
)
def test_yuan_become_fen_exactly(text, fen):
    assert bill_rows.fen(text) == fen


@pytest.mark.parametrize(
    "text", ["", "0.001", "1,000.00", "1e2", "NaN", "٣.٠٠", "0x10", "1.", "--1", "9" * 30]
)
def test_what_is_no_amount_of_fen_is_refused(text):
    with pytest.raises(BillUnreadable):
        bill_rows.fen(text)


@pytest.mark.parametrize(("text", "units"), [("0.00001", 1), ("-0.60000", -60_000), ("1.23456", 123_456)])
def test_a_fee_keeps_its_five_decimals(text, units):
    assert bill_rows.millifen(text) == units


def test_a_row_is_read_by_the_names_in_the_header():
    read = bill_rows.trade_bill(bill(total="12.34", settled="12.34", fee="0.11106", name="外套,红色"))
    (row,) = read.rows
    assert (row.total_fen, row.fee_millifen, row.fee_rate) == (1_234, 11_106, "0.90%")
    assert row.description == "外套,红色"
    assert row.at == datetime(2022, 3, 21, 5, 51, 31, tzinfo=UTC)
    assert read.told == read.counted


@pytest.mark.parametrize("within", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", ",", "`", "\r"])
def test_a_name_that_holds_what_could_end_a_line_or_a_value_is_read_whole(within):
    read = bill_rows.trade_bill(bill(name=f"外{within}套"))
    assert [row.description for row in read.rows] == [f"外{within}套"]
    assert read.told == read.counted


@pytest.mark.parametrize(
    "header",
    [HEADER + ",新的列", HEADER.replace("手续费,", ""), HEADER.replace("手续费", "Fee"), HEADER + ",手续费"],
)
def test_a_header_that_is_not_known_fails_loudly(header):
    with pytest.raises(BillColumnUnknown):
        bill_rows.trade_bill(bill(header=header))


@pytest.mark.parametrize("brackets", ["(元)", "（元）", ""])
def test_wide_and_narrow_brackets_are_the_same_header(brackets):
    header = f"记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额{brackets},账户结余{brackets},资金变更提交申请人,备注,业务凭证号"
    row = "`2026-11-21 08:00:00,`1,`2,`充值,`充值,`收入,`1.00,`1.00,`system,`,`"
    assert bill_rows.fund_bill(f"{header}\n{row}\n".encode()).rows[0].amount_fen == 100


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"<html>",
        bill(total="0.015"),
        bill().replace(b"`SUCCESS", b"`NEXTYEAR"),
        bill().replace(b"2022-03-21 13:51:31", b"21.03.2022"),
        bill() + b"`1,`2\r\n",
        bill(sums="`one,`0.01,`0.00,`0.00,`0.00000,`0.01,`0.00"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_and_never_skipped(raw):
    with pytest.raises(BillUnreadable):
        bill_rows.trade_bill(raw)


def test_a_file_is_compared_after_it_is_unpacked():
    plain = bill()
    digest = hashlib.sha1(plain).hexdigest()
    assert unpacked(gzip.compress(plain), digest=digest.upper()) == plain
    assert unpacked(plain, digest=digest) == plain
    with pytest.raises(BillDigestWrong):
        unpacked(gzip.compress(plain + b" "), digest=digest)
    with pytest.raises(BillUnreadable):
        unpacked(gzip.compress(plain)[:-9], digest=digest)
    with pytest.raises(BillUnreadable):
        unpacked(b"\x1f\x8bnonsense", digest=digest)
