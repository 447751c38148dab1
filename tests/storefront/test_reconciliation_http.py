"""对账 over HTTP, as finance uses it: days, differences with filters and pages, an owner, a reason, the proof."""

from datetime import UTC, datetime

import pytest

from orders.payments import record_payment
from orders.ports import ChannelPayment, PaymentState
from tenants.states import StaffRole
from tests.orders.conftest import channels, control, http, merchant_key, trading
from tests.support.bills import FIRST, a_day, account_of_tenant, file_of, rows_of, take_in, write_books
from tests.support.http import Client, answered, refused
from tests.support.rows import value

__all__ = ["channels", "control", "http", "merchant_key", "trading"]

BASE = "/brand/v1/settlement/reconciliation"


@pytest.fixture
async def finance(app, tenant):
    """Finance of a brand whose bill lacks one payment, lists one too many, and has another amount in a third."""
    sold = a_day(FIRST, 4, fens=[100, 200, 300, 400])
    stranger = a_day(FIRST, 1, fens=[999], mark="X")
    async with tenant.writing() as db:
        account = await account_of_tenant(db)
        await write_books(db, sold, day=FIRST, merchant_id=account.merchant_id)
    listed = rows_of([*sold[1:], *stranger], account.name)
    listed[0] |= {"订单金额": "2.01"}
    await take_in(tenant, file_of(listed), day=FIRST, account=account)
    return Client(app).as_staff(tenant, StaffRole.FINANCE)


async def listed(finance, query=""):
    return answered(await finance.get(f"{BASE}/differences{query}"))


async def test_days_tell_both_sides_and_the_differences_by_class(finance):
    (day,) = answered(await finance.get(f"{BASE}/days?bill=trade&first={FIRST}&last={FIRST}"))["days"]
    assert (day["state"], day["matched"], day["oursFen"], day["theirsFen"]) == ("taken", 2, 1_000, 1_900)
    assert {each["kind"]: each["count"] for each in day["classes"]} == {
        "missing_here": 1,
        "missing_there": 1,
        "amount": 1,
    }
    assert day["openDifferences"] == 3
    assert answered(await finance.get(f"{BASE}/days?first=2026-10-09"))["days"] == []


async def test_differences_are_filtered_and_paged(finance):
    assert {each["kind"] for each in (await listed(finance))["differences"]} == {
        "missing_here",
        "missing_there",
        "amount",
    }
    (amount,) = (await listed(finance, "?kind=amount&status=open"))["differences"]
    assert (amount["amountFen"], amount["differing"], amount["daysOpen"] >= 0) == (1, ["amount"], True)
    first = await listed(finance, "?limit=2")
    rest = await listed(finance, f"?limit=2&cursor={first['nextCursor']}")
    assert (len(first["differences"]), len(rest["differences"]), rest["nextCursor"]) == (2, 1, None)


async def test_a_difference_gets_an_owner_and_a_reason_once(finance):
    (found,) = (await listed(finance, "?kind=missing_here"))["differences"]
    path = f"{BASE}/differences/{found['id']}"
    assert answered(await finance.post(f"{path}/owner", json={"owner": "林会计"}))["owner"] == "林会计"
    done = answered(await finance.post(f"{path}/resolution", json={"reason": "门店测试单，已退"}))
    assert (done["state"], done["reason"], done["resolvedBy"][:6]) == (
        "resolved",
        "门店测试单，已退",
        "staff:",
    )
    refused(await finance.post(f"{path}/resolution", json={"reason": "again"}), 409, "DIFFERENCE_ENDED")
    refused(await finance.post(f"{path}/owner", json={"owner": "x"}), 409, "DIFFERENCE_ENDED")
    refused(await finance.post(f"{path}/resolution", json={"reason": " "}), 422, "VALIDATION_FAILED")
    assert answered(await finance.get(path))["state"] == "resolved"
    assert (await listed(finance, "?status=resolved"))["differences"][0]["id"] == found["id"]


async def test_the_proof_names_what_is_not_booked(finance):
    (proof,) = answered(await finance.get(f"{BASE}/proofs?day={FIRST}"))["proofs"]
    assert proof["holds"] is False
    lines = {each["name"]: each["billMillifen"] for each in proof["lines"]}
    assert (lines["payments"], lines["not ours"]) == (901_000, 999_000)
    assert (proof["unbilledCount"], proof["unbilledFen"]) == (1, 100)
    assert answered(await finance.get(f"{BASE}/proofs?day=2026-10-09"))["proofs"] == []


@pytest.mark.parametrize("role", [StaffRole.STORE_MANAGER, StaffRole.GUIDE, StaffRole.MALL_FINANCE])
async def test_stores_and_malls_see_nothing_of_it(app, tenant, finance, role):
    place = (
        {"mall_id": tenant.tenant_id} if role is StaffRole.MALL_FINANCE else {"store_id": tenant.tenant_id}
    )
    other = Client(app).as_staff(tenant, role, **place)
    for path in ("days", "differences", f"proofs?day={FIRST}"):
        assert (await other.get(f"{BASE}/{path}")).status_code == 403


async def test_finance_decides_on_money_of_another_amount(app, trading):
    finance = Client(app).as_staff(trading.tenant, StaffRole.FINANCE)
    order = await trading.place()
    payment = await trading.prepare(order.id)
    told = ChannelPayment(
        payment_no=payment.payment_no, state=PaymentState.PAID, merchant_no=trading.mchid, appid=trading.appid,
        transaction_id="4200001", total_fen=payment.amount_fen - 100, payer_total_fen=payment.amount_fen - 100,
        currency="CNY",
    )  # fmt: skip
    async with trading.tenant.writing() as db:
        await record_payment(db, told, now=datetime.now(UTC))
    path = "/brand/v1/settlement/differing-payments"
    (listed,) = answered(await finance.get(path))["payments"]
    assert (listed["askedFen"] - listed["paidFen"], listed["orderState"]) == (100, "awaiting_payment")
    deed = f"{path}/{listed['paymentId']}"
    refused(await finance.post(f"{deed}/acceptance", json={"reason": " "}), 422, "VALIDATION_FAILED")
    answered(await finance.post(f"{deed}/acceptance", json={"reason": "按实付成交"}))
    state = "SELECT state FROM app.orders WHERE tenant_id = :t AND id = :o"
    assert await value(trading.tenant, state, o=order.id) == "paid"
    refused(await finance.post(f"{deed}/refund", json={"reason": "退"}), 409, "DIFFERING_PAYMENT_SETTLED")
    assert answered(await finance.get(path))["payments"] == []
