"""Callbacks: the real ones are read, and two thousand altered ones are not."""

import base64
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orders.ports import ChannelPayment, ChannelRefund, PaymentState, RefundRequest, RefundState
from settlement.ports import SplitNotice
from storefront.adapters.errors import (
    CallbackForAnotherMerchant,
    CallbackKeyRepeated,
    CallbackMalformed,
    CallbackTooLarge,
    CallbackUndecryptable,
    CallbackUnverified,
    SignatureHeaderMissing,
    SignatureProbe,
    SignatureSerialUnknown,
    SignatureStale,
    SignatureWrong,
)
from storefront.adapters.wechat_pay.keys import MerchantCredentials
from storefront.adapters.wechat_pay.notify import SUCCESS_ANSWER, failure_answer, read_callback
from tenants.kernel.money import Fen
from tests.storefront.simulators.till import API_V3_KEY

MUTANTS = 2_000
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SERIAL = "PUB_KEY_ID_0119000000012026112100000000000000"
TOLD = {
    "mchid": "1900000001",
    "appid": "wxdemo",
    "out_trade_no": "P-20261121-1",
    "transaction_id": "4200000000000000000000000001",
    "trade_state": "SUCCESS",
    "success_time": "2026-11-21T16:00:00+08:00",
    "payer": {"openid": "o-shopper"},
    "amount": {"total": 100, "payer_total": 100, "currency": "CNY"},
}


@pytest.fixture(scope="module")
def wechat(stranger_key):
    """WeChat's own key, in this file."""
    return serialization.load_pem_private_key(stranger_key[0].encode(), None)


@pytest.fixture(scope="module")
def credentials(merchant_key, stranger_key) -> MerchantCredentials:
    return MerchantCredentials(
        mchid="1900000001",
        appid="wxdemo",
        private_key_pem=merchant_key[0],
        certificate_serial="4A5B",
        api_v3_key=API_V3_KEY.encode(),
        verification_keys={SERIAL: stranger_key[1]},
        notify_url="https://shop.example/callbacks",
    )


@pytest.fixture
def send(wechat, credentials):
    """Send a callback as WeChat would; what is passed replaces a part of it."""

    def send(told=TOLD, *, body=None, at=NOW, serial=SERIAL, headers=None, now=NOW, key=API_V3_KEY):
        raw = envelope(told, key=key) if body is None else body
        signed = {**sign(wechat, raw, at=at), "Wechatpay-Serial": serial, **(headers or {})}
        return read_callback(signed, raw, credentials=credentials, now=now)

    return send


def envelope(told, *, key=API_V3_KEY, algorithm="AEAD_AES_256_GCM", **changes) -> bytes:
    plain = told if isinstance(told, bytes) else json.dumps(told).encode()
    sealed = AESGCM(key.encode()).encrypt(b"twelve-bytes", plain, b"transaction")
    resource = {
        "algorithm": algorithm,
        "original_type": "transaction",
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": "twelve-bytes",
        "associated_data": "transaction",
    }
    body = {"id": "N-1", "create_time": "2026-11-21T16:00:01+08:00", "event_type": "TRANSACTION.SUCCESS"}
    return json.dumps({**body, "resource": resource, **changes}, indent=1).encode()


def sign(key, body: bytes, *, at=NOW) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = key.sign(f"{stamp}\nnonce-1\n".encode() + body + b"\n", padding.PKCS1v15(), hashes.SHA256())
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": "nonce-1",
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Serial": SERIAL,
    }


def test_a_payments_callback_tells_the_payment(send):
    notification = send()
    assert notification.id == "N-1"
    assert notification.told == ChannelPayment(
        payment_no="P-20261121-1",
        state=PaymentState.PAID,
        merchant_no="1900000001",
        appid="wxdemo",
        transaction_id="4200000000000000000000000001",
        total_fen=Fen(100),
        payer_total_fen=Fen(100),
        currency="CNY",
        paid_at=NOW,
        openid="o-shopper",
    )


def test_a_refund_is_told_apart_by_its_payload_and_not_by_the_event_type(send):
    refund = {
        "mchid": "1900000001",
        "out_trade_no": "P-20261121-1",
        "out_refund_no": "R-1",
        "refund_id": "503",
        "refund_status": "ABNORMAL",
        "amount": {"total": 100, "refund": 40, "payer_total": 100, "payer_refund": 30},
    }
    told = send(refund).told
    assert isinstance(told, ChannelRefund)
    assert (told.state, told.refund_fen, told.payer_refund_fen) == (RefundState.ABNORMAL, 40, 30)


SPLIT_TOLD = {
    "mchid": "1900000002",
    "transaction_id": "4200000000000000000000000001",
    "order_id": "3000001",
    "out_order_no": "S-1",
    "receiver": {"type": "MERCHANT_ID", "account": "1900000001", "amount": 88, "description": "联营扣点"},
    "success_time": "2026-11-21T16:00:00+08:00",
}


@pytest.mark.parametrize("event", ["TRANSACTION.SUCCESS", "PROFITSHARING.SUCCESS", "PROFITSHARING.RETURN"])
def test_a_receivers_notice_of_a_split_is_told_by_its_payload_under_any_event_type(send, event):
    told = send(body=envelope(SPLIT_TOLD, event_type=event)).told
    assert told == SplitNotice(
        merchant_no="1900000002",
        transaction_id="4200000000000000000000000001",
        channel_no="3000001",
        number="S-1",
        account="1900000001",
        amount_fen=Fen(88),
        at=NOW,
    )


def test_a_split_that_neither_comes_from_nor_goes_to_us_is_refused(send):
    stranger = {**SPLIT_TOLD, "receiver": {**SPLIT_TOLD["receiver"], "account": "1900000003"}}
    with pytest.raises(CallbackForAnotherMerchant):
        send(stranger)


@pytest.mark.parametrize("word", ["USERPAYING", "ACCEPT", "A_WORD_OF_NEXT_YEAR"])
def test_a_state_we_do_not_know_is_open_and_never_failed(send, word):
    assert send({**TOLD, "trade_state": word}).told.state is PaymentState.OPEN


def test_header_names_may_come_in_any_case(wechat, credentials):
    body = envelope(TOLD)
    headers = {name.upper(): value for name, value in sign(wechat, body).items()}
    assert read_callback(headers, body, credentials=credentials, now=NOW).id == "N-1"


@pytest.mark.parametrize("name", ["Timestamp", "Nonce", "Signature", "Serial"])
@pytest.mark.parametrize("value", ["", "\n", "é", "x" * 5000])
def test_a_missing_or_absurd_header_is_refused(send, name, value):
    with pytest.raises(SignatureHeaderMissing):
        send(headers={f"Wechatpay-{name}": value})


@pytest.mark.parametrize("seconds", [-301, -300, 300, 301])
def test_a_signature_five_minutes_off_is_stale(send, seconds):
    with pytest.raises(SignatureStale):
        send(at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-299, 299])
def test_a_signature_just_within_five_minutes_holds(send, seconds):
    assert send(at=NOW + timedelta(seconds=seconds)).id == "N-1"


def test_an_unknown_serial_a_probe_and_a_strangers_signature_are_named(send, wechat, merchant_key):
    with pytest.raises(SignatureSerialUnknown):
        send(serial="PUB_KEY_ID_ANOTHER")
    genuine = sign(wechat, envelope(TOLD))["Wechatpay-Signature"]
    with pytest.raises(SignatureProbe):
        send(headers={"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + genuine})
    stranger = serialization.load_pem_private_key(merchant_key[0].encode(), None)
    with pytest.raises(SignatureWrong):
        send(headers={"Wechatpay-Signature": sign(stranger, envelope(TOLD))["Wechatpay-Signature"]})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 30_000, b'{"id": NaN}', b"null"])
def test_signed_nonsense_is_malformed(send, body):
    with pytest.raises(CallbackMalformed):
        send(body=body)
    with pytest.raises(CallbackMalformed):
        send(body=envelope(body))


def test_a_field_given_twice_is_refused_outside_and_inside(send):
    with pytest.raises(CallbackKeyRepeated):
        send(body=envelope(TOLD).replace(b'"id": "N-1"', b'"id": "N-1", "id": "N-2"'))
    twice = json.dumps(TOLD).replace('"total": 100', '"total": 1, "total": 100').encode()
    with pytest.raises(CallbackKeyRepeated):
        send(body=envelope(twice))


def test_another_merchants_seal_does_not_open(send):
    with pytest.raises(CallbackUndecryptable):
        send(key="another-key-of-thirty-two-bytes!")
    with pytest.raises(CallbackUndecryptable):
        send(body=envelope(TOLD, algorithm="PLAIN"))


@pytest.mark.parametrize("named", [{"mchid": "1900000002"}, {"appid": "wxother"}])
def test_a_callback_about_another_merchant_or_app_is_refused(send, named):
    with pytest.raises(CallbackForAnotherMerchant):
        send({**TOLD, **named})


def test_a_megabyte_is_refused_before_it_is_read(send):
    with pytest.raises(CallbackTooLarge):
        send(body=envelope(TOLD, padding="x" * 1_000_000))


@pytest.mark.parametrize("part", [{"success_time": "yesterday"}, {"amount": {"total": 1.5}}, {"mchid": None}])
def test_a_signed_message_with_a_wrong_type_is_malformed(send, part):
    with pytest.raises(CallbackMalformed):
        send({**TOLD, **part})


def test_the_answers_are_in_wechats_own_form():
    assert json.loads(SUCCESS_ANSWER)["code"] == "SUCCESS"
    assert json.loads(failure_answer(SignatureStale())) == {"code": "FAIL", "message": "签名时间超出允许范围"}


def mutants(wechat):
    """Altered copies of one genuine callback, each different from it in what the signature should guard."""
    draw, body = random.Random(2026), envelope(TOLD)
    genuine = sign(wechat, body)
    names = list(genuine)
    while True:
        headers, changed = dict(genuine), bytearray(body)
        kind = draw.choice(
            ["body", "body", "header", "header", "removed", "serial", "time", "twice", "space"]
        )
        if kind == "body":
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        elif kind == "header":
            name = draw.choice(names)
            place, bit = draw.randrange(len(headers[name])), 1 << draw.randrange(7)
            value = headers[name]
            headers[name] = value[:place] + chr(ord(value[place]) ^ bit) + value[place + 1 :]
        elif kind == "removed":
            del headers[draw.choice(names)]
        elif kind == "serial":
            headers["Wechatpay-Serial"] = f"PUB_KEY_ID_{draw.randrange(10**30)}"
        elif kind == "time":
            headers = sign(wechat, body, at=NOW + timedelta(seconds=draw.choice([-301, 301, -86_400, 10**6])))
        elif kind == "twice":
            changed = bytearray(body.replace(b'"id": "N-1"', b'"id": "N-9", "id": "N-1"'))
        else:
            # The same JSON in other bytes.
            changed = bytearray(json.dumps(json.loads(body), indent=draw.randrange(2, 9)).encode())
        yield headers, bytes(changed)


def test_two_thousand_altered_callbacks_are_refused_every_one(wechat, credentials):
    altered = mutants(wechat)
    for _ in range(MUTANTS):
        headers, body = next(altered)
        with pytest.raises(CallbackUnverified):
            read_callback(headers, body, credentials=credentials, now=NOW)


def test_control_checking_a_re_serialised_body_or_no_time_lets_some_through(wechat, stranger_key):
    public = serialization.load_pem_public_key(stranger_key[1].encode())

    def careless(headers, body) -> bool:
        # The famous bugs: the JSON is parsed and written again before it is checked, and nobody looks at the time.
        try:
            again = json.dumps(json.loads(body), indent=1).encode()
            message = (
                f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + again + b"\n"
            )
            signature = base64.b64decode(headers["Wechatpay-Signature"])
            public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (KeyError, ValueError, InvalidSignature):
            return False
        return headers["Wechatpay-Serial"] == SERIAL if "Wechatpay-Serial" in headers else False

    altered = mutants(wechat)
    assert sum(careless(*next(altered)) for _ in range(MUTANTS)) > 300


async def test_a_real_callback_arrives_verifies_and_is_sent_once(till, inbox):
    channel = till.channel_with(notify_url=inbox.url)
    request = till.request(8_800)
    prepared = await channel.prepare(request)
    answer = await till.control.pay(prepay_id=prepared.prepay_id)
    assert [each["status"] for each in answer["callback"]["attempts"]] == [200]
    ((headers, body),) = inbox.letters
    notification = read_callback(headers, body, credentials=till.credentials, now=datetime.now(UTC))
    assert (notification.told.payment_no, notification.told.total_fen) == (request.payment_no, 8_800)
    assert notification.told == await channel.look_up(request.payment_no)


async def test_a_refunds_callback_arrives_when_the_money_has_gone_back(till, inbox):
    request = await till.paid(5_000)
    asked = RefundRequest(
        payment_no=request.payment_no,
        refund_no="R" + request.payment_no,
        refund_fen=Fen(1_200),
        total_fen=Fen(5_000),
        reason="",
    )
    await till.channel_with(notify_url=inbox.url).refund(asked)
    assert inbox.letters == []
    await till.control.advance(10)
    ((headers, body),) = inbox.letters
    told = read_callback(headers, body, credentials=till.credentials, now=datetime.now(UTC)).told
    assert (told.refund_no, told.state, told.refund_fen) == (asked.refund_no, RefundState.DONE, 1_200)
