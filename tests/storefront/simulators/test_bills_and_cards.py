"""Bills and their untruths, guide cards, certificates, limits."""

import gzip
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.faults import FaultKind
from storefront.simulators.run import running_simulator
from tests.storefront.simulators.stranger import DAY, Merchant, part

NOON = datetime(2026, 3, 10, 12, tzinfo=timezone(timedelta(hours=8)))
TODAY = "2026-03-10"


@pytest.fixture
async def control(_keys_made_once):
    """A simulator whose business time starts at noon in Beijing and moves only when it is told to."""
    clock = SimulatorClock()
    clock._real = lambda: NOON
    clock.stamp = lambda: int(datetime.now(UTC).timestamp())
    async with running_simulator(seed=7, clock=clock) as running:
        yield running


@pytest.fixture
async def payee(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key)


@pytest.fixture
async def mall(control, http, payee) -> Merchant:
    mall = await Merchant.open(control, http, accepts_returns=True)
    await payee.relate(mall)
    return mall


async def read(payee, kind: str, day: str = TODAY, *, zipped=False) -> tuple[list[dict], dict]:
    """Fetch a bill, check its digest, and read it by its headers."""
    found = await payee.bill(kind, day, zipped=zipped)
    raw = (await payee.fetch(found["download_url"])).content
    plain = gzip.decompress(raw) if zipped else raw
    assert hashlib.sha1(plain).hexdigest() == found["hash_value"]
    lines = plain.decode("utf-8-sig").splitlines()
    assert all(cell.startswith("`") for line in lines[1:-2] for cell in line.split(","))
    rows = [dict(zip(lines[0].split(","), line[1:].split(",`"), strict=True)) for line in lines[1:-2]]
    return rows, dict(zip(lines[-2].split(","), lines[-1][1:].split(",`"), strict=True))


async def a_day(payee, mall) -> tuple[str, str]:
    """A payment split to the mall and refunded in part, and the next morning."""
    no, transaction = await payee.paid(10_000)
    done = await payee.split_now(transaction, [part(mall, 2_000)])
    await payee.give_back(done, mall, 500)
    await payee.refund(no, 1_000, refund_no="T-" + no)
    await payee.control.advance(22 * 3600)
    return no, transaction


async def test_a_bill_is_made_the_next_day_at_ten_and_not_before(payee, mall):
    await payee.paid(10_000)
    assert (await payee.bill("ALL", TODAY))["code"] == "INVALID_REQUEST"
    await payee.control.advance(21 * 3600)
    assert (await payee.bill("ALL", TODAY))["code"] == "STATEMENT_CREATING"
    await payee.control.advance(3600)
    assert (await payee.bill("ALL", TODAY))["hash_type"] == "SHA1"
    assert (await payee.bill("ALL", "2026-03-09"))["code"] == "NO_STATEMENT_EXIST"
    await payee.control.advance(93 * DAY)
    assert (await payee.bill("ALL", TODAY))["code"] == "INVALID_REQUEST"
    assert (await payee.bill("ALL", "yesterday"))["code"] == "PARAM_ERROR"


async def test_the_trade_bill_is_in_yuan_with_refunds_and_a_negative_fee(payee, mall):
    no, _ = await a_day(payee, mall)
    rows, summary = await read(payee, "ALL", zipped=True)
    assert [row["交易状态"] for row in rows] == ["SUCCESS", "REFUND"]
    assert (rows[0]["商户订单号"], rows[0]["应结订单金额"], rows[0]["手续费"], rows[0]["特约商户号"]) == (
        no,
        "100.00",
        "0.60000",
        "0",
    )
    assert (rows[1]["申请退款金额"], rows[1]["手续费"]) == ("10.00", "-0.06000")
    assert (summary["总交易单数"], summary["订单总金额"], summary["手续费总金额"]) == (
        "2",
        "100.00",
        "0.54000",
    )
    assert [len((await read(payee, kind))[0]) for kind in ("SUCCESS", "REFUND")] == [1, 1]


async def test_a_refund_stands_on_the_day_it_was_accepted_and_keeps_that_days_state(payee):
    no, _ = await payee.paid(10_000)
    await payee.control.command("refunds/decide", out_trade_no=no, status="ABNORMAL")
    await payee.control.advance(11 * 3600 + 59 * 60 - 60)
    await payee.refund(no, 1_000)
    await payee.control.advance(DAY)
    rows, _ = await read(payee, "REFUND", TODAY)
    assert rows[0]["退款申请时间"].startswith(TODAY)


async def test_the_split_bill_has_what_succeeded_and_lives_thirty_seconds(payee, mall):
    _, transaction = await a_day(payee, mall)
    rows, _ = await read(payee, "SPLIT")
    assert [(row["业务类型"], row["分账金额(元)"]) for row in rows] == [
        ("分账", "20.00"),
        ("分账回退", "5.00"),
    ]
    assert {row["微信订单号"] for row in rows} == {transaction}
    found = await payee.bill("SPLIT", TODAY)
    await payee.control.advance(30)
    assert (await payee.fetch(found["download_url"])).status_code == 400
    trade = await payee.bill("ALL", TODAY)
    await payee.control.advance(299)
    assert (await payee.fetch(trade["download_url"])).status_code == 200
    await payee.control.advance(1)
    assert (await payee.fetch(trade["download_url"])).status_code == 400


async def test_a_split_that_was_closed_is_in_no_bill(payee, mall, control):
    _, transaction = await payee.paid()
    await control.command("splits/decide", account=mall.mchid)
    await payee.split_now(transaction, [part(mall, 500)])
    await control.advance(DAY)
    assert (await payee.bill("SPLIT", TODAY))["code"] == "NO_STATEMENT_EXIST"


async def test_the_fund_bills_last_balance_is_all_the_merchant_has(payee, mall):
    await a_day(payee, mall)
    rows, summary = await read(payee, "FUND")
    account = await payee.account()
    has = sum(account[f"{name}Fen"] for name in ("available", "frozen", "unsettled", "inSplits"))
    assert (rows[-1]["账户结余(元)"], summary["资金流水总笔数"]) == (f"{has / 100:.2f}", str(len(rows)))


async def test_a_bill_is_downloaded_under_a_signature_and_answered_without_one(payee, mall, http):
    await a_day(payee, mall)
    url = (await payee.bill("ALL", TODAY))["download_url"]
    assert (await http.get(url)).status_code == 401
    assert "Wechatpay-Signature" not in (await payee.fetch(url)).headers


@pytest.mark.parametrize(
    ("change", "rows", "total"), [("drop", 1, "1"), ("duplicate", 3, "3"), ("add", 3, "3"), ("alter", 2, "2")]
)
async def test_a_planned_untruth_is_in_the_rows_and_its_digest_is_right(
    payee, mall, control, change, rows, total
):
    await a_day(payee, mall)
    planned = {
        "mchid": payee.mchid,
        "bill_date": TODAY,
        "change": change,
        "column": "订单金额",
        "value": "99.99",
    }
    await control.command("bills/changes", **planned)
    found, summary = await read(payee, "ALL")
    assert (len(found), summary["总交易单数"]) == (rows, total)
    assert any(row["订单金额"] == "99.99" for row in found) is (change in {"alter", "add"})


async def test_a_summary_can_be_kept_or_altered_and_a_digest_spoilt(payee, mall, control):
    await a_day(payee, mall)
    planned = {"mchid": payee.mchid, "bill_date": TODAY}
    await control.command("bills/changes", **planned, change="drop", row=1, keep_summary=True)
    await control.command("bills/changes", **planned, change="total", column="订单总金额", value="1.00")
    found, summary = await read(payee, "ALL")
    assert (len(found), summary["总交易单数"], summary["订单总金额"]) == (1, "2", "1.00")
    await control.command("bills/changes", **planned, change="hash")
    told = await payee.bill("ALL", TODAY)
    content = (await payee.fetch(told["download_url"])).content
    assert hashlib.sha1(content).hexdigest() != told["hash_value"]


async def register(payee) -> str:
    body = {
        "corpid": "ww1", "store_id": 88, "userid": "lin", "name": payee.sealed("林小满"), "mobile": payee.sealed("13000000000"),
        "qr_code": "https://example.invalid/q", "avatar": "https://example.invalid/a",
    }  # fmt: skip
    return (await payee.call("POST", "/v3/smartguide/guides", body))["guide_id"]


async def test_a_guide_assigned_after_payment_is_answered_204_and_shows_no_card(payee, control):
    guide, no = await register(payee), await payee.prepaid()
    target, body = f"/v3/smartguide/guides/{guide}/assign", {"out_trade_no": no}
    assert (await payee.send("POST", target, body)).status_code == 204
    await control.pay(payment_no=no, wait=False)
    assert (await payee.send("POST", target, body)).status_code == 204
    assert [each["cardShown"] for each in (await control.books())["assignments"]] == [True, False]


async def test_a_guide_is_found_by_store_and_changed_by_patch(payee):
    guide = await register(payee)
    assert await register(payee) == guide
    answer = await payee.send(
        "PATCH", f"/v3/smartguide/guides/{guide}", {"avatar": "https://example.invalid/b"}
    )
    assert answer.status_code == 204
    found = await payee.call("GET", "/v3/smartguide/guides?store_id=88&userid=lin")
    assert (found["total_count"], found["data"][0]["guide_id"]) == (1, guide)
    assert (await payee.call("GET", "/v3/smartguide/guides"))["code"] == "PARAM_ERROR"
    assert (await payee.call("POST", "/v3/smartguide/guides/none/assign", {"out_trade_no": "x"}))[
        "code"
    ] == "PARAM_ERROR"


async def test_a_new_certificate_is_listed_beside_the_old_one_before_it_signs(payee, control):
    fresh = await control.command("certificates/rotate", signs_after_seconds=3600, overlap_seconds=DAY)
    listed = (await payee.call("GET", "/v3/certificates"))["data"]
    assert (len(listed), listed[1]["serial_no"]) == (2, fresh["certificateSerial"])

    async def signer() -> str:
        payee.key_id, kept = "", payee.key_id
        answer = await payee.send("GET", "/v3/certificates")
        payee.key_id = kept
        return answer.headers["Wechatpay-Serial"]

    assert await signer() == listed[0]["serial_no"]
    await control.advance(3600)
    assert await signer() == listed[1]["serial_no"]
    await control.advance(DAY)
    assert len((await payee.call("GET", "/v3/certificates"))["data"]) == 1


async def test_limits_are_told_in_each_products_own_word(payee, control):
    await control.plan_fault(FaultKind.LIMITED, path="/v3/*", times=2)
    first = await payee.send("GET", "/v3/certificates")
    second = await payee.send("GET", "/v3/profitsharing/transactions/1/amounts")
    assert (first.status_code, first.json()["code"]) == (429, "FREQUENCY_LIMITED")
    assert (second.status_code, second.json()["code"]) == (429, "RATELIMIT_EXCEED")
