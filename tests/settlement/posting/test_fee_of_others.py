"""The channel's fee on somebody else's merchant number is that one's: our channel account shows nothing of it, and shares are owed to it."""

from typing import Any

import pytest

from settlement.agreements.agreed import Bearer
from settlement.commands import ContractRateRow, NamedParty
from settlement.money.queries import expected_fees
from settlement.money.views import StepKind
from settlement.money.waterfall import order_waterfall
from settlement.posting import post_channel
from settlement.posting.pending import post_pending
from settlement.states import PartyKind
from tenants.kernel.ids import MallId, MerchantId, StoreId
from tenants.kernel.scope import TenantScope
from tests.support.books import (
    OCTOBER,
    Sale,
    add_mall,
    add_store,
    balances,
    give_back,
    mall_contract,
    sell,
)
from tests.support.channel_rows import pay, through_channel
from tests.support.owners import add_number, broken_laws
from tests.support.rows import rows

NUMBER = "1900002001"


async def accounts(tenant: TenantScope) -> dict[str, int]:
    found = await rows(
        tenant,
        "SELECT name, sum(balance_fen)::bigint AS fen FROM app.ledger_accounts WHERE tenant_id = :t"
        " AND kind IN ('channel', 'fee', 'suspense') GROUP BY name HAVING sum(balance_fen) <> 0",
    )
    return {row.name: row.fen for row in found}


async def parties(tenant: TenantScope) -> dict[str, int]:
    async with tenant.writing() as db:
        return await balances(db)


class Joint:
    """A store whose money its mall takes by a merchant number of its own."""

    def __init__(self, tenant: TenantScope, store: StoreId, mall: MallId, number: MerchantId) -> None:
        self.tenant, self.store, self.mall, self.number = tenant, store, mall, number

    async def sold(self, amount: int) -> tuple[Sale, Any]:
        async with self.tenant.writing() as db:
            sale = await sell(db, self.store, amount)
            paid = await pay(db, sale.id, amount=amount, merchant_id=self.number)
        await post_pending(self.tenant, now=OCTOBER)
        return sale, paid

    async def gave_back(self, sale: Sale, paid: Any, fen: int) -> None:
        async with self.tenant.writing() as db:
            await through_channel(db, await give_back(db, sale, {0: fen}), payment_id=paid)
        await post_pending(self.tenant, now=OCTOBER)


async def joint(tenant: TenantScope, **said: object) -> Joint:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        number = await add_number(db, NUMBER, owner=f"mall:{mall}")
        store = await add_store(db, mall_id=mall, merchant_id=number)
        await mall_contract(db, mall, [store], **said)
    return Joint(tenant, store, mall, number)


async def test_what_the_channel_keeps_of_a_collectors_own_number_is_not_on_our_account(
    tenant: TenantScope,
) -> None:
    shop = await joint(tenant)
    sale, paid = await shop.sold(10_000)
    assert await accounts(tenant) == {f"channel:{NUMBER}": 60, f"fee:{NUMBER}": -60}
    assert await parties(tenant) == {"mall": 1_500 - 10_000, "brand": 8_500}
    async with tenant.reading() as db:
        seen = await order_waterfall(db, sale.id, now=OCTOBER)
        [day] = (await expected_fees(db, first=OCTOBER.date(), after=OCTOBER.date().replace(day=28))).fees
    [fee] = [step for step in seen.steps if step.kind is StepKind.FEE]
    assert fee.party is not None
    assert (fee.party.kind, fee.amount_fen) == ("mall", -60)
    assert (day.merchant_no, day.charged_fen, day.borne_by) == (NUMBER, 60, f"mall:{shop.mall}")
    await shop.gave_back(sale, paid, 2_500)
    assert await accounts(tenant) == {f"channel:{NUMBER}": 45, f"fee:{NUMBER}": -45}
    await shop.gave_back(sale, paid, 7_500)
    assert await accounts(tenant) == {}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_control_booked_like_our_own_the_channel_shows_a_fee_that_we_never_pay(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that was there: the collector took all of it, and the fee was left on our account."""

    async def nobodys(_db) -> dict:
        return {}

    monkeypatch.setattr(post_channel, "_numbers_of_others", nobodys)
    shop = await joint(tenant)
    await shop.sold(10_000)
    assert (await accounts(tenant))["channel:storefront"] == 60


async def test_what_others_bear_of_such_a_fee_they_owe_to_whose_number_it_is(tenant: TenantScope) -> None:
    agent = NamedParty(kind=PartyKind.AGENT, code="A01", name="何记代理")
    shop = await joint(tenant, channel_fee_by=Bearer.SHARED)
    async with tenant.writing() as db:
        mall = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall)
        rates = [ContractRateRow(party=mall, rate_bps=1_500), ContractRateRow(party=agent, rate_bps=1_000)]
        await mall_contract(
            db, shop.mall, [shop.store], active_from=OCTOBER.replace(day=1), rates=rates, channel_fee_by=Bearer.SHARED
        )  # fmt: skip
    sale, paid = await shop.sold(10_000)
    # Of 0.60 the brand's 75 % are 0.45 and the agent's 10 % are 0.06; the mall, who was charged, bears the rest.
    assert await parties(tenant) == {"mall": 1_500 - 10_000 + 51, "brand": 7_500 - 45, "agent": 1_000 - 6}
    await shop.gave_back(sale, paid, 5_000)
    assert await parties(tenant) == {"mall": 750 - 5_000 + 25, "brand": 3_750 - 22, "agent": 500 - 3}
    await shop.gave_back(sale, paid, 5_000)
    assert set((await parties(tenant)).values()) == {0}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_a_fee_that_was_booked_as_ours_comes_back_where_it_was_booked(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobodys(_db) -> dict:
        return {}

    shop = await joint(tenant)
    with monkeypatch.context() as older:
        older.setattr(post_channel, "_numbers_of_others", nobodys)
        sale, paid = await shop.sold(10_000)
    await shop.gave_back(sale, paid, 10_000)
    assert await accounts(tenant) == {}
    assert await broken_laws(tenant, now=OCTOBER) == []
