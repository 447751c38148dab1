"""Hostile values in every field of every settlement request: refused with a reason, or taken as they are; never a 5xx."""

import base64
import csv
import html
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from settlement.close import close_month
from settlement.queries import statements
from storefront.documentation import openapi
from storefront.statements.files import FileKind, write_files
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tenants.models import Store
from tenants.states import StaffRole
from tests.support.books import MallStore, add_mall, add_store, mall_contract, open_mall_store, sell
from tests.support.http import Client, answered
from tests.support.rows import rows

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
BASE = "/brand/v1/settlement"
HOSTILE: tuple[Any, ...] = (
    1.5, -1, 0, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, True, None, [], {}, "", "0", "=cmd|' /C calc'!A0", "<script>alert(1)</script>",
    "2026-13", "2026-02-30", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "\x00", "\ud7ff" * 3, "x" * 5_000,
)  # fmt: skip
MALL = "00000000-0000-0000-0000-00000000000a"


def bodies(ids: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    mall = {"kind": "mall", "mallId": ids["mall"]}
    contract = {
        "code": "k", "name": "合同", "activeFrom": "2027-01-01T00:00:00+08:00", "activeTo": "2028-01-01T00:00:00+08:00",
        "storeIds": [ids["store"]], "base": "paid_goods", "cutOffDay": 25, "paymentDays": 15, "taxBps": 600,
        "rates": [{"party": mall, "rateBps": 1500, "categoryCode": "tea", "validFromOn": "2027-01-01", "validToOn": "2027-02-01"}],
        "periodTerms": [
            {"party": mall, "period": "month", "guaranteeKind": "amount", "guaranteeFen": 500, "capFen": 900, "returnsCount": "when_sold",
             "tiers": [{"fromFen": 0, "toFen": 1000, "rateBps": 100}, {"fromFen": 1000, "rateBps": 50}]},
        ],
        "residualParty": {"kind": "brand"}, "collectedBy": mall, "collectedSources": ["till"], "timeZone": "Asia/Shanghai",
    }  # fmt: skip
    statement = f"{BASE}/statements/{ids['statement']}"
    return {
        "contract": ("/brand/v1/contracts", contract),
        "rehearsal": (f"{BASE}/contracts/rehearsals", contract | {"month": f"{EARLIER:%Y-%m}"}),
        "promotion": (
            "/brand/v1/promotions",
            {"code": "p", "name": "活动", "activeFrom": "2026-11-11T00:00:00+08:00", "activeTo": "2026-12-11T00:00:00+08:00",
             "funders": [{"role": "mall", "rateBps": 5000}], "residualFunder": "brand"},
        ),
        "invoice": (
            f"{statement}/invoices",
            {"invoiceNo": "I-1", "issuedOn": "2026-11-05", "amountFen": 106, "taxFen": 6},
        ),
        "adjustment": (
            f"{BASE}/adjustments",
            {"partyId": ids["party"], "contractId": ids["contract"], "amountFen": 5, "reason": "漏记", "storeId": ids["store"],
             "statementId": ids["statement"], "counterpartyId": ids["brand"], "evidence": "凭证", "restates": False},
        ),
        "payout": (f"{BASE}/payouts", {"dueOn": "2026-11-05"}),
        "closing": (f"{BASE}/closings", {"month": f"{EARLIER:%Y-%m}"}),
    }  # fmt: skip


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every field and element of a body."""
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with something else at that place."""
    if not path:
        return value
    key, *rest = path
    if isinstance(body, dict):
        return {**body, key: replaced(body[key], tuple(rest), value)}
    return [replaced(each, tuple(rest), value) if place == key else each for place, each in enumerate(body)]


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=EARLIER)
    await close_month(tenant, EARLIER.date().replace(day=1), closed_by="staff:closer", now=datetime.now(UTC))
    return shop


async def known(shop: MallStore) -> dict[str, Any]:
    async with shop.tenant.reading() as db:
        month = EARLIER.date().replace(day=1)
        found = {each.party.kind.value: each for each in await statements(db, month=month)}
    [contract] = await rows(
        shop.tenant, "SELECT id FROM app.contracts WHERE tenant_id = :t AND code = 'mall'"
    )
    return {
        "store": str(shop.store_id), "mall": str(shop.mall_id), "statement": str(found["mall"].id),
        "party": str(found["mall"].party.id), "brand": str(found["brand"].party.id), "contract": str(contract.id),
    }  # fmt: skip


async def unseen(shop: MallStore, body: dict[str, Any]) -> dict[str, Any]:
    """A code, and a store where the body names one, that no earlier request has taken."""
    code = new_id().hex[-12:]
    if "storeIds" not in body:
        return {"code": code}
    async with shop.tenant.writing() as db:
        return {"code": code, "storeIds": [str(await add_store(db, code, mall_id=shop.mall_id))]}


@pytest.mark.parametrize(
    "name", list(bodies(dict.fromkeys(("store", "mall", "statement", "party", "brand", "contract"), MALL)))
)
async def test_no_field_of_a_settlement_request_breaks_the_server(
    client: Client, shop: MallStore, name: str
) -> None:
    caller = client.as_staff(shop.tenant, StaffRole.FINANCE)
    path, body = bodies(await known(shop))[name]
    fresh = name in {"contract", "promotion"}
    first = body | await unseen(shop, body) if fresh else body
    broken, taken = [], await caller.post(path, json=first, headers={"idempotency-key": str(new_id())})
    assert taken.status_code < 300, taken.text
    for place in places(body):
        for value in HOSTILE:
            if fresh:
                body = body | await unseen(shop, body)
            answer = await caller.post(
                path, json=replaced(body, place, value), headers={"idempotency-key": str(new_id())}
            )
            if answer.status_code >= 500:
                broken.append((place, value, answer.json()["code"]))
    assert broken == []


NAMES = (
    "账" * 120,
    "../../etc/passwd",
    "..",
    "a/b/c.csv",
    ".hidden",
    "结算单.xlsx.exe",
    "C:\\temp\\x.csv",
    "x" * 119 + "/",
)


async def test_a_file_may_be_called_anything_and_hold_anything(client: Client, shop: MallStore) -> None:
    finance = client.as_staff(shop.tenant, StaffRole.FINANCE)
    ids = await known(shop)
    opened = await finance.post(f"{BASE}/statements/{ids['statement']}/disputes", json={"reason": "金额不符"})
    path = f"{BASE}/disputes/{answered(opened, 201)['id']}/numbers"
    order = (await rows(shop.tenant, "SELECT order_no FROM app.orders WHERE tenant_id = :t"))[0].order_no
    columns = {"orderNo": "订单号", "amount": "金额", "inFen": True}

    async def sent(content: bytes, name: str = "a.csv", **more: Any) -> int:
        body = {"fileName": name, "content": base64.b64encode(content).decode(), "columns": columns | more}
        return (await finance.post(path, json=body)).status_code

    good = f"订单号,金额\n{order},1500\n".encode()
    assert [await sent(good, name) for name in NAMES] == [200] * len(NAMES)
    assert await sent(f"订单号,金额\n{order},1500.00\n".encode()) == 200
    for amount in ("1e30", "9" * 30, "9" * 5_000, "1500.5", "NaN", "Infinity", "０x1", "１５００", ""):
        assert await sent(f"订单号,金额\n{order},{amount}\n".encode()) == 422, amount
    for content in (
        b"",
        b"\x00" * 100,
        b"PK\x03\x04" + b"x" * 100,
        b"\xff\xfe\x00",
        b'"' * 1_000,
        good * 2 + b'"',
    ):
        assert await sent(content) == 422, content[:20]
        assert await sent(content, "a.xlsx") == 422, content[:20]
    assert await sent(good, sheet="没有") in {200, 422}
    assert await sent(b"x" * 10_000_000) == 413


EVIL = '=HYPERLINK("http://x")<script>alert(1)</script>'


async def test_names_that_a_spreadsheet_or_a_browser_would_run_are_text_in_every_file(
    tenant: TenantScope, tmp_path: Path
) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db, EVIL)
        store = await add_store(db, "+S1", mall_id=mall)
        await db.execute(update(Store).where(Store.tenant_id == db.tenant_id).values(name=EVIL))
        await mall_contract(db, mall, [store])
        await sell(db, store, 10_000, at=EARLIER)
    month = EARLIER.date().replace(day=1)
    await close_month(tenant, month, closed_by="staff:closer", now=datetime.now(UTC))
    async with tenant.reading() as db:
        statement = next(each for each in await statements(db, month=month) if each.party.kind == "mall")
    assert statement.party.name == EVIL
    written = await write_files(tenant, statement, out=tmp_path)
    assert {path.parent for path in written.paths.values()} == {tmp_path}
    page = written.paths[FileKind.HTML].read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    with written.paths[FileKind.CSV].open(encoding="utf-8-sig", newline="") as file:
        lines = [cell for row in csv.reader(file) for cell in row]
    assert any(EVIL in cell for cell in lines)
    with zipfile.ZipFile(written.paths[FileKind.XLSX]) as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "<f>" not in text
    lines += html.unescape(text).replace("</t>", "<t>").split("<t>")
    assert [cell for cell in lines if cell.startswith(("=", "+", "@")) and cell not in {"+", "="}] == []


EXTREMES = (
    "2026-13",
    "0001-01-01",
    "9999-12-31",
    "0001-01",
    "9999-12",
    "2026-02-30",
    "-1",
    "9" * 25,
    "x",
    "%00",
    "2147483648",
    "",
)


async def test_no_address_of_money_breaks_the_server(client: Client, shop: MallStore) -> None:
    """Every reading operation of settlement with extreme values in its query, every numbered place with extreme numbers."""
    finance = client.as_staff(shop.tenant, StaffRole.FINANCE)
    mall = client.as_staff(shop.tenant, StaffRole.MALL_FINANCE, mall_id=shop.mall_id)
    ids = await known(shop)
    broken, asked = [], 0
    described = openapi(client.app)["paths"]
    for path, operations in described.items():
        if "settlement" not in path and not path.startswith("/mall/"):
            continue
        caller = mall if path.startswith("/mall/") else finance
        for method, operation in operations.items():
            named = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
            for extreme in EXTREMES:
                filled = path.replace("{statement_id}", ids["statement"]).replace("{number}", extreme or "0")
                filled = re.sub(r"\{[a-z_]+_id\}", str(new_id()), filled).replace("{kind}", "csv")
                queries = [f"?{name}={extreme}" for name in named] if method == "get" else [""]
                for query in queries:
                    asked += 1
                    more = (
                        {}
                        if method == "get"
                        else {"json": {"oursStand": True, "reason": "原因", "outcome": "paid"}}
                    )
                    answer = await caller.request(method.upper(), filled + query, **more)
                    if answer.status_code >= 500:
                        broken.append((method, filled, query))
    assert broken == []
    assert asked > 200
