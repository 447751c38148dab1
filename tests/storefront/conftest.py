"""The app over the run's servers, and a caller without a log-in. `client.as_shopper(tenant)` and the like give the others."""

import pytest
from litestar import Litestar
from redis.asyncio import Redis

from storefront.app import create_app
from storefront.passwords import Argon2Passwords
from storefront.settings import Settings
from storefront.wiring import wire
from tenants.kernel.scope import Database
from tests.support.http import Client


@pytest.fixture(scope="session")
def passwords() -> Argon2Passwords:
    """Real argon2, at the smallest size: tests log in often."""
    return Argon2Passwords(memory_kib=64, rounds=1, lanes=1)


@pytest.fixture(scope="session")
async def app(settings: Settings, database: Database, redis: Redis, passwords: Argon2Passwords) -> Litestar:
    """The product's app; its database and Redis are the run's, so nothing is closed here."""
    return create_app(wiring=wire(settings, database=database, redis=redis, passwords=passwords))


@pytest.fixture
def client(app: Litestar) -> Client:
    """A caller without a log-in."""
    return Client(app)
