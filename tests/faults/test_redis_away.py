"""Redis may vanish: it is flushed and killed in the middle of a story, and only what must be counted there closes.

Log-in answers 503 while attempts cannot be counted; reading, ordering and paying go on, and nothing that must be true was in it.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from storefront.embedded.accounts import servers_account
from storefront.embedded.binaries import valkey_binary
from storefront.embedded.children import Child
from storefront.embedded.servers import start_servers
from storefront.embedded.valkey import start_valkey, wait_for_valkey
from storefront.passwords import Argon2Passwords
from storefront.redis_keys import redis_key
from storefront.simulators.remote import SimulatorControl
from tenants.kernel.ids import random_code
from tests.storefront.simulators.till import control, http, merchant_key
from tests.support.http import Client, answered, refused
from tests.support.open_shop import OpenShop, open_shop
from tests.support.rows import rows
from tests.support.trading import PRICE, Trading, open_trading

__all__ = ["control", "http", "merchant_key"]

LOG_IN = {"login": "nobody", "password": "guessed wrong"}


@pytest.fixture
def valkey():
    """A Valkey of this test's own, to be killed."""
    home = Path(tempfile.mkdtemp(prefix="storefront-redis-"))
    home.chmod(0o755)
    servers = start_servers(home, throwaway=True, with_postgres=False)
    yield servers
    servers.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def shop(settings, control: SimulatorControl, valkey):
    passwords = Argon2Passwords(memory_kib=64, rounds=1, lanes=1)
    own = msgspec.structs.replace(settings, redis_url=valkey.redis_url)
    async with open_shop(own, control=control, passwords=passwords) as opened:
        yield opened
    passwords.close()


@pytest.fixture
async def trading(shop: OpenShop, database, keys, control, merchant_key) -> Trading:
    return await open_trading(
        database, keys=keys, control=control, channels=shop.wiring.channels, pair=merchant_key
    )


def kill(child: Child) -> None:
    child.popen.kill()
    child.popen.wait()


async def buy(shop: OpenShop, trading: Trading) -> str:
    """The story from the shelf to the paid order, over HTTP."""
    guest = Client(shop.app).as_visitor(trading.tenant).with_headers(x_store_id=trading.store.id)
    assert answered(await guest.get("/shopper/v1/listings"))["items"]
    answered(await guest.get("/shopper/v1/home"))
    shopper = Client(shop.app).as_shopper(trading.tenant, trading.shopper_id)
    lines = [{"skuId": trading.shirt.sku, "quantity": 1}]
    answered(await shopper.post("/shopper/v1/quotes", json={"storeId": trading.store.id, "lines": lines}))
    cart, key = {"storeId": trading.store.id, "lines": lines, "totalFen": PRICE}, random_code(20)
    order = answered(await shopper.post("/shopper/v1/orders", json=cart, headers={"idempotency-key": key}))
    path = f"/shopper/v1/orders/{order['id']}/payment"
    payment = answered(await shopper.post(path))
    await trading.take_money(payment["paymentNo"])
    assert answered(await shopper.get(f"{path}?sync=1"))["state"] == "paid"
    await shop.work(trading.tenant)
    return str(order["id"])


async def log_in(shop: OpenShop):
    return await Client(shop.app).post("/operator/v1/sessions", json=LOG_IN)


async def test_the_story_goes_on_while_redis_is_flushed_all_the_time(shop, trading):
    async def flush() -> None:
        while True:
            await shop.wiring.redis.flushall()
            await asyncio.sleep(0.02)

    flushing = asyncio.create_task(flush())
    try:
        bought = [await buy(shop, trading) for _ in range(5)]
    finally:
        flushing.cancel()
    assert len(set(bought)) == 5
    refused(await log_in(shop), 403, "LOG_IN_REFUSED")


async def test_the_story_goes_on_without_redis_and_only_log_in_closes(shop, trading, valkey):
    await buy(shop, trading)
    refused(await log_in(shop), 403, "LOG_IN_REFUSED")
    kill(valkey.valkey)
    await buy(shop, trading)
    closed = await log_in(shop)
    refused(closed, 503, "LIMITS_UNAVAILABLE")
    assert closed.headers["retry-after"]
    staff = {"tenantCode": "nobody", **LOG_IN}
    refused(await Client(shop.app).post("/staff/v1/sessions", json=staff), 503, "LIMITS_UNAVAILABLE")
    refused(await Client(shop.app).get("/health/ready"), 503, "NOT_READY")
    answered(await Client(shop.app).get("/health/live"))
    paid = "SELECT count(*) FROM app.orders WHERE tenant_id = :t AND state = 'paid'"
    ((number,),) = await rows(trading.tenant, paid)
    stock = "SELECT on_hand, reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
    assert (number, await rows(trading.tenant, stock, s=trading.shirt.sku)) == (2, [(98, 0)])


async def test_a_limit_that_opened_without_redis_would_be_seen(shop, valkey, monkeypatch):
    """The control: the famous bug, counting attempts as none where they cannot be counted."""

    async def forgiving(*_arguments, **_named) -> None:
        return None

    kill(valkey.valkey)
    monkeypatch.setattr("storefront.sessions.count_attempt", forgiving)
    assert (await log_in(shop)).status_code == 403


def test_nothing_is_kept_in_redis_under_a_key_without_a_tenant():
    with pytest.raises(TypeError):
        redis_key("storefront", "cart", tag="1")  # type: ignore[arg-type]


async def test_redis_comes_back_empty_and_counts_again(shop, trading, valkey):
    kill(valkey.valkey)
    refused(await log_in(shop), 503, "LIMITS_UNAVAILABLE")
    again = start_again(valkey)
    try:
        refused(await log_in(shop), 403, "LOG_IN_REFUSED")
        await buy(shop, trading)
        fresh = Redis.from_url(valkey.redis_url)
        assert all(b"{" in key for key in await fresh.keys("*"))
        await fresh.aclose()
    finally:
        kill(again)


def start_again(servers) -> Child:
    binary = valkey_binary(servers.state.home, account=servers_account())
    child = start_valkey(servers.state, binary=binary, run=servers.run, throwaway=True)
    wait_for_valkey(child, run=servers.run)
    return child
