"""Fixtures for every test: real servers, real roles, a fresh tenant, one event loop for the whole run.

`async def test_…` needs no marker. `db` is an open writing transaction of a fresh `tenant`; tests of flows take `tenant` itself.
"""

import base64
import gc
import importlib
import importlib.util
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine

from storefront.provision import APP, MIGRATOR, WORKER
from storefront.settings import Settings
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import Database, TenantScope, Writing, open_database
from tests.support.cluster import (
    ClusterAddress,
    ThrowawayCluster,
    clone_template,
    drop_database,
    run_apart,
)
from tests.support.fresh_tenant import make_tenant
from tests.support.network import close_network
from tests.support.read_once import read_keys_once

close_network()
read_keys_once()
for variable in [name for name in os.environ if name.startswith("PG")]:
    del os.environ[variable]

CLUSTER = pytest.StashKey[ThrowawayCluster]()
FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Under xdist the controlling process starts the servers, before any thread and for all workers."""
    if getattr(config.option, "dist", "no") != "no" and not hasattr(config, "workerinput"):
        config.stash[CLUSTER] = ThrowawayCluster()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the servers are."""
    address = node.config.stash[CLUSTER].address
    node.workerinput["cluster"] = (address.superuser_url, address.redis_url, address.template)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers of this process."""
    cluster = config.stash.get(CLUSTER, None)
    if cluster is not None:
        cluster.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: Any) -> None:
    """Give every coroutine test anyio's marker, so that nobody has to write it."""
    inner = obj.hypothesis.inner_test if hasattr(obj, "hypothesis") else obj
    if inspect.iscoroutinefunction(inner) and collector.istestfunction(obj, name):
        pytest.mark.anyio(obj)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected, two million objects that stay to the end, out of every later search for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(
        20_000, 20, 50
    )  # whole applications come and go here; the usual steps look for them every other test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember a failure for `db`, which then rolls back."""
    report = yield
    if call.when == "call":
        item.stash[FAILED] = bool(report.failed)
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """One loop for the whole run: pooled connections belong to the loop that opened them."""
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> ClusterAddress:
    """The run's servers; started here unless xdist's controller has done so."""
    handed_over = getattr(pytestconfig, "workerinput", {}).get("cluster")
    if handed_over is not None:
        return ClusterAddress(*handed_over)
    if CLUSTER not in pytestconfig.stash:
        pytestconfig.stash[CLUSTER] = ThrowawayCluster()
    return pytestconfig.stash[CLUSTER].address


@pytest.fixture(scope="session")
def worker_number() -> int:
    """This process among xdist's workers, from 0."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture(scope="session")
def database_name(cluster: ClusterAddress, worker_number: int) -> Iterator[str]:
    """This process's own clone of the migrated template."""
    name = f"{cluster.template}_{worker_number}"
    run_apart(clone_template(cluster, name))
    yield name
    if os.environ.get("TEST_DATABASE_URL"):  # the embedded cluster goes as a whole
        run_apart(drop_database(cluster, name))


@pytest.fixture(scope="session")
def settings(cluster: ClusterAddress, database_name: str, worker_number: int) -> Settings:
    """Settings that point at this process's database and Redis, with keys made for tests."""
    url = partial(cluster.url, database=database_name)
    separator = "&" if "?" in cluster.redis_url else "?"
    return Settings(
        database_url=url(APP),
        database_worker_url=url(WORKER),
        database_admin_url=url(MIGRATOR),
        redis_url=f"{cluster.redis_url}{separator}db={worker_number}",
        storefront_master_keys="test:" + base64.b64encode(b"m" * 32).decode(),
        storefront_token_key=base64.b64encode(b"t" * 32).decode(),
    )


@pytest.fixture(scope="session")
def keys(settings: Settings) -> KeyRing:
    """The master keys that secrets are sealed with."""
    return settings.key_ring()


def watched(database: Database) -> Database:
    """Put the statement lint, once it exists, on every statement the application sends."""
    if importlib.util.find_spec("tests.support.statement_lint") is not None:
        watch: Callable[[Engine], None] = importlib.import_module("tests.support.statement_lint").watch
        watch(database.tx.sync_engine)
    return database


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The application's database, as app_rw."""
    opened = watched(open_database(str(settings.database_url), pool_size=20))
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def worker_database(settings: Settings) -> AsyncIterator[Database]:
    """The same database as the worker sees it, as app_worker."""
    opened = watched(open_database(str(settings.database_worker_url), pool_size=10))
    yield opened
    await opened.close()


@pytest.fixture
def new_tenant(database: Database, keys: KeyRing) -> Callable[..., Awaitable[TenantScope]]:
    """Make further tenants: `await new_tenant(name="…")`."""
    return partial(make_tenant, database, keys=keys)


@pytest.fixture
async def tenant(database: Database, keys: KeyRing) -> TenantScope:
    """A fresh tenant."""
    return await make_tenant(database, keys=keys)


@pytest.fixture
async def other_tenant(database: Database, keys: KeyRing) -> TenantScope:
    """Another fresh tenant, to look over the fence from."""
    return await make_tenant(database, keys=keys, name="云间茶事")


@pytest.fixture
async def db(tenant: TenantScope, request: pytest.FixtureRequest) -> AsyncIterator[Writing]:
    """An open writing transaction of the fresh tenant, committed at the end unless the test failed."""
    async with tenant.writing() as session:
        yield session
        if request.node.stash.get(FAILED, False):
            await session.rollback()


@pytest.fixture
def now() -> datetime:
    """The present: tests compare it with the database's clock."""
    return datetime.now(UTC)


@pytest.fixture(scope="session")
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """This process's own Redis database, empty at the start of the run."""
    client = Redis.from_url(str(settings.redis_url))
    await client.flushdb()
    yield client
    await client.aclose()
