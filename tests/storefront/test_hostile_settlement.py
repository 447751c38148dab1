"""Hostile values in every field of every settlement request: refused with a reason, or taken as they are; never a 5xx."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from settlement.close import close_month
from settlement.queries import statements
from storefront.statements.files import FileKind, write_files
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
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
            {"party": mall, "period": "month", "guaranteeKind": "amount", "guaranteeFen": 500, "capFen": 900,
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
