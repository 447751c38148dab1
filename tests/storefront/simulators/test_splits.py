"""Ordinary profit sharing: each trap of the documents by name."""

import pytest

from storefront.simulators.control_money import FAIL_REASONS
from tests.storefront.simulators.stranger import DAY, Merchant, number, opened, part


@pytest.fixture
async def payee(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key)


@pytest.fixture
async def mall(control, http) -> Merchant:
    return await Merchant.open(control, http, accepts_returns=True)


async def test_a_split_is_processing_first_and_pays_its_receiver_when_it_is_done(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid(10_000)
    made = await payee.split(transaction, [part(mall, 2_000)])
    assert (made["state"], made["receivers"][0]["result"]) == ("PROCESSING", "PENDING")
    assert (await mall.account())["availableFen"] == 0
    await payee.control.advance(2)
    done = await payee.look_up_split(made)
    assert (done["state"], done["receivers"][0]["result"]) == ("FINISHED", "SUCCESS")
    assert (await mall.account())["availableFen"] == 2_000
    assert await payee.unsplit(transaction) == 10_000 - 60 - 2_000


async def test_a_split_within_a_minute_is_too_early(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid(wait_seconds=58)
    early = await payee.split(transaction, [part(mall, 1)], no="S-early")
    assert (early["code"], "订单处理中" in early["message"]) == ("INVALID_REQUEST", True)
    await payee.control.advance(2)
    assert (await payee.split(transaction, [part(mall, 1)], no="S-early"))["state"] == "PROCESSING"


async def test_a_payment_not_flagged_at_prepay_can_never_be_split(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid(shared=False)
    assert (await payee.split(transaction, [part(mall, 1)]))["message"] == "非分账订单不支持分账"


async def test_a_receiver_nobody_added_is_refused(payee, mall):
    _, transaction = await payee.paid()
    assert (await payee.split(transaction, [part(mall, 1)]))["message"] == "分账接收方关系不存在"


async def test_the_ratio_is_of_the_orders_amount_over_all_splits(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid(10_000)
    await payee.split_now(transaction, [part(mall, 2_999)])
    assert (await payee.split(transaction, [part(mall, 2)]))["message"] == "分账金额超出最大分账比例"
    assert (await payee.split(transaction, [part(mall, 1)]))["state"] == "PROCESSING"


async def test_more_than_what_is_left_unsplit_is_not_enough(control, http, merchant_key, mall):
    generous = await Merchant.open(control, http, key=merchant_key, max_ratio_bps=10_000)
    await generous.relate(mall)
    _, transaction = await generous.paid(10_000)
    assert (await generous.split(transaction, [part(mall, 9_941)]))["code"] == "NOT_ENOUGH"
    assert (await generous.split(transaction, [part(mall, 9_940)]))["state"] == "PROCESSING"


async def test_the_fifty_first_request_and_the_fifty_first_receiver_are_refused(payee, mall, control):
    await control.command("limits", scale=0)
    await payee.relate(mall)
    _, transaction = await payee.paid()
    assert (await payee.split(transaction, [part(mall, 1)] * 51))["code"] == "PARAM_ERROR"
    for _ in range(50):
        assert "code" not in await payee.split(transaction, [part(mall, 1)])
    assert (await payee.split(transaction, [part(mall, 1)]))["code"] == "RULE_LIMIT"


async def test_a_repeated_number_answers_the_same_split_and_other_receivers_are_refused(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    first = await payee.split(transaction, [part(mall, 100)], no="S-same")
    assert (await payee.split(transaction, [part(mall, 100)], no="S-same"))["order_id"] == first["order_id"]
    assert (await payee.split(transaction, [part(mall, 101)], no="S-same"))[
        "message"
    ] == "分账接收方与原请求不一致"
    await payee.control.advance(2)
    assert (await mall.account())["availableFen"] == 100


@pytest.mark.parametrize("reason", FAIL_REASONS)
async def test_a_receiver_that_fails_is_closed_alone_and_its_money_can_be_split_again(
    payee, mall, reason, control, http
):
    other = await Merchant.open(control, http)
    await payee.relate(mall, other)
    _, transaction = await payee.paid()
    await control.command("splits/decide", account=mall.mchid, reason=reason)
    done = await payee.split_now(transaction, [part(mall, 500), part(other, 300)])
    results = [(each["result"], each.get("fail_reason")) for each in done["receivers"]]
    assert results == [("CLOSED", reason), ("SUCCESS", None)]
    assert await payee.unsplit(transaction) == 9_940 - 300
    assert (await payee.split_now(transaction, [part(mall, 500)]))["receivers"][0]["result"] == "SUCCESS"


async def test_what_a_closed_receiver_would_have_had_after_unfreezing_goes_to_the_payee(payee, mall, control):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    await control.command("splits/decide", account=mall.mchid)
    await payee.split_now(transaction, [part(mall, 500)], unfreeze=True)
    assert ((await payee.account())["availableFen"], await payee.unsplit(transaction)) == (9_940, 0)


async def test_a_relation_deleted_in_between_closes_the_receiver(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    made = await payee.split(transaction, [part(mall, 5)])
    gone = {"appid": payee.appid, "type": "MERCHANT_ID", "account": mall.mchid}
    await payee.call("POST", "/v3/profitsharing/receivers/delete", gone)
    await payee.control.advance(2)
    assert (await payee.look_up_split(made))["receivers"][0]["fail_reason"] == "NO_RELATION"


async def test_unfreezing_with_a_number_used_for_a_split_answers_success_and_unfreezes_nothing(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    made = await payee.split_now(transaction, [part(mall, 1_000)], no="S-trap")
    answer = await payee.unfreeze(transaction, no=made["out_order_no"])
    await payee.control.advance(60)
    assert ("code" in answer, await payee.unsplit(transaction)) == (False, 8_940)
    assert (await payee.account())["frozenFen"] == 8_940
    assert "code" not in await payee.unfreeze(transaction, no="U-fresh")
    await payee.control.advance(2)
    assert await payee.unsplit(transaction) == 0
    assert (await payee.account())["availableFen"] == 8_940
    again = await payee.unfreeze(transaction, no="U-again")
    assert (again["code"], again["message"]) == ("NOT_ENOUGH", "分账金额为0")


async def test_on_day_thirty_one_everything_is_unfrozen_and_nothing_can_be_split(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    await payee.control.advance(30 * DAY - 61)
    assert await payee.unsplit(transaction) == 9_940
    await payee.control.advance(2)
    assert (await payee.split(transaction, [part(mall, 1)]))["code"] == "NOT_ENOUGH"
    assert (await payee.account())["availableFen"] == 9_940


async def test_a_merchants_name_must_be_its_whole_legal_name_and_encrypted(payee, mall):
    add = {"appid": payee.appid, "type": "MERCHANT_ID", "account": mall.mchid, "relation_type": "PARTNER"}
    target = "/v3/profitsharing/receivers/add"
    assert (await payee.call("POST", target, add))["code"] == "PARAM_ERROR"
    plain = await payee.call("POST", target, add | {"name": mall.name})
    assert plain["message"] == "请确认待处理的消息是否为加密后的密文"
    wrong = await payee.call("POST", target, add | {"name": payee.sealed("别家有限公司")})
    assert wrong["message"] == "分账接收商户全称不匹配"
    right = await payee.call("POST", target, add | {"name": payee.sealed(mall.name)})
    assert (right["account"], right["relation_type"]) == (mall.mchid, "PARTNER")
    custom = add | {"name": payee.sealed(mall.name), "relation_type": "CUSTOM"}
    assert (await payee.call("POST", target, custom))["code"] == "PARAM_ERROR"


async def test_a_persons_name_is_checked_when_given_and_an_unverified_person_gets_nothing(payee, control):
    await control.command("persons", openid="o-guide", name="林小满")
    add = {"appid": payee.appid, "type": "PERSONAL_OPENID", "account": "o-guide", "relation_type": "STAFF"}
    target = "/v3/profitsharing/receivers/add"
    wrong = await payee.call("POST", target, add | {"name": payee.sealed("林大满")})
    assert wrong["message"] == "微信用户姓名与实名不一致"
    for account in ("o-guide", "o-nameless"):
        assert "code" not in await payee.call("POST", target, add | {"account": account})
    _, transaction = await payee.paid()
    parts = [part(account, 10, "PERSONAL_OPENID") for account in ("o-guide", "o-nameless")]
    done = await payee.split_now(transaction, parts)
    reasons = [each.get("fail_reason") for each in done["receivers"]]
    assert reasons == [None, "RECEIVER_REAL_NAME_NOT_VERIFIED"]
    assert (await control.books())["personsReceived"]["o-guide"] == 10


async def test_a_receiver_without_return_permission_refuses_the_return(payee, control, http):
    closed = await Merchant.open(control, http, accepts_returns=False)
    await payee.relate(closed)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(closed, 100)])
    answer = await payee.give_back(done, closed, 1)
    assert (answer["code"], answer["message"]) == ("NO_AUTH", "回退方未开通分账回退功能")


async def test_what_a_person_got_is_never_returned(payee, control):
    await control.command("persons", openid="o-guide", name="林小满")
    add = {"appid": payee.appid, "type": "PERSONAL_OPENID", "account": "o-guide", "relation_type": "STAFF"}
    await payee.call("POST", "/v3/profitsharing/receivers/add", add)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part("o-guide", 10, "PERSONAL_OPENID")])
    answer = await payee.give_back(done, "o-guide", 1)
    assert (answer["code"], answer["message"]) == ("INVALID_REQUEST", "回退方不存在")


async def test_a_return_moves_money_once_and_never_more_than_remains(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 100)])
    first = await payee.give_back(done, mall, 60, no="R-one")
    assert (first["result"], (await payee.give_back(done, mall, 60, no="R-one"))["return_id"]) == (
        "SUCCESS",
        first["return_id"],
    )
    assert (await payee.give_back(done, mall, 41))["message"] == "剩余可回退的金额不足"
    assert (await payee.give_back(done, mall, 40))["result"] == "SUCCESS"
    found = await payee.call(
        "GET", f"/v3/profitsharing/return-orders/R-one?out_order_no={done['out_order_no']}"
    )
    assert (found["result"], (await mall.account())["availableFen"]) == ("SUCCESS", 0)


async def test_a_short_receiver_leaves_the_return_processing_until_its_number_is_tried_again(
    payee, mall, control
):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 100)])
    await control.withdraw(mchid=mall.mchid, amount_fen=100)
    answer = await payee.give_back(done, mall, 100, no="R-short")
    assert answer["message"] == "可用余额不足，请充值后重新发起"
    target = f"/v3/profitsharing/return-orders/R-short?out_order_no={done['out_order_no']}"
    assert (await payee.call("GET", target))["result"] == "PROCESSING"
    await control.command("deposits", mchid=mall.mchid, amount_fen=100)
    assert (await payee.call("GET", target))["result"] == "PROCESSING"
    assert (await payee.give_back(done, mall, 100, no="R-short"))["result"] == "SUCCESS"


async def test_after_five_days_a_waiting_return_fails_and_needs_a_new_number(payee, mall, control):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 100)])
    await control.withdraw(mchid=mall.mchid, amount_fen=100)
    await payee.give_back(done, mall, 100, no="R-late")
    await control.advance(5 * DAY)
    await control.command("deposits", mchid=mall.mchid, amount_fen=100)
    found = await payee.give_back(done, mall, 100, no="R-late")
    assert (found["result"], found["fail_reason"]) == ("FAILED", "TIME_OUT_CLOSED")
    assert (await payee.give_back(done, mall, 100, no="R-new"))["result"] == "SUCCESS"


async def test_on_day_one_hundred_and_eighty_one_nothing_is_returned(payee, mall):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 100)])
    await payee.control.advance(180 * DAY - 10)
    assert (await payee.give_back(done, mall, 1))["result"] == "SUCCESS"
    await payee.control.advance(20)
    assert (await payee.give_back(done, mall, 1))["code"] == "INVALID_REQUEST"


async def test_the_fifty_first_return_of_a_split_is_refused_and_a_planned_one_fails(payee, mall, control):
    await payee.relate(mall)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 100)])
    await control.command("splits/decide", account=mall.mchid, returns=True)
    assert (await payee.give_back(done, mall, 1))["fail_reason"] == "ACCOUNT_ABNORMAL"
    for _ in range(49):
        assert (await payee.give_back(done, mall, 1))["result"] == "SUCCESS"
    assert (await payee.give_back(done, mall, 1))["code"] == "RULE_LIMIT"


@pytest.mark.parametrize(
    ("kind", "event"), [("TRANSACTION", "TRANSACTION.SUCCESS"), ("PROFITSHARING", "PROFITSHARING.SUCCESS")]
)
async def test_the_receiver_is_told_at_its_own_address_under_the_events_observed_and_documented_names(
    payee, control, http, merchant_key, inbox, kind, event
):
    mall = await Merchant.open(control, http, key=merchant_key, split_notify_url=inbox.url, split_event=kind)
    await payee.relate(mall)
    _, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 700)])
    ((_, body),) = inbox.letters
    said = opened(body)
    assert f'"event_type":"{event}"'.encode() in body
    assert (said["order_id"], said["receiver"]["amount"], said["mchid"]) == (
        done["order_id"],
        700,
        payee.mchid,
    )


async def test_only_a_service_provider_may_ask_for_the_ratio(payee, control, http, merchant_key):
    assert (await payee.call("GET", f"/v3/profitsharing/merchant-configs/{payee.mchid}"))[
        "code"
    ] == "PARAM_ERROR"
    sub = await Merchant.open(control, http, provider=payee.mchid, max_ratio_bps=2_000)
    answer = await payee.call("GET", f"/v3/profitsharing/merchant-configs/{sub.mchid}")
    assert answer == {"sub_mchid": sub.mchid, "max_ratio": 2_000}


async def test_an_unknown_split_is_a_resource_that_does_not_exist(payee):
    _, transaction = await payee.paid()
    answer = await payee.call("GET", f"/v3/profitsharing/orders/{number('S')}?transaction_id={transaction}")
    assert answer["code"] == "RESOURCE_NOT_EXISTS"
