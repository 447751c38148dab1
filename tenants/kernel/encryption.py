"""Secrets in envelopes: AES-256-GCM under a named master key, with tenant and column as associated data.

An envelope moved to another tenant or column does not open. Master keys come from the roof as a key ring: the first seals, all
open, so that keys can overlap while rows are re-encrypted. Knows nothing of where envelopes are stored.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenants.kernel.errors import Broken

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = b"\x01"


class EnvelopeUnreadable(Broken):
    """A stored secret cannot be opened with the keys at hand."""

    zh = "无法解开已存储的密钥"


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Master keys by id; `current` seals."""

    current: str
    keys: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if self.current not in self.keys or any(len(key) != KEY_BYTES for key in self.keys.values()):
            raise ValueError("a key ring needs 32-byte keys and names one of them as current")

    def seal(self, secret: bytes, *, tenant_id: UUID, column: str) -> bytes:
        """Encrypt: version, length of key id, key id, nonce, ciphertext."""
        nonce = os.urandom(NONCE_BYTES)
        name = self.current.encode()
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, secret, _context(tenant_id, column))
        return VERSION + bytes([len(name)]) + name + nonce + sealed

    def unseal(self, envelope: bytes, *, tenant_id: UUID, column: str) -> bytes:
        """Decrypt, or raise EnvelopeUnreadable: wrong key, tenant, column, or a changed byte."""
        try:
            end = 2 + envelope[1]
            name = envelope[2:end].decode()
            nonce, sealed = envelope[end : end + NONCE_BYTES], envelope[end + NONCE_BYTES :]
            if envelope[:1] != VERSION or name not in self.keys:
                raise EnvelopeUnreadable(key_id=name)
            return AESGCM(self.keys[name]).decrypt(nonce, sealed, _context(tenant_id, column))
        except (InvalidTag, IndexError, UnicodeDecodeError, ValueError) as error:
            raise EnvelopeUnreadable(column=column) from error

    def key_id(self, envelope: bytes) -> str:
        """Which master key sealed this envelope."""
        return envelope[2 : 2 + envelope[1]].decode()


def _context(tenant_id: UUID, column: str) -> bytes:
    return tenant_id.bytes + column.encode()
