"""Callbacks from WeCom: the signature first, then the seal, then flat XML, read as events.

Stores nothing and decides nothing. Events carry no id, and are sent again when the answer was late: `Notification.id` is a digest of
what was said, the same for every repeat. Changes made by our own calls are not told at all.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from storefront.adapters.errors import CallbackMalformed, CallbackTooLarge
from storefront.adapters.message_envelope import (
    LARGEST_BODY,
    check_signature,
    open_sealed,
    read_flat_xml,
    read_key,
)


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
        return read_key(self.encoding_aes_key, owner=self.corp_id)


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
    sealed = read_flat_xml(body).get("Encrypt", "")
    _verify(query, sealed, keys=keys, now=now)
    plain = _opened(sealed, keys=keys)
    return Notification(hashlib.sha256(plain).hexdigest()[:36], _told(read_flat_xml(plain)))


def _verify(query: Mapping[str, str], sealed: str, *, keys: CorpKeys, now: datetime) -> None:
    given, stamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
    check_signature(given, [nonce, sealed], token=keys.token, stamp=stamp, now=now, owner=keys.corp_id)


def _opened(sealed: str, *, keys: CorpKeys) -> bytes:
    return open_sealed(sealed, key=keys.key(), owner=keys.corp_id)


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
