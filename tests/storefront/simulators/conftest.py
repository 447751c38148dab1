"""The till's fixtures, with a simulator for each test (here the clock is moved by months) and its keys made once."""

from collections.abc import AsyncIterator
from itertools import cycle

import pytest

from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from storefront.simulators.wechat_pay import envelope
from tests.storefront.simulators.till import (
    http,
    inbox,
    merchant_key,
    new_key,
    notify_url,
    stranger_key,
    till,
)

__all__ = ["control", "http", "inbox", "merchant_key", "notify_url", "stranger_key", "till"]


@pytest.fixture(scope="session")
def wechat_keys() -> list[tuple[str, str]]:
    return [new_key(), new_key(), new_key()]


@pytest.fixture(autouse=True)
def _keys_made_once(wechat_keys, monkeypatch) -> None:
    keys = cycle(wechat_keys)
    monkeypatch.setattr(envelope, "new_key_pair", lambda: next(keys))


@pytest.fixture
async def control(_keys_made_once) -> AsyncIterator[SimulatorControl]:
    async with running_simulator(seed=7) as running:
        yield running
