"""The till's fixtures, with a simulator a module: one module's journeys through time must not age another's payments."""

from collections.abc import AsyncIterator

import pytest

from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from tests.storefront.simulators.till import (
    _keys_made_once,
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
    "http",
    "inbox",
    "merchant_key",
    "notify_url",
    "stranger_key",
    "till",
    "wechat_keys",
]


@pytest.fixture(scope="module")
async def control(anyio_backend) -> AsyncIterator[SimulatorControl]:
    """A simulator of this module's own."""
    async with running_simulator(seed=7) as running:
        yield running
