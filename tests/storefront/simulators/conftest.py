"""The till's fixtures, with a simulator for each test (here the clock is moved by months) and its keys made once."""

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
    "control",
    "http",
    "inbox",
    "merchant_key",
    "notify_url",
    "stranger_key",
    "till",
    "wechat_keys",
]


@pytest.fixture
async def control(_keys_made_once) -> AsyncIterator[SimulatorControl]:
    async with running_simulator(seed=7) as running:
        yield running
