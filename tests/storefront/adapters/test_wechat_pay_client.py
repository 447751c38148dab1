"""The WeChat Pay client against the simulator, over real HTTP with real signatures."""

import base64
import logging
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from orders.ports import (
    AlreadyPaid,
    ChannelPayment,
    ChannelRefund,
    Closed,
    PaymentState,
    Prepared,
    RefundRequest,
    RefundState,
    Refused,
    Unknown,
)
from storefront.adapters.errors import CredentialsUnreadable
from storefront.adapters.wechat_pay.keys import MerchantCredentials
from storefront.simulators.faults import FaultKind
from tenants.kernel.money import Fen

PREPAY = "/v3/pay/transactions/jsapi"
REFUNDS = "/v3/refund/domestic/refunds"


def refund_of(request, refund_fen: int, refund_no: str = "R-1") -> RefundRequest:
    return RefundRequest(
        payment_no=request.payment_no,
        refund_no=f"{refund_no}-{request.payment_no}",
        refund_fen=Fen(refund_fen),
        total_fen=request.total_fen,
        reason="尺码不合适",
    )


async def test_a_payment_goes_from_prepared_to_paid_to_refunded(till):
    request = till.request(10_000)
    prepared = await till.channel.prepare(request)
    assert isinstance(prepared, Prepared)
    assert (await till.channel.look_up(request.payment_no)).state is PaymentState.OPEN

    await till.control.pay(prepay_id=prepared.parameters.package, openid=request.openid, wait=False)
    paid = await till.channel.look_up(request.payment_no)
    assert paid == ChannelPayment(
        payment_no=request.payment_no,
        state=PaymentState.PAID,
        merchant_no=till.mchid,
        appid=till.credentials.appid,
        transaction_id=paid.transaction_id,
        total_fen=Fen(10_000),
        payer_total_fen=Fen(10_000),
        currency="CNY",
        paid_at=paid.paid_at,
        openid=request.openid,
    )
    assert abs(paid.paid_at - datetime.now(UTC)) < timedelta(minutes=1) or paid.paid_at > datetime.now(UTC)

    accepted = await till.channel.refund(refund_of(request, 2_500))
    assert accepted.state is RefundState.PENDING
    await till.control.advance(5)
    done = await till.channel.look_up_refund(accepted.refund_no)
    assert done.state is RefundState.DONE
    assert (done.refund_fen, done.payment_no) == (Fen(2_500), request.payment_no)
    assert (await till.channel.look_up(request.payment_no)).state is PaymentState.REFUNDED


async def test_the_front_ends_five_fields_verify_with_the_merchants_public_key(till, merchant_key):
    prepared = await till.channel.prepare(till.request())
    five = prepared.parameters
    message = (
        f"{till.credentials.appid}\n{five.time_stamp}\n{five.nonce_str}\nprepay_id={prepared.prepay_id}\n"
    )
    public = serialization.load_pem_public_key(merchant_key[1].encode())
    public.verify(base64.b64decode(five.pay_sign), message.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert five.sign_type == "RSA"


async def test_the_store_and_the_splitting_mark_reach_the_channel(till):
    request = till.request(profit_sharing=True)
    await till.channel.prepare(request)
    seen = await till.books_of(request.payment_no)
    assert (seen["storeId"], seen["profitSharing"]) == (request.store_id.hex, True)


async def test_a_repeated_prepare_opens_the_same_payment_again(till):
    request = till.request()
    first, second = await till.channel.prepare(request), await till.channel.prepare(request)
    assert first.prepay_id != second.prepay_id
    assert (await till.books_of(request.payment_no))["totalFen"] == request.total_fen


async def test_a_number_prepared_with_another_amount_is_refused(till):
    request = till.request(500)
    await till.channel.prepare(request)
    changed = till.request(501, payment_no=request.payment_no, store_id=request.store_id)
    assert (await till.channel.prepare(changed)).code == "INVALID_REQUEST"


async def test_a_closed_number_stays_closed_and_closing_twice_is_closed(till):
    request = till.request()
    await till.channel.prepare(request)
    assert await till.channel.close(request.payment_no) == Closed()
    assert await till.channel.close(request.payment_no) == Closed()
    assert (await till.channel.prepare(request)).code == "ORDER_CLOSED"
    assert (await till.channel.look_up(request.payment_no)).state is PaymentState.CLOSED


async def test_closing_a_paid_number_says_already_paid(till):
    assert await till.channel.close((await till.paid()).payment_no) == AlreadyPaid()


async def test_a_number_nobody_knows_is_refused(till):
    assert (await till.channel.look_up("P-never-was")).code == "ORDER_NOT_EXIST"
    assert (await till.channel.close("P-never-was")).code == "ORDER_NOT_EXIST"
    assert (await till.channel.look_up_refund("R-never-was")).code == "RESOURCE_NOT_EXISTS"


async def test_a_number_with_every_allowed_sign_is_signed_as_it_is_sent(till):
    request = till.request(payment_no="P_a-b|c*9")
    assert isinstance(await till.channel.prepare(request), Prepared)
    assert (await till.channel.look_up("P_a-b|c*9")).state is PaymentState.OPEN


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.BUSY,
        FaultKind.LOSE,
        FaultKind.ERROR_AFTER,
        FaultKind.CORRUPT,
        FaultKind.PROBE,
        FaultKind.STALE,
        FaultKind.UNSIGNED,
    ],
)
async def test_one_bad_answer_is_asked_again_and_has_one_effect(till, kind):
    request = await till.paid(10_000)
    await till.control.plan_fault(kind, path=REFUNDS)
    answer = await till.impatient().refund(refund_of(request, 1_000))
    assert isinstance(answer, ChannelRefund)
    assert (await till.books_of(request.payment_no))["refundedFen"] == 1_000


@pytest.mark.parametrize("kind", [FaultKind.LOSE, FaultKind.ERROR_AFTER, FaultKind.CORRUPT])
async def test_answers_that_stay_bad_are_unknown_and_the_same_number_later_has_one_effect(till, kind):
    request = await till.paid(10_000)
    asked = refund_of(request, 1_000)
    await till.control.plan_fault(kind, path=REFUNDS, times=3)
    assert isinstance(await till.impatient().refund(asked), Unknown)
    assert isinstance(await till.channel.refund(asked), ChannelRefund)
    assert (await till.books_of(request.payment_no))["refundedFen"] == 1_000


async def test_control_a_new_number_after_an_unknown_refunds_twice(till):
    request = await till.paid(10_000)
    await till.control.plan_fault(FaultKind.ERROR_AFTER, path=REFUNDS, times=3)
    assert isinstance(await till.impatient().refund(refund_of(request, 1_000, "R-1")), Unknown)
    await till.channel.refund(refund_of(request, 1_000, "R-2"))
    assert (await till.books_of(request.payment_no))["refundedFen"] == 2_000


async def test_a_lost_close_of_a_paid_number_is_settled_by_asking(till):
    request = await till.paid()
    await till.control.plan_fault(FaultKind.CORRUPT, path="*/close", times=3)
    assert await till.impatient().close(request.payment_no) == AlreadyPaid()


async def test_too_many_calls_is_unknown_and_not_asked_again_at_once(till):
    await till.control.plan_fault(FaultKind.LIMITED, path=PREPAY)
    assert await till.channel.prepare(till.request()) == Unknown("FREQUENCY_LIMITED")
    assert isinstance(await till.channel.prepare(till.request()), Prepared)


async def test_a_gateway_that_is_not_there_is_unknown_within_the_total_time(till):
    nowhere = till.channel_with(base_url="http://127.0.0.1:9", total_seconds=1.0)
    assert await nowhere.look_up("P-123456") == Unknown("no answer (ConnectError)")


async def test_a_clock_six_minutes_off_is_unknown_never_refused(till):
    late = till.channel_with(now=lambda: datetime.now(UTC) - timedelta(minutes=6), attempts=1)
    assert isinstance(await late.prepare(till.request()), Unknown)


async def test_a_request_signed_with_another_key_is_refused_by_the_gateway(till, stranger_key):
    answer = await till.channel_with(private_key_pem=stranger_key[0]).prepare(till.request())
    assert answer.code == "SIGN_ERROR"


async def test_an_answer_under_a_key_that_is_not_trusted_is_unknown(till, stranger_key):
    stranger = till.channel_with(verification_keys={"PUB_KEY_ID_STRANGER": stranger_key[1]}, attempts=1)
    answer = await stranger.look_up("P-123456")
    assert answer == Unknown("unverified answer (404 ORDER_NOT_EXIST, SIGNATURE_SERIAL_UNKNOWN)")


@pytest.mark.parametrize("prefix", ["PUB_KEY_ID_", ""])
async def test_answers_verify_by_public_key_and_by_certificate(till, prefix):
    keys = till.parts["verification_keys"]
    kept = {serial: pem for serial, pem in keys.items() if serial.startswith("PUB_KEY_ID_") is bool(prefix)}
    assert isinstance(await till.channel_with(verification_keys=kept).prepare(till.request()), Prepared)


@pytest.mark.parametrize("refund_fen", [0, 10_001])
async def test_a_refund_of_nothing_or_of_more_than_was_paid_is_refused(till, refund_fen):
    request = await till.paid(10_000)
    assert isinstance(await till.channel.refund(refund_of(request, refund_fen)), Refused)


async def test_secrets_are_in_no_text_and_no_log_line(till, merchant_key, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    request = till.request()
    await till.channel.prepare(request)
    private = merchant_key[0].splitlines()[1]
    written = caplog.text + capsys.readouterr().out + repr(till.channel) + repr(till.credentials)
    for secret in (private, "0123456789abcdefghijklmnopqrstuv", request.openid, request.description):
        assert secret not in written


def test_credentials_that_cannot_be_read_name_the_part_and_not_the_secret():
    with pytest.raises(CredentialsUnreadable) as refusal:
        MerchantCredentials(
            mchid="1900000001",
            appid="wx0",
            private_key_pem="-----BEGIN PRIVATE KEY-----\nsecret-canary\n-----END PRIVATE KEY-----",
            certificate_serial="A",
            api_v3_key=b"k" * 32,
            verification_keys={},
            notify_url="https://shop.example/callbacks",
        )
    assert refusal.value.fields["part"] == "private key"
    assert "canary" not in str(refusal.value) + repr(refusal.value.__cause__)
