"""One merchant's credentials and the envelope of API v3: signing, verifying over raw bytes, sealing names, opening resources.

Holds no network and no clock. Verification takes the time it is compared with; every reason to distrust has its own error.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from msgspec import Struct

from storefront.adapters.errors import (
    CallbackUndecryptable,
    CredentialsUnreadable,
    SignatureHeaderMissing,
    SignatureKeyExpired,
    SignatureProbe,
    SignatureSerialUnknown,
    SignatureStale,
    SignatureWrong,
)

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE = "WECHATPAY/SIGNTEST/"
SKEW_SECONDS = 300
"""A message this old, or this far ahead, is refused (API v3, 2025)."""
API_V3_KEY_BYTES = 32
PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"
_LONGEST_HEADER = 2048
_SERIAL = re.compile(r"[0-9A-Fa-f]{8,64}")
_SEALING = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303 the vendor's choice, and sound in OAEP


def names_certificate(serial: str) -> bool:
    """Whether this is written like a platform certificate's serial; a public key's id is not."""
    return _SERIAL.fullmatch(serial) is not None


class SubMerchant(Struct, frozen=True, kw_only=True):
    """Whom a service provider speaks for: the payee, its own mini-program if it has one, and the chain's brand if it belongs to one."""

    mchid: str
    appid: str | None = None
    brand_mchid: str | None = None


class TrustedKey(Struct, frozen=True):
    """One of WeChat's keys; the period is None for a public key, which does not end by itself."""

    serial: str
    key: RSAPublicKey
    begins_at: datetime | None = None
    ends_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether `now` is within the certificate's period."""
        begun = self.begins_at is None or self.begins_at <= now
        return begun and (self.ends_at is None or now <= self.ends_at)


class MerchantCredentials:
    """One merchant's keys, read once; knows how to use them and never shows them.

    `verification_keys` maps serial -> PEM and may hold WeChat Pay public keys (PUB_KEY_ID_…) and platform certificates (hex
    serials, a certificate or its public key) side by side, because merchants are moved from one to the other while paying goes on.
    Earlier APIv3 keys still open what was sealed before the change. With `sub` the merchant is a service provider acting for it.
    Reading the private key checks it, which costs some 40 ms: build once a merchant, not once a call.
    """

    __slots__ = (
        "_api_v3_keys",
        "_private_key",
        "_trusted",
        "appid",
        "certificate_serial",
        "mchid",
        "notify_url",
        "sub",
    )

    def __init__(
        self,
        *,
        mchid: str,
        appid: str,
        private_key_pem: str | bytes,
        certificate_serial: str,
        api_v3_key: bytes,
        verification_keys: Mapping[str, str | bytes],
        notify_url: str,
        earlier_api_v3_keys: Sequence[bytes] = (),
        sub: SubMerchant | None = None,
    ) -> None:
        if any(len(key) != API_V3_KEY_BYTES for key in (api_v3_key, *earlier_api_v3_keys)):
            raise CredentialsUnreadable(mchid=mchid, part="api_v3_key")
        self.mchid = mchid
        self.appid = appid
        self.certificate_serial = certificate_serial
        self.notify_url = notify_url
        self.sub = sub
        self._api_v3_keys = [AESGCM(key) for key in (api_v3_key, *earlier_api_v3_keys)]
        self._private_key = _private_key(private_key_pem, mchid=mchid)
        self._trusted = {
            serial: read_trusted(pem, mchid=mchid, serial=serial) for serial, pem in verification_keys.items()
        }

    def __repr__(self) -> str:
        return f"MerchantCredentials(mchid={self.mchid!r}, appid={self.appid!r})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not copied out of the program")

    @property
    def payee(self) -> str:
        """The merchant number that takes the money."""
        return self.sub.mchid if self.sub else self.mchid

    @property
    def payer_appid(self) -> str:
        """The mini-program that owns the shopper's openid."""
        return (self.sub.appid if self.sub else None) or self.appid

    @property
    def preferred_serial(self) -> str | None:
        """The public key id that requests name (the newest), so that WeChat signs its answer with it; None without one."""
        return next(
            (serial for serial in reversed(self._trusted) if serial.startswith(PUBLIC_KEY_PREFIX)), None
        )

    def trusted(self) -> list[TrustedKey]:
        """WeChat's keys that this merchant trusts: for those who look after them."""
        return list(self._trusted.values())

    def sealing_key(self, now: datetime) -> TrustedKey:
        """The key that names are encrypted with: the public key, else the certificate that ends last; raises CredentialsUnreadable."""
        preferred = self.preferred_serial
        if preferred is not None:
            return self._trusted[preferred]
        living = [key for key in self._trusted.values() if key.holds(now)]
        if not living:
            raise CredentialsUnreadable(mchid=self.mchid, part="no key of WeChat's to encrypt with")
        return max(living, key=lambda key: (key.ends_at is not None, key.ends_at or now))

    def seal(self, text: str, *, now: datetime) -> str:
        """Encrypt a name for WeChat (RSA-OAEP, SHA-1), base64; the request must name `sealing_key`'s serial."""
        return base64.b64encode(self.sealing_key(now).key.encrypt(text.encode(), _SEALING)).decode()

    def open_field(self, sealed: str) -> str:
        """Decrypt a field of an answer with the merchant's key; raises CallbackUndecryptable."""
        try:
            return self._private_key.decrypt(base64.b64decode(sealed, validate=True), _SEALING).decode()
        except ValueError as error:
            raise CallbackUndecryptable(mchid=self.mchid) from error

    def sign(self, message: bytes) -> str:
        """RSA-SHA256 with the merchant's key, base64."""
        return base64.b64encode(self._private_key.sign(message, PKCS1v15(), SHA256())).decode()

    def authorization(self, *, method: str, target: bytes, body: bytes, timestamp: str, nonce: str) -> str:
        """The Authorization header over exactly these bytes; `target` is path and query as sent, percent-encoded."""
        lines = (method.encode(), target, timestamp.encode(), nonce.encode(), body)
        signature = self.sign(b"".join(line + b"\n" for line in lines))
        return (
            f'{SCHEME} mchid="{self.mchid}",nonce_str="{nonce}",timestamp="{timestamp}",'
            f'serial_no="{self.certificate_serial}",signature="{signature}"'
        )

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Check that WeChat signed these raw bytes just now; raises a CallbackUnverified that says why not."""
        verify_with(headers, body, keys=self._trusted, now=now)

    def unseal(self, *, ciphertext: str, nonce: str, associated: str) -> bytes:
        """Open an AEAD_AES_256_GCM resource; raises CallbackUndecryptable."""
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
        except ValueError as error:
            raise CallbackUndecryptable(mchid=self.mchid) from error
        for key in self._api_v3_keys:
            try:
                return key.decrypt(nonce.encode(), sealed, associated.encode())
            except (InvalidTag, ValueError):
                continue
        raise CallbackUndecryptable(mchid=self.mchid)


def verify_with(
    headers: Mapping[str, str], body: bytes, *, keys: Mapping[str, TrustedKey], now: datetime
) -> None:
    """Check a message's signature against the key that it names; raises a CallbackUnverified that says why not."""
    # Two spellings of one header could show a proxy one value and us the other.
    lowered = {name.lower(): value for name, value in headers.items()}
    if len(lowered) != len(headers):
        raise SignatureHeaderMissing(reason="header given twice")
    timestamp, nonce, serial, signature = (
        _header(lowered, name)
        for name in ("wechatpay-timestamp", "wechatpay-nonce", "wechatpay-serial", "wechatpay-signature")
    )
    if lowered.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise SignatureHeaderMissing(reason="unknown signature type")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise SignatureHeaderMissing(reason="timestamp is no number")
    if abs(now.timestamp() - int(timestamp)) >= SKEW_SECONDS:
        raise SignatureStale(timestamp=timestamp)
    if signature.startswith(PROBE):
        raise SignatureProbe(serial=serial)
    trusted = keys.get(serial)
    if trusted is None:
        raise SignatureSerialUnknown(serial=serial)
    if not trusted.holds(now):
        raise SignatureKeyExpired(serial=serial)
    message = b"%b\n%b\n%b\n" % (timestamp.encode(), nonce.encode(), body)
    try:
        trusted.key.verify(_canonical_base64(signature), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError) as error:
        raise SignatureWrong(serial=serial) from error


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not 1 <= len(value) <= _LONGEST_HEADER or not value.isascii() or not value.isprintable():
        raise SignatureHeaderMissing(header=name)
    return value


def _canonical_base64(text: str) -> bytes:
    # Unused bits of the last character can be flipped without changing what it decodes to: one signature, one spelling.
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded).decode() != text:
        raise binascii.Error("not the canonical spelling")
    return decoded


def _private_key(pem: str | bytes, *, mchid: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(_bytes(pem), password=None)
    except (ValueError, TypeError) as error:
        raise CredentialsUnreadable(mchid=mchid, part="private key") from error
    if not isinstance(key, RSAPrivateKey):
        raise CredentialsUnreadable(mchid=mchid, part="private key")
    return key


def read_trusted(pem: str | bytes, *, mchid: str, serial: str) -> TrustedKey:
    """Read one of WeChat's keys, a certificate or a public key; raises CredentialsUnreadable naming the serial."""
    raw = _bytes(pem)
    try:
        if b"BEGIN CERTIFICATE" not in raw:
            return TrustedKey(serial, _rsa(load_pem_public_key(raw)))
        certificate = load_pem_x509_certificate(raw)
        period = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        key = _rsa(certificate.public_key())
    except ValueError as error:
        raise CredentialsUnreadable(mchid=mchid, part=serial) from error
    if f"{certificate.serial_number:X}" != serial.upper().lstrip("0"):
        raise CredentialsUnreadable(mchid=mchid, part=f"{serial}: the certificate has another serial")
    return TrustedKey(serial, key, *period)


def _rsa(key: object) -> RSAPublicKey:
    if not isinstance(key, RSAPublicKey):
        raise ValueError("no RSA key")  # noqa: TRY004 one kind of refusal for whatever is in the file
    return key


def _bytes(pem: str | bytes) -> bytes:
    return pem.encode() if isinstance(pem, str) else pem
