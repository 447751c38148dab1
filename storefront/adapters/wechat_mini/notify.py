"""Messages that a mini-program's platform pushes (消息推送): the signature first, then the seal where there is one, then JSON or flat XML.

Stores nothing and decides nothing. In plain mode the signature covers time and nonce but not the body, so what a message says is never
believed: it is a reason to ask. With an EncodingAESKey configured only sealed messages are taken. Messages carry no id:
`Notification.id` is a digest of what was said, the same for every repeat.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from storefront.adapters.errors import (
    CallbackMalformed,
    CallbackTooLarge,
    SignatureHeaderMissing,
)
from storefront.adapters.message_envelope import (
    LARGEST_BODY,
    check_signature,
    open_sealed,
    read_flat_xml,
    read_key,
)
from storefront.adapters.strict_json import strict_json

TRADE = "trade_manage_"
LONGEST_ECHO, LONGEST_NUMBER = 128, 64


class PushKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What the push was configured with; without a key messages come in plain text."""

    appid: str
    token: str
    encoding_aes_key: str | None = None

    def __repr__(self) -> str:
        """Show nothing secret."""
        return f"PushKeys({self.appid!r})"


class TradeHint(msgspec.Struct, frozen=True):
    """Something happened to an order's money; nothing but the order is taken from the message."""

    transaction_id: str


class OtherPush(msgspec.Struct, frozen=True):
    """Something we have no use for."""

    event: str


class Notification(msgspec.Struct, frozen=True):
    """A verified message."""

    id: str
    told: TradeHint | OtherPush


def verify_push_address(query: Mapping[str, str], *, keys: PushKeys, now: datetime) -> str:
    """Answer the platform's check of the address: the text to send back; raises a CallbackUnverified."""
    _verify(query, keys=keys, now=now)
    echo = query.get("echostr", "")
    if not 1 <= len(echo) <= LONGEST_ECHO or not echo.isascii() or not echo.isalnum():
        raise SignatureHeaderMissing(reason="echostr")
    return echo


def read_push(query: Mapping[str, str], body: bytes, *, keys: PushKeys, now: datetime) -> Notification:
    """Verify and open one message; raises a CallbackUnverified (of `adapters/errors.py`) that names the reason."""
    if len(body) > LARGEST_BODY:
        raise CallbackTooLarge(size=len(body))
    _verify(query, keys=keys, now=now)
    plain = body
    if keys.encoding_aes_key is not None:
        sealed = _fields(body).get("Encrypt", "")
        given, stamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        check_signature(given, [nonce, sealed], token=keys.token, stamp=stamp, now=now, owner=keys.appid)
        key = read_key(keys.encoding_aes_key, owner=keys.appid)
        plain = open_sealed(sealed, key=key, owner=keys.appid)
    return Notification(hashlib.sha256(plain).hexdigest()[:36], _told(_fields(plain)))


def _verify(query: Mapping[str, str], *, keys: PushKeys, now: datetime) -> None:
    given, stamp, nonce = (query.get(name, "") for name in ("signature", "timestamp", "nonce"))
    check_signature(given, [nonce], token=keys.token, stamp=stamp, now=now, owner=keys.appid)


def _told(fields: Mapping[str, str]) -> TradeHint | OtherPush:
    event = fields.get("Event", "")[:LONGEST_NUMBER]
    number = fields.get("transaction_id", "")
    if not event.startswith(TRADE) or not number:
        return OtherPush(event)
    if len(number) > LONGEST_NUMBER or not number.isascii() or not number.isalnum():
        raise CallbackMalformed(part="transaction_id")
    return TradeHint(number)


def _fields(raw: bytes) -> dict[str, str]:
    """The texts of a message; the platform speaks JSON or XML, as its console says."""
    if raw.lstrip()[:1] == b"<":
        return read_flat_xml(raw)
    read = strict_json(raw)
    if not isinstance(read, dict):
        raise CallbackMalformed(part="json")
    return {name: value for name, value in read.items() if isinstance(value, str)}
