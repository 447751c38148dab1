"""Refunds of split payments by the decision table, coupons' part, and refunds that do not end well."""

import pytest

from tests.storefront.simulators.stranger import Merchant, number, opened, part


@pytest.fixture
async def payee(control, http, merchant_key) -> Merchant:
    return await Merchant.open(control, http, key=merchant_key)


@pytest.fixture
async def mall(control, http, payee) -> Merchant:
    mall = await Merchant.open(control, http, accepts_returns=True)
    await payee.relate(mall)
    return mall


def coupon(amount: int, kind: str = "NOCASH") -> dict:
    return {"couponId": "C1", "amount": amount, "type": kind}


async def test_with_nothing_split_any_refund_comes_from_the_frozen_money(payee):
    no, _ = await payee.paid()
    answer = await payee.refund(no, 10_000)
    assert (answer["status"], answer["funds_account"]) == ("PROCESSING", "UNSETTLED")
    assert (await payee.account())["frozenFen"] == 0


async def test_with_a_part_split_no_more_than_the_unsplit_rest_is_refunded_until_it_is_unfrozen(payee, mall):
    no, transaction = await payee.paid()
    await payee.split_now(transaction, [part(mall, 3_000)])
    rest = await payee.unsplit(transaction)
    answer = await payee.refund(no, rest + 1, refund_no="T-big")
    assert (answer["code"], answer["message"]) == (
        "RULE_LIMIT",
        "申请退款金额大于剩余未分账金额，请等待分账完成后再试",
    )
    assert (await payee.refund(no, 1_000))["funds_account"] == "UNSETTLED"
    await payee.unfreeze(transaction)
    await payee.control.advance(2)
    short = await payee.refund(no, rest + 1, refund_no="T-big")
    assert short["code"] == "NOT_ENOUGH"
    await payee.control.command("deposits", mchid=payee.mchid, amount_fen=3_000)
    assert (await payee.refund(no, rest + 1, refund_no="T-big"))["funds_account"] == "AVAILABLE"


async def test_a_full_refund_leaves_the_receiver_its_money_and_the_payee_the_loss(payee, mall):
    no, transaction = await payee.paid()
    await payee.split_now(transaction, [part(mall, 3_000)], unfreeze=True)
    await payee.control.command("deposits", mchid=payee.mchid, amount_fen=3_000)
    assert (await payee.refund(no, 10_000))["status"] == "PROCESSING"
    assert ((await mall.account())["availableFen"], (await payee.account())["availableFen"]) == (3_000, 0)


async def test_a_return_and_a_refund_know_nothing_of_each_other(payee, mall):
    no, transaction = await payee.paid()
    done = await payee.split_now(transaction, [part(mall, 3_000)], unfreeze=True)
    assert (await payee.refund(no, 5_000))["status"] == "PROCESSING"
    assert (await payee.give_back(done, mall, 3_000))["result"] == "SUCCESS"
    assert (await payee.refund(no, 5_000))["status"] == "PROCESSING"
    assert (await payee.account())["availableFen"] == 0


async def test_a_refund_told_to_take_available_money_leaves_the_frozen_alone(payee):
    no, _ = await payee.paid()
    assert (await payee.refund(no, 100, funds_account="AVAILABLE"))["code"] == "NOT_ENOUGH"
    wrong = {
        "refund": 100,
        "total": 10_000,
        "currency": "CNY",
        "from": [{"account": "AVAILABLE", "amount": 99}],
    }
    assert (await payee.refund(no, 100, amount=wrong))["code"] == "PARAM_ERROR"


async def test_an_accepted_refund_is_processing_until_it_succeeds(payee, inbox):
    no, _ = await payee.paid()
    await payee.refund(no, 100, refund_no="T-soon", notify_url=inbox.url)
    await payee.control.advance(2)
    found = await payee.call("GET", "/v3/refund/domestic/refunds/T-soon")
    ((_, body),) = inbox.letters
    assert (found["status"], opened(body)["refund_status"]) == ("SUCCESS", "SUCCESS")


async def test_an_abnormal_refund_is_told_and_can_be_brought_to_its_end(payee, control, inbox):
    no, _ = await payee.paid()
    await control.command("refunds/decide", out_trade_no=no, status="ABNORMAL")
    await payee.refund(no, 100, refund_no="T-lost", notify_url=inbox.url)
    await control.advance(2)
    assert (await payee.call("GET", "/v3/refund/domestic/refunds/T-lost"))["status"] == "ABNORMAL"
    await control.command("refunds/decide", out_trade_no=no, out_refund_no="T-lost", status="SUCCESS")
    await control.advance(0)
    assert [opened(body)["refund_status"] for _, body in inbox.letters] == ["ABNORMAL", "SUCCESS"]


async def test_a_closed_refund_gives_the_money_back_to_the_merchant(payee, control):
    no, _ = await payee.paid()
    await control.command("refunds/decide", out_trade_no=no, status="CLOSED")
    await payee.refund(no, 10_000)
    await control.advance(2)
    account = await payee.account()
    assert (account["frozenFen"], account["feeFen"]) == (9_940, 60)
    assert (await payee.refund(no, 10_000))["status"] == "PROCESSING"


@pytest.mark.parametrize(("kind", "settled", "back"), [("NOCASH", 700, 630), ("CASH", 1_000, 900)])
async def test_with_a_coupon_the_shopper_gets_back_in_proportion(payee, kind, settled, back):
    no, _ = await payee.paid(1_000, coupons=[coupon(300, kind)])
    answer = await payee.refund(no, 900, total=1_000)
    amount = answer["amount"]
    assert (amount["payer_total"], amount["payer_refund"], amount["discount_refund"]) == (700, 630, 270)
    assert (amount["settlement_total"], amount["settlement_refund"]) == (settled, back)
    assert answer["promotion_detail"][0]["refund_amount"] == 270
    last = (await payee.refund(no, 100, total=1_000))["amount"]
    assert (last["payer_refund"], (await payee.account())["feeFen"]) == (70, 0)


async def test_a_queried_payment_names_its_coupons(payee):
    no, _ = await payee.paid(1_000, coupons=[coupon(300)])
    found = await payee.call("GET", f"/v3/pay/transactions/out-trade-no/{no}?mchid={payee.mchid}")
    assert (found["amount"]["payer_total"], found["promotion_detail"][0]["coupon_id"]) == (700, "C1")


async def test_a_shopper_who_refuses_leaves_the_number_open_and_a_failed_payment_can_be_paid_again(
    payee, control
):
    no = await payee.prepaid()
    assert (await control.command("refuse", out_trade_no=no))["tradeState"] == "NOTPAY"
    assert (await control.command("refuse", out_trade_no=no, failed=True))["tradeState"] == "PAYERROR"
    assert (await control.pay(payment_no=no, wait=False))["tradeState"] == "SUCCESS"


async def test_an_unknown_refund_is_a_resource_that_does_not_exist(payee):
    assert (await payee.call("GET", f"/v3/refund/domestic/refunds/{number('T')}"))[
        "code"
    ] == "RESOURCE_NOT_EXISTS"
