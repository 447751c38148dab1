"""API v3's envelope from WeChat's side: checking merchants' signatures, signing answers and callbacks, sealing resources, keys.

Written from the protocol, without the adapter's code, so that the two can only agree by both being right.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from storefront.simulators.records import Merchant, PlatformCertificate
from storefront.simulators.state import State

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SKEW_SECONDS = 300
KEY_BITS = 2048
CERTIFICATE_YEARS = 5
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303 the protocol's own
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')


class RequestSignature(msgspec.Struct):
    """The pairs of an Authorization header."""

    mchid: str
    nonce_str: str
    timestamp: str
    serial_no: str
    signature: str


def read_authorization(header: str) -> RequestSignature | None:
    """Read the header, or None when it is not one."""
    scheme, _, rest = header.partition(" ")
    try:
        return msgspec.convert(dict(_PAIR.findall(rest)), RequestSignature) if scheme == SCHEME else None
    except msgspec.ValidationError:
        return None


def signed_by(
    merchant: Merchant, given: RequestSignature, *, method: str, target: str, body: bytes, stamp: int
) -> bool:
    """Whether the merchant signed these bytes with one of its registered certificates within the last five minutes."""
    known = merchant.older_keys | {merchant.certificate_serial: merchant.public_key}
    if not known.get(given.serial_no) or not re.fullmatch(r"\d{10}", given.timestamp):
        return False
    if abs(stamp - int(given.timestamp)) > SKEW_SECONDS:
        return False
    message = f"{method}\n{target}\n{given.timestamp}\n{given.nonce_str}\n".encode() + body + b"\n"
    try:
        signature = base64.b64decode(given.signature, validate=True)
        public_key(known[given.serial_no]).verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def signature_headers(
    private_pem: str, body: bytes, *, serial: str, stamp: int, nonce: str
) -> dict[str, str]:
    """Sign an answer's or a callback's body."""
    message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
    signature = private_key(private_pem).sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "Wechatpay-Timestamp": str(stamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SCHEME,
    }


def signing_platform(state: State, *, now: datetime) -> PlatformCertificate | None:
    """The platform certificate that signs at this moment: the latest whose turn has come."""
    ready = [each for each in state.platforms if each.signs_from is None or each.signs_from <= now]
    return ready[-1] if ready else None


def wechat_keys(merchant: Merchant, *, now: datetime) -> dict[str, str]:
    """The merchant's living WeChat Pay keys, id -> private key; during a change two."""
    if merchant.certificates_alone:
        return {}
    living = {each.key_id: each.private_key for each in merchant.earlier_wechat_keys if each.ends_at > now}
    return living | {merchant.wechat_key_id: merchant.wechat_private_key}


def signing_wechat_key(merchant: Merchant, *, now: datetime) -> tuple[str, str]:
    """The WeChat Pay key that signs what nobody named a key for: the earliest that has not handed over yet."""
    for each in merchant.earlier_wechat_keys:
        if each.signs_until > now:
            return each.key_id, each.private_key
    return merchant.wechat_key_id, merchant.wechat_private_key


def answering_key(state: State, merchant: Merchant | None, *, asked: str, now: datetime) -> tuple[str, str]:
    """Choose serial and private key for a signature: the serial the merchant named, else what it still has."""
    platform = signing_platform(state, now=now)
    if merchant is not None and not (merchant.certificates_alone and platform is not None):
        living = wechat_keys(merchant, now=now)
        if asked in living:
            return asked, living[asked]
        if not merchant.certificates or platform is None:
            return signing_wechat_key(merchant, now=now)
    if platform is None:
        raise LookupError("no merchant was ever registered")
    return platform.serial, platform.private_key


def open_field(state: State, merchant: Merchant, *, text: str, serial: str, now: datetime) -> str | None:
    """Decrypt a field that the merchant sealed under the key it named, or None."""
    living = [each for each in state.platforms if merchant.certificates and each.expires_at > now]
    keys = {each.serial: each.private_key for each in living} | wechat_keys(merchant, now=now)
    try:
        sealed = base64.b64decode(text, validate=True)
        return private_key(keys[serial]).decrypt(sealed, _OAEP).decode()
    except (KeyError, ValueError):
        return None


def seal_field(merchant: Merchant, text: str) -> str:
    """Encrypt a field of an answer for the merchant."""
    return base64.b64encode(public_key(merchant.public_key).encrypt(text.encode(), _OAEP)).decode()


def seal(api_v3_key: str, plain: bytes, *, associated: str, nonce: str) -> dict[str, str]:
    """Seal a resource under the merchant's APIv3 key."""
    sealed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain, associated.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated,
        "nonce": nonce,
    }


def certificates_answer(
    platforms: Sequence[PlatformCertificate], api_v3_key: str, *, nonces: Sequence[str]
) -> Mapping[str, object]:
    """Give platform certificates as GET /v3/certificates does."""
    return {
        "data": [
            {
                "serial_no": platform.serial,
                "effective_time": platform.effective_at.isoformat(timespec="seconds"),
                "expire_time": platform.expires_at.isoformat(timespec="seconds"),
                "encrypt_certificate": seal(
                    api_v3_key, platform.certificate.encode(), associated="certificate", nonce=nonce
                ),
            }
            for platform, nonce in zip(platforms, nonces, strict=True)
        ]
    }


@lru_cache(maxsize=512)
def public_key(pem: str) -> rsa.RSAPublicKey:
    """Read a public key, or the one in a certificate; raises ValueError when it is neither or not RSA."""
    raw = pem.encode()
    key = (
        x509.load_pem_x509_certificate(raw).public_key()
        if b"BEGIN CERTIFICATE" in raw
        else serialization.load_pem_public_key(raw)
    )
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")  # noqa: TRY004 one kind of refusal for whatever is in the file
    return key


@lru_cache(maxsize=512)
def private_key(pem: str) -> rsa.RSAPrivateKey:
    """Read one of the simulator's own keys."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the simulator signs with RSA keys only")
    return key


def new_key_pair() -> tuple[str, str]:
    """Make a key pair: private PEM, public PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def public_half(private_pem: str) -> str:
    """The public PEM of a private one; raises ValueError or TypeError when it is none."""
    public = private_key(private_pem).public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def new_platform(serial_digits: str, *, now: datetime) -> PlatformCertificate:
    """Make a platform certificate with this serial (hex), valid from yesterday for five years."""
    private, _ = new_key_pair()
    key = private_key(private)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Payment simulator, not a real authority")])
    effective, expires = now - timedelta(days=1), now + timedelta(days=365 * CERTIFICATE_YEARS)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int(serial_digits, 16))
        .not_valid_before(effective)
        .not_valid_after(expires)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return PlatformCertificate(serial_digits.upper(), pem, private, effective, expires)
