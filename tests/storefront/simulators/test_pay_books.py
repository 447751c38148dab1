"""What the simulator does with money and time, seen through the client and its own books."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_pem_x509_certificate

from orders.ports import ChannelRefund, PaymentState, Prepared, RefundRequest, RefundState
from storefront.simulators.faults import FaultKind
from storefront.simulators.remote import SimulatorRefused
from storefront.simulators.wechat_pay.books import fee_on
from tenants.kernel.money import Fen
from tests.storefront.simulators.till import API_V3_KEY, now

DAY = 86_400


def refund_of(request, refund_fen: int, number: str = "1") -> RefundRequest:
    return RefundRequest(
        payment_no=request.payment_no,
        refund_no=f"R{number}-{request.payment_no}",
        refund_fen=Fen(refund_fen),
        total_fen=request.total_fen,
        reason="退货",
    )


@pytest.mark.parametrize(("amount", "fee"), [(0, 0), (83, 0), (84, 1), (250, 2), (10_000, 60), (9_999, 60)])
def test_the_fee_is_rounded_half_up(amount, fee):
    assert fee_on(amount, fee_bps=60) == fee


async def test_money_to_be_split_is_frozen_and_other_money_waits_for_settlement(till):
    await till.paid(10_000, profit_sharing=True)
    await till.paid(5_000)
    before = await till.account()
    assert (before["frozenFen"], before["unsettledFen"], before["availableFen"]) == (9_940, 4_970, 0)
    assert before["feeFen"] == 90
    await till.control.advance(DAY)
    after = await till.account()
    assert (after["frozenFen"], after["unsettledFen"], after["availableFen"]) == (9_940, 0, 4_970)
    await till.control.advance(30 * DAY)
    assert (await till.account())["availableFen"] == 14_910


async def test_refunds_in_parts_return_the_whole_fee_and_leave_nothing(till):
    request = await till.paid(999, profit_sharing=True)
    for number, part in enumerate((333, 333, 333)):
        assert isinstance(await till.channel.refund(refund_of(request, part, str(number))), ChannelRefund)
    account = await till.account()
    assert (account["frozenFen"], account["feeFen"], account["availableFen"]) == (0, 0, 0)
    assert (await till.channel.refund(refund_of(request, 1, "one-too-many"))).code == "INVALID_REQUEST"


async def test_a_refund_number_moves_money_once_and_not_another_amount(till):
    request = await till.paid(1_000)
    first = await till.channel.refund(refund_of(request, 400))
    assert (await till.channel.refund(refund_of(request, 400))).refund_id == first.refund_id
    assert (await till.channel.refund(refund_of(request, 401))).code == "INVALID_REQUEST"
    assert (await till.books_of(request.payment_no))["refundedFen"] == 400


async def test_the_fifty_first_part_is_refused(till):
    request = await till.paid(1_000)
    for number in range(50):
        assert isinstance(await till.channel.refund(refund_of(request, 1, str(number))), ChannelRefund)
    assert (await till.channel.refund(refund_of(request, 1, "51"))).code == "INVALID_REQUEST"


async def test_the_three_hundred_and_sixty_sixth_day_is_too_late(till):
    request, late = await till.paid(1_000), await till.paid(1_000)
    await till.control.advance(365 * DAY - 60)
    assert isinstance(await till.channel.refund(refund_of(request, 1)), ChannelRefund)
    await till.control.advance(120)
    assert (await till.channel.refund(refund_of(late, 1))).code == "INVALID_REQUEST"


async def test_an_empty_account_refuses_and_the_same_number_succeeds_after_a_payment_settles(till):
    request = await till.paid(10_000)
    await till.control.advance(DAY)
    await till.control.withdraw(mchid=till.mchid, amount_fen=9_940)
    assert (await till.channel.refund(refund_of(request, 10_000))).code == "NOT_ENOUGH"
    await till.paid(20_000)
    await till.control.advance(DAY)
    assert (await till.channel.refund(refund_of(request, 10_000))).state is RefundState.PENDING


async def test_past_its_time_a_payment_cannot_be_paid_and_stays_open_until_closed(till):
    prepared = await till.channel.prepare(request := await _request_at_simulator_time(till))
    await till.control.advance(16 * 60)
    with pytest.raises(SimulatorRefused) as refusal:
        await till.control.pay(prepay_id=prepared.prepay_id)
    assert refusal.value.code == "PAYMENT_EXPIRED"
    assert (await till.channel.look_up(request.payment_no)).state is PaymentState.OPEN
    assert (await till.channel.prepare(request)).code == "INVALID_REQUEST"
    await till.channel.close(request.payment_no)
    assert (await till.channel.look_up(request.payment_no)).state is PaymentState.CLOSED


async def test_a_session_is_good_for_two_hours(till):
    begin = await till.control.advance(0)
    request = till.request(expires_at=begin + timedelta(hours=3))
    prepared = await till.channel.prepare(request)
    await till.control.advance(2 * 3600)
    with pytest.raises(SimulatorRefused):
        await till.control.pay(prepay_id=prepared.prepay_id)
    again = await till.channel.prepare(request)
    assert (await till.control.pay(prepay_id=again.prepay_id, wait=False))["tradeState"] == "SUCCESS"


@pytest.mark.parametrize("ahead", [timedelta(seconds=-5), timedelta(days=91)])
async def test_an_expiry_in_the_past_or_too_far_ahead_is_refused(till, ahead):
    begin = await till.control.advance(0)
    assert (await till.channel.prepare(till.request(expires_at=begin + ahead))).code == "PARAM_ERROR"


async def test_a_payment_is_paid_once_and_by_its_own_shopper(till):
    request = await _request_at_simulator_time(till)
    await till.channel.prepare(request)
    with pytest.raises(SimulatorRefused) as refusal:
        await till.control.pay(payment_no=request.payment_no, openid="o-somebody-else")
    assert refusal.value.code == "PAYER_MISMATCH"
    await till.control.pay(payment_no=request.payment_no, openid=request.openid, wait=False)
    with pytest.raises(SimulatorRefused) as refusal:
        await till.control.pay(payment_no=request.payment_no)
    assert refusal.value.code == "PAYMENT_PAID"


@pytest.mark.parametrize(
    "wrong",
    [
        {"payment_no": "short"},
        {"payment_no": "P 123456"},
        {"total_fen": 0},
        {"openid": ""},
        {"description": ""},
    ],
)
async def test_a_body_outside_the_documented_limits_is_a_parameter_error(till, wrong):
    assert (await till.channel.prepare(till.request(**wrong))).code == "PARAM_ERROR"


async def test_an_app_that_is_not_the_merchants_is_refused(till):
    answer = await till.channel_with(appid="wxstranger").prepare(till.request())
    assert answer.code == "APPID_MCHID_NOT_MATCH"


async def test_the_same_number_belongs_to_each_merchant_separately(
    till, control, http, merchant_key, notify_url
):
    other = await type(till).open(control, http, merchant_key=merchant_key, notify_url=notify_url)
    request = till.request()
    assert isinstance(await till.channel.prepare(request), Prepared)
    assert isinstance(await other.channel.prepare(request), Prepared)
    await control.pay(payment_no=request.payment_no, mchid=other.mchid, wait=False)
    assert (await till.channel.look_up(request.payment_no)).state is PaymentState.OPEN


async def test_a_request_is_refused_unless_signed_now_by_the_merchant_over_these_bytes(till, stranger_key):
    target, body = "/v3/pay/transactions/jsapi", b"{}"
    good = {
        "method": "POST", "target": target.encode(), "body": body,
        "timestamp": str(int(now().timestamp())), "nonce": "n",
    }  # fmt: skip
    wrong = [
        {**good, "body": b"{ }"},
        {**good, "method": "GET"},
        {**good, "target": b"/v3/pay/transactions/jsapi?x=1"},
        {**good, "timestamp": str(int(now().timestamp()) - 310)},
    ]
    sign = till.credentials.authorization
    headers = [sign(**each) for each in wrong] + ["", "Basic abc", sign(**good).replace("serial_no=", "x=")]
    headers.append(sign(**good).replace(f'mchid="{till.mchid}"', 'mchid="1999999999"'))
    for header in headers:
        answer = await till.http.post(
            till.control.url + target, content=body, headers={"Authorization": header}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")
    answer = await till.http.post(
        till.control.url + target, content=body, headers={"Authorization": sign(**good)}
    )
    assert answer.json()["code"] == "PARAM_ERROR"


async def test_the_platform_certificate_opens_with_the_merchants_key_and_is_the_registered_one(till):
    answer = await _signed_get(till, "/v3/certificates")
    (item,) = answer.json()["data"]
    sealed = item["encrypt_certificate"]
    pem = AESGCM(API_V3_KEY.encode()).decrypt(
        sealed["nonce"].encode(),
        base64.b64decode(sealed["ciphertext"]),
        sealed["associated_data"].encode(),
    )
    assert till.parts["verification_keys"][item["serial_no"]] == pem.decode()
    assert f"{load_pem_x509_certificate(pem).serial_number:040X}" == item["serial_no"]


async def test_a_newer_merchant_has_no_platform_certificate(till, merchant_key):
    registered = await till.control.register_merchant(
        mchid=till.mchid,
        appid=till.credentials.appid,
        public_key=merchant_key[1],
        certificate_serial="4A5B6C7D8E9F",
        api_v3_key=API_V3_KEY,
        certificates=False,
    )
    assert registered.certificate is None
    answer = await _signed_get(till, "/v3/certificates")
    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")


async def test_a_payment_is_found_by_wechats_number_too(till):
    request = await till.paid()
    number = (await till.channel.look_up(request.payment_no)).transaction_id
    answer = await _signed_get(till, f"/v3/pay/transactions/id/{number}?mchid={till.mchid}")
    assert answer.json()["out_trade_no"] == request.payment_no


async def test_a_delayed_answer_comes_late_and_whole(till):
    await till.control.plan_fault(FaultKind.DELAY, path="/v3/pay/transactions/jsapi", seconds=0.2)
    assert isinstance(await till.channel.prepare(till.request()), Prepared)


@pytest.mark.parametrize("body", [b"", b"{", b'{"unknown": 1}', b"[]", b"\xff"])
async def test_the_control_api_refuses_nonsense_in_our_frame(till, body):
    answer = await till.http.post(f"{till.control.url}/simulator/merchants", content=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"code", "msg", "data", "requestId"}


async def _request_at_simulator_time(till):
    begin = await till.control.advance(0)
    return till.request(expires_at=begin + timedelta(minutes=15))


async def _signed_get(till, target: str):
    stamp = str(int(now().timestamp()))
    header = till.credentials.authorization(
        method="GET", target=target.encode(), body=b"", timestamp=stamp, nonce="n"
    )
    return await till.http.get(till.control.url + target, headers={"Authorization": header})
