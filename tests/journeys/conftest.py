"""What journeys start from: the WeChat simulator running on a socket of its own, and the whole application open against it."""

import pytest

from storefront.passwords import Argon2Passwords
from storefront.simulators.run import running_simulator
from tests.storefront.simulators.till import _keys_made_once, merchant_key, wechat_keys
from tests.support.open_shop import open_shop

__all__ = ["_keys_made_once", "merchant_key", "wechat_keys"]


@pytest.fixture
async def control(_keys_made_once):
    async with running_simulator(seed=29) as running:
        yield running


@pytest.fixture
async def opened(settings, control):
    passwords = Argon2Passwords(memory_kib=64, rounds=1, lanes=1)
    async with open_shop(settings, control=control, passwords=passwords) as shop:
        yield shop
    passwords.close()
