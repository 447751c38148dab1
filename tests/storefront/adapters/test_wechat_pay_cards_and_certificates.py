"""Guides' cards before payment; platform certificates that come, overlap and end; keys of every kind side by side."""

import base64
import hashlib
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from orders.ports import Prepared, Refused, Unknown
from storefront.adapters.errors import (
    CallbackUndecryptable,
    CredentialsUnreadable,
    SignatureKeyExpired,
    SignatureSerialUnknown,
)
from storefront.adapters.tally import PROBES
from storefront.adapters.wechat_pay.guides import Assigned, CardRequest
from storefront.adapters.wechat_pay.keys import MerchantCredentials, TrustedKey, verify_with
from storefront.simulators.faults import FaultKind
from storefront.simulators.run import running_simulator
from storefront.simulators.wechat_pay import envelope
from tests.storefront.simulators.till import API_V3_KEY, Till


def card(user_id: str = "liqing") -> CardRequest:
    return CardRequest(
        corp_id="ww-corp",
        store_no=12_345,
        user_id=user_id,
        name="李青",
        mobile="13900000001",
        qr_code_url="https://shop.example/qr.png",
        avatar_url="https://shop.example/face.png",
    )


async def test_a_guide_is_registered_once_and_shown_when_assigned_before_payment(till):
    guides = till.channel.guides
    first, second = await guides.register(card()), await guides.register(card())
    assert first.card_id == second.card_id
    request = till.request()
    await till.channel.prepare(request)
    assert await guides.assign(first.card_id, payment_no=request.payment_no) == Assigned()
    (seen,) = await guides.look_up(store_no=12_345, user_id="liqing")
    assert (seen.card_id, seen.name) == (first.card_id, "李青")
    assert (await guides.change(first.card_id, name="李青青", mobile="13900000002")).card_id == first.card_id
    (seen,) = await guides.look_up(store_no=12_345)
    assert seen.name == "李青青"


async def test_a_guide_nobody_registered_is_refused_and_nothing_raises(till):
    assert isinstance(await till.channel.guides.assign("LLA-nobody", payment_no="P-1234567"), Refused)
    await till.control.plan_fault(FaultKind.LOSE, path="*/assign", times=3)
    assert isinstance(await till.impatient().guides.assign("LLA", payment_no="P-1234567"), Unknown)


async def test_certificates_are_downloaded_by_a_merchant_that_knows_none(till):
    known = till.parts["verification_keys"]
    found = await till.channel_with(verification_keys={}).certificates.download()
    assert {each.serial for each in found} & set(known)
    assert all(each.pem.startswith("-----BEGIN CERTIFICATE-----") for each in found)
    assert all(each.begins_at < datetime.now(UTC) < each.ends_at for each in found)


async def test_certificates_sealed_under_another_key_are_not_believed(till):
    channel = till.channel_with(verification_keys={}, api_v3_key=b"x" * 32, attempts=1)
    assert isinstance(await channel.certificates.download(), Unknown)


async def test_a_rotation_is_survived_by_trusting_both_certificates(http, merchant_key, notify_url):
    # A simulator of its own: its certificates begin by business time, which the other tests have moved.
    async with running_simulator(seed=11) as control:
        till = await Till.open(control, http, merchant_key=merchant_key, notify_url=notify_url)
        known = till.parts["verification_keys"].items()
        only_old = {serial: pem for serial, pem in known if not serial.startswith("PUB_KEY_ID_")}
        old = till.channel_with(verification_keys=only_old, attempts=1)
        await control.command("certificates/rotate", signs_after_seconds=3_600)
        found = await old.certificates.download()
        assert len(found) == 2
        both = only_old | {each.serial: each.pem for each in found}
        assert isinstance(await old.prepare(till.request()), Prepared)
        begin = await control.advance(3_601)
        asked = till.request(expires_at=begin + timedelta(minutes=15))
        assert isinstance(await till.channel_with(verification_keys=both).prepare(asked), Prepared)
        assert "SIGNATURE_SERIAL_UNKNOWN" in (await old.look_up("P-1234567")).reason


async def test_a_merchant_on_the_public_key_alone_has_no_certificates(till, control, merchant_key):
    await control.command(
        "merchants",
        mchid=till.mchid,
        public_key=merchant_key[1],
        certificate_serial=till.parts["certificate_serial"],
        api_v3_key=API_V3_KEY,
        certificates=False,
    )
    assert await till.channel.certificates.download() == []


def signed_by_certificate(*, begins: timedelta, ends: timedelta):
    platform = envelope.new_platform("5A" * 20, now=datetime.now(UTC))
    now = datetime.now(UTC)
    credentials_key = envelope.public_key(platform.certificate)
    headers = envelope.signature_headers(
        platform.private_key, b"{}", serial=platform.serial, stamp=int(now.timestamp()), nonce="n"
    )
    return headers, {platform.serial: TrustedKey(platform.serial, credentials_key, now + begins, now + ends)}


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2)])
def test_a_certificate_outside_its_period_verifies_nothing(begins, ends):
    headers, keys = signed_by_certificate(begins=timedelta(days=begins), ends=timedelta(days=ends))
    with pytest.raises(SignatureKeyExpired):
        verify_with(headers, b"{}", keys=keys, now=datetime.now(UTC))


def test_a_certificate_within_its_period_verifies_and_another_serial_does_not():
    headers, keys = signed_by_certificate(begins=timedelta(days=-1), ends=timedelta(days=1))
    verify_with(headers, b"{}", keys=keys, now=datetime.now(UTC))
    with pytest.raises(SignatureSerialUnknown):
        verify_with(headers, b"{}", keys={}, now=datetime.now(UTC))


def test_a_certificate_under_another_serial_is_named_and_refused(till_parts):
    platform = envelope.new_platform("5B" * 20, now=datetime.now(UTC))
    with pytest.raises(CredentialsUnreadable) as refusal:
        MerchantCredentials(**till_parts | {"verification_keys": {"4D" * 20: platform.certificate}})
    assert "4D" in refusal.value.fields["part"]


@pytest.fixture
def till_parts(merchant_key, stranger_key) -> dict:
    return {
        "mchid": "1900000001",
        "appid": "wx0",
        "private_key_pem": merchant_key[0],
        "certificate_serial": "4A",
        "api_v3_key": API_V3_KEY.encode(),
        "verification_keys": {"PUB_KEY_ID_1": stranger_key[1]},
        "notify_url": "https://shop.example/callbacks",
    }


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("private_key_pem", "-----BEGIN PRIVATE KEY-----\nsecret-canary\n-----END PRIVATE KEY-----"),
        ("private_key_pem", "secret-canary"),
        ("private_key_pem", ""),
        ("api_v3_key", b"secret-canary"),
        ("earlier_api_v3_keys", [b"secret-canary"]),
        ("verification_keys", {"PUB_KEY_ID_1": "secret-canary"}),
        (
            "verification_keys",
            {"5A": "-----BEGIN CERTIFICATE-----\nsecret-canary\n-----END CERTIFICATE-----"},
        ),
    ],
)
def test_a_malformed_key_is_named_and_never_echoed(till_parts, part, value):
    with pytest.raises(CredentialsUnreadable) as refusal:
        MerchantCredentials(**till_parts | {part: value})
    shown = f"{refusal.value!r} {refusal.value} {refusal.value.fields} {refusal.value.__cause__}"
    assert "canary" not in shown
    assert refusal.value.fields["part"]


def test_a_key_of_another_kind_than_rsa_is_refused(till_parts):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(CredentialsUnreadable):
        MerchantCredentials(**till_parts | {"verification_keys": {"PUB_KEY_ID_1": pem}})


def test_earlier_api_keys_still_open_what_they_sealed(till_parts):
    sealed = envelope.seal(API_V3_KEY, b"told", associated="x", nonce="twelve-bytes")
    given = {"ciphertext": sealed["ciphertext"], "nonce": "twelve-bytes", "associated": "x"}
    moved = till_parts | {"api_v3_key": b"n" * 32}
    with pytest.raises(CallbackUndecryptable):
        MerchantCredentials(**moved).unseal(**given)
    both = MerchantCredentials(**moved, earlier_api_v3_keys=[API_V3_KEY.encode()])
    assert both.unseal(**given) == b"told"


def test_a_signature_and_a_sealed_name_agree_with_openssl(till_parts, stranger_key, merchant_key, tmp_path):
    credentials = MerchantCredentials(**till_parts)
    (tmp_path / "public.pem").write_text(merchant_key[1])
    (tmp_path / "signature").write_bytes(base64.b64decode(credentials.sign(b"GET\n/v3\n")))
    (tmp_path / "message").write_bytes(b"GET\n/v3\n")
    (tmp_path / "stranger.pem").write_text(stranger_key[0])
    sealed = credentials.seal("星河商业管理有限公司", now=datetime.now(UTC))
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed))

    def openssl(*arguments: str) -> bytes:
        try:
            done = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip("no openssl on this machine")
        return done.stdout

    verified = openssl("dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message")
    assert verified.strip() == b"Verified OK"
    options = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"]
    opened = openssl("pkeyutl", "-decrypt", "-inkey", "stranger.pem", "-in", "sealed", *options)
    assert opened.decode() == "星河商业管理有限公司"


def test_a_signature_is_rsa_of_a_sha256_digest_by_the_textbook(till_parts, merchant_key):
    signature = base64.b64decode(MerchantCredentials(**till_parts).sign(b"message"))
    numbers = serialization.load_pem_public_key(merchant_key[1].encode()).public_numbers()
    opened = pow(int.from_bytes(signature), numbers.e, numbers.n).to_bytes(256)
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    tail = b"\x00" + prefix + hashlib.sha256(b"message").digest()
    assert opened == b"\x00\x01" + b"\xff" * (256 - 2 - len(tail)) + tail


async def test_probes_are_counted_and_leave_no_line_above_debug(till, caplog, capsys):
    before = PROBES.labels("answer")._value.get()
    await till.control.plan_fault(FaultKind.PROBE, path="/v3/pay/*")
    caplog.set_level("INFO")
    assert (await till.channel.look_up("P-1234567")).code == "ORDER_NOT_EXIST"
    assert PROBES.labels("answer")._value.get() == before + 1
    assert caplog.records == []
    assert all("[debug" in line for line in capsys.readouterr().out.splitlines())


def test_the_newest_public_key_is_named_and_seals(till_parts, stranger_key, merchant_key):
    keys = {"PUB_KEY_ID_1": stranger_key[1], "PUB_KEY_ID_2": merchant_key[1]}
    credentials = MerchantCredentials(**till_parts | {"verification_keys": keys})
    assert credentials.preferred_serial == "PUB_KEY_ID_2"
    sealed = base64.b64decode(credentials.seal("名字", now=datetime.now(UTC)))
    own = serialization.load_pem_private_key(merchant_key[0].encode(), None)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    assert own.decrypt(sealed, oaep).decode() == "名字"
