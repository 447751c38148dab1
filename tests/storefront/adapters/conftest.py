"""The till's fixtures."""

from tests.storefront.simulators.till import (
    _keys_made_once,
    control,
    http,
    inbox,
    merchant_key,
    notify_url,
    stranger_key,
    till,
    wechat_keys,
)

__all__ = [
    "_keys_made_once",
    "control",
    "http",
    "inbox",
    "merchant_key",
    "notify_url",
    "stranger_key",
    "till",
    "wechat_keys",
]
