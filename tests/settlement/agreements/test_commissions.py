"""A contract and the guides' commission are parts of one sale: what would exceed it is refused when it is agreed, not at the shopper."""

from datetime import timedelta

import pytest

from guides.commands import PlanRate, StartPlan
from guides.plans import start_plan
from settlement.agreements.commissions import refuse_over_contracts
from settlement.errors import RatesExceedWhole
from tenants.kernel.ids import LevelId
from tenants.kernel.scope import TenantScope
from tenants.levels import Level
from tests.support.books import OCTOBER, add_store, open_mall_store

FIVE_PERCENT, HALF_A_PERCENT = 500, 50


def plan(*rates: PlanRate) -> StartPlan:
    return StartPlan(name="常规", rates=list(rates), active_from=OCTOBER - timedelta(days=300))


async def start(tenant: TenantScope, command: StartPlan) -> None:
    level_id = LevelId(tenant.tenant_id)
    async with tenant.writing() as db:
        await refuse_over_contracts(db, command, level_id=level_id)
        await start_plan(db, command, level=Level.BRAND, level_id=level_id, now=OCTOBER)


async def test_a_contract_that_leaves_no_room_for_commission_is_refused_with_the_sum(
    tenant: TenantScope,
) -> None:
    await start(tenant, plan(PlanRate(rate_bps=FIVE_PERCENT)))
    with pytest.raises(RatesExceedWhole) as refused:
        await open_mall_store(tenant, bps=9_700)
    assert refused.value.details == {"rates": "guide 500 + mall 9700 = 10200 > 10000"}


async def test_commission_that_a_contract_leaves_no_room_for_is_refused_with_the_sum(
    tenant: TenantScope,
) -> None:
    await open_mall_store(tenant, bps=9_700)
    with pytest.raises(RatesExceedWhole) as refused:
        await start(tenant, plan(PlanRate(rate_bps=FIVE_PERCENT)))
    assert refused.value.details == {"rates": "guide 500 + mall 9700 = 10200 > 10000"}


async def test_what_fits_to_the_last_basis_point_is_agreed(tenant: TenantScope) -> None:
    await start(tenant, plan(PlanRate(rate_bps=FIVE_PERCENT)))
    await open_mall_store(tenant, bps=9_500)


async def test_rates_of_other_categories_do_not_meet(tenant: TenantScope) -> None:
    await open_mall_store(tenant, bps=9_900)
    with pytest.raises(RatesExceedWhole):
        await start(tenant, plan(PlanRate(category_code="shoes", rate_bps=FIVE_PERCENT)))
    await start(tenant, plan(PlanRate(category_code="shoes", rate_bps=HALF_A_PERCENT)))


async def test_a_plan_of_another_store_leaves_the_contract_alone(tenant: TenantScope) -> None:
    shop = await open_mall_store(tenant, bps=9_700)
    async with tenant.writing() as db:
        elsewhere = await add_store(db, code="S2")
        await refuse_over_contracts(db, plan(PlanRate(rate_bps=FIVE_PERCENT)), level_id=LevelId(elsewhere))
        with pytest.raises(RatesExceedWhole):
            await refuse_over_contracts(
                db, plan(PlanRate(rate_bps=FIVE_PERCENT)), level_id=LevelId(shop.store_id)
            )
