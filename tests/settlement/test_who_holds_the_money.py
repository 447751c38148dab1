"""Direct, franchise, agent and joint stores, and a mall that collects: every party's balance, worked out by hand.

A sale of 100.00, a partial refund of 25.00, a late refund of 5.00 months later: 100.00, 75.00, 70.00 are kept.
"""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from orders.states import Source
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.errors import CollectorUnclear, ResidualPartyHasRate
from settlement.posting.pending import post_pending
from settlement.posting.post_beside import beside
from settlement.states import PartyKind
from tenants.kernel.ids import MallId, StoreId
from tenants.kernel.scope import TenantScope, Writing
from tenants.states import Ownership
from tests.support.books import LONG_AGO, OCTOBER, Sale, add_mall, add_store, balances, give_back, sell
from tests.support.owners import add_number, broken_laws, own

JUNE, JULY, SEPTEMBER = (datetime(2026, month, 10, 4, tzinfo=UTC) for month in (6, 7, 9))
BRAND = NamedParty(kind=PartyKind.BRAND)
AGENT = NamedParty(kind=PartyKind.AGENT, code="A01", name="老周代理")
OURS, THEIRS = Source.STOREFRONT, Source.HISTORY


async def contract(db: Writing, store_id: StoreId, rates: list[tuple[NamedParty, int]], **said: Any) -> None:
    rows = [ContractRateRow(party=party, rate_bps=bps) for party, bps in rates]
    words = {
        "code": "c", "name": "合同", "active_from": LONG_AGO, "store_ids": [store_id], "rates": rows,
    } | said  # fmt: skip
    await create_contract(db, CreateContract(**words), created_by="staff:test", now=JUNE)


def of_mall(mall_id: MallId) -> NamedParty:
    return NamedParty(kind=PartyKind.MALL, mall_id=mall_id)


async def trade(tenant: TenantScope, store_id: StoreId, source: Source, **asked: Any) -> list[dict[str, int]]:
    """The balances after the sale, after the partial refund, after the late one."""
    seen = []

    async def look() -> None:
        await post_pending(tenant, now=OCTOBER)
        async with tenant.writing() as db:
            seen.append(await balances(db))

    async with tenant.writing() as db:
        ours = {"through_channel": source is OURS, **asked}
        sale = await sell(db, store_id, 10_000, at=JUNE, source=source, **ours)
    await look()
    for fen, at in ((2_500, JULY), (500, OCTOBER)):
        async with tenant.writing() as db:
            await give_back(db, sale, {0: fen}, at=at)
        await look()
    return seen


@pytest.mark.parametrize("source", [OURS, THEIRS])
async def test_a_direct_stores_money_is_the_brands_less_the_malls_rate(
    tenant: TenantScope, source: Source
) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall)
        await own(db, store, Ownership.DIRECT, LONG_AGO)
        await contract(db, store, [(of_mall(mall), 1_500)])
    assert await trade(tenant, store, source) == [
        {"mall": 1_500, "brand": 8_500},
        {"mall": 1_125, "brand": 6_375},
        {"mall": 1_050, "brand": 5_950},
    ]
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_a_franchisees_own_merchant_number_leaves_it_owing_everybody_else(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall)
        number = await add_number(db, "1900002001", owner="franchisee:F01")
        await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01", owner_name="林记加盟", merchant_id=number)
        await contract(db, store, [(of_mall(mall), 1_500), (BRAND, 500)])
    # It holds all that is kept, and is owed what mall (15 %) and brand (5 %) leave of it: it owes the other 20 %.
    assert await trade(tenant, store, OURS) == [
        {"mall": 1_500, "brand": 500, "franchisee": -2_000},
        {"mall": 1_125, "brand": 375, "franchisee": -1_500},
        {"mall": 1_050, "brand": 350, "franchisee": -1_400},
    ]
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_a_franchise_store_that_the_brand_collects_for_is_owed_the_rest(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01")
        await contract(db, store, [(BRAND, 800)])
    assert await trade(tenant, store, OURS) == [
        {"brand": 800, "franchisee": 9_200},
        {"brand": 600, "franchisee": 6_900},
        {"brand": 560, "franchisee": 6_440},
    ]
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_the_house_contract_leaves_a_franchise_stores_sales_to_its_franchisee(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01")
    assert (await trade(tenant, store, THEIRS))[-1] == {"franchisee": 7_000}
    assert await broken_laws(tenant, now=OCTOBER) == []


@pytest.mark.parametrize(("collects", "agent", "brand"), [(False, 3_000, 7_000), (True, -7_000, 7_000)])
async def test_an_agent_sells_the_brands_goods_and_gets_its_rate(
    tenant: TenantScope, collects: bool, agent: int, brand: int
) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        number = await add_number(db, "1900002002", owner="agent:A01") if collects else None
        await own(db, store, Ownership.AGENT, LONG_AGO, "A01", merchant_id=number)
        await contract(db, store, [(AGENT, 3_000)])
    assert await trade(tenant, store, OURS) == [
        {"agent": agent, "brand": brand},
        {"agent": agent * 3 // 4, "brand": brand * 3 // 4},
        {"agent": agent * 7 // 10, "brand": brand * 7 // 10},
    ]
    assert await broken_laws(tenant, now=OCTOBER) == []


async def joint_store(tenant: TenantScope, **said: Any) -> tuple[StoreId, MallId]:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall)
        await own(db, store, Ownership.JOINT, LONG_AGO)
        await contract(db, store, [(of_mall(mall), 1_500)], collected_by=of_mall(mall), **said)
    return store, mall


async def test_a_joint_stores_mall_collects_at_its_own_till_and_owes_the_brand(tenant: TenantScope) -> None:
    store, _ = await joint_store(tenant)
    assert await trade(tenant, store, THEIRS) == [
        {"mall": -8_500, "brand": 8_500},
        {"mall": -6_375, "brand": 6_375},
        {"mall": -5_950, "brand": 5_950},
    ]
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_at_the_same_store_our_own_channel_still_collects_for_the_brand(tenant: TenantScope) -> None:
    store, _ = await joint_store(tenant)
    assert (await trade(tenant, store, OURS))[-1] == {"mall": 1_050, "brand": 5_950}
    assert await broken_laws(tenant, now=OCTOBER) == []


@pytest.mark.parametrize(("source_name", "mall"), [("mall-till", -5_950), ("own-till", 1_050)])
async def test_a_mall_collects_only_what_comes_from_the_sources_that_the_contract_names(
    tenant: TenantScope, source_name: str, mall: int
) -> None:
    store, _ = await joint_store(tenant, collected_sources=["mall-till"])
    seen = await trade(tenant, store, THEIRS, source_name=source_name)
    assert seen[-1] == {"mall": mall, "brand": 5_950}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_the_channel_account_holds_nothing_of_what_others_collected(tenant: TenantScope) -> None:
    store, _ = await joint_store(tenant)
    await trade(tenant, store, THEIRS)
    async with tenant.reading() as db:
        found = await db.execute(
            text("SELECT kind, sum(balance_fen) AS fen FROM app.ledger_accounts WHERE tenant_id = :t GROUP BY kind"),
            {"t": db.tenant_id},
        )  # fmt: skip
        assert {row.kind: int(row.fen) for row in found} == {"channel": 0, "payable": 0}


@pytest.mark.parametrize("source", [OURS, THEIRS])
async def test_after_a_change_of_owner_the_old_one_bears_the_refunds_of_its_own_sales(
    tenant: TenantScope, source: Source
) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01", owner_name="林记加盟")
        await contract(db, store, [(BRAND, 1_000)])
        before = await sell(db, store, 10_000, at=JUNE, source=source, through_channel=source is OURS)
        await own(db, store, Ownership.DIRECT, SEPTEMBER)
        after = await sell(db, store, 4_000, at=SEPTEMBER, source=source, through_channel=source is OURS)
        await give_back(db, before, {0: 2_000}, at=OCTOBER)
        await give_back(db, after, {0: 1_000}, at=OCTOBER)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db, order_id=before.id) == {"franchisee": 7_200, "brand": 800}
        assert await balances(db, order_id=after.id) == {"brand": 3_000}
        assert await balances(db) == {"franchisee": 7_200, "brand": 3_800}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_a_merchant_number_that_changes_hands_leaves_old_orders_with_who_took_them(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        number = await add_number(db, "1900002003", owner="franchisee:F01")
        await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01", merchant_id=number)
        sale = await sell(db, store, 10_000, at=JUNE)
        await db.execute(
            text("UPDATE app.merchants SET owner_party_code = 'franchisee:F02' WHERE tenant_id = :t AND id = :id"),
            {"t": db.tenant_id, "id": number},
        )  # fmt: skip
        await give_back(db, sale, {0: 10_000}, at=OCTOBER)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"franchisee": 0}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_who_can_collect_and_who_can_have_a_rate(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        for wrong in ({"collected_by": BRAND}, {"collected_sources": ["till"]}):
            with pytest.raises(CollectorUnclear):
                await contract(db, store, [], **wrong)
        with pytest.raises(ResidualPartyHasRate):
            await contract(db, store, [(BRAND, 500)], residual_party=BRAND)
        await contract(db, store, [(BRAND, 500)])
        # Where the brand sells for itself, its own rate is part of the rest.
        await sell(db, store, 10_000)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"brand": 10_000}


async def test_control_the_laws_see_a_collector_that_was_not_debited(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settlement.posting.lines.beside", lambda step, terms: beside(step, terms)[1:])
    async with tenant.writing() as db:
        store = await add_store(db)
        number = await add_number(db, "1900002004", owner="franchisee:F01")
        await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01", merchant_id=number)
        sale: Sale = await sell(db, store, 10_000)
    broken = await broken_laws(tenant, now=OCTOBER)
    assert len(broken) == 1
    assert str(sale.lines[0]) in broken[0]
