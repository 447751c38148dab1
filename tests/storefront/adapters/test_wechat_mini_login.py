"""Logging in through the mini-program platform, against the simulator."""

import logging
import secrets

import pytest

from storefront.adapters.wechat_mini.client import WechatMiniLogin
from storefront.simulators.faults import FaultKind
from tenants.errors import IdentityUnavailable, LoginCodeRefused
from tenants.ports import ShopperIdentity

SECRET = "app-secret-canary"
PATH = "/sns/jscode2session"


@pytest.fixture
async def appid(control) -> str:
    appid = "wx" + secrets.token_hex(8)
    await control.register_app(appid=appid, secret=SECRET)
    return appid


@pytest.fixture
def login(control, http, appid) -> WechatMiniLogin:
    return WechatMiniLogin(http, appid=appid, secret=SECRET, base_url=control.url, answer_seconds=0.5)


async def test_a_code_tells_who_the_shopper_is_and_nothing_more(control, login, appid):
    code = await control.login_code(appid=appid, openid="o-shopper", unionid="u-shopper")
    assert await login.identify(code) == ShopperIdentity(openid="o-shopper", unionid="u-shopper")


async def test_a_shopper_without_a_union_is_known_by_openid_alone(control, login, appid):
    code = await control.login_code(appid=appid, openid="o-shopper")
    assert (await login.identify(code)).unionid is None


async def test_a_code_works_once(control, login, appid):
    code = await control.login_code(appid=appid)
    await login.identify(code)
    with pytest.raises(LoginCodeRefused):
        await login.identify(code)


async def test_a_code_of_another_app_is_refused(control, login):
    await control.register_app(appid="wx-another", secret="s")
    with pytest.raises(LoginCodeRefused):
        await login.identify(await control.login_code(appid="wx-another"))


async def test_a_code_older_than_five_minutes_is_refused(control, login, appid):
    code = await control.login_code(appid=appid)
    await control.advance(301)
    with pytest.raises(LoginCodeRefused):
        await login.identify(code)


@pytest.mark.parametrize("code", ["", "é", "a\nb", "x" * 200])
async def test_a_code_that_can_be_none_is_refused_without_asking(login, code):
    with pytest.raises(LoginCodeRefused):
        await login.identify(code)


@pytest.mark.parametrize("kind", [FaultKind.BUSY, FaultKind.LIMITED, FaultKind.LOSE, FaultKind.ERROR_AFTER])
async def test_wechat_being_away_is_unavailable(control, login, appid, kind):
    await control.plan_fault(kind, path=PATH)
    with pytest.raises(IdentityUnavailable):
        await login.identify(await control.login_code(appid=appid))


async def test_a_wrong_secret_is_ours_to_mend_and_not_the_shoppers_fault(control, http, appid):
    login = WechatMiniLogin(http, appid=appid, secret="wrong", base_url=control.url)
    with pytest.raises(IdentityUnavailable):
        await login.identify(await control.login_code(appid=appid))


async def test_nobody_listening_is_unavailable(http):
    login = WechatMiniLogin(http, appid="wx0", secret=SECRET, base_url="http://127.0.0.1:9")
    with pytest.raises(IdentityUnavailable) as refusal:
        await login.identify("code")
    assert SECRET not in str(refusal.value) + repr(refusal.value.__cause__)


async def test_the_apps_secret_is_in_no_log_line(control, login, appid, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    await login.identify(await control.login_code(appid=appid))
    await control.plan_fault(FaultKind.ERROR_AFTER, path=PATH)
    with pytest.raises(IdentityUnavailable) as refusal:
        await login.identify(await control.login_code(appid=appid))
    assert SECRET not in caplog.text + capsys.readouterr().out + repr(login) + str(refusal.value.fields)
