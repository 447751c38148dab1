"""A party's balance by how far it has come, and every fen of one order from the list price on."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from orders.errors import OrderNotFound
from orders.order_facts import order_numbered
from orders.states import Source
from settlement.close import close_month
from settlement.errors import PartyNotFound
from settlement.money.balance import party_balance
from settlement.money.views import PartyBalance, Standing, StepKind
from settlement.money.waterfall import order_waterfall
from settlement.posting.pending import post_pending
from settlement.terms import party_id_of
from tenants.kernel.ids import MallId, OrderId, PartyId, new_id
from tenants.kernel.scope import TenantScope
from tests.support.books import (
    OCTOBER,
    MallStore,
    Sale,
    add_mall,
    give_back,
    give_back_loose,
    open_mall_store,
    sell,
)
from tests.support.channel_rows import paid_sale, through_channel

AFTER = OCTOBER + timedelta(days=30)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


def mall_of(shop: MallStore) -> PartyId:
    return party_id_of(shop.tenant.tenant_id, f"mall:{shop.mall_id}")


async def balance(shop: MallStore, *, days: float) -> PartyBalance:
    async with shop.tenant.reading() as db:
        found = await party_balance(db, mall_of(shop), now=OCTOBER + timedelta(days=days))
        stored = await db.execute(
            text("SELECT sum(balance_fen) FROM app.ledger_accounts WHERE tenant_id = :t AND party_id = :p"),
            {"t": db.tenant_id, "p": mall_of(shop)},
        )
    held = found.frozen_fen + found.matured_fen + found.payable_fen
    assert held == found.balance_fen == (stored.scalar_one() or 0)
    assert held + found.paid_fen == found.earned_fen
    return found


def figures(found: PartyBalance) -> tuple[int, int, int, int]:
    return found.frozen_fen, found.matured_fen, found.payable_fen, found.paid_fen


async def test_what_a_party_is_owed_matures_with_the_return_window_and_no_statement_alone_makes_it_payable(
    shop: MallStore,
) -> None:
    async with shop.tenant.writing() as db:
        for amount in (10_000, 2_000):
            sale = await sell(db, shop.store_id, amount, source=Source.HISTORY)
        await give_back(db, sale, {0: 1_000})
    await post_pending(shop.tenant, now=AFTER)
    assert figures(await balance(shop, days=6.9)) == (1_650, 0, 0, 0)
    assert figures(await balance(shop, days=7)) == (0, 1_650, 0, 0)
    await close_month(shop.tenant, OCTOBER.date().replace(day=1), closed_by="staff:test", now=AFTER)
    assert figures(await balance(shop, days=6.9)) == (1_650, 0, 0, 0)
    assert figures(await balance(shop, days=300)) == (0, 1_650, 0, 0)


async def test_an_order_that_nobody_collected_stays_frozen(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
    await post_pending(shop.tenant, now=AFTER)
    assert figures(await balance(shop, days=300)) == (1_500, 0, 0, 0)


async def test_what_a_source_settles_about_returns_counts_for_it(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, source=Source.HISTORY)
        await give_back_loose(db, shop.store_id, 2_000)
        await db.execute(
            text("UPDATE app.tenants SET settings = '{\"splitting\": {\"holdDays\": {\"till\": 2}}}' WHERE tenant_id = :t"),
            {"t": db.tenant_id},
        )  # fmt: skip
    await post_pending(shop.tenant, now=AFTER)
    assert figures(await balance(shop, days=1.9)) == (1_500, -300, 0, 0)
    assert figures(await balance(shop, days=2)) == (0, 1_200, 0, 0)


async def test_what_was_split_stands_where_its_sale_stands(new_split_shop) -> None:
    shop = await new_split_shop()
    await shop.receiver()
    order = await shop.collected()
    await shop.pass_days(8)
    await shop.split_through(order.id)
    await post_pending(shop.tenant, now=shop.now)
    async with shop.tenant.reading() as db:
        found = await party_balance(db, shop.mall_party, now=shop.now)
        seen = await order_waterfall(db, order.id, now=shop.now)
    assert figures(found) == (0, 0, 0, 3_980)
    assert (found.earned_fen, found.balance_fen) == (3_980, 0)
    (mall,) = [each for each in seen.parties if each.party.kind == "mall"]
    assert (mall.left_fen, mall.standing) == (0, Standing.PAID)
    (payment,) = [step for step in seen.steps if step.kind is StepKind.PAYMENT]
    assert payment.evidence == [(await shop.split(order.id)).split_no]
    (fee,) = [step for step in seen.steps if step.kind is StepKind.FEE]
    assert fee.amount_fen == -119


async def test_another_malls_party_answers_as_one_that_does_not_exist(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        other = await add_mall(db)
        await sell(db, shop.store_id, 100)
    async with shop.tenant.reading() as db:
        await party_balance(db, mall_of(shop), now=AFTER, mall_id=shop.mall_id)
        for party_id, mall_id in ((mall_of(shop), other), (PartyId(new_id()), MallId(shop.mall_id))):
            with pytest.raises(PartyNotFound):
                await party_balance(db, party_id, now=AFTER, mall_id=mall_id)


async def discounted(shop: MallStore) -> Sale:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899, 100)
        await db.execute(
            text("UPDATE app.order_lines SET goods_fen = goods_fen + 51, discount_fen = 51 WHERE tenant_id = :t AND order_id = :o"),
            {"t": db.tenant_id, "o": sale.id},
        )  # fmt: skip
        refund = await give_back(db, sale, {0: 99})
        await through_channel(db, refund, payment_id=await paid_sale(db, sale))
    await post_pending(shop.tenant, now=AFTER)
    return sale


async def test_a_waterfall_goes_from_the_list_price_to_what_each_party_holds(shop: MallStore) -> None:
    sale = await discounted(shop)
    async with shop.tenant.reading() as db:
        seen = await order_waterfall(db, sale.id, now=AFTER)
        assert await order_numbered(db, seen.order_no) == sale.id
        with pytest.raises(OrderNotFound):
            await order_waterfall(db, OrderId(new_id()), now=AFTER)

    def sums(kind: StepKind) -> int:
        return sum(step.amount_fen for step in seen.steps if step.kind is kind)

    assert [sums(kind) for kind in (StepKind.LIST, StepKind.DISCOUNT, StepKind.PAID)] == [1_101, -102, 999]
    assert sums(StepKind.REFUND) == -99
    assert sums(StepKind.PORTION) == seen.kept_fen == 999 - 99
    assert sum(party.earned_fen for party in seen.parties) == 900
    assert sums(StepKind.FEE) == -5
    sold, back = (
        step for step in seen.steps
        if step.kind is StepKind.PORTION and step.party is not None and step.party.kind == "mall" and step.line_no == 1
    )  # fmt: skip
    assert sold.rule is not None
    assert back.rule is not None
    assert (sold.rule.contract_code, sold.rule.contract_version, sold.rule.rate_bps, sold.rule.base_fen) == (
        "mall", 1, 1_500, 899
    )  # fmt: skip
    assert (back.rule.base_fen, back.amount_fen) == (-99, -(134 - 120))
    assert back.evidence[0].startswith("R")
    assert all(step.evidence for step in seen.steps)
