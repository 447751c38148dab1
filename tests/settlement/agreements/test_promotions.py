"""Who pays for a promotion: funders' accounts by hand, refunds, free goods, history in SQL as one by one, and what is refused."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from orders.commands import RepriceOrder
from orders.reprice import Authority, reprice_order
from orders.states import Source
from settlement.agreements.promotions import end_promotion, promotions, start_promotion
from settlement.commands import EndPromotion, FunderRow, StartPromotion
from settlement.errors import FunderNamedTwice, FundersExceedWhole, PromotionCodeTaken, PromotionEndsWrong
from settlement.posting.pending import post_pending
from settlement.posting.post_beside import beside
from settlement.queries import order_money
from settlement.states import FunderRole, PartyKind
from tenants.kernel.ids import StoreId
from tenants.kernel.scope import TenantScope, Writing
from tenants.states import Ownership
from tests.support.books import (
    LONG_AGO,
    OCTOBER,
    add_mall,
    add_store,
    balances,
    give_back,
    mall_contract,
    sell,
)
from tests.support.owners import broken_laws, own
from tests.support.trading import PRICE

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
BOSS = "staff:test"


async def promote(db: Writing, code: str, *funders: tuple[FunderRole, int], **said: Any) -> None:
    rows = [FunderRow(role=role, rate_bps=bps) for role, bps in funders]
    words = {"code": code, "name": code, "active_from": LONG_AGO, "funders": rows} | said
    await start_promotion(db, StartPromotion(**words), actor=BOSS, now=OCTOBER)


async def mall_store(db: Writing, *, bps: int = 1_500) -> StoreId:
    mall = await add_mall(db)
    store = await add_store(db, mall_id=mall)
    await mall_contract(db, mall, [store], bps=bps)
    return store


@pytest.mark.parametrize("source", [Source.STOREFRONT, Source.HISTORY])
async def test_a_mall_that_funds_half_of_a_discount_pays_it_to_the_brand_and_gets_back_its_part_of_refunds(
    tenant: TenantScope, source: Source
) -> None:
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "half", (FunderRole.MALL, 5_000))
        asked = {"promotion": "half", "through_channel": source is Source.STOREFRONT}
        # 100.00 less 20.01: the mall's rate is of 79.99 (11.99), and it bears 10.00 of the discount.
        sale = await sell(db, store, 7_999, discount=2_001, source=source, **asked)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 1_199 - 1_000, "brand": 6_800 + 1_000}
        await give_back(db, sale, {0: 4_000})
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        # 39.99 kept: rate 5.99; discount on it 20.01 x 3999 / 7999 = 10.00, half of it 5.00.
        assert await balances(db) == {"mall": 599 - 500, "brand": 3_400 + 500}
        assert await broken_laws(tenant, now=OCTOBER) == []
        await give_back(db, sale, {0: 3_999})
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 0, "brand": 0}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_every_role_falls_to_who_fills_it_at_the_store(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        in_mall, street = await add_store(db, "S1", mall_id=mall), await add_store(db, "S2")
        for store in (in_mall, street):
            await own(db, store, Ownership.FRANCHISE, LONG_AGO, "F01", owner_name="林记加盟")
        shares = ((FunderRole.MALL, 3_000), (FunderRole.PLATFORM, 2_000), (FunderRole.BRAND, 1_000))
        await promote(db, "all", *shares, residual_funder=FunderRole.OWNER)
        first = await sell(db, in_mall, 9_000, discount=1_000, promotion="all")
        second = await sell(db, street, 9_000, discount=1_000, promotion="all")
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db, order_id=first.id) == {
            "mall": -300, "platform": -200, "brand": -100, "franchisee": 9_600,
        }  # fmt: skip
        # No mall there: its part stays with the franchisee, whose price was that much lower.
        assert await balances(db, order_id=second.id) == {
            "platform": -200,
            "brand": -100,
            "franchisee": 9_300,
        }
    assert await broken_laws(tenant, now=OCTOBER) == []


@pytest.mark.parametrize("source", [Source.STOREFRONT, Source.HISTORY])
async def test_goods_given_away_are_paid_for_by_their_funders(tenant: TenantScope, source: Source) -> None:
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "gift", (FunderRole.MALL, 10_000))
        await sell(db, store, 0, discount=500, source=source, promotion="gift")
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": -500, "brand": 500}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_an_unknown_or_ended_promotion_is_the_sellers_own_discount(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "past", (FunderRole.MALL, 5_000), active_to=OCTOBER)
        for code in ("past", "nowhere"):
            await sell(db, store, 1_000, discount=500, promotion=code)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 300, "brand": 1_700}


async def test_history_in_sql_books_the_same_fen_as_one_by_one(
    tenant: TenantScope, other_tenant: TenantScope
) -> None:
    totals = []
    for scope, source in ((tenant, Source.HISTORY), (other_tenant, Source.STOREFRONT)):
        random = Random(3)
        async with scope.writing() as db:
            store = await mall_store(db, bps=3_333)
            await promote(db, "odd", (FunderRole.MALL, 3_333), (FunderRole.PLATFORM, 3_334))
            for _ in range(40):
                paid = random.choice([1, 7, 899, random.randint(1, 10**6), 10**12])
                sale = await sell(
                    db, store, paid, discount=random.randint(0, paid), source=source, promotion="odd"
                )  # fmt: skip
                for part in (paid // 3, paid // 7):
                    await give_back(db, sale, {0: part})
        assert await broken_laws(scope, now=OCTOBER) == []
        async with scope.writing() as db:
            totals.append(await balances(db))
    assert totals[0] == totals[1]


async def test_what_makes_no_promotion_is_refused(tenant: TenantScope) -> None:
    mall, brand = FunderRole.MALL, FunderRole.BRAND
    async with tenant.writing() as db:
        await promote(db, "once", (mall, 5_000))
        with pytest.raises(PromotionCodeTaken):
            await promote(db, "once", (mall, 4_000))
        with pytest.raises(FunderNamedTwice):
            await promote(db, "twice", (mall, 5_000), (mall, 1_000))
        with pytest.raises(FunderNamedTwice):
            await promote(db, "twice", (brand, 5_000))
        with pytest.raises(FundersExceedWhole) as refused:
            await promote(db, "much", (mall, 9_000), (FunderRole.PLATFORM, 1_001))
        assert "= 10001 > 10000" in str(refused.value.details)
        with pytest.raises(PromotionEndsWrong):
            await promote(db, "back", (mall, 1), active_to=LONG_AGO)
        assert [each.code for each in await promotions(db)] == ["once"]


async def test_a_promotion_can_be_made_to_end_earlier_and_never_later(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        await promote(db, "once", (FunderRole.MALL, 5_000))
        [found] = await promotions(db)
        ended = await end_promotion(
            db, EndPromotion(active_to=OCTOBER), promotion_id=found.id, actor=BOSS, now=OCTOBER
        )
        assert ended.active_to == OCTOBER
        with pytest.raises(PromotionEndsWrong):
            await end_promotion(
                db, EndPromotion(active_to=NOVEMBER), promotion_id=found.id, actor=BOSS, now=OCTOBER
            )


async def test_control_the_laws_see_a_discount_that_nobody_was_charged_for(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settlement.posting.lines.beside", lambda step, terms: beside(step, terms)[:1])
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "half", (FunderRole.MALL, 5_000))
        await sell(db, store, 8_000, discount=2_000, promotion="half")
    broken = await broken_laws(tenant, now=OCTOBER)
    assert len(broken) == 2
    assert any("of a promotion" in each for each in broken)
    assert any("in clearing" in each for each in broken)


async def test_an_orders_money_shows_who_paid_for_its_discount(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "half", (FunderRole.MALL, 5_000))
        sale = await sell(db, store, 8_000, discount=2_000, promotion="half")
        await give_back(db, sale, {0: 8_000})
    await post_pending(tenant, now=OCTOBER)
    async with tenant.reading() as db:
        money = await order_money(db, sale.id)
    assert money.kept_fen == 0
    assert [(each.cause.value, each.party.kind.value, each.amount_fen) for each in money.beside] == [
        ("funded", "mall", -1_000), ("funded", "brand", 1_000),
        ("funding_reversed", "brand", -1_000), ("funding_reversed", "mall", 1_000),
    ]  # fmt: skip


async def test_a_base_may_count_what_a_mall_pays_of_a_discount(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall)
        await mall_contract(db, mall, [store], bps=1_500, base_includes_funded_by=[PartyKind.MALL])
        await promote(db, "half", (FunderRole.MALL, 5_000))
        sale = await sell(db, store, 8_000, discount=2_000, promotion="half")
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        # 15 % of 80.00 and of the 10.00 that the mall pays: 13.50; it pays 10.00.
        assert await balances(db) == {"mall": 1_350 - 1_000, "brand": 6_650 + 1_000}
        await give_back(db, sale, {0: 4_000})
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 675 - 500, "brand": 3_325 + 500}
    assert await broken_laws(tenant, now=OCTOBER) == []


async def test_the_cut_of_a_promotions_price_is_shared_and_what_staff_take_off_is_not(shop) -> None:
    trading = shop.trading
    async with shop.tenant.writing() as db:
        await promote(db, "sale", (FunderRole.PLATFORM, 4_000))
        cut = "UPDATE app.prices SET promotion_code = 'sale', line_price_fen = price_fen + 5000 WHERE tenant_id = :t"
        await db.execute(text(cut), {"t": db.tenant_id})
    order = await trading.place(now=shop.now)
    command = RepriceOrder(total_fen=PRICE - 900, reason="老顾客")
    authority = Authority(actor="staff:test", store_id=None, limited=False)
    await reprice_order(
        shop.tenant, command, order_id=order.id, authority=authority, channels=shop.channels, terms=trading.terms,
        now=shop.now,
    )  # fmt: skip
    payment = await trading.prepare(order.id)
    await trading.take_money(payment.payment_no)
    await trading.sync(order.id)
    assert await shop.books_hold() == []
    assert await shop.payable(shop.party("platform")) == -2_000
