"""Contracts, closings, statements and files over HTTP, and who may see which."""

from datetime import UTC, datetime, timedelta

import pytest

from settlement.close import close_month
from settlement.posting.post import post_order_paid
from settlement.posting.post_refunds import post_refund
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole
from tests.support.books import (
    MallStore,
    add_guide,
    add_mall,
    add_store,
    give_back,
    open_mall_store,
    sell,
)
from tests.support.http import Client, answered, refused

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
MONTH = EARLIER.strftime("%Y-%m")


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


@pytest.fixture
def finance(client: Client, tenant: TenantScope) -> Client:
    return client.as_staff(tenant, StaffRole.FINANCE)


async def closed(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, 100, at=EARLIER)
        await give_back(db, sale, {0: 99}, at=EARLIER)
    await close_month(
        shop.tenant, EARLIER.date().replace(day=1), closed_by="staff:test", now=datetime.now(UTC)
    )


def contract(store_id: object, mall_id: object, **said: object) -> dict[str, object]:
    return {
        "code": "river", "name": "江畔联营", "activeFrom": "2026-01-01T00:00:00+08:00", "storeIds": [store_id],
        "rates": [{"party": {"kind": "mall", "mallId": mall_id}, "rateBps": 1800}],
    } | said  # fmt: skip


async def test_a_contract_and_its_next_version(tenant: TenantScope, finance: Client) -> None:
    async with tenant.writing() as db:
        mall_id, store_id = await add_mall(db), await add_store(db)
    made = answered(await finance.post("/brand/v1/contracts", json=contract(store_id, mall_id)), 201)
    assert made["version"] == 1
    later = contract(store_id, mall_id, activeFrom="2026-07-01T00:00:00+08:00")
    assert answered(await finance.post("/brand/v1/contracts", json=later))["version"] == 2
    listed = answered(await finance.get("/brand/v1/contracts?code=river"))["contracts"]
    assert listed[0]["activeTo"] == listed[1]["activeFrom"] == "2026-06-30T16:00:00Z"
    assert answered(await finance.get(f"/brand/v1/contracts/{made['id']}"))["rates"][0]["rateBps"] == 1800
    refused(await finance.post("/brand/v1/contracts", json=later), 409, "CONTRACT_VERSION_TOO_EARLY")


async def test_what_a_contract_is_refused_for(
    shop: MallStore, finance: Client, other_tenant: TenantScope
) -> None:
    async with other_tenant.writing() as db:
        foreign = await add_store(db)

    async def refusal(status: int, answer: str, **said: object) -> str:
        body = contract(shop.store_id, shop.mall_id, **said)
        return " ".join(
            refused(await finance.post("/brand/v1/contracts", json=body), status, answer).values()
        )

    assert "mall version 1" in await refusal(409, "CONTRACT_OVERLAP")
    party = {"kind": "mall", "mallId": shop.mall_id}
    over = [{"party": party, "rateBps": 9000}, {"party": {"kind": "agent", "code": "a1"}, "rateBps": 1001}]
    assert "agent 1001 + mall 9000 = 10001 > 10000" in await refusal(
        422, "RATES_EXCEED_WHOLE", code="x", rates=over
    )
    unknown = [{"party": {"kind": "mall", "mallId": new_id()}, "rateBps": 1}]
    await refusal(422, "PARTY_UNKNOWN", rates=unknown)
    first = await refusal(422, "CONTRACT_STORES_WRONG", storeIds=[foreign])
    second = await refusal(422, "CONTRACT_STORES_WRONG", storeIds=[(gone := new_id())])
    assert first.replace(str(foreign), "?") == second.replace(str(gone), "?")
    await refusal(422, "CONTRACT_STORES_WRONG", storeIds=[])
    await refusal(422, "RATE_NAMED_TWICE", rates=[{"party": party, "rateBps": 1}] * 2)
    brand = {"kind": "brand"}
    rates = [{"party": brand, "rateBps": 1}]
    await refusal(422, "RESIDUAL_PARTY_HAS_RATE", rates=rates, residualParty=brand)
    await refusal(422, "COLLECTOR_UNCLEAR", collectedBy=brand)
    await refusal(422, "COLLECTOR_UNCLEAR", collectedSources=["till"])
    await refusal(422, "VALIDATION_FAILED", rates=[{"party": party, "rateBps": 10_001}])
    await refusal(422, "TIME_ZONE_UNKNOWN", timeZone="Asia/Nowhere")


async def test_closing_a_month_and_fetching_its_files_twice(shop: MallStore, finance: Client) -> None:
    async with shop.tenant.writing() as db:
        await give_back(db, await sell(db, shop.store_id, 899, at=EARLIER), {0: 99}, at=EARLIER)
    first = answered(await finance.post("/brand/v1/settlement/closings", json={"month": MONTH}), 200)
    assert first["totals"] == {
        "ordersFen": 800, "ledgerFen": 800, "statementsFen": 800, "carriedFen": 0, "openingsFen": 0
    }  # fmt: skip
    again = answered(await finance.post("/brand/v1/settlement/closings", json={"month": MONTH}))
    assert again == first | {"alreadyClosed": True}
    statements = answered(await finance.get(f"/brand/v1/settlement/statements?month={MONTH}"))["statements"]
    assert [each["party"]["code"].split(":")[0] for each in statements] == ["brand", "mall"]
    for each in statements:
        path = f"/brand/v1/settlement/statements/{each['id']}"
        assert answered(await finance.get(path)) == each
        for kind, start in (("csv", "\ufeff日期".encode()), ("xlsx", b"PK"), ("html", b"<!doctype html>")):
            one, other = await finance.get(f"{path}/{kind}"), await finance.get(f"{path}/{kind}")
            assert one.content == other.content
            assert one.content.startswith(start)
    assert {
        each["state"] for each in answered(await finance.get("/brand/v1/settlement/periods"))["periods"]
    } == {"closed"}


async def test_a_month_that_is_not_over_or_not_a_month_is_refused(shop: MallStore, finance: Client) -> None:
    this = datetime.now(UTC) + timedelta(hours=8)
    path = "/brand/v1/settlement/closings"
    refused(await finance.post(path, json={"month": this.strftime("%Y-%m")}), 409, "PERIOD_NOT_OVER")
    refused(await finance.post(path, json={"month": "2026-13"}), 422, "VALIDATION_FAILED")
    refused(await finance.get("/brand/v1/settlement/statements?month=x"), 422, "MONTH_UNREADABLE")


async def test_every_fen_of_an_order_can_be_followed(shop: MallStore, finance: Client) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, at=EARLIER)
        await post_order_paid(db, sale.id, now=EARLIER)
        await post_refund(db, await give_back(db, sale, {0: 99}, at=EARLIER), now=EARLIER)
    money = answered(await finance.get(f"/brand/v1/orders/{sale.id}/money"))
    assert money["keptFen"] == 800
    [line] = money["lines"]
    moved = sorted(each["amountFen"] for step in line["steps"] for each in step["parties"])
    assert moved == [-85, -14, 134, 765]


async def test_nobody_elses_order_or_statement_exists(
    shop: MallStore, client: Client, other_tenant: TenantScope
) -> None:
    await closed(shop)
    stranger = client.as_staff(other_tenant, StaffRole.FINANCE)
    own = client.as_staff(shop.tenant, StaffRole.FINANCE)
    [first, *_] = answered(await own.get("/brand/v1/settlement/statements"))["statements"]
    for path in (
        f"/brand/v1/settlement/statements/{first['id']}",
        f"/brand/v1/settlement/statements/{new_id()}/csv",
    ):
        refused(await stranger.get(path), 404, "STATEMENT_NOT_FOUND")
    refused(await stranger.get(f"/brand/v1/orders/{new_id()}/money"), 404, "ORDER_MONEY_NOT_FOUND")
    assert answered(await stranger.get("/brand/v1/settlement/statements"))["statements"] == []


async def test_a_mall_sees_its_own_statements_and_no_others(shop: MallStore, client: Client) -> None:
    await closed(shop)
    own = client.as_staff(shop.tenant, StaffRole.MALL_FINANCE, mall_id=shop.mall_id)
    other = client.as_staff(shop.tenant, StaffRole.MALL_FINANCE, mall_id=new_id())
    brand = client.as_staff(shop.tenant, StaffRole.FINANCE)
    [statement] = answered(await own.get("/mall/v1/statements"))["statements"]
    assert statement["party"]["kind"] == "mall"
    file = await own.get(f"/mall/v1/statements/{statement['id']}/csv")
    assert file.headers["content-disposition"].endswith('.csv"')
    assert answered(await other.get("/mall/v1/statements"))["statements"] == []
    refused(await other.get(f"/mall/v1/statements/{statement['id']}/csv"), 404, "STATEMENT_NOT_FOUND")
    listed = answered(await brand.get("/brand/v1/settlement/statements"))["statements"]
    of_brand = next(each for each in listed if each["party"]["kind"] == "brand")
    refused(await own.get(f"/mall/v1/statements/{of_brand['id']}/csv"), 404, "STATEMENT_NOT_FOUND")
    refused(await own.get("/brand/v1/settlement/statements"), 403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize("role", [StaffRole.GUIDE, StaffRole.STORE_MANAGER, StaffRole.MALL_FINANCE])
async def test_contracts_and_closings_are_for_headquarters_and_finance(
    client: Client, tenant: TenantScope, role: StaffRole
) -> None:
    caller = client.as_staff(tenant, role)
    refused(await caller.get("/brand/v1/contracts"), 403, "ROLE_NOT_ALLOWED")
    refused(
        await caller.post("/brand/v1/settlement/closings", json={"month": MONTH}), 403, "ROLE_NOT_ALLOWED"
    )


async def test_a_contract_is_rehearsed_on_real_orders_and_not_made(shop: MallStore, finance: Client) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 1_000, at=EARLIER)
    body = contract(shop.store_id, shop.mall_id, month=MONTH)
    found = answered(await finance.post("/brand/v1/settlement/contracts/rehearsals", json=body))
    shown = {
        each["party"]["kind"]: (each["wasFen"], each["wouldFen"], each["differenceFen"])
        for each in found["parties"]
    }
    assert shown == {"mall": (150, 180, 30), "brand": (850, 820, -30)}
    assert not answered(await finance.get("/brand/v1/contracts?code=river"))["contracts"]
    body["periodTerms"] = [{"party": body["rates"][0]["party"], "guaranteeKind": "amount", "guaranteeFen": 1}]
    answer = await finance.post("/brand/v1/settlement/contracts/rehearsals", json=body)
    assert "periodTerms[0].period" in refused(answer, 422, "TERMS_WITHOUT_PERIOD")


async def test_a_contract_says_which_period_what_comes_back_counts_in(
    shop: MallStore, finance: Client
) -> None:
    async with shop.tenant.writing() as db:
        store_id = await add_store(db, "S2", mall_id=shop.mall_id)
    body = contract(store_id, shop.mall_id)
    row = {"party": body["rates"][0]["party"], "period": "month", "capFen": 600}
    made = answered(await finance.post("/brand/v1/contracts", json=body | {"periodTerms": [row]}), 201)
    assert made["periodTerms"][0]["rules"]["returnsCount"] == "when_returned"
    later = body | {
        "activeFrom": "2027-02-01T00:00:00+08:00",
        "periodTerms": [row | {"returnsCount": "when_sold"}],
    }
    await finance.post("/brand/v1/contracts", json=later)
    shown = answered(await finance.get(f"/brand/v1/contracts?code={body['code']}"))["contracts"]
    ways = [each["periodTerms"][0]["rules"]["returnsCount"] for each in shown]
    assert ways == ["when_returned", "when_sold"]
    wrong = later | {"periodTerms": [row | {"returnsCount": "never"}]}
    assert (await finance.post("/brand/v1/contracts", json=wrong)).status_code in {400, 422}


async def test_an_order_shows_the_base_that_its_rates_were_applied_to(
    tenant: TenantScope, finance: Client
) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
    body = contract(store_id, mall_id, base="list_goods")
    answered(await finance.post("/brand/v1/contracts", json=body), 201)
    async with tenant.writing() as db:
        guide = await add_guide(db)
        sale = await sell(db, store_id, 8_000, goods=[10_000], at=EARLIER, guide_id=guide, guide_bps=300)
        await post_order_paid(db, sale.id, now=EARLIER)
    [line] = answered(await finance.get(f"/brand/v1/orders/{sale.id}/money"))["lines"]
    assert (line["paidFen"], line["baseFen"]) == (8_000, 10_000)
    of = {True: line["paidFen"], False: line["baseFen"]}
    rated = [each for each in line["steps"][0]["parties"] if each["rateBps"]]
    assert {each["party"]["kind"]: each["ofPaid"] for each in rated} == {"mall": False, "guide": True}
    assert all(each["amountFen"] == of[each["ofPaid"]] * each["rateBps"] // 10_000 for each in rated)
    assert {part["party"]["kind"]: part["amountFen"] for part in line["steps"][0]["parties"]} == {
        "mall": 1_800,
        "guide": 240,
        "brand": 5_960,
    }
