"""The story of a payment that is divided: guide's card, hand-over report, split after the return window, refund, return, balanced books.

Over HTTP to the app on a real port, with real callbacks and the worker; only the waiting is cut short, here and at the simulator.
"""

from datetime import UTC, datetime

from sqlalchemy import text

from settlement.verify import verify_books
from storefront.adapters.wechat_mini.platform import TradeOrder, TradeState
from storefront.adapters.wechat_pay.guides import Card, CardRequest
from tenants.states import StaffRole
from tests.storefront.simulators.till import merchant_key
from tests.support.http import Client, answered, refused
from tests.support.rows import rows, value
from tests.support.split_shop import MALL_NAME, add_mall_contract, open_receiver
from tests.support.trading import PRICE, open_trading

__all__ = ["merchant_key"]

DAYS_PASS = "UPDATE app.outbox SET due_at = now() WHERE tenant_id = :t AND done_at IS NULL"
SPLITS_DUE = "UPDATE app.splits SET due_at = now() WHERE tenant_id = :t AND due_at > now()"
CODE = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"
PART = PRICE * 2_000 // 10_000


async def days_pass(opened, trading, control, seconds):
    """Business time passes at the simulator, and what we wait for falls due."""
    await control.advance(seconds)
    for _ in range(3):
        async with trading.tenant.writing() as db:
            await db.execute(text(DAYS_PASS), {"t": db.tenant_id})
            await db.execute(text(SPLITS_DUE), {"t": db.tenant_id})
        await opened.work(trading.tenant)


async def guides_card(opened, trading, guide_id):
    """Register the guide at WeChat Pay and keep the number."""
    merchant_id = await value(trading.tenant, "SELECT id FROM app.merchants WHERE tenant_id = :t")
    channel = await opened.wiring.channels.channel(trading.tenant, merchant_id)
    request = CardRequest(
        corp_id="ww1", store_no=7, user_id="lin", name="小林", mobile="13800000000",
        qr_code_url="https://shop.example/qr.png", avatar_url="https://shop.example/face.png",
    )  # fmt: skip
    card = await channel.guides.register(request)
    assert isinstance(card, Card)
    headquarters = Client(opened.app).as_staff(trading.tenant, StaffRole.BRAND_HQ)
    kept = await headquarters.post(f"/brand/v1/guides/{guide_id}/card", json={"cardNo": card.card_id})
    answered(kept, 200)
    return card.card_id


async def test_from_payment_to_split_and_back(opened, database, keys, control, merchant_key):
    channels = opened.wiring.channels
    trading = await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
    secret = (await opened.wiring.minis.of(trading.tenant))._secret
    await control.register_app(appid=trading.appid, secret=secret, trade_managed=True)
    mall_party = await add_mall_contract(trading)
    client = Client(opened.app)
    finance = client.as_staff(trading.tenant, StaffRole.FINANCE)
    account = await open_receiver(control, name=MALL_NAME)
    asked = {"partyId": mall_party, "account": account, "legalName": MALL_NAME}
    assert answered(await finance.post("/brand/v1/settlement/receivers", json=asked), 201)["state"] == "added"
    staff_id = await trading.employ(StaffRole.GUIDE)
    guide_id = await trading.guide(staff_id=staff_id)
    card = await guides_card(opened, trading, guide_id)

    counter = client.as_staff(trading.tenant, StaffRole.GUIDE, staff_id=staff_id, store_id=trading.store.id)
    wanted = {
        "shopperId": trading.shopper_id, "totalFen": PRICE, "lines": [{"skuId": trading.shirt.sku, "quantity": 1}]
    }  # fmt: skip
    order_id = answered(
        await counter.with_headers(idempotency_key="order-1").post("/staff/v1/orders", json=wanted)
    )["id"]
    shopper = client.as_shopper(trading.tenant, trading.shopper_id)
    payment = answered(await shopper.post(f"/shopper/v1/orders/{order_id}/payment"))
    (assigned,) = (await control.books())["assignments"]
    assert (assigned["guideId"], assigned["outTradeNo"]) == (card, payment["paymentNo"])
    await control.pay(payment_no=payment["paymentNo"], mchid=trading.mchid)
    await opened.work(trading.tenant)
    (waiting,) = answered(await finance.get(f"/brand/v1/orders/{order_id}/splits"))["splits"]
    assert waiting["state"] == "waiting"

    code = await value(trading.tenant, CODE, o=order_id)
    answered(await counter.post("/staff/v1/pickups/redemptions", json={"code": code}))
    await opened.work(trading.tenant)
    transaction = await value(trading.tenant, "SELECT transaction_id FROM app.splits WHERE tenant_id = :t")
    program = await opened.wiring.minis.of(trading.tenant)
    assert await program.trade_order(transaction) == TradeOrder(
        transaction_id=transaction, state=TradeState.SHIPPED
    )

    await days_pass(opened, trading, control, 8 * 86_400)
    await days_pass(opened, trading, control, 5)
    (ended,) = answered(await finance.get("/brand/v1/settlement/splits?status=ended"))["splits"]
    assert [part["amountFen"] for part in ended["parts"]] == [PART]
    assert await available(control, account) == PART

    await control.command("deposits", mchid=trading.mchid, amount_fen=PRICE)
    back = {"lines": [{"lineNo": 1, "amountFen": PRICE // 2}], "reason": "不合身"}
    once = finance.with_headers(idempotency_key="refund-1")
    answered(await once.post(f"/staff/v1/orders/{order_id}/refunds", json=back), 201)
    await days_pass(opened, trading, control, 120)
    (after,) = answered(await finance.get(f"/brand/v1/orders/{order_id}/splits"))["splits"]
    assert [each["state"] for each in after["returns"]] == ["done"]
    assert await available(control, account) == (PRICE - PRICE // 2) * 2_000 // 10_000
    money = answered(await finance.get(f"/brand/v1/orders/{order_id}/money"))
    assert money["keptFen"] == PRICE - PRICE // 2
    parked = "SELECT kind, last_error FROM app.outbox WHERE tenant_id = :t AND (parked_at IS NOT NULL OR last_error IS NOT NULL)"
    assert await rows(trading.tenant, parked) == []
    async with trading.tenant.reading() as db:
        assert (await verify_books(db)).sound
    assert (await control.look("conservation"))["balanced"]


async def available(control, account):
    books = await control.books()
    return next(each["availableFen"] for each in books["merchants"] if each["mchid"] == account)


async def test_a_price_is_changed_over_http_by_those_who_may(opened, database, keys, control, merchant_key):
    channels = opened.wiring.channels
    trading = await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
    order = await trading.place(now=datetime.now(UTC))
    path = f"/staff/v1/orders/{order.id}/price"
    client = Client(opened.app)
    guide = client.as_staff(trading.tenant, StaffRole.GUIDE, store_id=trading.store.id)
    lower = {"totalFen": PRICE // 2, "reason": "老顾客"}
    refused(await guide.post(path, json=lower), 403, "ROLE_NOT_ALLOWED")
    manager = client.as_staff(trading.tenant, StaffRole.STORE_MANAGER, store_id=trading.store.id)
    refused(await manager.post(path, json=lower), 403, "PRICE_BEYOND_AUTHORITY")
    refused(await manager.post(path, json={"totalFen": 1}), 422, "VALIDATION_FAILED")
    finance = client.as_staff(trading.tenant, StaffRole.FINANCE)
    assert answered(await finance.post(path, json=lower), 200)["totalFen"] == PRICE // 2


async def test_receivers_over_http_are_refused_for_persons_and_strangers(
    opened, database, keys, control, merchant_key
):
    channels = opened.wiring.channels
    trading = await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
    mall_party = await add_mall_contract(trading)
    client = Client(opened.app)
    finance = client.as_staff(trading.tenant, StaffRole.FINANCE)
    asked = {"partyId": trading.store.id, "account": "1900000109", "legalName": "某某公司"}
    refused(await finance.post("/brand/v1/settlement/receivers", json=asked), 404, "RECEIVER_NOT_FOUND")
    account = await open_receiver(control, name=MALL_NAME)
    asked = {"partyId": mall_party, "account": account, "legalName": "错误的名字"}
    told = answered(await finance.post("/brand/v1/settlement/receivers", json=asked), 201)
    assert (told["state"], told["channelMessage"] is not None) == ("refused", True)
    told = answered(
        await finance.post("/brand/v1/settlement/receivers", json=asked | {"legalName": MALL_NAME}), 201
    )
    ended = answered(await finance.delete(f"/brand/v1/settlement/receivers/{told['id']}"), 200)
    listed = answered(await finance.get("/brand/v1/settlement/receivers"))["receivers"]
    assert (ended["state"], [each["state"] for each in listed]) == ("ended", ["ended", "ended"])
    assert MALL_NAME not in str(listed)
