"""Callbacks' ladder, faults on their way, what survives a restart, and stopping."""

import asyncio
import stat
from datetime import timedelta

from storefront.simulators.faults import FaultKind
from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from storefront.simulators.wechat_pay.callbacks import LADDER
from tests.storefront.simulators.till import Till


async def pay(till, inbox, **options):
    channel = till.channel_with(notify_url=inbox.url)
    begin = await till.control.advance(0)
    request = till.request(expires_at=begin + timedelta(minutes=15))
    await channel.prepare(request)
    return request, await till.control.pay(payment_no=request.payment_no, mchid=till.mchid, **options)


async def sent(control: SimulatorControl, request) -> dict:
    (found,) = [each for each in await control.callbacks() if each["outTradeNo"] == request.payment_no]
    return found


def test_the_ladder_lasts_twenty_four_hours_and_four_minutes():
    assert sum(LADDER) == 24 * 3600 + 4 * 60


async def test_a_refused_callback_is_repeated_on_the_ladder_with_the_same_id_and_a_fresh_signature(
    till, inbox
):
    inbox.answers = [500, 404, 204]
    request, _ = await pay(till, inbox)
    await till.control.advance(14)
    assert len(inbox.letters) == 1
    await till.control.advance(1)
    await till.control.advance(15)
    seen = await sent(till.control, request)
    assert ([each["status"] for each in seen["attempts"]], seen["done"]) == ([500, 404, 204], True)
    assert len({body for _, body in inbox.letters}) == 1
    signatures = {
        headers.get("wechatpay-signature") or headers["Wechatpay-Signature"] for headers, _ in inbox.letters
    }
    assert len(signatures) == 3


async def test_after_the_last_step_nobody_is_told_any_more(till, inbox):
    inbox.answers = [500] * 20
    request, _ = await pay(till, inbox)
    await till.control.advance(2 * 86_400)
    seen = await sent(till.control, request)
    assert (len(seen["attempts"]), seen["done"], seen["dueAt"]) == (16, False, None)


async def test_a_duplicate_arrives_twice_and_a_probe_before_the_real_one(till, inbox):
    await till.control.plan_fault(FaultKind.DUPLICATE_CALLBACK, path=f"{inbox.url}*")
    await pay(till, inbox)
    assert len(inbox.letters) == 2
    inbox.letters.clear()
    await till.control.plan_fault(FaultKind.PROBE_CALLBACK, path=f"{inbox.url}*")
    await pay(till, inbox)
    signatures = [
        {k.lower(): v for k, v in headers.items()}["wechatpay-signature"] for headers, _ in inbox.letters
    ]
    assert [each.startswith("WECHATPAY/SIGNTEST/") for each in signatures] == [True, False]


async def test_a_late_callback_comes_late_and_a_dropped_one_never(till, inbox):
    await till.control.plan_fault(FaultKind.LATE_CALLBACK, path=f"{inbox.url}*", seconds=600)
    await pay(till, inbox)
    assert inbox.letters == []
    await till.control.advance(600)
    assert len(inbox.letters) == 1
    await till.control.plan_fault(FaultKind.DROP_CALLBACK, path=f"{inbox.url}*")
    await pay(till, inbox)
    await till.control.advance(86_400)
    assert len(inbox.letters) == 1


async def test_in_real_time_callbacks_and_refunds_happen_by_themselves(till, inbox):
    await pay(till, inbox, wait=False)
    async with asyncio.timeout(5):
        await inbox.arrived.wait()


async def test_a_restarted_simulator_still_knows_merchants_keys_and_payments(
    tmp_path, http, merchant_key, inbox
):
    path = tmp_path / "simulator.json"
    async with running_simulator(state_path=path) as first:
        till = await Till.open(first, http, merchant_key=merchant_key, notify_url=inbox.url)
        inbox.answers = [500]
        request = await till.paid(700)
        async with asyncio.timeout(5):
            await inbox.arrived.wait()
        await first.advance(5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with running_simulator(state_path=path) as second:
        again = Till.reopen(till, second)
        assert (await again.channel.look_up(request.payment_no)).total_fen == 700
        await second.advance(15)
        assert (await sent(second, request))["done"] is True


async def test_the_same_seed_gives_the_same_numbers(http, merchant_key):
    async def first_ids() -> tuple[str, str]:
        async with running_simulator(seed=11) as control:
            await control.register_app(appid="wx1", secret="s")
            return await control.login_code(appid="wx1"), await control.login_code(appid="wx1")

    assert await first_ids() == await first_ids()


async def test_the_simulator_stops_at_once_while_answers_hang_and_callbacks_wait(http, merchant_key):
    for _ in range(3):
        async with running_simulator() as control:
            till = await Till.open(
                control, http, merchant_key=merchant_key, notify_url="http://127.0.0.1:9/x"
            )
            await till.paid()
            await control.plan_fault(FaultKind.LOSE, path="*/out-trade-no/*", seconds=60)
            hanging = asyncio.create_task(
                till.channel_with(attempts=1, total_seconds=0.2).look_up("P-123456")
            )
            await asyncio.sleep(0.05)
            begin = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - begin < 3
        await hanging


async def test_two_simulators_do_not_share_a_port():
    async with running_simulator() as one, running_simulator() as two:
        assert one.url != two.url
