"""The mini-program's server: tokens, phone, codes, links, messages, and shipping with what it unlocks."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from storefront.simulators.faults import FaultKind
from tests.storefront.simulators.stranger import DAY, Merchant, part

PHONE, CODE, LINK = "/wxa/business/getuserphonenumber", "/wxa/getwxacodeunlimit", "/wxa/generate_urllink"
SEND, UPLOAD, ORDER = (
    "/cgi-bin/message/subscribe/send",
    "/wxa/sec/order/upload_shipping_info",
    "/wxa/sec/order/get_order",
)


LIST, COMBINED = "/wxa/sec/order/get_order_list", "/wxa/sec/order/upload_combined_shipping_info"


class Mini:
    """A mini-program's server."""

    def __init__(self, control, http, appid: str) -> None:
        self.control, self.http, self.appid, self.token = control, http, appid, ""
        self.renews = True

    async def fresh_token(self) -> str:
        query = {"grant_type": "client_credential", "appid": self.appid, "secret": "s"}
        answer = await self.http.get(f"{self.control.url}/cgi-bin/token", params=query)
        self.token = answer.json()["access_token"]
        return self.token

    async def stable(self, *, forced=False) -> dict:
        body = {
            "grant_type": "client_credential",
            "appid": self.appid,
            "secret": "s",
            "force_refresh": forced,
        }
        return (await self.http.post(f"{self.control.url}/cgi-bin/stable_token", json=body)).json()

    async def raw(self, call: str, body: dict):
        return await self.http.post(
            f"{self.control.url}{call}", params={"access_token": self.token}, json=body
        )

    async def call(self, call: str, /, **body) -> dict:
        found = (await self.raw(call, body)).json()
        if found["errcode"] == 42001 and self.renews:
            await self.fresh_token()
            found = (await self.raw(call, body)).json()
        return found


@pytest.fixture
async def payee(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key, max_ratio_bps=3000)


@pytest.fixture
async def mini(control, http, payee) -> Mini:
    await control.register_app(appid=payee.appid, secret="s", pages=["pages/store/index"], trade_managed=True)
    mini = Mini(control, http, payee.appid)
    await mini.fresh_token()
    return mini


def shipping(transaction: str, *, logistics=4, items=None, **more) -> dict:
    return {
        "order_key": {"order_number_type": 2, "transaction_id": transaction}, "logistics_type": logistics,
        "delivery_mode": 1, "shipping_list": [{"item_desc": "春季外套 x 1"}] if items is None else items,
        "upload_time": "2026-03-10T12:00:00.000+08:00", "payer": {"openid": "o-shopper"}, **more,
    }  # fmt: skip


async def test_a_token_ends_and_a_new_one_ends_the_old_one_after_five_minutes(mini, control):
    old, mini.renews = mini.token, False
    await mini.fresh_token()
    mini.token, new = old, mini.token
    assert (await mini.call(PHONE, code="x"))["errcode"] == 40029
    await control.advance(300)
    assert (await mini.call(PHONE, code="x"))["errcode"] == 42001
    mini.token = new
    await control.advance(7200)
    assert (await mini.call(PHONE, code="x"))["errcode"] == 42001
    mini.token = "invented"
    assert (await mini.call(PHONE, code="x"))["errcode"] == 40001


async def test_a_stable_token_stays_the_same_until_it_ends_or_is_forced(mini, control):
    first = (await mini.stable())["access_token"]
    await control.advance(100)
    again = await mini.stable()
    assert (again["access_token"], again["expires_in"] < 7200) == (first, True)
    assert (await mini.stable(forced=True))["access_token"] != first


async def test_a_wrong_secret_or_app_gets_no_token(mini, http, control):
    for wrong, code in (
        ({"secret": "x"}, 40125),
        ({"appid": "wx-none"}, 40013),
        ({"grant_type": "x"}, 40002),
    ):
        query = {"grant_type": "client_credential", "appid": mini.appid, "secret": "s", **wrong}
        assert (await http.get(f"{control.url}/cgi-bin/token", params=query)).json()["errcode"] == code


async def test_a_phone_code_works_once_and_a_login_code_is_none(mini, control):
    login = await control.login_code(appid=mini.appid)
    assert (await mini.call(PHONE, code=login))["errcode"] == 40029
    code = (await control.command("phone-codes", appid=mini.appid, phone="13800000000"))["code"]
    found = (await mini.call(PHONE, code=code))["phone_info"]
    assert (found["purePhoneNumber"], found["countryCode"], found["watermark"]["appid"]) == (
        "13800000000",
        "86",
        mini.appid,
    )
    assert (await mini.call(PHONE, code=code))["errcode"] == 40029
    late = (await control.command("phone-codes", appid=mini.appid, phone="+852 51234567"))["code"]
    await control.advance(300)
    assert (await mini.call(PHONE, code=late))["errcode"] == 40029


async def test_a_code_is_a_picture_and_a_bad_scene_or_page_is_json(mini):
    answer = await mini.raw(CODE, {"scene": "Abc123xyz", "page": "pages/store/index", "width": 430})
    assert (answer.headers["content-type"], answer.content[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(answer.content[16:20]) >= 430
    assert (await mini.call(CODE, scene="店" * 2))["errcode"] == 40169
    assert (await mini.call(CODE, scene="x" * 33))["errcode"] == 40169
    for page in ("/pages/store/index", "pages/none", "pages/store/index?a=1"):
        assert (await mini.call(CODE, scene="a", page=page))["errcode"] == 41030
    assert (await mini.call(CODE, scene="a", page="pages/none", check_path=False, width=279))[
        "errcode"
    ] == 40097
    assert (await mini.call(CODE))["errcode"] == 47001


async def test_a_link_lives_thirty_days_at_most(mini):
    assert (await mini.call(LINK, path="pages/store/index", query="s=1", expire_type=1, expire_interval=30))[
        "url_link"
    ]
    assert (await mini.call(LINK, path="", expire_type=1, expire_interval=31))["errcode"] == 85401
    assert (await mini.call(LINK, path="pages/none"))["errcode"] == 41030
    assert (await mini.call(LINK, query="x" * 1025))["errcode"] == 40212


async def test_each_acceptance_is_one_message_and_then_the_shopper_has_refused(mini, control):
    said = {
        "touser": "o-shopper",
        "template_id": "T1",
        "page": "pages/store/index",
        "data": {"thing1": {"value": "已到店"}},
    }
    assert (await mini.call(SEND, **said))["errcode"] == 43101
    await control.command("consents", appid=mini.appid, openid="o-shopper", template_id="T1", times=2)
    assert [(await mini.call(SEND, **said))["errcode"] for _ in range(3)] == [0, 0, 43101]
    assert (await mini.call(SEND, **{**said, "data": {"thing1": {"value": "长" * 21}}}))["errcode"] == 47003
    assert (await mini.call(SEND, **{**said, "touser": ""}))["errcode"] == 40003
    assert len((await control.books())["messages"]) == 2


async def test_planned_trouble_comes_in_the_vendors_form(mini, control):
    await control.plan_fault(FaultKind.LIMITED, path=CODE)
    await control.plan_fault(FaultKind.BUSY, path=CODE)
    assert [(await mini.call(CODE, scene="a"))["errcode"] for _ in range(2)] == [45009, -1]


async def test_a_pickups_list_has_exactly_one_element(mini, payee):
    _, transaction = await payee.paid()
    two = [{"item_desc": "a"}, {"item_desc": "b"}]
    for items, code in (([], 268485228), (two, 268485228), ({"item_desc": "a"}, 47001)):
        assert (await mini.call(UPLOAD, **shipping(transaction, items=items)))["errcode"] == code
    assert (await mini.call(UPLOAD, **shipping(transaction, logistics=1)))["errcode"] == 268485226
    assert (await mini.call(UPLOAD, **shipping(transaction)))["errcode"] == 0


async def test_a_second_modification_is_refused(mini, payee):
    _, transaction = await payee.paid()
    codes = [(await mini.call(UPLOAD, **shipping(transaction)))["errcode"] for _ in range(3)]
    assert (codes[:2], codes[2] != 0) == ([0, 0], True)


async def test_an_unpaid_or_foreign_payment_cannot_be_shipped(mini, payee):
    unpaid = await payee.prepaid()
    key = {"order_number_type": 1, "mchid": payee.mchid, "out_trade_no": unpaid}
    assert (await mini.call(UPLOAD, **shipping("x") | {"order_key": key}))["errcode"] == 10060001
    _, transaction = await payee.paid()
    assert (await mini.call(UPLOAD, **shipping(transaction, payer={"openid": "o-else"})))[
        "errcode"
    ] == 268485216


@pytest.mark.parametrize(("logistics", "days"), [(4, 2), (1, 10)])
async def test_receipt_confirms_itself_and_only_then_may_the_payment_be_split(
    mini, payee, control, http, logistics, days
):
    mall = await Merchant.open(control, http)
    await payee.relate(mall)
    assert (await mini.call("/wxa/sec/order/is_trade_managed", appid=mini.appid))["is_trade_managed"] is True
    _, transaction = await payee.paid()

    async def state() -> int:
        return (await mini.call(ORDER, transaction_id=transaction))["order"]["order_state"]

    assert (await state(), (await payee.split(transaction, [part(mall, 1)]))["code"]) == (
        1,
        "INVALID_REQUEST",
    )
    items = [{"item_desc": "a", "tracking_no": "SF1", "express_company": "SF"}]
    await mini.call(UPLOAD, **shipping(transaction, logistics=logistics, items=items))
    assert await state() == 2
    await control.advance(days * DAY - 60)
    refused = await payee.split(transaction, [part(mall, 1)])
    assert "确认收货后才进行资金结算" in refused["message"]
    await control.advance(120)
    assert (
        await state(),
        "到达结算周期" in (await payee.split(transaction, [part(mall, 1)]))["message"],
    ) == (6, True)
    await control.advance(DAY)
    assert (await state(), (await payee.split(transaction, [part(mall, 1)]))["state"]) == (4, "PROCESSING")


async def test_money_under_trade_management_stays_until_the_shopper_confirms(mini, payee, control):
    no, transaction = await payee.paid(shared=False)
    await control.advance(60 * DAY)
    assert (await payee.account())["unsettledFen"] == 9_940
    await mini.call(UPLOAD, **shipping(transaction))
    await control.command("receipts", out_trade_no=no)
    await control.advance(DAY)
    assert (await payee.account())["availableFen"] == 9_940


async def test_the_settlement_event_comes_early_and_empty_and_again_when_settled(mini, payee, control, inbox):
    await control.register_app(
        appid=mini.appid, secret="s", trade_managed=True, push_url=inbox.url, push_token="tok"
    )
    await control.plan_fault(FaultKind.DUPLICATE_CALLBACK, path=f"{inbox.url}*")
    no, transaction = await payee.paid()
    await mini.call(UPLOAD, **shipping(transaction))
    await control.advance(0)
    await control.command("receipts", out_trade_no=no)
    await control.advance(DAY)
    said = [json.loads(body) for _, body in inbox.letters]
    assert [bool(each["settlement_time"]) for each in said] == [False, False, True]
    assert {each["Event"] for each in said} == {"trade_manage_order_settlement"}
    callbacks = [each for each in await control.callbacks() if each["form"] == "mini"]
    assert parse_qs(urlsplit(callbacks[0]["notifyUrl"]).query) == {}


async def test_orders_are_listed_by_time_state_and_payer_a_page_at_a_time(mini, payee, control):
    begun = int((await control.advance(0)).timestamp())
    paid = [(await payee.paid())[1] for _ in range(3)]
    await mini.call(UPLOAD, **shipping(paid[0]))

    async def listed(**asked) -> list[str]:
        return [each["transaction_id"] for each in (await mini.call(LIST, **asked))["order_list"]]

    assert await listed() == paid[::-1]
    assert await listed(order_state=2) == [paid[0]]
    assert await listed(order_state=1, openid="o-shopper") == [paid[2], paid[1]]
    assert await listed(openid="o-another") == []
    assert await listed(pay_time_range={"begin_time": begun + 50}) == paid[:0:-1]
    assert await listed(pay_time_range={"end_time": begun + 50}) == [paid[0]]
    first = await mini.call(LIST, page_size=2)
    assert (len(first["order_list"]), first["has_more"]) == (2, True)
    rest = await mini.call(LIST, page_size=2, last_index=first["last_index"])
    assert ([each["transaction_id"] for each in rest["order_list"]], rest["has_more"]) == ([paid[0]], False)
    assert (await mini.call(LIST, page_size=0))["errcode"] == 268485224


async def test_a_combined_payments_parts_are_shipped_together_or_not_at_all(mini, payee):
    (_, one), (_, two) = await payee.paid(), await payee.paid()
    parts = [shipping(one), shipping(two, items=[])]
    for each in parts:
        del each["upload_time"], each["payer"]
    whole = {
        "order_key": {"order_number_type": 1, "mchid": payee.mchid, "out_trade_no": "combined-1"},
        "upload_time": "2026-03-10T12:00:00.000+08:00",
        "payer": {"openid": "o-shopper"},
    }
    assert (await mini.call(COMBINED, **whole, sub_orders=parts))["errcode"] == 268485228
    assert (await mini.call(ORDER, transaction_id=one))["order"]["order_state"] == 1
    parts[1]["shipping_list"] = [{"item_desc": "围巾 x 1"}]
    assert (await mini.call(COMBINED, **whole, sub_orders=parts))["errcode"] == 0
    states = [(await mini.call(ORDER, transaction_id=each))["order"]["order_state"] for each in (one, two)]
    assert states == [2, 2]
