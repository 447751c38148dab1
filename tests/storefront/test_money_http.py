"""Balances, waterfalls, expected fees and suspense over HTTP, and a waterfall printed for a person."""

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from settlement.money.waterfall import order_waterfall
from settlement.posting.pending import post_pending
from settlement.terms import party_id_of
from storefront.cli.settle_trace import print_waterfall
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole
from tests.support.books import MallStore, Sale, open_mall_store, sell
from tests.support.channel_rows import cancelled, give_back_unwanted, paid_sale, pay
from tests.support.http import Client, answered, refused

EARLIER = datetime.now(UTC).replace(day=1, hour=4) - timedelta(days=20)
MONTH = EARLIER.strftime("%Y-%m")


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


@pytest.fixture
def finance(client: Client, tenant: TenantScope) -> Client:
    return client.as_staff(tenant, StaffRole.FINANCE)


async def traded(shop: MallStore) -> Sale:
    """A sale, and a payment of a cancelled order that is on its way back."""
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000, at=EARLIER)
        await paid_sale(db, sale)
        order = await cancelled(db, shop.store_id, amount=700, at=EARLIER)
        payment = await pay(db, order, amount=700, at=EARLIER)
        await give_back_unwanted(db, payment, order_id=order, store_id=shop.store_id, amount=700)
    await post_pending(shop.tenant, now=datetime.now(UTC))
    return sale


async def test_finance_sees_where_money_stands(shop: MallStore, finance: Client) -> None:
    sale = await traded(shop)
    party = party_id_of(shop.tenant.tenant_id, f"mall:{shop.mall_id}")
    balance = answered(await finance.get(f"/brand/v1/settlement/parties/{party}/balance"))
    assert (balance["earnedFen"], balance["frozenFen"], balance["balanceFen"]) == (1_500, 1_500, 1_500)
    seen = answered(await finance.get(f"/brand/v1/orders/{sale.id}/money/waterfall"))
    assert [step["kind"] for step in seen["steps"]] == ["list", "paid", "fee", "portion", "portion"]
    assert seen["keptFen"] == sum(each["earnedFen"] for each in seen["parties"]) == 10_000
    fees = answered(await finance.get(f"/brand/v1/settlement/fees?month={MONTH}"))["fees"]
    assert sum(day["chargedFen"] for day in fees) == 60 + 4
    suspense = answered(await finance.get("/brand/v1/settlement/suspense"))
    assert suspense["totalFen"] == suspense["payments"][0]["amountFen"] == 700
    assert suspense["payments"][0]["days"] >= 1


async def test_what_is_not_there_is_not_found(finance: Client) -> None:
    nowhere = new_id()
    refused(await finance.get(f"/brand/v1/settlement/parties/{nowhere}/balance"), 404, "PARTY_NOT_FOUND")
    refused(await finance.get(f"/brand/v1/orders/{nowhere}/money/waterfall"), 404, "ORDER_NOT_FOUND")
    refused(await finance.get("/brand/v1/settlement/fees?month=October"), 422, "MONTH_UNREADABLE")


async def test_a_mall_sees_its_own_balance(shop: MallStore, client: Client, tenant: TenantScope) -> None:
    await traded(shop)
    mall = client.as_staff(tenant, StaffRole.MALL_FINANCE, mall_id=shop.mall_id)
    assert answered(await mall.get("/mall/v1/balance"))["earnedFen"] == 1_500
    stranger = client.as_staff(tenant, StaffRole.MALL_FINANCE, mall_id=new_id())
    refused(await stranger.get("/mall/v1/balance"), 404, "PARTY_NOT_FOUND")


async def test_a_waterfall_is_printed_for_a_person(shop: MallStore) -> None:
    sale = await traded(shop)
    async with shop.tenant.reading() as db:
        seen = await order_waterfall(db, sale.id, now=datetime.now(UTC))
    console = Console(width=220, record=True, file=None, force_terminal=False)
    print_waterfall(console, seen, brand="spring")
    told = console.export_text()
    assert f"spring  {seen.order_no}  kept 100.00" in told
    assert "mall v1: 15 % of 100.00" in told
    assert "mall v1: the rest of 100.00" in told
