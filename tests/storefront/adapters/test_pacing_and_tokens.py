"""What keeps one tenant's trouble its own, and how processes share an access token."""

import asyncio
import secrets

import pytest
from redis.exceptions import ConnectionError as RedisAway

from orders.ports import RefundRequest, Unknown
from storefront.adapters.access_tokens import AccessTokenCache, GivenToken
from storefront.adapters.pacing import Circuit, Pace, TokenBucket
from storefront.adapters.wechat_pay.client import WechatPayChannel
from storefront.simulators.faults import FaultKind
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import TenantId, new_id
from tenants.kernel.money import Fen
from tests.storefront.simulators.till import Till, now


class Hands:
    """A clock's hands, moved by the test."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


async def test_a_bucket_lets_a_burst_through_and_then_its_rate():
    hands = Hands()
    bucket = TokenBucket(per_second=10, burst=3, seconds=hands)
    assert [await bucket.take(longest_wait=0) for _ in range(4)] == [True, True, True, False]
    hands.at += 0.11
    assert [await bucket.take(longest_wait=0) for _ in range(2)] == [True, False]
    hands.at += 60
    assert [await bucket.take(longest_wait=0) for _ in range(4)] == [True, True, True, False]


async def test_a_bucket_makes_callers_wait_for_their_turn():
    bucket = TokenBucket(per_second=100, burst=1)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert all(await asyncio.gather(*(bucket.take() for _ in range(11))))
    assert 0.09 < loop.time() - begin < 1


def test_a_circuit_opens_after_failures_in_a_row_and_tries_one_call_at_a_time():
    hands = Hands()
    circuit = Circuit(failures_to_open=2, open_seconds=5, longest_open_seconds=8, seconds=hands)
    for well in (False, True, False, False):
        assert circuit.admits()
        circuit.answered(well=well)
    assert circuit.is_open
    assert not circuit.admits()
    hands.at += 5
    assert (circuit.admits(), circuit.admits()) == (True, False)
    circuit.answered(well=False)
    hands.at += 7.9
    assert not circuit.admits()
    hands.at += 0.1
    assert circuit.admits()
    circuit.abandoned()
    assert circuit.admits()
    circuit.answered(well=True)
    assert not circuit.is_open
    assert circuit.admits()


async def test_one_merchants_trouble_stays_its_own(till, control, http, merchant_key, notify_url):
    neighbour = await Till.open(control, http, merchant_key=merchant_key, notify_url=notify_url)
    paces = Pace(circuit=Circuit(failures_to_open=2)), Pace(circuit=Circuit(failures_to_open=2))

    def channel(of, pace):
        return WechatPayChannel(of.credentials, http, base_url=control.url, now=now, attempts=1, pace=pace)

    broken, well = channel(till, paces[0]), channel(neighbour, paces[1])
    await control.plan_fault(FaultKind.BUSY, path="*/out-trade-no/P-bad*", times=2)
    for _ in range(2):
        assert isinstance(await broken.look_up("P-bad-1"), Unknown)
    assert "held back" in (await broken.look_up("P-good-1")).reason
    assert (await well.look_up("P-good-1")).code == "ORDER_NOT_EXIST"
    paces[0].circuit.seconds = lambda: 1e12
    assert (await broken.look_up("P-good-1")).code == "ORDER_NOT_EXIST"
    assert not paces[0].circuit.is_open


async def test_a_refusal_never_opens_the_circuit(till, http):
    pace = Pace(circuit=Circuit(failures_to_open=1))
    channel = WechatPayChannel(till.credentials, http, base_url=till.control.url, now=now, pace=pace)
    for _ in range(3):
        assert (await channel.look_up("P-1234567")).code == "ORDER_NOT_EXIST"
    assert not pace.circuit.is_open


async def test_more_calls_at_once_than_the_pace_allows_are_held_back(till, http):
    pace = Pace(bucket=TokenBucket(per_second=0.1, burst=2))
    channel = WechatPayChannel(till.credentials, http, base_url=till.control.url, now=now, pace=pace)
    answers = await asyncio.gather(*(channel.look_up("P-1234567") for _ in range(4)))
    assert sum(isinstance(each, Unknown) for each in answers) == 2


class Vendor:
    """Gives tokens and counts how often it was asked."""

    def __init__(self, *, seconds: int = 7_200, delay: float = 0.05) -> None:
        self.asked, self.seconds, self.delay = 0, seconds, delay

    async def __call__(self, _useless: str | None) -> GivenToken:
        self.asked += 1
        await asyncio.sleep(self.delay)
        return GivenToken(f"token-{self.asked}-canary", self.seconds)


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing(current="a", keys={"a": b"a" * 32})


@pytest.fixture
def tenant_id() -> TenantId:
    return TenantId(new_id())


async def test_many_processes_ask_once(redis, keys, tenant_id):
    vendor = Vendor()
    processes = [AccessTokenCache(redis, tenant_id=tenant_id, keys=keys) for _ in range(5)]
    tokens = await asyncio.gather(*(each.token("wx1", vendor) for each in processes for _ in range(10)))
    assert (set(tokens), vendor.asked) == ({"token-1-canary"}, 1)


async def test_a_token_that_came_between_the_look_and_the_lease_is_taken(redis, keys, tenant_id):
    vendor = Vendor()
    quick = AccessTokenCache(redis, tenant_id=tenant_id, keys=keys)

    class Overtaken:
        async def set(self, name, *args, **options):
            if options.get("nx"):
                await quick.token("wx1", vendor)
            return await redis.set(name, *args, **options)

        def __getattr__(self, name):
            return getattr(redis, name)

    slow = AccessTokenCache(Overtaken(), tenant_id=tenant_id, keys=keys)
    assert (await slow.token("wx1", vendor), vendor.asked) == ("token-1-canary", 1)


async def test_a_token_lies_sealed_and_under_its_tenants_key(redis, keys, tenant_id):
    await AccessTokenCache(redis, tenant_id=tenant_id, keys=keys).token("wx1", Vendor())
    (name,) = [key async for key in redis.scan_iter(f"*{tenant_id}*")]
    assert b"canary" not in await redis.get(name)
    assert 0 < await redis.ttl(name) <= 7_200 - 300


async def test_a_useless_token_is_replaced_for_everybody(redis, keys, tenant_id):
    vendor, caches = Vendor(), [AccessTokenCache(redis, tenant_id=tenant_id, keys=keys) for _ in range(2)]
    old = await caches[0].token("wx1", vendor)
    new = await caches[0].token("wx1", vendor, useless=old)
    assert (old != new, await caches[1].token("wx1", vendor)) == (True, new)


async def test_losing_redis_costs_a_call_and_nothing_else(redis, keys, tenant_id):
    class Gone:
        async def get(self, *_args):
            raise RedisAway

        set = delete = get

    vendor = Vendor(delay=0)
    cache = AccessTokenCache(Gone(), tenant_id=tenant_id, keys=keys)
    assert [await cache.token("wx1", vendor) for _ in range(3)] == ["token-1-canary"] * 3
    lost = AccessTokenCache(redis, tenant_id=tenant_id, keys=keys)
    await lost.token("wx2", vendor)
    await redis.flushdb()
    assert await AccessTokenCache(redis, tenant_id=tenant_id, keys=keys).token("wx2", vendor)


async def test_an_asker_that_died_holds_nobody_up_for_ever(redis, keys, tenant_id, monkeypatch):
    monkeypatch.setattr("storefront.adapters.access_tokens.LEASE_SECONDS", 0.3)
    await redis.set(f"storefront:{{{tenant_id}}}:access-token:wx1:lease", secrets.token_hex(4), px=60_000)
    assert await AccessTokenCache(redis, tenant_id=tenant_id, keys=keys).token("wx1", Vendor())


async def test_after_too_many_calls_the_next_one_waits_and_the_burst_is_gone():
    hands = Hands()
    bucket = TokenBucket(per_second=10, burst=30, seconds=hands)
    assert await bucket.take(longest_wait=0)
    bucket.back_off()
    assert [await bucket.take(longest_wait=0.5), await bucket.take(longest_wait=0)] == [False, False]
    hands.at += 1.0
    assert [await bucket.take(longest_wait=0) for _ in range(2)] == [True, False]


async def test_forty_refunds_ride_a_limit_of_fifteen_a_second_and_none_is_lost(till, http, control):
    request = await till.paid(10_000)
    pace = Pace(bucket=TokenBucket(per_second=30, burst=30))
    channel = WechatPayChannel(till.credentials, http, base_url=control.url, now=now, pace=pace)
    asked = [
        RefundRequest(
            payment_no=request.payment_no, refund_no=f"R{turn}-{request.payment_no}", refund_fen=Fen(10),
            total_fen=request.total_fen, reason="退货",
        )
        for turn in range(40)
    ]  # fmt: skip
    await control.command("limits", scale=0.1)
    told_to_wait = 0
    for _ in range(30):
        answers = await asyncio.gather(*(channel.refund(each) for each in asked))
        waiting = [each for each, answer in zip(asked, answers, strict=True) if isinstance(answer, Unknown)]
        told_to_wait += sum(getattr(answer, "reason", "") == "FREQUENCY_LIMITED" for answer in answers)
        asked = waiting
        if not asked:
            break
        await asyncio.sleep(0.5)
    await control.command("limits", scale=1)
    assert asked == []
    assert told_to_wait > 0
    assert (await till.books_of(request.payment_no))["refundedFen"] == 400
    # The gateway is there, only busy: nobody is held back as if it were away.
    assert not pace.circuit.is_open
