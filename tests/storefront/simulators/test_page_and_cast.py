"""The page for people, the cast from a file, and callbacks that overtake each other."""

import json
from datetime import timedelta

import pytest

from storefront.simulators.cast import OWN_SERIAL, CastUnreadable, introduce
from storefront.simulators.faults import FaultKind
from tests.storefront.simulators import stranger
from tests.storefront.simulators.stranger import Merchant, opened, part

CAST = """
[[merchants]]
mchid = "1900000001"
appid = "wx01"
api_v3_key = "0123456789abcdefghijklmnopqrstuv"
make_keys = true
[[merchants]]
mchid = "1900000002"
legal_name = "星河商场（演示）有限公司"
[[apps]]
appid = "wx01"
secret = "s"
[[persons]]
openid = "o-guide"
name = "林小满"
[[corps]]
corpid = "ww1"
secrets = { contacts = "c" }
[[members]]
corpid = "ww1"
userid = "lin"
"""


@pytest.fixture
async def payee(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key, legal_name="山茶<服饰>有限公司")


async def test_the_page_shows_everything_escaped_and_loads_nothing_from_elsewhere(
    payee, control, http, inbox
):
    mall = await Merchant.open(control, http, legal_name="星河商场有限公司")
    await payee.relate(mall)
    no, transaction = await payee.paid(notify_url=inbox.url)
    done = await payee.split_now(transaction, [part(mall, 500)])
    await payee.refund(no, 100, refund_no="T-page")
    page = (await http.get(f"{control.url}/simulator/")).text
    for shown in (
        payee.mchid,
        no,
        done["out_order_no"],
        "T-page",
        "TRANSACTION.SUCCESS",
        "账目平衡",
        "山茶&lt;服饰&gt;",
    ):
        assert shown in page
    assert "http://" not in page.replace(inbox.url, "")
    # An icon out of nothing, so that no browser asks for one.
    page = page.replace('<link rel="icon" href="data:,">', "")
    assert not any(word in page for word in ("<script", "https://", "src=", "<link"))


async def test_its_buttons_refuse_pay_and_let_a_day_pass(payee, control, http):
    no = await payee.prepaid()
    form = {"outTradeNo": no, "mchid": payee.mchid}

    async def press(button: str, **fields: str) -> str:
        answer = await http.post(f"{control.url}/simulator/page/{button}", data=fields)
        assert answer.status_code == 303
        return answer.headers["location"]

    begin = await control.advance(0)
    assert await press("refuse", **form) == "/simulator/#payments"
    assert await press("pay", **form) == "/simulator/#payments"
    assert await press("pay", **form) == "/simulator/?refused=PAYMENT_PAID"
    assert await press("advance", days="1") == "/simulator/"
    assert await press("advance", days="0") == "/simulator/?refused=DAYS_INVALID"
    assert await press("dance") == "/simulator/?refused=BUTTON_UNKNOWN"
    told = await http.get(f"{control.url}/simulator/?refused=PAYMENT_PAID")
    assert "It is paid already" in told.text
    (payment,) = (await control.books())["payments"]
    assert (payment["tradeState"], payment["refusals"]) == ("SUCCESS", 1)
    assert await control.advance(0) - begin >= timedelta(days=1)


async def test_a_cast_introduces_everybody_and_leaves_the_keys_in_a_folder(
    control, http, tmp_path, monkeypatch
):
    path, keys = tmp_path / "cast.toml", tmp_path / "keys"
    path.write_text(CAST, encoding="utf-8")
    assert len(await introduce(control, path, keys=keys)) == 2
    own = keys / "1900000001"
    monkeypatch.setattr(stranger, "SERIAL", OWN_SERIAL)
    payee = Merchant(
        control, http, "1900000001", "wx01", (own / "apiclient_key.pem").read_text(),
        (own / "pub_key_id.txt").read_text().strip(), (own / "pub_key.pem").read_text(),
    )  # fmt: skip
    await payee.prepaid()
    assert await control.login_code(appid="wx01")
    assert [each["corpid"] for each in await control.look("wecom")] == ["ww1"]
    as_json = tmp_path / "cast.json"
    as_json.write_text(json.dumps({"merchants": [{"mchid": "1900000003"}]}), encoding="utf-8")
    assert len(await introduce(control, as_json, keys=keys)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "merchants = 3",
        "[[strangers]]\na = 1",
        "[[merchants]]\nmchid = ''",
        "not toml",
        "[[apps]]\nunknown = 1",
    ],
)
async def test_a_cast_that_cannot_be_used_names_the_file(control, tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CastUnreadable, match=r"bad\.toml"):
        await introduce(control, path, keys=tmp_path / "keys")


async def test_a_reordered_callback_comes_after_the_next_one(payee, control, inbox):
    no = await payee.prepaid(notify_url=inbox.url)
    await control.plan_fault(FaultKind.REORDER_CALLBACK, path=f"{inbox.url}*", seconds=86_400)
    await control.pay(payment_no=no)
    assert inbox.letters == []
    await payee.refund(no, 100, notify_url=inbox.url)
    await control.advance(2)
    assert ["refund_status" in opened(body) for _, body in inbox.letters] == [True, False]


async def test_a_callback_held_back_for_a_next_one_that_never_comes_comes_late(payee, control, inbox):
    no = await payee.prepaid(notify_url=inbox.url)
    await control.plan_fault(FaultKind.REORDER_CALLBACK, path=f"{inbox.url}*", seconds=60)
    await control.pay(payment_no=no)
    await control.advance(60)
    assert len(inbox.letters) == 1
