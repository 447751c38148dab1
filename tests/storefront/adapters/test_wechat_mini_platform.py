"""The mini-program's server calls against the simulator."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from orders.ports import Refused, Unknown
from storefront.adapters.access_tokens import AccessTokenCache
from storefront.adapters.wechat_mini.platform import (
    CodeUsed,
    Delivered,
    MiniProgram,
    NotSent,
    PhoneNumber,
    Sent,
    TradeState,
)
from storefront.simulators.faults import FaultKind
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id
from tests.storefront.simulators.till import now

KEYS = KeyRing(current="a", keys={"a": b"a" * 32})
SECRET = "app-secret-canary"


@pytest.fixture
def tokens(redis) -> AccessTokenCache:
    return AccessTokenCache(redis, tenant_id=TenantId(new_id()), keys=KEYS)


@pytest.fixture
async def mini(till, tokens) -> MiniProgram:
    """The mini-program of the till's merchant, its money held until goods are received."""
    await till.control.command(
        "apps", appid=till.credentials.appid, secret=SECRET, trade_managed=True, pages=["pages/index/index"]
    )
    return MiniProgram(
        till.http,
        appid=till.credentials.appid,
        secret=SECRET,
        base_url=till.control.url,
        tokens=tokens,
        now=now,
    )


async def test_a_phone_buttons_code_gives_the_number_once(mini, till):
    made = await till.control.command("phone-codes", appid=till.credentials.appid, phone="13900000001")
    found = await mini.phone_number(made["code"])
    assert found == PhoneNumber("13900000001", "86")
    assert "1390000" not in repr(found)
    assert await mini.phone_number(made["code"]) == CodeUsed()


async def test_a_login_code_is_no_phone_code(mini, till):
    code = await till.control.login_code(appid=till.credentials.appid)
    assert await mini.phone_number(code) == CodeUsed()


async def test_an_unlimited_code_is_a_picture(mini):
    picture = await mini.unlimited_code("aB3dE6gH9jK2mN5p", page="pages/index/index")
    assert (picture.content[:4], picture.media_type) == (b"\x89PNG", "image/png")


@pytest.mark.parametrize(
    ("scene", "page"), [("x" * 33, "pages/index/index"), ("", "p"), ("a", "/pages"), ("a", "p?x=1")]
)
async def test_a_scene_or_page_that_cannot_work_is_refused_without_a_call(mini, scene, page):
    assert (await mini.unlimited_code(scene, page=page)).code == "SCENE"


async def test_a_page_that_does_not_exist_is_refused_by_its_number(mini):
    assert (await mini.unlimited_code("a", page="pages/nowhere")).code == "41030"


async def test_a_link_opens_the_mini_program_for_some_days(mini):
    assert (await mini.url_link("pages/index/index", query="s=abc", days=7)).startswith("https://")
    assert isinstance(await mini.url_link("pages/index/index", days=4_000), Refused)


async def test_a_message_is_sent_once_an_acceptance(mini, till):
    openid = "o-" + secrets.token_hex(4)
    said = {"thing1": "您的订单已备好，请到静安店前台领取，营业时间十点至二十二点", "time2": "2026-11-21"}
    refused = await mini.send_message(openid, template_id="T1", values=said)
    assert refused == NotSent("the shopper has not agreed", may_retry=False)
    await till.control.command("consents", appid=till.credentials.appid, openid=openid, template_id="T1")
    assert await mini.send_message(openid, template_id="T1", values=said) == Sent()
    assert isinstance(await mini.send_message(openid, template_id="T1", values=said), NotSent)


async def test_a_message_never_raises_and_a_lost_answer_is_not_sent_again(mini, till):
    openid = "o-" + secrets.token_hex(4)
    await till.control.command(
        "consents", appid=till.credentials.appid, openid=openid, template_id="T1", times=5
    )
    await till.control.plan_fault(FaultKind.ERROR_AFTER, path="*/subscribe/send")
    assert isinstance(await mini.send_message(openid, template_id="T1", values={"thing1": "x"}), NotSent)
    left = await till.control.command(
        "consents", appid=till.credentials.appid, openid=openid, template_id="T1"
    )
    assert left["left"] == 5


async def paid(till) -> tuple[str, str]:
    request = await till.paid(5_000, profit_sharing=True)
    return (await till.channel.look_up(request.payment_no)).transaction_id, request.openid


async def test_a_collected_order_is_told_and_settles_after_two_days(mini, till):
    transaction, openid = await paid(till)
    assert await mini.is_trade_managed() is True
    assert (await mini.trade_order(transaction)).state is TradeState.TO_SHIP
    assert await mini.tell_collected(transaction, openid=openid, item="春季外套 x 1") == Delivered()
    assert (await mini.trade_order(transaction)).state is TradeState.SHIPPED
    await till.control.advance(timedelta(days=4).total_seconds())
    assert (await mini.trade_order(transaction)).state is TradeState.FINISHED


async def test_a_lost_answer_about_a_collection_is_settled_by_asking(mini, till):
    transaction, openid = await paid(till)
    await till.control.plan_fault(FaultKind.ERROR_AFTER, path="*/upload_shipping_info")
    assert await mini.tell_collected(transaction, openid=openid, item="外套") == Delivered()
    for _ in range(2):
        assert await mini.tell_collected(transaction, openid=openid, item="外套") == Delivered()


async def test_a_collection_for_another_payer_is_refused(mini, till):
    transaction, _ = await paid(till)
    assert isinstance(await mini.tell_collected(transaction, openid="o-other", item="外套"), Refused)


async def test_a_token_that_is_refused_is_renewed_once(mini, till, tokens):
    await mini.is_trade_managed()
    await tokens.token(f"mini:{till.credentials.appid}", _stale, useless=await _kept(mini))
    assert await mini.is_trade_managed() is True


async def _kept(mini) -> str:
    return await mini._token(None)


async def _stale(_useless):
    from storefront.adapters.access_tokens import GivenToken  # noqa: PLC0415 only here

    return GivenToken("a-token-nobody-gave", 7_200)


async def test_fifty_calls_at_once_ask_for_one_token(mini):
    assert set(await asyncio.gather(*(mini.is_trade_managed() for _ in range(50)))) == {True}


async def test_a_wrong_secret_is_refused_and_never_shown(till, tokens, caplog, capsys):
    await till.control.command("apps", appid=till.credentials.appid, secret="another")
    caplog.set_level("DEBUG")
    mini = MiniProgram(
        till.http,
        appid=till.credentials.appid,
        secret=SECRET,
        base_url=till.control.url,
        tokens=tokens,
        now=now,
    )
    answer = await mini.is_trade_managed()
    assert isinstance(answer, Refused)
    assert SECRET not in caplog.text + capsys.readouterr().out + repr(mini) + repr(answer)


async def test_a_server_that_is_away_is_unknown(till, tokens):
    mini = MiniProgram(
        till.http, appid="wx0", secret=SECRET, base_url="http://127.0.0.1:9", tokens=tokens, now=now
    )
    assert isinstance(await mini.is_trade_managed(), Unknown)
