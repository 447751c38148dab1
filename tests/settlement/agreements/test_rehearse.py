"""A contract run on a month's real orders before it is switched on: right to the fen, and nothing written."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from settlement.agreements.agreed import GuaranteeKind, TermLength
from settlement.agreements.rehearse import rehearse_contract
from settlement.commands import ContractRateRow, NamedParty, PeriodTermsRow, RehearseContract
from settlement.errors import RatesExceedWhole
from settlement.states import PartyKind, RateBase
from settlement.true_ups.post import post_true_ups
from tenants.kernel.scope import TenantScope
from tests.settlement.true_ups.test_post import at, open_guaranteed, settle
from tests.support.books import MallStore, balances, give_back, open_mall_store, sell

COUNTED = (
    "contracts",
    "parties",
    "journals",
    "ledger_entries",
    "true_ups",
    "frozen_terms",
    "contract_period_terms",
)


def proposal(shop: MallStore, *rates: ContractRateRow, bps: int = 2_000, **said: object) -> RehearseContract:
    party = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    agreed: dict[str, object] = {
        "code": "next", "name": "新合同", "active_from": datetime(2027, 1, 1, tzinfo=UTC),
        "store_ids": [shop.store_id], "rates": [ContractRateRow(party=party, rate_bps=bps), *rates],
        "month": "2026-10",
    }  # fmt: skip
    return RehearseContract(**(agreed | said))


async def rows(tenant: TenantScope) -> list[int]:
    async with tenant.reading() as db:
        counts = [
            await db.execute(
                text(f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t"), {"t": db.tenant_id}
            )
            for table in COUNTED
        ]
        return [found.scalar_one() for found in counts]


async def rehearse(shop: MallStore, command: RehearseContract) -> dict[str, tuple[int, int, int, int]]:
    async with shop.tenant.reporting() as db:
        found = await rehearse_contract(db, command)
    return {
        each.party.kind: (each.was_fen, each.was_true_up_fen, each.would_fen, each.would_true_up_fen)
        for each in found.parties
    }


async def test_what_was_and_what_would_have_been_line_by_line(tenant: TenantScope) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, 101)
        await give_back(db, sale, {0: 99})
        await sell(db, shop.store_id, 5_000, at=at(11, 3))
    before = await rows(tenant)
    assert await rehearse(shop, proposal(shop)) == {
        "brand": (801 + 100 - 120 - 15, 0, 801 + 100 - 160 - 20, 0), "mall": (120 + 15, 0, 160 + 20, 0),
    }  # fmt: skip
    assert await rows(tenant) == before


async def test_a_refund_of_a_later_month_is_not_of_this_one(tenant: TenantScope) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await give_back(db, await sell(db, shop.store_id, 1_000), {0: 1_000}, at=at(11, 3))
    assert (await rehearse(shop, proposal(shop)))["mall"] == (150, 0, 200, 0)


async def test_base_promotion_and_guarantee_are_rehearsed_as_they_would_be_settled(
    tenant: TenantScope,
) -> None:
    shop = await open_mall_store(tenant)
    party = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 9_000, goods=[10_000])
        await sell(db, shop.store_id, 2_000, promotion="P")
    special = ContractRateRow(party=party, rate_bps=500, promotion_code="P")
    guarantee = PeriodTermsRow(
        party=party, period=TermLength.QUARTER, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=9_200
    )
    found = await rehearse(shop, proposal(shop, special, base=RateBase.LIST_GOODS, period_terms=[guarantee]))
    by_days = 9_200 * 31 // 92
    assert found["mall"] == (1_650, 0, 2_100, by_days - 2_100)
    assert found["brand"][3] == 2_100 - by_days


async def test_a_rehearsal_of_the_contract_in_force_is_what_is_then_settled(tenant: TenantScope) -> None:
    said = {"guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 5_000}
    shop, _ = await open_guaranteed(tenant, **said)
    party = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
    same = proposal(
        shop, bps=1_500, period_terms=[PeriodTermsRow(party=party, period=TermLength.MONTH, **said)]
    )
    found = await rehearse(shop, same)
    assert found["mall"] == (1_500, 3_500, 1_500, 3_500)
    await settle(tenant, date(2026, 10, 1))
    async with tenant.writing() as db:
        assert await post_true_ups(db, date(2026, 10, 1), now=at(12, 1)) == 0
        assert (await balances(db))["mall"] == 5_000


async def test_what_could_not_be_saved_cannot_be_rehearsed(tenant: TenantScope) -> None:
    shop = await open_mall_store(tenant)
    with pytest.raises(RatesExceedWhole):
        await rehearse(
            shop,
            proposal(shop, ContractRateRow(party=NamedParty(kind=PartyKind.AGENT, code="A"), rate_bps=9_000)),
        )
