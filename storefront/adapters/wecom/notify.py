"""Callbacks from WeCom: the signature first, then the seal, then flat XML without any of XML's dangers, read as events.

Stores nothing and decides nothing. Events carry no id, and are sent again when the answer was late: `Notification.id` is a digest of
what was said, the same for every repeat. Changes made by our own calls are not told at all.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from xml.parsers import expat

import msgspec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from storefront.adapters.errors import (
    CallbackForAnotherMerchant,
    CallbackKeyRepeated,
    CallbackMalformed,
    CallbackTooLarge,
    CallbackUndecryptable,
    CredentialsUnreadable,
    SignatureHeaderMissing,
    SignatureStale,
    SignatureWrong,
)

LARGEST_BODY = 64 * 1024
SKEW_SECONDS = 300
KEY_CHARACTERS, KEY_BYTES = 43, 32
SALT, BLOCK, LENGTH = 16, 32, 4
MOST_FIELDS = 64


class CorpKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a corp's callback address was configured with."""

    corp_id: str
    token: str
    encoding_aes_key: str

    def __post_init__(self) -> None:
        """Refuse a key that is none."""
        self.key()

    def __repr__(self) -> str:
        """Show nothing secret."""
        return f"CorpKeys({self.corp_id!r})"

    def key(self) -> bytes:
        """The AES key; raises CredentialsUnreadable."""
        try:
            key = base64.b64decode(self.encoding_aes_key + "=", validate=True)
        except (binascii.Error, ValueError) as error:
            raise CredentialsUnreadable(corp_id=self.corp_id, part="EncodingAESKey") from error
        if len(key) != KEY_BYTES or len(self.encoding_aes_key) != KEY_CHARACTERS:
            raise CredentialsUnreadable(corp_id=self.corp_id, part="EncodingAESKey")
        return key


class ContactChange(StrEnum):
    """What happened between a shopper and a guide."""

    ADDED = "added"
    """The shopper is the guide's contact."""
    HALF_ADDED = "half_added"
    """The guide's invitation waits for the shopper."""
    EDITED = "edited"
    """The guide changed the contact's remark or tags."""
    DELETED_BY_GUIDE = "deleted_by_guide"
    """The guide removed the shopper."""
    DELETED_BY_SHOPPER = "deleted_by_shopper"
    """The shopper removed the guide."""
    MOVE_REFUSED = "move_refused"
    """The shopper did not want the new guide."""
    MOVE_OVER_LIMIT = "move_over_limit"
    """The new guide has as many contacts as WeCom allows."""
    MOVE_FAILED = "move_failed"
    """A move failed for a reason that came since."""


class ContactEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change; `state_hint` is the contact way's state as WeCom tells it, which has been seen wrong."""

    change: ContactChange
    user_id: str
    contact_id: str
    at: datetime
    state_hint: str = ""
    welcome_code: str | None = None

    def __repr__(self) -> str:
        """Leave the welcome code out: it lets its holder speak to the shopper."""
        return f"ContactEvent({self.change}, {self.user_id!r})"


class OtherEvent(msgspec.Struct, frozen=True):
    """Something we have no use for; kept so that nobody wonders where it went."""

    event: str
    change: str


class Notification(msgspec.Struct, frozen=True):
    """A verified callback."""

    id: str
    told: ContactEvent | OtherEvent


_CHANGES = {
    "add_external_contact": ContactChange.ADDED,
    "add_half_external_contact": ContactChange.HALF_ADDED,
    "edit_external_contact": ContactChange.EDITED,
    "del_external_contact": ContactChange.DELETED_BY_GUIDE,
    "del_follow_user": ContactChange.DELETED_BY_SHOPPER,
}
_FAILURES = {
    "customer_refused": ContactChange.MOVE_REFUSED,
    "customer_limit_exceed": ContactChange.MOVE_OVER_LIMIT,
}


def verify_address(query: Mapping[str, str], *, keys: CorpKeys, now: datetime) -> bytes:
    """Answer WeCom's check of the address: the plain text to send back; raises a CallbackUnverified."""
    echo = query.get("echostr", "")
    _verify(query, echo, keys=keys, now=now)
    return _opened(echo, keys=keys)


def read_callback(query: Mapping[str, str], body: bytes, *, keys: CorpKeys, now: datetime) -> Notification:
    """Verify and open one callback; raises a CallbackUnverified (of `adapters/errors.py`) that names the reason."""
    if len(body) > LARGEST_BODY:
        raise CallbackTooLarge(size=len(body))
    sealed = _flat(body).get("Encrypt", "")
    _verify(query, sealed, keys=keys, now=now)
    plain = _opened(sealed, keys=keys)
    return Notification(hashlib.sha256(plain).hexdigest()[:36], _told(_flat(plain)))


def _verify(query: Mapping[str, str], sealed: str, *, keys: CorpKeys, now: datetime) -> None:
    given, stamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
    if not (
        given
        and nonce
        and sealed
        and stamp.isascii()
        and stamp.isdigit()
        and len(stamp) <= len("99999999999")
    ):
        raise SignatureHeaderMissing(reason="msg_signature, timestamp, nonce or the sealed text")
    if not (given.isascii() and nonce.isascii() and sealed.isascii()):
        raise SignatureHeaderMissing(reason="not ASCII")
    text = "".join(sorted([keys.token, stamp, nonce, sealed]))
    # SHA-1 over a shared token is WeCom's choice; the AES seal behind it is the stronger proof.
    own = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(own, given):
        raise SignatureWrong(corp_id=keys.corp_id)
    if abs(now.timestamp() - int(stamp)) >= SKEW_SECONDS:
        raise SignatureStale(timestamp=stamp)


def _opened(sealed: str, *, keys: CorpKeys) -> bytes:
    key = keys.key()
    try:
        raw = base64.b64decode(sealed, validate=True)
        decryptor = Cipher(AES(key), CBC(key[:SALT])).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        fill = padded[-1]
        (size,) = struct.unpack(">I", padded[SALT : SALT + LENGTH])
    except (ValueError, IndexError, struct.error) as error:
        raise CallbackUndecryptable(corp_id=keys.corp_id) from error
    plain = padded[SALT + LENGTH : len(padded) - fill]
    if not 1 <= fill <= BLOCK or padded[-fill:] != bytes([fill]) * fill or size > len(plain):
        raise CallbackUndecryptable(corp_id=keys.corp_id)
    if plain[size:] != keys.corp_id.encode():
        raise CallbackForAnotherMerchant(corp_id=keys.corp_id)
    return plain[:size]


def _told(fields: Mapping[str, str]) -> ContactEvent | OtherEvent:
    event, word = fields.get("Event", ""), fields.get("ChangeType", "")
    change = _CHANGES.get(word)
    if word == "transfer_fail":
        change = _FAILURES.get(fields.get("FailReason", ""), ContactChange.MOVE_FAILED)
    if event != "change_external_contact" or change is None:
        return OtherEvent(event[:64], word[:64])
    try:
        return ContactEvent(
            change=change,
            user_id=fields["UserID"],
            contact_id=fields["ExternalUserID"],
            at=datetime.fromtimestamp(int(fields["CreateTime"]), UTC),
            state_hint=fields.get("State", ""),
            welcome_code=fields.get("WelcomeCode") or None,
        )
    except (KeyError, ValueError, OverflowError, OSError) as error:
        raise CallbackMalformed(part="event") from error


class _Flat:
    """Collects the children of one root element: no attributes' meaning, no nesting deeper than one list, no DTD, no entities."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._path: list[str] = []
        self._text: list[str] = []

    def refuse(self, *_: object) -> None:
        raise CallbackMalformed(part="xml")

    def start(self, name: str, _attributes: object) -> None:
        self._path.append(name)
        if len(self._path) > BLOCK:
            raise CallbackMalformed(part="xml")
        if len(self._path) == len(("xml", name)):
            self._text = []

    def text(self, text: str) -> None:
        if len(self._path) == len(("xml", "field")):
            self._text.append(text)

    def end(self, name: str) -> None:
        if len(self._path) == len(("xml", name)):
            if name in self.fields or len(self.fields) >= MOST_FIELDS:
                raise CallbackKeyRepeated
            self.fields[name] = "".join(self._text)
        self._path.pop()


def _flat(raw: bytes) -> dict[str, str]:
    reader = _Flat()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(raw, True)  # noqa: FBT003 expat takes it by position: the whole document is here
    except (expat.ExpatError, ValueError) as error:
        raise CallbackMalformed(part="xml") from error
    return reader.fields
