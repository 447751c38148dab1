"""A connection that row-level security does not hold back: for planting what nobody of ours may do."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from storefront.provision import connect
from tests.support.cluster import ClusterAddress


@pytest.fixture
async def owner(cluster: ClusterAddress, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser."""
    connection = await connect(cluster.superuser_url, database=database_name)
    yield connection
    await connection.close()
