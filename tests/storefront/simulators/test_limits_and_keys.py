"""The documented frequency limits, counted on a clock that stands still, and WeChat's keys changing while everything goes on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from tests.storefront.simulators.stranger import DAY, Merchant, number, part
from tests.storefront.simulators.test_mini_program import CODE, Mini

REFUNDS = "/v3/refund/domestic/refunds"


@pytest.fixture
async def control(_keys_made_once) -> AsyncIterator[SimulatorControl]:
    """A simulator whose seconds pass only when it is told so."""
    begun = datetime.now(UTC)
    async with running_simulator(seed=7, clock=SimulatorClock(lambda: begun)) as running:
        yield running


@pytest.fixture
async def mall(control, http) -> Merchant:
    return await Merchant.open(control, http, legal_name="星河商场有限公司", accepts_returns=True)


@pytest.fixture
async def payee(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key)


async def words(asked, times: int) -> list[str]:
    """The codes of so many answers."""
    return [(await asked()).get("code", "") for _ in range(times)]


async def test_a_payee_is_split_for_thirty_times_a_second(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid(100_000)
    told = await words(lambda: payee.split(transaction, [part(mall, 1)]), 31)
    assert told == [""] * 30 + ["RATELIMIT_EXCEED"]
    await payee.control.advance(1)
    assert await words(lambda: payee.split(transaction, [part(mall, 1)]), 1) == [""]


async def test_a_switch_scales_the_limits_and_turns_them_off(payee, mall, control):
    await payee.relate(mall)
    _, transaction = await payee.paid(100_000)
    told = await control.command("limits", scale=0.1)
    assert {each["name"]: each["calls"] for each in told["limits"]}["splits of a payee"] == 3
    told = await words(lambda: payee.split(transaction, [part(mall, 1)]), 4)
    assert told == ["", "", "", "RATELIMIT_EXCEED"]
    await control.command("limits", scale=0)
    assert set(await words(lambda: payee.split(transaction, [part(mall, 1)]), 40)) == {""}


async def test_after_six_erroneous_refunds_within_a_second_right_ones_have_to_wait_too(payee, control):
    no, _ = await payee.paid()
    told = await words(lambda: payee.refund("P-nobody-knows", 1), 7)
    assert told == ["RESOURCE_NOT_EXISTS"] * 6 + ["FREQUENCY_LIMITED"]
    answer = await payee.refund(no, 100, refund_no="T-waits")
    assert answer["code"] == "FREQUENCY_LIMITED"
    await control.advance(1)
    assert (await payee.refund(no, 100, refund_no="T-waits"))["status"] in {"PROCESSING", "SUCCESS"}


async def test_refunds_are_taken_one_hundred_and_fifty_times_a_second(payee, control):
    no, _ = await payee.paid()
    await control.command("limits", scale=0.04)
    assert await words(lambda: payee.refund(no, 1), 7) == [""] * 6 + ["FREQUENCY_LIMITED"]


async def test_a_shopper_logs_in_a_hundred_times_a_minute_and_keeps_the_code_of_the_refused_time(
    control, http
):
    await control.register_app(appid="wxapp", secret="s")
    await control.command("limits", scale=0.02)

    async def log_in(openid: str = "o-one", code: str | None = None) -> tuple[str, dict]:
        code = code or await control.login_code(appid="wxapp", openid=openid)
        query = {"appid": "wxapp", "secret": "s", "js_code": code, "grant_type": "authorization_code"}
        return code, (await http.get(f"{control.url}/sns/jscode2session", params=query)).json()

    answers = [await log_in() for _ in range(3)]
    assert [answer.get("errcode", 0) for _, answer in answers] == [0, 0, 45011]
    assert "openid" in (await log_in("o-another"))[1]
    await control.advance(60)
    assert (await log_in(code=answers[2][0]))[1]["openid"] == "o-one"


async def test_codes_are_drawn_five_thousand_times_a_minute(control, http):
    await control.register_app(appid="wxapp", secret="s")
    await control.command("limits", scale=0.0004)
    mini = Mini(control, http, "wxapp")
    await mini.fresh_token()
    answers = [await mini.raw(CODE, {"scene": "abc", "page": ""}) for _ in range(3)]
    assert [each.headers["content-type"] for each in answers[:2]] == ["image/png"] * 2
    assert answers[2].json()["errcode"] == 45009


async def test_a_new_public_key_is_taken_beside_the_old_one_until_that_ends(payee, mall, control):
    old = payee.key_id, payee.wechat_pem
    fresh = await control.command(
        "public-keys/rotate", mchid=payee.mchid, signs_after_seconds=60, overlap_seconds=DAY
    )
    new = fresh["publicKeyId"], fresh["publicKey"]
    assert old[0] != new[0]
    # `call` checks that the answer is signed with the key that was named, and names are sealed with it.
    for key in (old, new):
        payee.key_id, payee.wechat_pem = key
        await payee.relate(mall)
        assert (await payee.paid())[1]
    await control.advance(DAY + 120)
    payee.key_id, payee.wechat_pem = old
    answer = await payee.send("GET", f"/v3/profitsharing/transactions/{number()}/amounts")
    assert answer.headers["Wechatpay-Serial"] != old[0]
    payee.key_id, payee.wechat_pem = new
    assert (await payee.paid())[1]


async def test_callbacks_are_signed_with_the_new_public_key_only_once_it_signs(payee, control, inbox):
    old = payee.key_id
    fresh = await control.command("public-keys/rotate", mchid=payee.mchid, signs_after_seconds=60)
    for _ in range(2):
        no = await payee.prepaid(notify_url=inbox.url)
        await control.pay(payment_no=no, mchid=payee.mchid)
        await control.advance(61)
    serials = [{k.lower(): v for k, v in headers.items()}["wechatpay-serial"] for headers, _ in inbox.letters]
    assert serials == [old, fresh["publicKeyId"]]


async def test_an_abnormal_refund_is_brought_to_a_card_once(payee, control):
    no, _ = await payee.paid()
    await control.command("refunds/decide", out_trade_no=no, status="ABNORMAL")
    made = await payee.refund(no, 4_000)
    await control.advance(10)
    target = f"{REFUNDS}/{made['refund_id']}/apply-abnormal-refund"
    asked = {"out_refund_no": made["out_refund_no"], "type": "USER_BANK_CARD"}
    assert (await payee.call("POST", target, asked))["code"] == "PARAM_ERROR"
    card = {
        "bank_type": "CMB_DEBIT", "bank_account": payee.sealed("6222000000000000"), "real_name": payee.sealed("林"),
    }  # fmt: skip
    plain = {**card, "real_name": "林"}
    assert (await payee.call("POST", target, asked | plain))["code"] == "PARAM_ERROR"
    ended = await payee.call("POST", target, asked | card)
    assert (ended["status"], ended["amount"]["refund"]) == ("SUCCESS", 4_000)
    again = await payee.call("POST", target, asked | card)
    assert again["code"] == "INVALID_REQUEST"
    assert (await payee.account())["mchid"] == payee.mchid
