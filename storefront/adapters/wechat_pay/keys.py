"""One merchant's credentials and the envelope of API v3: signing, verifying over raw bytes, opening sealed resources.

Holds no network and no clock. Verification takes the time it is compared with; every reason to distrust has its own error.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from storefront.adapters.errors import (
    CallbackUndecryptable,
    CredentialsUnreadable,
    SignatureHeaderMissing,
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
_LONGEST_HEADER = 2048


class MerchantCredentials:
    """One merchant's keys, read once; knows how to use them and never shows them.

    `verification_keys` maps serial -> PEM and may hold WeChat Pay public keys (PUB_KEY_ID_…) and platform certificates (hex
    serials, a certificate or its public key) side by side, because merchants are moved from one to the other while paying goes on.
    Reading the private key checks it, which costs some 40 ms: build once a merchant, not once a call.
    """

    __slots__ = (
        "_api_v3_key",
        "_private_key",
        "_trusted",
        "appid",
        "certificate_serial",
        "mchid",
        "notify_url",
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
    ) -> None:
        if len(api_v3_key) != API_V3_KEY_BYTES:
            raise CredentialsUnreadable(mchid=mchid, part="api_v3_key")
        self.mchid = mchid
        self.appid = appid
        self.certificate_serial = certificate_serial
        self.notify_url = notify_url
        self._api_v3_key = api_v3_key
        self._private_key = _private_key(private_key_pem, mchid=mchid)
        self._trusted = {
            serial: _public_key(pem, mchid=mchid, serial=serial) for serial, pem in verification_keys.items()
        }

    def __repr__(self) -> str:
        return f"MerchantCredentials(mchid={self.mchid!r}, appid={self.appid!r})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not copied out of the program")

    @property
    def preferred_serial(self) -> str | None:
        """The public key id that requests name, so that WeChat signs its answer with it; None while only certificates are known."""
        return next((serial for serial in self._trusted if serial.startswith("PUB_KEY_ID_")), None)

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
        key = self._trusted.get(serial)
        if key is None:
            raise SignatureSerialUnknown(serial=serial)
        message = b"%b\n%b\n%b\n" % (timestamp.encode(), nonce.encode(), body)
        try:
            key.verify(_canonical_base64(signature), message, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError) as error:
            raise SignatureWrong(serial=serial) from error

    def unseal(self, *, ciphertext: str, nonce: str, associated: str) -> bytes:
        """Open an AEAD_AES_256_GCM resource; raises CallbackUndecryptable."""
        try:
            sealed = base64.b64decode(ciphertext, validate=True)
            return AESGCM(self._api_v3_key).decrypt(nonce.encode(), sealed, associated.encode())
        except (InvalidTag, ValueError) as error:
            raise CallbackUndecryptable(mchid=self.mchid) from error


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


def _public_key(pem: str | bytes, *, mchid: str, serial: str) -> RSAPublicKey:
    raw = _bytes(pem)
    try:
        key = (
            load_pem_x509_certificate(raw).public_key()
            if b"BEGIN CERTIFICATE" in raw
            else load_pem_public_key(raw)
        )
    except ValueError as error:
        raise CredentialsUnreadable(mchid=mchid, part=serial) from error
    if not isinstance(key, RSAPublicKey):
        raise CredentialsUnreadable(mchid=mchid, part=serial)
    return key


def _bytes(pem: str | bytes) -> bytes:
    return pem.encode() if isinstance(pem, str) else pem
