"""Orders over HTTP: one answer per key, callbacks in WeChat's own form, nobody's order but one's own."""

import asyncio
import itertools
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from sqlalchemy import text

from orders.commands import PlaceOrder
from storefront.channels import WechatPayChannels
from storefront.idempotent import named
from storefront.simulators.faults import FaultKind
from storefront.tokens import Audience, Principal
from tenants.kernel.idempotency import begin
from tenants.kernel.ids import new_id, random_code
from tenants.states import StaffRole
from tests.storefront.simulators.till import control, http, merchant_key
from tests.support.http import Client, answered, refused
from tests.support.open_shop import open_shop
from tests.support.rows import events, rows, value
from tests.support.trading import PRICE, Trading, open_trading

__all__ = ["control", "http", "merchant_key"]

ONE = {"idempotency-key": "cart-0001"}


@pytest.fixture(scope="module")
async def counter(settings, passwords, control):
    async with open_shop(settings, control=control, passwords=passwords) as opened:
        yield opened


@pytest.fixture
async def trading(counter, database, keys, control, merchant_key) -> Trading:
    channels: WechatPayChannels = counter.wiring.channels
    return await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)


@pytest.fixture
def shopper(counter, trading) -> Client:
    return Client(counter.app).as_shopper(trading.tenant, trading.shopper_id)


def cart(trading, quantity=1, **changes):
    lines = [{"skuId": trading.shirt.sku, "quantity": quantity}]
    return {"storeId": trading.store.id, "lines": lines, "totalFen": PRICE * quantity} | changes


async def placed(shopper, trading, **changes):
    body = cart(trading, **changes)
    key = {"idempotency-key": random_code(20)}
    return answered(await shopper.post("/shopper/v1/orders", json=body, headers=key), 201)


async def test_a_shopper_logs_in_scans_and_is_remembered(counter, trading):
    guide_id = await trading.guide()
    staff = Client(counter.app).as_staff(trading.tenant, StaffRole.BRAND_HQ)
    link = {"storeId": trading.store.id, "guideId": guide_id, "target": "home"}
    scene = answered(await staff.post("/staff/v1/links", json=link))["sceneCode"]
    guest = Client(counter.app).as_visitor(trading.tenant)
    assert answered(await guest.get(f"/shopper/v1/scenes/{scene}"))["guideId"] == str(guide_id)
    visitor = random_code(20)
    answered(await guest.post("/shopper/v1/touches", json={"scene": scene, "visitor": visitor}), 201)
    code = await trading.control.login_code(appid=trading.appid, openid=trading.openid)
    log_in = {"code": code, "appid": trading.appid, "visitor": visitor}
    session = answered(await Client(counter.app).post("/shopper/v1/sessions", json=log_in), 201)
    assert "sessionKey" not in session
    known = Client(counter.app).with_headers(authorization=f"Bearer {session['accessToken']}")
    order = await placed(known, trading)
    assert (order["guideId"], order["attributionRule"]) == (str(guide_id), "last_touch")
    assert order["shopperId"] == str(trading.shopper_id)
    renewed = {"refreshToken": session["refreshToken"]}
    answered(await Client(counter.app).post("/shopper/v1/sessions/refresh", json=renewed), 201)
    refused(await Client(counter.app).post("/shopper/v1/sessions", json=log_in), 422, "LOGIN_CODE_REFUSED")


async def test_another_brands_code_leads_nowhere(counter, trading, other_tenant):
    stranger = Client(counter.app).as_visitor(other_tenant)
    public = await value(trading.tenant, "SELECT public_code FROM app.tenants WHERE tenant_id = :t")
    refused(await stranger.get(f"/shopper/v1/scenes/{public}ABCDEFGHIJK"), 404, "SCENE_NOT_FOUND")
    refused(await stranger.get("/shopper/v1/scenes/%00"), 404, "SCENE_NOT_FOUND")


async def test_a_quote_sorts_what_can_and_cannot_be_had(shopper, trading):
    lines = [{"skuId": trading.shirt.sku, "quantity": 2}, {"skuId": new_id(), "quantity": 1}]
    lines.append({"skuId": trading.tea.sku, "quantity": 101})
    quote = answered(
        await shopper.post("/shopper/v1/quotes", json={"storeId": trading.store.id, "lines": lines})
    )
    assert [line["paidFen"] for line in quote["lines"]] == [2 * PRICE]
    assert quote["totalFen"] == 2 * PRICE
    assert [line["available"] for line in quote["soldOut"]] == [100]
    assert [line["skuId"] for line in quote["invalid"]] == [str(lines[1]["skuId"])]
    assert (quote["notRanged"], quote["notDeliverable"]) == ([], [])
    assert quote["pickupEtaText"] == "付款后即可到店自提"


async def test_a_key_whose_first_request_takes_longer_than_one_may_wait_is_in_flight(shopper, trading):
    principal = Principal(
        audience=Audience.SHOPPER,
        subject=trading.shopper_id,
        session_id=new_id(),
        tenant_id=trading.tenant.tenant_id,
    )
    body = msgspec.convert(msgspec.to_builtins(cart(trading)), PlaceOrder)
    first = named(principal, route="placeOrder", key=ONE["idempotency-key"], body=body)
    async with trading.tenant.writing() as db:
        assert await begin(db, first, now=datetime.now(UTC)) is None
        waiting = await shopper.post("/shopper/v1/orders", json=cart(trading), headers=ONE)
        refused(waiting, 409, "IDEMPOTENCY_IN_FLIGHT")
        assert waiting.headers["retry-after"] == "1"
        await db.rollback()
    answered(await shopper.post("/shopper/v1/orders", json=cart(trading), headers=ONE), 201)


async def test_a_key_repeats_its_answer_and_serves_one_body(shopper, trading):
    first = await shopper.post("/shopper/v1/orders", json=cart(trading), headers=ONE)
    again = await shopper.post("/shopper/v1/orders", json=cart(trading), headers=ONE)
    assert answered(first, 201) == answered(again, 201)
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    other = await shopper.post("/shopper/v1/orders", json=cart(trading, 2), headers=ONE)
    refused(other, 422, "IDEMPOTENCY_CONFLICT")
    refused(await shopper.post("/shopper/v1/orders", json=cart(trading)), 400, "IDEMPOTENCY_KEY_MISSING")
    refused(
        await shopper.post("/shopper/v1/orders", json=cart(trading), headers={"idempotency-key": "x" * 256}),
        400, "IDEMPOTENCY_KEY_MISSING",
    )  # fmt: skip


async def test_a_hundred_equal_requests_at_once_place_one_order(shopper, trading):
    asked = [shopper.post("/shopper/v1/orders", json=cart(trading), headers=ONE) for _ in range(100)]
    answers = await asyncio.gather(*asked)
    good = [answer.json()["data"] for answer in answers if answer.status_code == 201]
    others = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert len(good) >= 1
    assert all(each == good[0] for each in good)
    assert others <= {"IDEMPOTENCY_IN_FLIGHT", "DATABASE_BUSY"}
    assert await value(trading.tenant, "SELECT count(*) FROM app.orders WHERE tenant_id = :t") == 1
    assert await value(trading.tenant, "SELECT sum(reserved) FROM app.stock WHERE tenant_id = :t") == 1


async def test_a_key_belongs_to_one_shopper(counter, shopper, trading):
    mine = answered(await shopper.post("/shopper/v1/orders", json=cart(trading), headers=ONE))
    other = Client(counter.app).as_shopper(trading.tenant, await trading.shopper())
    theirs = answered(await other.post("/shopper/v1/orders", json=cart(trading), headers=ONE))
    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize(
    "extra",
    ["paidFen", "paid_fen", "state", "tenantId", "shopperId", "merchantId", "profitSharing", "discountFen"],
)
async def test_what_only_we_decide_cannot_be_sent(shopper, trading, extra):
    body = cart(trading) | {extra: 1}
    refused(await shopper.post("/shopper/v1/orders", json=body, headers=ONE), 422, "VALIDATION_FAILED")


async def test_nobody_sees_or_touches_anothers_order(counter, shopper, trading, other_tenant):
    order = await placed(shopper, trading)
    strangers = [
        Client(counter.app).as_shopper(trading.tenant, await trading.shopper()),
        Client(counter.app).as_shopper(other_tenant, trading.shopper_id),
    ]
    for stranger, (method, rest) in itertools.product(
        strangers, [("GET", ""), ("POST", "/payment"), ("GET", "/payment?sync=1"), ("POST", "/cancel")]
    ):
        for order_id in (order["id"], new_id()):
            answer = await stranger.request(method, f"/shopper/v1/orders/{order_id}{rest}")
            refused(answer, 404, "ORDER_NOT_FOUND")


async def test_staff_see_their_stores_orders_and_never_the_code(counter, shopper, trading):
    order = await placed(shopper, trading)
    answered(await shopper.post(f"/shopper/v1/orders/{order['id']}/payment"))
    own = Client(counter.app).as_staff(trading.tenant, StaffRole.GUIDE, store_id=trading.store.id)
    other = Client(counter.app).as_staff(trading.tenant, StaffRole.GUIDE, store_id=trading.elsewhere.id)
    finance = Client(counter.app).as_staff(trading.tenant, StaffRole.FINANCE)
    for reader in (own, finance):
        assert [each["id"] for each in answered(await reader.get("/staff/v1/orders"))["orders"]] == [
            order["id"]
        ]
        assert answered(await reader.get(f"/staff/v1/orders/{order['id']}"))["pickup"] is None
    assert answered(await other.get("/staff/v1/orders"))["orders"] == []
    refused(await other.get(f"/staff/v1/orders/{order['id']}"), 404, "ORDER_NOT_FOUND")
    refund = {"lines": [{"lineNo": 1, "quantity": 1}], "reason": "x"}
    manager = Client(counter.app).as_staff(
        trading.tenant, StaffRole.STORE_MANAGER, store_id=trading.elsewhere.id
    )
    path = f"/staff/v1/orders/{order['id']}/refunds"
    refused(await manager.post(path, json=refund, headers=ONE), 404, "ORDER_NOT_FOUND")
    refused(await own.post(path, json=refund, headers=ONE), 403, "ROLE_NOT_ALLOWED")


async def test_lists_have_tabs_counts_and_pages(shopper, trading):
    found = [await placed(shopper, trading) for _ in range(3)]
    page = answered(await shopper.get("/shopper/v1/orders?limit=2"))
    rest = answered(await shopper.get(f"/shopper/v1/orders?limit=2&cursor={page['nextCursor']}"))
    shown = [each["id"] for each in (*page["orders"], *rest["orders"])]
    assert shown == [order["id"] for order in reversed(found)]
    first = page["orders"][0]
    assert (first["statusText"], first["statusTextEn"], first["actions"]) == (
        "待付款", "Awaiting payment", ["pay", "cancel"],
    )  # fmt: skip
    assert (first["storeName"], [line["title"] for line in first["lines"]]) == ("淮海路店", ["亚麻衬衫"])
    answered(await shopper.post(f"/shopper/v1/orders/{found[0]['id']}/cancel"))
    tabs = {
        tab["state"]: tab["count"] for tab in answered(await shopper.get("/shopper/v1/orders/counts"))["tabs"]
    }
    assert (tabs["awaiting_payment"], tabs["cancelled"], tabs["paid"]) == (2, 1, 0)
    assert len(answered(await shopper.get("/shopper/v1/orders?status=cancelled"))["orders"]) == 1
    refused(await shopper.get("/shopper/v1/orders?limit=101"), 422, "PAGE_TOO_LARGE")
    refused(await shopper.get("/shopper/v1/orders?cursor=AAAA"), 422, "CURSOR_UNREADABLE")


async def pay_order(shopper, trading, order, **options):
    payment = answered(await shopper.post(f"/shopper/v1/orders/{order['id']}/payment"))
    await trading.control.pay(payment_no=payment["paymentNo"], mchid=trading.mchid, **options)
    return payment


async def test_a_callback_pays_the_order_once_however_often_it_comes(counter, shopper, trading):
    order = await placed(shopper, trading)
    await trading.control.plan_fault(FaultKind.DUPLICATE_CALLBACK, path=f"{counter.url}*")
    await pay_order(shopper, trading, order)
    sent = [each for each in await trading.control.callbacks() if each["mchid"] == trading.mchid]
    assert all(each["done"] for each in sent)
    assert len(await events(trading.tenant, "CallbackReceived")) == 1
    await counter.work(trading.tenant)
    seen = answered(await shopper.get(f"/shopper/v1/orders/{order['id']}"))
    assert (seen["state"], seen["actions"], len(seen["pickup"]["code"])) == ("paid", ["showPickupCode"], 12)
    assert [step["step"] for step in seen["timeline"]] == ["placed", "paid"]
    assert len(await events(trading.tenant, "OrderPaid")) == 1
    assert (
        await rows(trading.tenant, "SELECT 1 FROM app.outbox WHERE tenant_id = :t AND last_error IS NOT NULL")
        == []
    )


async def test_a_lost_callback_is_made_good_by_asking(shopper, trading, counter):
    order = await placed(shopper, trading)
    await trading.control.plan_fault(FaultKind.DROP_CALLBACK, path=f"{counter.url}*")
    await pay_order(shopper, trading, order)
    assert (
        answered(await shopper.get(f"/shopper/v1/orders/{order['id']}/payment"))["orderState"]
        == "awaiting_payment"
    )
    synced = answered(await shopper.get(f"/shopper/v1/orders/{order['id']}/payment?sync=1"))
    assert (synced["orderState"], synced["state"]) == ("paid", "paid")


async def callback_key(trading):
    return await value(trading.tenant, "SELECT callback_key FROM app.tenants WHERE tenant_id = :t")


async def test_garbage_is_answered_in_wechats_form_and_never_with_a_5xx(counter, trading):
    key = await callback_key(trading)
    real = f"/callbacks/wechat-pay/{key}"
    now = str(int(datetime.now(UTC).timestamp()))
    header = {
        "Wechatpay-Timestamp": now,
        "Wechatpay-Nonce": "n",
        "Wechatpay-Serial": "s",
        "Wechatpay-Signature": "c2ln",
    }
    hostile = [
        (real, b"", {}), (real, b"{}", header), (real, b"\xff\xfe", header), (real, b"[" * 10_000, header),
        (real, b"x" * 70_000, header), (real, b"{}", header | {"Wechatpay-Timestamp": "0"}),
        (real, b"{}", header | {"Wechatpay-Timestamp": "soon"}),
        (real, b"{}", header | {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/abc"}),
        (f"{real}/{trading.mchid}", b"{}", header), (f"{real}/1999999999", b"{}", header),
        (f"/callbacks/wechat-pay/{random_code(32)}", b"{}", header), ("/callbacks/wechat-pay/%00", b"{}", header),
        (f"/callbacks/wechat-pay/{'k' * 2000}", b"{}", header),
    ]  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as caller:
        for path, body, headers in hostile:
            answer = await caller.post(counter.url + path, content=body, headers=headers)
            assert 400 <= answer.status_code < 500, (path, answer.text)
            assert answer.json().keys() == {"code", "message"}
            assert answer.json()["code"] == "FAIL"
        unknown = await caller.post(f"{counter.url}/callbacks/wechat-pay/{random_code(32)}", content=b"{}")
        assert unknown.status_code == 404
        assert (await caller.post(counter.url + real, content=b"x" * 70_000)).status_code == 413
    assert await rows(trading.tenant, "SELECT 1 FROM app.inbox WHERE tenant_id = :t") == []


async def test_a_real_callback_at_another_brands_address_changes_nothing(
    counter, shopper, trading, database, keys, control, merchant_key
):
    other = await open_trading(
        database, keys=keys, control=control, channels=counter.wiring.channels, pair=merchant_key
    )
    order = await placed(shopper, trading)
    await pay_order(shopper, trading, order)
    (raw,) = await rows(trading.tenant, "SELECT body FROM app.inbox WHERE tenant_id = :t")
    kept = msgspec.json.decode(raw.body)
    body = msgspec.convert(kept["body"], bytes)
    async with httpx.AsyncClient(trust_env=False) as caller:
        url = f"{counter.url}/callbacks/wechat-pay/{await callback_key(other)}"
        answer = await caller.post(url, content=body, headers=kept["headers"])
        assert (answer.status_code, answer.json()["code"]) == (401, "FAIL")
        at_home = f"{counter.url}/callbacks/wechat-pay/{await callback_key(trading)}"
        assert (await caller.post(at_home, content=body, headers=kept["headers"])).status_code == 204
        changed = body.replace(b"TRANSACTION.SUCCESS", b"TRANSACTION.CLOSED_")
        assert (await caller.post(at_home, content=changed, headers=kept["headers"])).status_code == 401
    assert await rows(other.tenant, "SELECT 1 FROM app.inbox WHERE tenant_id = :t") == []


@pytest.mark.parametrize("order_of_work", list(itertools.permutations(["paid", "expired", "refunded"])))
async def test_in_whatever_order_things_are_told_the_end_is_the_same(
    counter, shopper, trading, order_of_work
):
    """The callback's event, the end of the time to pay and a refund's request are worked off in every order."""
    order = await placed(shopper, trading)
    await pay_order(shopper, trading, order)
    told = {"paid": "CallbackReceived", "expired": "ReservationRanOut", "refunded": "OrderPlaced"}
    async with trading.tenant.writing() as db:
        for place, what in enumerate(order_of_work):
            await db.execute(
                text(
                    "UPDATE app.outbox SET due_at = now() - make_interval(mins => :back)"
                    " WHERE tenant_id = :t AND kind = :kind"
                ),
                {"t": db.tenant_id, "kind": told[what], "back": 10 - place},
            )
    await counter.work(trading.tenant)
    finance = Client(counter.app).as_staff(trading.tenant, StaffRole.FINANCE)
    refund = {"lines": [{"lineNo": 1, "quantity": 1}], "reason": "不合身"}
    path = f"/staff/v1/orders/{order['id']}/refunds"
    answered(await finance.post(path, json=refund, headers=ONE), 201)
    replay = await finance.post(path, json=refund, headers=ONE)
    assert replay.headers["idempotent-replayed"] == "true"
    await counter.work(trading.tenant)
    async with trading.tenant.writing() as db:
        await db.execute(
            text("UPDATE app.outbox SET due_at = now() WHERE tenant_id = :t AND kind = 'RefundAwaited'"),
            {"t": db.tenant_id},
        )
    await counter.work(trading.tenant)
    seen = answered(await shopper.get(f"/shopper/v1/orders/{order['id']}"))
    assert (seen["state"], seen["refundedFen"], seen["pickup"]["state"]) == ("refunded", PRICE, "void")
    stock = "SELECT on_hand, reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
    assert [tuple(row) for row in await rows(trading.tenant, stock, s=trading.shirt.sku)] == [(100, 0)]
    balances = "SELECT balance_fen FROM app.ledger_accounts WHERE tenant_id = :t AND balance_fen <> 0"
    assert await rows(trading.tenant, balances) == []
