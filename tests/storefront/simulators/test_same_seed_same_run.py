"""The same seed and the same calls over HTTP give the same books and the same bills, byte for byte; another seed gives other ids."""

import json
from datetime import UTC, datetime, timedelta

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.remote import SimulatorControl
from storefront.simulators.run import running_simulator
from tests.storefront.adapters.parties import next_morning
from tests.storefront.simulators.stranger import API_V3_KEY, DAY, SERIAL, Merchant, part

BILLS = ("ALL", "REFUND", "FUND", "SPLIT")


async def told(control: SimulatorControl, http, *, key) -> tuple[str, dict[str, bytes]]:
    """A few days of a shop with a mall, and the books and bills they leave."""
    known = await control.register_merchant(
        mchid="1900000001", appid="wx01", public_key=key[1], certificate_serial=SERIAL, api_v3_key=API_V3_KEY,
        legal_name="山茶有限公司",
    )  # fmt: skip
    await control.command(
        "merchants", mchid="1900000002", legal_name="星河商场有限公司", accepts_returns=True
    )
    payee = Merchant(control, http, "1900000001", "wx01", key[0], known.public_key_id, known.public_key)
    mall = Merchant(control, http, "1900000002", "", name="星河商场有限公司")
    # Noon: what follows belongs to one bill.
    await next_morning(control)
    await payee.relate(mall)
    for turn in range(4):
        no, transaction = await payee.paid(10_000 + turn, number_=f"P-run-{turn}")
        if turn % 2:
            made = await payee.split_now(transaction, [part(mall, 700 + turn)], no=f"S-run-{turn}")
            await payee.give_back(made, mall, 50, no=f"R-run-{turn}")
            await payee.unfreeze(transaction, no=f"U-run-{turn}")
        await payee.refund(no, 100 * (turn + 1), total=10_000 + turn, refund_no=f"T-run-{turn}")
    begun = await control.advance(0)
    await control.advance(2 * DAY)
    day = (begun + timedelta(hours=8)).date().isoformat()
    bills = {}
    for kind in BILLS:
        bills[kind] = (await payee.fetch((await payee.bill(kind, day))["download_url"])).content
    return json.dumps(await control.books(), sort_keys=True), bills


async def run(seed: int, http, *, key, begun: datetime) -> tuple[str, dict[str, bytes]]:
    async with running_simulator(seed=seed, clock=SimulatorClock(lambda: begun)) as control:
        return await told(control, http, key=key)


async def test_two_runs_of_one_seed_leave_the_same_books_and_bills(http, merchant_key):
    begun = datetime.now(UTC)
    first, again, other = [await run(seed, http, key=merchant_key, begun=begun) for seed in (5, 5, 6)]
    assert first == again
    assert first[0] != other[0]
    assert all(body.count(b"\n") > 2 for body in first[1].values())
    assert {kind for kind in BILLS if first[1][kind] != other[1][kind]} == set(BILLS)
