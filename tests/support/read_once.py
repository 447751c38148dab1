"""Each private key is read once a process. Reading one checks its primes: 37 ms of pure arithmetic, for the same few keys in thousands of brands."""

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from storefront.adapters.wechat_pay import keys as channel_keys
from tenants import merchant_keys

_read = cache(serialization.load_pem_private_key)


def read_private_key(pem: bytes, password: bytes | None = None) -> PrivateKeyTypes:
    """What `load_pem_private_key` answers to the same bytes; a refusal is not kept."""
    return _read(pem, password)


def read_keys_once() -> None:
    """Put it where the product reads merchants' keys."""
    for module in (channel_keys, merchant_keys):
        module.load_pem_private_key = read_private_key
