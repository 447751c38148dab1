"""What tests of the books need beyond the run's fixtures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import asyncpg
import pytest

from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from tests.storefront.simulators.till import _keys_made_once, http, merchant_key, wechat_keys
from tests.support.cluster import ClusterAddress
from tests.support.owner import as_superuser
from tests.support.split_shop import SplitShop, open_split_shop

__all__ = ["_keys_made_once", "http", "merchant_key", "wechat_keys"]


@pytest.fixture(scope="session")
async def own_control(anyio_backend) -> AsyncIterator[SimulatorControl]:
    """A simulator whose days can pass: only brands that live by its clock trade here."""
    async with running_simulator(seed=11) as running:
        yield running


@pytest.fixture
def new_split_shop(
    database, settings, keys, own_control, http, merchant_key
) -> Callable[..., Awaitable[SplitShop]]:
    """Open a brand that splits: `await new_split_shop(mall_bps=…)`."""
    return partial(
        open_split_shop,
        database,
        settings=settings,
        keys=keys,
        control=own_control,
        http=http,
        pair=merchant_key,
    )


@pytest.fixture
async def shop(new_split_shop) -> SplitShop:
    """A brand whose mall is a receiver that gives back what it is asked for."""
    opened = await new_split_shop()
    assert (await opened.receiver()).state == "added"
    return opened


@pytest.fixture
async def owner(cluster: ClusterAddress, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser."""
    async with as_superuser(cluster, database_name) as connection:
        yield connection
