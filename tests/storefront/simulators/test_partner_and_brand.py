"""Service-provider mode, and the chain-brand product with its own names for the same money."""

import pytest

from tests.storefront.simulators.stranger import DAY, Merchant, number, opened, part

BRAND = "/v3/brand/profitsharing"


@pytest.fixture
async def provider(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key)


@pytest.fixture
async def store(control, http, provider) -> Merchant:
    store = await Merchant.open(control, http, provider=provider.mchid)
    provider.sub = {"sub_mchid": store.mchid}
    return store


@pytest.fixture
async def brand(control, http, provider) -> Merchant:
    return await Merchant.open(control, http, provider=provider.mchid, brand="self", max_ratio_bps=2_500)


async def branded(provider, brand, **options) -> Merchant:
    store = await Merchant.open(
        provider.control, provider.http, provider=provider.mchid, brand=brand.mchid, **options
    )
    provider.sub = {"sub_mchid": store.mchid}
    return store


async def brand_split(provider, brand, transaction, parts, *, finish=False, **more) -> dict:
    body = {
        "brand_mchid": brand.mchid, "appid": provider.appid, "transaction_id": transaction, "out_order_no": number("S"),
        "receivers": parts, "finish": finish, **provider.sub, **more,
    }  # fmt: skip
    return await provider.call("POST", f"{BRAND}/orders", body)


async def brand_look_up(provider, transaction, no) -> dict:
    query = f"sub_mchid={provider.sub['sub_mchid']}&transaction_id={transaction}&out_order_no={no}"
    return await provider.call("GET", f"{BRAND}/orders?{query}")


async def test_a_service_providers_payment_names_both_and_belongs_to_the_sub_merchant(provider, store):
    no, transaction = await provider.paid(10_000, shared=False)
    query = f"?sp_mchid={provider.mchid}&sub_mchid={store.mchid}"
    found = await provider.call("GET", f"/v3/pay/partner/transactions/out-trade-no/{no}{query}")
    assert (found["sp_mchid"], found["sub_mchid"], found["payer"]) == (
        provider.mchid,
        store.mchid,
        {"sp_openid": "o-shopper"},
    )
    assert (await provider.call("GET", f"/v3/pay/partner/transactions/id/{transaction}{query}"))[
        "out_trade_no"
    ] == no
    assert ((await store.account())["unsettledFen"], (await provider.account())["unsettledFen"]) == (9_940, 0)


async def test_a_number_is_unique_for_the_service_provider_over_all_its_sub_merchants(
    provider, store, control, http
):
    other = await Merchant.open(control, http, provider=provider.mchid)
    no = await provider.prepaid()
    body = {
        "description": "x", "out_trade_no": no, "notify_url": "http://127.0.0.1:9/paid", "amount": {"total": 10_000},
        "settle_info": {"profit_sharing": True}, "sp_appid": provider.appid, "sp_mchid": provider.mchid,
        "sub_mchid": other.mchid, "payer": {"sp_openid": "o-shopper"},
    }  # fmt: skip
    assert (await provider.call("POST", "/v3/pay/partner/transactions/jsapi", body))[
        "code"
    ] == "INVALID_REQUEST"


async def test_a_stranger_as_sub_merchant_and_an_openid_without_its_app_are_refused(
    provider, store, control, http
):
    foreign = await Merchant.open(control, http)
    body = {
        "description": "x", "out_trade_no": number(), "notify_url": "http://127.0.0.1:9/paid", "amount": {"total": 1},
        "sp_appid": provider.appid, "sp_mchid": provider.mchid, "sub_mchid": foreign.mchid, "payer": {"sp_openid": "o"},
    }  # fmt: skip
    target = "/v3/pay/partner/transactions/jsapi"
    assert (await provider.call("POST", target, body))["code"] == "NO_AUTH"
    own = body | {"sub_mchid": store.mchid, "payer": {"sub_openid": "o"}}
    assert (await provider.call("POST", target, own))["code"] == "PARAM_ERROR"
    assert (await provider.call("POST", target, own | {"sub_mchid": "1"}))["code"] == "MCH_NOT_EXISTS"
    assert "prepay_id" in await provider.call("POST", target, own | {"sub_appid": store.appid})


async def test_a_service_provider_closes_splits_refunds_and_sees_the_amounts_for_its_sub_merchant(
    provider, store, control, http
):
    mall = await Merchant.open(control, http, accepts_returns=True)
    await provider.relate(mall)
    no, transaction = await provider.paid()
    done = await provider.split_now(transaction, [part(mall, 1_000)])
    assert (done["sub_mchid"], done["receivers"][0]["result"]) == (store.mchid, "SUCCESS")
    assert (await provider.give_back(done, mall, 1_000))["result"] == "SUCCESS"
    assert (await provider.refund(no, 500))["status"] == "PROCESSING"
    assert await provider.unsplit(transaction) == 10_000 - 60 - 1_000 - 497
    unpaid = await provider.prepaid()
    body = {"sp_mchid": provider.mchid, "sub_mchid": store.mchid}
    answer = await provider.send("POST", f"/v3/pay/partner/transactions/out-trade-no/{unpaid}/close", body)
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_service_providers_callback_is_sealed_for_it_and_names_the_sub_merchant(
    provider, store, inbox
):
    no = await provider.prepaid(notify_url=inbox.url)
    await provider.control.pay(payment_no=no, mchid=provider.mchid)
    ((_, body),) = inbox.letters
    said = opened(body)
    assert (said["sp_mchid"], said["sub_mchid"], "mchid" in said) == (provider.mchid, store.mchid, False)


async def test_the_chains_split_says_status_and_pays_the_brand_without_adding_it(provider, brand):
    await branded(provider, brand)
    _, transaction = await provider.paid()
    made = await brand_split(provider, brand, transaction, [part(brand, 1_000)])
    assert (made["status"], "state" in made) == ("PROCESSING", False)
    await provider.control.advance(2)
    found = await brand_look_up(provider, transaction, made["out_order_no"])
    assert (found["status"], found["receivers"][0]["result"]) == ("FINISHED", "SUCCESS")
    amounts = await provider.call("GET", f"{BRAND}/orders/{transaction}/amounts")
    assert amounts["unsplit_amount"] == 8_940


async def test_the_chains_ratio_is_the_brands_and_strangers_are_added_to_the_brand(
    provider, brand, control, http
):
    await branded(provider, brand, max_ratio_bps=10_000)
    supplier = await Merchant.open(control, http)
    _, transaction = await provider.paid()
    ratio = await provider.call("GET", f"{BRAND}/brand-configs/{brand.mchid}")
    assert ratio == {"brand_mchid": brand.mchid, "max_ratio": 2_500}
    refused = await brand_split(provider, brand, transaction, [part(supplier, 1)])
    assert refused["message"] == "分账接收方关系不存在"
    add = {
        "brand_mchid": brand.mchid, "appid": provider.appid, "type": "MERCHANT_ID", "account": supplier.mchid,
        "name": supplier.name, "relation_type": "SUPPLIER",
    }  # fmt: skip
    assert "code" not in await provider.call("POST", f"{BRAND}/receivers/add", add)
    assert (await brand_split(provider, brand, transaction, [part(supplier, 2_501)]))[
        "code"
    ] == "INVALID_REQUEST"
    assert "order_id" in await brand_split(provider, brand, transaction, [part(supplier, 2_500)])


async def test_the_chains_finish_has_an_amount_and_a_reason_instead_of_receivers(provider, brand):
    await branded(provider, brand)
    _, transaction = await provider.paid()
    body = {"transaction_id": transaction, "out_order_no": "F-1234", "description": "完结", **provider.sub}
    made = await provider.call("POST", f"{BRAND}/finish-order", body)
    assert "status" not in made
    await provider.control.advance(2)
    found = await brand_look_up(provider, transaction, "F-1234")
    assert (found["status"], found["finish_amount"], found["finish_description"]) == (
        "FINISHED",
        9_940,
        "完结",
    )


async def test_the_chains_return_is_called_return_no_and_fails_as_fail(provider, brand, control, http):
    supplier = await Merchant.open(
        control, http, accepts_returns=True, provider=provider.mchid, brand=brand.mchid
    )
    provider.sub = {"sub_mchid": brand.mchid}
    _, transaction = await provider.paid()
    made = await brand_split(provider, brand, transaction, [part(supplier, 100)])
    await control.advance(2)
    body = {
        "out_order_no": made["out_order_no"], "out_return_no": "R-1", "return_mchid": supplier.mchid, "amount": 40,
        "description": "退货", **provider.sub,
    }  # fmt: skip
    first = await provider.call("POST", f"{BRAND}/returnorders", body)
    assert (first["result"], "return_no" in first, "return_id" in first) == ("SUCCESS", True, False)
    await control.command("splits/decide", account=supplier.mchid, returns=True)
    second = await provider.call("POST", f"{BRAND}/returnorders", body | {"out_return_no": "R-2"})
    assert (second["result"], second["fail_reason"]) == ("FAIL", "ACCOUNT_ABNORMAL")
    query = f"sub_mchid={brand.mchid}&out_order_no={made['out_order_no']}&out_return_no=R-1"
    assert (await provider.call("GET", f"{BRAND}/returnorders?{query}"))["amount"] == 40


async def test_a_chains_payment_stays_frozen_for_one_hundred_and_eighty_days(provider, brand):
    store = await branded(provider, brand)
    _, transaction = await provider.paid()
    await provider.control.advance(180 * DAY - 61)
    assert (await store.account())["frozenFen"] == 9_940
    await provider.control.advance(2)
    assert ((await store.account())["frozenFen"], await provider.unsplit(transaction)) == (0, 0)


async def test_the_chains_initiator_is_told_at_the_address_it_names(provider, brand, inbox):
    await branded(provider, brand)
    _, transaction = await provider.paid()
    await brand_split(provider, brand, transaction, [part(brand, 100)], notify_url=inbox.url)
    await provider.control.advance(2)
    ((_, body),) = inbox.letters
    assert opened(body)["receiver"]["account"] == brand.mchid
