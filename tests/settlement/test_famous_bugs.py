"""What went wrong with refunds and commissions elsewhere, once each: our books, and the wrong arithmetic as the control that differs."""

from datetime import UTC, datetime, timedelta

import pytest

from guides.models import Guide
from orders.bases import BaseKind, BaseRule, base_of_line
from orders.states import Source
from settlement.agreements.agreed import TermLength, TierMode
from settlement.close import close_month
from settlement.commands import NamedParty, PeriodTermsRow
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid
from settlement.posting.post_refunds import post_refund
from settlement.states import PartyKind, RateBase
from settlement.true_ups.period_terms import PeriodRules, Tier, period_due
from settlement.true_ups.post import post_true_ups
from settlement.verify import verify_books
from tenants.kernel.ids import GuideId, new_id
from tenants.kernel.money import LARGEST_AMOUNT, Fen
from tenants.kernel.scope import TenantScope, Writing
from tests.support.books import (
    LONG_AGO,
    OCTOBER,
    MallStore,
    balances,
    give_back,
    give_back_loose,
    mall_contract,
    open_mall_store,
    sell,
)

AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 1, 0, tzinfo=UTC)
RATE, MALL_RATE, WHOLE = 300, 1500, 10_000


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


async def add_guide(db: Writing) -> GuideId:
    guide = Guide(tenant_id=db.tenant_id, id=new_id(), code=str(new_id()), name="小林", active_from=LONG_AGO)
    db.add(guide)
    await db.flush()
    return GuideId(guide.id)


async def test_a_partial_refund_takes_back_its_part_of_the_commission_and_not_all_of_it(
    shop: MallStore,
) -> None:
    async with shop.tenant.writing() as db:
        guide = await add_guide(db)
        sale = await sell(db, shop.store_id, 10_000, guide_id=guide, guide_bps=RATE)
        await post_refund(db, await give_back(db, sale, {0: 2_500}), now=OCTOBER)
        held = (await balances(db, order_id=sale.id))["guide"]
    whole_line_voided = 0
    assert held == 7_500 * RATE // WHOLE != whole_line_voided


async def test_a_claw_back_is_not_cut_to_what_the_guide_still_has(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        guide = await add_guide(db)
        sale = await sell(
            db, shop.store_id, 10_000, guide_id=guide, guide_bps=RATE, at=datetime(2026, 9, 5, tzinfo=UTC)
        )
        await sell(db, shop.store_id, 100, guide_id=guide, guide_bps=RATE)
    september = datetime(2026, 9, 1, tzinfo=UTC).date()
    await close_month(shop.tenant, september, closed_by="staff:test", now=AFTER)
    async with shop.tenant.writing() as db:
        await give_back(db, sale, {0: 10_000})
    [october] = await close_month(
        shop.tenant, OCTOBER.date().replace(day=1), closed_by="staff:test", now=AFTER
    )
    statement = next(view for view in october.statements if view.party.kind == "guide")
    moved = statement.earned_fen - statement.reversed_fen
    truncated = max(moved, 0)
    assert moved == 3 - 300 != truncated
    assert statement.closing_fen == statement.opening_fen + moved


async def test_a_refund_after_the_month_was_closed_reverses_what_was_owed(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000)
    [october] = await close_month(
        shop.tenant, OCTOBER.date().replace(day=1), closed_by="staff:test", now=AFTER
    )
    async with shop.tenant.writing() as db:
        await post_refund(db, await give_back(db, sale, {0: 4_000}, at=AFTER), now=AFTER)
    november = datetime(2026, 11, 1, tzinfo=UTC).date()
    [closing] = await close_month(shop.tenant, november, closed_by="staff:test", now=DECEMBER)
    before, after = (
        next(view for view in each.statements if view.party.kind == "mall") for each in (october, closing)
    )
    never_reversed = before.closing_fen
    assert after.closing_fen == 6_000 * MALL_RATE // WHOLE != never_reversed


async def test_a_refund_is_counted_once_and_not_taken_off_gross_as_well(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000)
        await give_back(db, sale, {0: 4_000})
        await sell(db, shop.store_id, 1_000)
    [closing] = await close_month(
        shop.tenant, OCTOBER.date().replace(day=1), closed_by="staff:test", now=AFTER
    )
    mall = next(view for view in closing.statements if view.party.kind == "mall")
    gross, refunded = 11_000 * MALL_RATE // WHOLE, 4_000 * MALL_RATE // WHOLE
    twice = (gross - refunded) - refunded
    assert (mall.earned_fen, mall.reversed_fen) == (gross, refunded)
    assert mall.closing_fen == gross - refunded != twice


async def test_a_refund_reverses_at_its_own_lines_rate_and_not_at_the_orders_blend(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        guide = await add_guide(db)
        earning = await sell(db, shop.store_id, 10_000, guide_id=guide, guide_bps=RATE)
        plain = await sell(db, shop.store_id, 10_000)
        for sale in (earning, plain):
            await post_order_paid(db, sale.id, now=OCTOBER)
        await post_refund(db, await give_back(db, plain, {0: 10_000}), now=OCTOBER)
        held = (await balances(db))["guide"]
    blended = 300 - 10_000 * (RATE // 2) // WHOLE
    assert held == 300 != blended


async def test_a_rate_changed_since_does_not_touch_the_reversal(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000)
        await post_order_paid(db, sale.id, now=OCTOBER)
        await mall_contract(
            db, shop.mall_id, [shop.store_id], bps=3_000, active_from=OCTOBER + timedelta(days=1)
        )
        refund = await give_back(db, sale, {0: 10_000}, at=OCTOBER + timedelta(days=2))
        await post_refund(db, refund, now=AFTER)
        held = (await balances(db, order_id=sale.id))["mall"]
    at_todays_rate = 1_500 - 3_000
    assert held == 0 != at_todays_rate


async def test_a_fully_refunded_sale_shows_its_positive_and_its_negative_line(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000)
        # Only the refund's message arrives.
        await post_refund(db, await give_back(db, sale, {0: 10_000}), now=OCTOBER)
    [closing] = await close_month(
        shop.tenant, OCTOBER.date().replace(day=1), closed_by="staff:test", now=AFTER
    )
    mall = next(view for view in closing.statements if view.party.kind == "mall")
    negative_only = -1_500
    assert (mall.earned_fen, mall.reversed_fen, mall.lines) == (1_500, 1_500, 2)
    assert mall.closing_fen == 0 != negative_only


async def test_a_credit_without_a_sale_lowers_what_is_owed_and_never_raises_it(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
        await give_back_loose(db, shop.store_id, 1_000)
    [closing] = await close_month(
        shop.tenant, OCTOBER.date().replace(day=1), closed_by="staff:test", now=AFTER
    )
    mall = next(view for view in closing.statements if view.party.kind == "mall")
    sign_lost = 1_500 + 150
    assert mall.closing_fen == 1_350 != sign_lost
    async with shop.tenant.reading() as db:
        assert (await verify_books(db)).sound


async def test_a_base_agreed_since_does_not_touch_what_was_sold_before(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await mall_contract(
            db,
            shop.mall_id,
            [shop.store_id],
            base=RateBase.LIST_GOODS,
            active_from=datetime(2026, 1, 1, tzinfo=UTC),
        )
        sale = await sell(db, shop.store_id, 8_000, goods=[10_000])
        await post_order_paid(db, sale.id, now=OCTOBER)
        await mall_contract(db, shop.mall_id, [shop.store_id], active_from=OCTOBER + timedelta(days=1))
        refund = await give_back(db, sale, {0: 4_000}, at=OCTOBER + timedelta(days=2))
        await post_refund(db, refund, now=AFTER)
        held = (await balances(db, order_id=sale.id))["mall"]
    recomputed_on_change = 1_500 - 4_000 * MALL_RATE // WHOLE
    assert held == 5_000 * MALL_RATE // WHOLE != recomputed_on_change


def test_a_price_without_its_tax_never_passes_through_a_float() -> None:
    rule = BaseRule(kind=BaseKind.EX_TAX, tax_bps=1_300)
    amounts = (199, LARGEST_AMOUNT - 1, 9 * 10**11 + 7)
    bases = [base_of_line(rule, goods_fen=Fen(amount), paid_fen=Fen(amount)) for amount in amounts]
    assert bases == [amount * 100 // 113 for amount in amounts]
    rounded = [round(amount / 1.13) for amount in amounts]
    assert bases != rounded


def test_one_fen_more_never_costs_a_party_its_whole_tier() -> None:
    tiers = (Tier(from_fen=0, to_fen=100_000, rate_bps=1_500), Tier(from_fen=100_000, rate_bps=1_000))

    def due(turnover: int, mode: TierMode) -> int:
        rules = PeriodRules(length=TermLength.MONTH, tiers=tiers, tier_mode=mode)
        return period_due(
            rules, turnover_fen=Fen(turnover), provisional_fen=Fen(0), days_in_force=30, days_in_period=30
        ).due_fen

    assert due(100_000, TierMode.MARGINAL) >= due(99_999, TierMode.MARGINAL)
    taken_for_marginal = due(100_000, TierMode.WHOLE)
    assert taken_for_marginal < due(99_999, TierMode.WHOLE)


async def test_a_period_of_refunds_alone_owes_and_is_not_cut_to_nothing(shop: MallStore) -> None:
    tiers = [Tier(from_fen=0, to_fen=100_000, rate_bps=2_000), Tier(from_fen=100_000, rate_bps=1_000)]
    party = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    terms = PeriodTermsRow(party=party, period=TermLength.MONTH, tiers=tiers)
    async with shop.tenant.writing() as db:
        await mall_contract(
            db,
            shop.mall_id,
            [shop.store_id],
            period_terms=[terms],
            active_from=datetime(2026, 1, 1, tzinfo=UTC),
        )
        await give_back_loose(db, shop.store_id, 10_000, source=Source.STOREFRONT)
    await post_pending(shop.tenant, now=AFTER)
    async with shop.tenant.writing() as db:
        await post_true_ups(db, OCTOBER.date().replace(day=1), now=AFTER)
        held = (await balances(db))["mall"]
    cut_to_nothing = 0
    assert held == -2_000 != cut_to_nothing
