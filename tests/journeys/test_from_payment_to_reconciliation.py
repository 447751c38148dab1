"""The story of a day that finance signs: orders paid, refunded, split; the worker fetches the bills; what was planted is found, and settled.

Over HTTP to the app on a real port and to the simulator; only the waiting is cut short.
"""

from sqlalchemy import text

from tenants.states import StaffRole
from tests.storefront.adapters.parties import next_morning
from tests.storefront.simulators.till import merchant_key
from tests.support.http import Client, answered
from tests.support.rows import rows
from tests.support.trading import PRICE, open_trading

__all__ = ["merchant_key"]

DUE = "UPDATE app.outbox SET due_at = now() WHERE tenant_id = :t AND done_at IS NULL AND kind = 'BillDue'"
BASE = "/brand/v1/settlement/reconciliation"


async def bill_falls_due(opened, trading):
    async with trading.tenant.writing() as db:
        await db.execute(text(DUE), {"t": db.tenant_id})
    await opened.work(trading.tenant)


async def test_yesterday_is_fetched_by_itself_and_what_differs_waits_for_finance(
    opened, database, keys, control, merchant_key
):
    channels = opened.wiring.channels
    trading = await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
    finance = Client(opened.app).as_staff(trading.tenant, StaffRole.FINANCE)
    orders = [await trading.paid() for _ in range(3)]
    await opened.work(trading.tenant)
    asked = {"lines": [{"lineNo": 1, "amountFen": 500}], "reason": "换货"}
    path = f"/staff/v1/orders/{orders[0].id}/refunds"
    answered(await finance.with_headers(idempotency_key="r-1").post(path, json=asked), 201)
    await opened.work(trading.tenant)
    day = await next_morning(control)
    await control.command(
        "bills/changes", mchid=trading.mchid, bill="ALL", bill_date=day.isoformat(), change="drop", row=1
    )
    await bill_falls_due(opened, trading)

    found = answered(await finance.get(f"{BASE}/differences?status=open"))["differences"]
    assert [(each["kind"], each["amountFen"]) for each in found] == [("missing_there", -PRICE)]
    days = answered(await finance.get(f"{BASE}/days?first={day}&last={day}"))["days"]
    assert {each["kind"]: each["state"] for each in days} == {
        "trade": "taken",
        "split": "nothing",
        "fund": "taken",
    }
    (proof,) = answered(await finance.get(f"{BASE}/proofs?day={day}"))["proofs"]
    assert (proof["holds"], proof["unbilledFen"]) == (False, PRICE)
    solved = f"{BASE}/differences/{found[0]['id']}/resolution"
    answered(await finance.post(solved, json={"reason": "渠道补发账单"}))

    parked = await rows(
        trading.tenant, "SELECT kind FROM app.outbox WHERE tenant_id = :t AND parked_at IS NOT NULL"
    )
    assert parked == []
    due = "SELECT payload FROM app.outbox WHERE tenant_id = :t AND kind = 'BillDue' AND done_at IS NULL"
    assert len(await rows(trading.tenant, due)) == 1  # the next day's
