"""What tests of the books need beyond the run's fixtures."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.cluster import ClusterAddress
from tests.support.owner import as_superuser


@pytest.fixture
async def owner(cluster: ClusterAddress, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """The superuser."""
    async with as_superuser(cluster, database_name) as connection:
        yield connection
