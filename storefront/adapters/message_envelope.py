"""The envelope of WeChat's pushed messages, one family for WeCom and mini-programs: SHA-1 over a token, AES-256-CBC, the owner's id at the end.

Opens and reads; decides nothing. XML is read flat and without any of its dangers: no DTD, no entities, nothing nested, no field twice.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Sequence
from datetime import datetime
from xml.parsers import expat

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from storefront.adapters.errors import (
    CallbackForAnotherMerchant,
    CallbackKeyRepeated,
    CallbackMalformed,
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
LONGEST_STAMP = len("99999999999")


def read_key(encoded: str, *, owner: str) -> bytes:
    """The AES key behind an EncodingAESKey; raises CredentialsUnreadable."""
    try:
        key = base64.b64decode(encoded + "=", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CredentialsUnreadable(owner=owner, part="EncodingAESKey") from error
    if len(key) != KEY_BYTES or len(encoded) != KEY_CHARACTERS:
        raise CredentialsUnreadable(owner=owner, part="EncodingAESKey")
    return key


def check_signature(
    given: str, parts: Sequence[str], *, token: str, stamp: str, now: datetime, owner: str
) -> None:
    """Check that `given` signs the parts, the stamp and the token, just now; raises a CallbackUnverified that says why not."""
    if not (given and all(parts) and stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_STAMP):
        raise SignatureHeaderMissing(reason="signature, timestamp, nonce or the sealed text")
    if not all(each.isascii() for each in (given, *parts)):
        raise SignatureHeaderMissing(reason="not ASCII")
    text = "".join(sorted([token, stamp, *parts]))
    # SHA-1 over a shared token is WeChat's choice; where there is an AES seal behind it, that is the stronger proof.
    own = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(own, given):
        raise SignatureWrong(owner=owner)
    if abs(now.timestamp() - int(stamp)) >= SKEW_SECONDS:
        raise SignatureStale(timestamp=stamp)


def open_sealed(sealed: str, *, key: bytes, owner: str) -> bytes:
    """Open a sealed text; raises CallbackUndecryptable, and CallbackForAnotherMerchant when it names another owner."""
    try:
        raw = base64.b64decode(sealed, validate=True)
        decryptor = Cipher(AES(key), CBC(key[:SALT])).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        fill = padded[-1]
        (size,) = struct.unpack(">I", padded[SALT : SALT + LENGTH])
    except (ValueError, IndexError, struct.error) as error:
        raise CallbackUndecryptable(owner=owner) from error
    plain = padded[SALT + LENGTH : len(padded) - fill]
    if not 1 <= fill <= BLOCK or padded[-fill:] != bytes([fill]) * fill or size > len(plain):
        raise CallbackUndecryptable(owner=owner)
    if plain[size:] != owner.encode():
        raise CallbackForAnotherMerchant(owner=owner)
    return plain[:size]


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


def read_flat_xml(raw: bytes) -> dict[str, str]:
    """The fields of one flat XML document; raises CallbackMalformed, CallbackKeyRepeated."""
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
