"""A trading brand whose payments run through the simulator over real HTTP."""

from datetime import UTC, datetime

import msgspec
import pytest

from storefront.channels import WechatPayChannels
from tests.storefront.simulators.till import control, http, merchant_key
from tests.support.trading import Trading, open_trading

__all__ = ["control", "http", "merchant_key"]


@pytest.fixture(scope="session")
def channels(settings, keys, control, http) -> WechatPayChannels:
    """Payment channels pointed at the simulator; callbacks go to a port where nobody listens."""
    at_simulator = msgspec.structs.replace(
        settings, wechat_pay_url=control.url, storefront_public_url="http://127.0.0.1:9"
    )
    return WechatPayChannels(http, settings=at_simulator, keys=keys, clock=lambda: datetime.now(UTC))


@pytest.fixture
async def trading(database, keys, control, channels, merchant_key) -> Trading:
    """A fresh brand with goods on the shelf."""
    return await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
