"""Frozen, matured, payable, paid follow time and receipts: handed over, approved, the contract's T+N come, sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, true

from guides.commands import EmployGuide
from guides.employ import employ_guide
from orders.states import Source
from settlement.money import balance as balances
from settlement.money.balance import party_balance
from settlement.money.views import Standing
from settlement.money.waterfall import order_waterfall
from settlement.payouts.states import LineState
from settlement.terms import party_id_of
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import OrderId
from tenants.kernel.scope import TenantScope
from tests.settlement.disputes.test_disputes import opened
from tests.support.books import LONG_AGO, MallStore, add_mall, add_store, mall_contract, sell
from tests.support.statements import SOLD, approve, close, give_account, outcome, prepare, release

T_15 = datetime(2026, 11, 15, 16, tzinfo=UTC)
"""The first moment of 16 November in Shanghai: October is over on the first, and paid fifteen days after."""
JUST_BEFORE = T_15 - timedelta(seconds=1)
FROZEN, MATURED, PAYABLE, PAID = (
    {each: 1_500 if each is standing else 0 for each in Standing} for standing in Standing
)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """A mall that is paid on T+15."""
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await mall_contract(db, mall_id, [store_id], payment_days=15)
    return MallStore(tenant, store_id, mall_id)


async def sold(shop: MallStore, **said: Any) -> OrderId:
    async with shop.tenant.writing() as db:
        return (await sell(db, shop.store_id, 10_000, source=Source.HISTORY, at=SOLD, **said)).id


async def stands(shop: MallStore, now: datetime, *, party: str = "") -> dict[Standing, int]:
    party_id = party_id_of(shop.tenant.tenant_id, party or f"mall:{shop.mall_id}")
    async with shop.tenant.reading() as db:
        found = await party_balance(db, party_id, now=now)
    assert found.earned_fen == found.frozen_fen + found.matured_fen + found.payable_fen + found.paid_fen
    return {
        Standing.FROZEN: found.frozen_fen, Standing.MATURED: found.matured_fen,
        Standing.PAYABLE: found.payable_fen, Standing.PAID: found.paid_fen,
    }  # fmt: skip


async def of_order(shop: MallStore, order_id: OrderId, now: datetime) -> Standing:
    async with shop.tenant.reading() as db:
        seen = await order_waterfall(db, order_id, now=now)
    [mall] = [each for each in seen.parties if each.party.kind == "mall"]
    return mall.standing


async def test_each_state_comes_with_its_day_and_its_receipt(shop: MallStore, keys: KeyRing) -> None:
    order = await sold(shop)
    await close(shop.tenant)
    assert await stands(shop, SOLD + timedelta(days=6)) == FROZEN
    # Closed, and long past T+15: nobody has signed, so nothing is payable.
    assert await stands(shop, T_15 + timedelta(days=99)) == MATURED
    statement = await approve(shop.tenant)
    assert (await stands(shop, JUST_BEFORE), await of_order(shop, order, JUST_BEFORE)) == (MATURED, "matured")
    assert (await stands(shop, T_15), await of_order(shop, order, T_15)) == (PAYABLE, "payable")
    await give_account(shop.tenant, statement.party.id, keys)
    prepared = await prepare(shop.tenant, on=T_15.date() + timedelta(days=1), now=T_15)
    assert prepared.payout is not None
    assert prepared.payout.total_fen == 1_500
    assert await stands(shop, T_15) == PAYABLE
    await release(shop.tenant, prepared.payout)
    await outcome(shop.tenant, prepared.payout, LineState.PAID, now=T_15)
    assert await stands(shop, T_15) == PAID


async def test_a_disputed_statement_makes_nothing_payable(shop: MallStore) -> None:
    await sold(shop)
    await close(shop.tenant)
    await approve(shop.tenant)
    await opened(shop.tenant)
    assert await stands(shop, T_15) == MATURED


async def test_an_approved_statement_makes_the_months_before_it_payable_too(shop: MallStore) -> None:
    await sold(shop)
    await close(shop.tenant)
    december = datetime(2026, 12, 2, 1, tzinfo=UTC)
    await close(shop.tenant, SOLD.date().replace(month=11, day=1), now=december)
    await approve(shop.tenant, month=SOLD.date().replace(month=11, day=1), now=december)
    assert await stands(shop, december) == MATURED
    assert await stands(shop, december + timedelta(days=15)) == PAYABLE


async def test_a_guides_commission_stays_frozen_while_the_goods_may_come_back(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await db.execute(
            text("UPDATE app.tenants SET settings = '{\"splitting\": {\"returnDays\": 60}}' WHERE tenant_id = :t"),
            {"t": db.tenant_id},
        )  # fmt: skip
        hired = EmployGuide(code="G-01", name="小林", store_id=shop.store_id, phone="13800138000")
        guide = await employ_guide(db, hired, now=LONG_AGO)
    await sold(shop, guide_id=guide.id, guide_bps=1_500)
    await close(shop.tenant)
    for kind in ("mall", "guide"):
        await approve(shop.tenant, kind)
    assert await stands(shop, T_15) == PAYABLE
    assert await stands(shop, T_15, party=f"guide:{guide.id}") == FROZEN
    assert await stands(shop, SOLD + timedelta(days=60), party=f"guide:{guide.id}") == PAYABLE


async def test_control_having_a_statement_is_not_being_payable(
    shop: MallStore, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that was there: whatever stood in a statement was called payable."""
    monkeypatch.setattr(balances, "is_payable", lambda _through: true())
    with pytest.raises(AssertionError):
        await test_each_state_comes_with_its_day_and_its_receipt(shop, keys)
