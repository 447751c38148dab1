"""The till's fixtures."""

from tests.storefront.simulators.till import (
    control,
    http,
    inbox,
    merchant_key,
    notify_url,
    stranger_key,
    till,
)

__all__ = ["control", "http", "inbox", "merchant_key", "notify_url", "stranger_key", "till"]
