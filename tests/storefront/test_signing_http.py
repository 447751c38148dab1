"""Over HTTP: a mall agrees or disputes with its own file, finance answers and signs by two, payouts leave and come back."""

import base64
import io
from datetime import UTC, datetime, timedelta

import pytest
import xlsxwriter

from settlement.close import close_month
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole
from tests.support.books import MallStore, give_back, open_mall_store, sell
from tests.support.http import Client, answered, refused
from tests.support.rows import rows

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
BASE = "/brand/v1/settlement"
BANK = {
    "kind": "bank",
    "accountName": "望江天地商业管理有限公司",
    "accountNo": "6222021001122334455",
    "bankName": "某银行",
}


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """Two orders and a refund; the mall is owed 1,500 - 300 + 134."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=EARLIER)
        await give_back(db, sale, {0: 2_000}, at=EARLIER)
        await sell(db, shop.store_id, 899, at=EARLIER)
    await close_month(tenant, EARLIER.date().replace(day=1), closed_by="staff:closer", now=datetime.now(UTC))
    return shop


@pytest.fixture
def finance(client: Client, tenant: TenantScope) -> Client:
    return client.as_staff(tenant, StaffRole.FINANCE)


@pytest.fixture
def second(client: Client, tenant: TenantScope) -> Client:
    return client.as_staff(tenant, StaffRole.BRAND_HQ)


@pytest.fixture
def mall(client: Client, shop: MallStore) -> Client:
    return client.as_staff(shop.tenant, StaffRole.MALL_FINANCE, mall_id=shop.mall_id)


async def own(mall: Client) -> dict[str, object]:
    [statement] = answered(await mall.get("/mall/v1/statements"))["statements"]
    return statement


async def order_numbers(tenant: TenantScope) -> dict[int, str]:
    found = await rows(tenant, "SELECT order_no, total_fen FROM app.orders WHERE tenant_id = :t")
    return {row.total_fen: row.order_no for row in found}


def upload(content: bytes, name: str = "mall.csv", **columns: object) -> dict[str, object]:
    return {
        "fileName": name, "content": base64.b64encode(content).decode(),
        "columns": {"orderNo": "订单号", "amount": "扣款(元)"} | columns,
    }  # fmt: skip


def workbook(lines: list[tuple[object, ...]]) -> bytes:
    written = io.BytesIO()
    book = xlsxwriter.Workbook(written)
    sheet = book.add_worksheet("对账单")
    for number, line in enumerate(lines):
        sheet.write_row(number, 0, line)
    book.close()
    return written.getvalue()


async def test_a_mall_agrees_and_two_people_of_the_brand_sign(
    mall: Client, finance: Client, second: Client
) -> None:
    statement = await own(mall)
    assert statement["state"] == "closed"
    agreed = answered(await mall.post(f"/mall/v1/statements/{statement['id']}/agreement"), 200)
    assert agreed["agreedAt"]
    signed = answered(await second.post(f"{BASE}/statements/{statement['id']}/approval"), 200)
    assert signed["state"] == "approved"
    refused(
        await finance.post(f"{BASE}/statements/{statement['id']}/approval"), 409, "STATEMENT_STANDS_OTHERWISE"
    )


async def test_a_mall_disputes_with_its_own_file_and_finance_answers_every_difference(
    mall: Client, finance: Client, second: Client, shop: MallStore
) -> None:
    no = await order_numbers(shop.tenant)
    statement = await own(mall)
    dispute = answered(
        await mall.post(f"/mall/v1/statements/{statement['id']}/disputes", json={"reason": "少一笔"}), 201
    )
    path = f"/mall/v1/disputes/{dispute['id']}/numbers"
    wrong = await mall.post(path, json=upload("订单号,扣款(元)\nN1,abc\n,1.00\n".encode("gb18030")))
    assert set(refused(wrong, 422, "NUMBERS_UNREADABLE")) == {"row 2", "row 3"}
    missing = await mall.post(path, json=upload("订单号,金额\nN1,1\n".encode()))
    assert "there are 订单号, 金额" in refused(missing, 422, "NUMBERS_UNREADABLE")["扣款(元)"]
    file = workbook(
        [
            ("订单号", "扣款(元)"),
            (no[10_000], 15.0),
            (no[10_000], -3),
            (no[899], 1.35),
            ("N-9", 0.5),
            ("合计", 13.85),
        ]
    )
    matched = answered(await mall.post(path, json=upload(file, "对账.xlsx")), 200)
    assert (matched["rowsRead"], matched["matched"], matched["oursFen"], matched["theirsFen"]) == (
        4,
        1,
        1_334,
        1_385,
    )
    assert {each["kind"]: each["differingFen"] for each in matched["classes"]} == {
        "amount": 1,
        "missing_here": 50,
    }
    refused(await second.post(f"{BASE}/statements/{statement['id']}/approval"), 409, "DIFFERENCES_OPEN")
    for each in matched["differences"]:
        ours = each["kind"] == "missing_here"
        answer = {"oursStand": ours, "reason": "无此订单" if ours else "四舍五入"}
        one = f"{BASE}/disputes/{dispute['id']}/differences/{each['number']}/answer"
        answered(await finance.post(one, json=answer), 200)
    settled = await finance.post(f"{BASE}/disputes/{dispute['id']}/resolution", json={"resolution": "已核对"})
    assert answered(settled, 200)["state"] == "resolved"
    refused(await second.post(f"{BASE}/statements/{statement['id']}/approval"), 409, "ADJUSTMENT_UNDECIDED")
    [asked] = answered(await finance.get(f"{BASE}/adjustments?status=proposed"))["adjustments"]
    decision = f"{BASE}/adjustments/{asked['id']}/decision"
    refused(await finance.post(decision, json={"agrees": True}), 403, "SECOND_PERSON_NEEDED")
    assert answered(await second.post(decision, json={"agrees": True}), 200)["state"] == "booked"
    again = await own(mall)
    assert (again["version"], again["adjustedFen"], again["closingFen"]) == (2, 1, 1_335)
    listed = answered(await finance.get(f"{BASE}/statements?versions=1"))["statements"]
    assert sorted((each["version"], each["state"]) for each in listed) == [
        (1, "superseded"), (1, "superseded"), (2, "closed"), (2, "closed")
    ]  # fmt: skip
    assert len(answered(await mall.get(f"/mall/v1/statements/{statement['id']}/disputes"))["disputes"]) == 1


async def test_a_payout_from_the_account_to_the_result_file(
    finance: Client, second: Client, mall: Client
) -> None:
    statement = await own(mall)
    answered(await second.post(f"{BASE}/statements/{statement['id']}/approval"))
    nothing = answered(await finance.post(f"{BASE}/payouts", json={}))
    assert (nothing["payout"], [each["skipped"] for each in nothing["skipped"]]) == (None, ["no_payee"])
    payee = answered(await finance.put(f"{BASE}/parties/{statement['party']['id']}/payee", json=BANK))
    assert payee["accountTail"] == "4455"
    payout = answered(await finance.post(f"{BASE}/payouts", json={}))["payout"]
    path = f"{BASE}/payouts/{payout['id']}"
    for kind in ("companies", "payroll"):
        early = await second.get(f"{path}/files/{kind}")
        assert refused(early, 409, "PAYOUT_NOT_RELEASED") == {payout["payoutNo"]: "is prepared"}
    refused(await finance.post(f"{path}/release"), 403, "SECOND_PERSON_NEEDED")
    assert answered(await second.post(f"{path}/release"))["state"] == "released"
    refused(await second.post(f"{path}/release"), 409, "PAYOUT_STANDS_OTHERWISE")
    one, other = await finance.get(f"{path}/files/companies"), await finance.get(f"{path}/files/companies")
    assert one.content == other.content
    assert one.headers["cache-control"] == "no-store"
    told = one.content.decode("utf-8-sig").splitlines()
    assert told[0].startswith("序号,付款编号,收款户名,收款账号,开户行,金额(元)")
    assert "6222021001122334455" in told[1]
    assert told[-1].split(",")[:6] == ["合计", "1 笔", "", "", "", "13.34"]
    assert "6222021001122334455" not in (await finance.get(path)).text
    for amount in ("13.33", "13.3x"):
        other = f"付款编号,金额(元),结果\n{payout['lines'][0]['lineNo']},{amount},成功\n"
        altered = {"fileName": "bank.csv", "content": base64.b64encode(other.encode()).decode()}
        refused(await finance.post(f"{path}/results", json=altered), 422, "NUMBERS_UNREADABLE")
    assert answered(await finance.get(path))["lines"][0]["state"] == "sent"
    results = f"付款编号,金额(元),结果,原因,银行流水号\n{payout['lines'][0]['lineNo']},13.34,成功,,B-77\n"
    body = {"fileName": "bank.csv", "content": base64.b64encode(results.encode()).decode()}
    for _ in range(2):
        done = answered(await finance.post(f"{path}/results", json=body), 200)
        assert (done["state"], done["lines"][0]["bankReference"]) == ("done", "B-77")
    stranger = results.replace(payout["lines"][0]["lineNo"], "P0-1")
    body["content"] = base64.b64encode(stranger.encode()).decode()
    refused(await finance.post(f"{path}/results", json=body), 404, "PAYOUT_NOT_FOUND")
    back = await finance.post(f"{path}/lines/1/outcome", json={"outcome": "returned", "trouble": "账号有误"})
    assert answered(back)["lines"][0]["state"] == "returned"


async def test_a_proposed_adjustment_is_written_once_a_key(
    finance: Client, mall: Client, shop: MallStore
) -> None:
    statement = await own(mall)
    found = await rows(shop.tenant, "SELECT id FROM app.contracts WHERE tenant_id = :t AND code = 'mall'")
    body = {
        "partyId": statement["party"]["id"], "contractId": found[0].id, "amountFen": -5, "reason": "多记",
        "statementId": statement["id"],
    }  # fmt: skip
    key = {"idempotency-key": str(new_id())}
    one = await finance.post(f"{BASE}/adjustments", json=body, headers=key)
    other = await finance.post(f"{BASE}/adjustments", json=body, headers=key)
    assert answered(one, 201)["id"] == answered(other, 201)["id"]
    assert len(answered(await finance.get(f"{BASE}/adjustments"))["adjustments"]) == 1
    refused(await finance.post(f"{BASE}/adjustments", json=body), 400, "IDEMPOTENCY_KEY_MISSING")
