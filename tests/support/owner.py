"""A connection that row-level security and grants do not hold back: for planting what nobody of ours may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from storefront.provision import connect
from tests.support.cluster import ClusterAddress


@asynccontextmanager
async def as_superuser(cluster: ClusterAddress, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser's connection."""
    connection = await connect(cluster.superuser_url, database=database_name)
    try:
        yield connection
    finally:
        await connection.close()
