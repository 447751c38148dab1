"""A brand with a corp, the app on a real port, and a simulator whose messages reach it. One simulator a module: its days pass."""

from collections.abc import AsyncIterator

import pytest

from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from tests.storefront.simulators.till import _keys_made_once, http, merchant_key, wechat_keys
from tests.support.open_shop import OpenShop, open_shop
from tests.support.trading import Trading, open_trading
from tests.support.wecom import Company, open_company

__all__ = ["_keys_made_once", "http", "merchant_key", "wechat_keys"]


@pytest.fixture(scope="module")
async def control(anyio_backend) -> AsyncIterator[SimulatorControl]:
    """A simulator of this module's own."""
    async with running_simulator(seed=11) as running:
        yield running


@pytest.fixture(scope="module")
async def shop(settings, passwords, control) -> AsyncIterator[OpenShop]:
    async with open_shop(settings, control=control, passwords=passwords) as opened:
        yield opened


@pytest.fixture
async def trading(shop, database, keys, control, merchant_key) -> Trading:
    return await open_trading(
        database, keys=keys, control=control, channels=shop.wiring.channels, pair=merchant_key
    )


@pytest.fixture
async def company(trading, shop, keys) -> Company:
    return await open_company(trading, shop=shop, keys=keys)
