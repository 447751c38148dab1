"""Settling a period's terms: guarantee, tiers and cap beside the sales, booked once, never by splitting history again."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from settlement.agreements.agreed import GuaranteeKind, TermLength, TierMode
from settlement.commands import NamedParty, PeriodTermsRow
from settlement.contracts import hold_books
from settlement.posting.pending import post_pending
from settlement.states import PartyKind, RateBase
from settlement.true_ups import bearers
from settlement.true_ups import post as true_up
from settlement.true_ups.period_terms import Tier
from settlement.true_ups.post import post_true_ups, true_ups
from settlement.true_ups.stretches import Moved
from settlement.verify import verify_books
from tenants.kernel.ids import MallId, StoreId
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership
from tests.support.books import (
    MallStore,
    add_mall,
    add_store,
    balances,
    give_back,
    give_back_loose,
    mall_contract,
    sell,
)
from tests.support.owners import own
from tests.support.rows import rows

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
LATER = datetime(2027, 2, 1, tzinfo=UTC)


def at(month: int, day: int, hour: int = 4) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def terms(mall_id: MallId, **said: object) -> list[PeriodTermsRow]:
    party = NamedParty(kind=PartyKind.MALL, mall_id=mall_id)
    return [PeriodTermsRow(party=party, period=said.pop("period", TermLength.MONTH), **said)]


async def open_guaranteed(
    tenant: TenantScope, *, stores: int = 1, **said: object
) -> tuple[MallStore, list[StoreId]]:
    contract = {
        key: said.pop(key)
        for key in ("active_from", "active_to", "base", "cut_off_day", "tax_bps")
        if key in said
    }
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        ids = [await add_store(db, f"S{number}", mall_id=mall_id) for number in range(1, stores + 1)]
        await mall_contract(db, mall_id, ids, period_terms=terms(mall_id, **said), **contract)
    return MallStore(tenant, ids[0], mall_id), ids


async def settle(tenant: TenantScope, month: date) -> int:
    await post_pending(tenant, now=LATER)
    async with tenant.writing() as db:
        await hold_books(db)
        return await post_true_ups(db, month, now=LATER)


async def held(tenant: TenantScope) -> dict[str, int]:
    async with tenant.writing() as db:
        return await balances(db)


async def sound(tenant: TenantScope) -> bool:
    async with tenant.reading() as db:
        return (await verify_books(db)).sound


async def test_a_month_below_its_guaranteed_amount_is_made_up_by_the_brand(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
    assert await settle(tenant, OCTOBER) == 2
    assert await held(tenant) == {"mall": 5_000, "brand": 5_000}
    assert await sound(tenant)


async def test_settling_a_month_again_books_nothing_and_tells_the_same(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
    await settle(tenant, OCTOBER)
    async with tenant.reading() as db:
        first = await true_ups(db, month=OCTOBER)
    assert await settle(tenant, OCTOBER) == 0
    async with tenant.reading() as db:
        assert await true_ups(db, month=OCTOBER) == first
    assert [each.amount_fen for each in first] == [3_500]
    due = first[0].reckoning[0].due
    assert (due.turnover_fen, due.provisional_fen, due.shortfall_fen, due.due_fen) == (
        10_000,
        1_500,
        3_500,
        5_000,
    )


async def test_clearing_ends_at_nothing(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
    await settle(tenant, OCTOBER)
    async with tenant.reading() as db:
        found = await db.execute(
            text(
                "SELECT kind, sum(balance_fen) AS fen FROM app.ledger_accounts WHERE tenant_id = :t GROUP BY kind"
            ),
            {"t": tenant.tenant_id},
        )
        assert {row.kind: int(row.fen) for row in found}["clearing"] == 0


async def test_a_quarter_is_settled_once_at_its_end_over_all_its_months(tenant: TenantScope) -> None:
    tiers = [Tier(from_fen=0, to_fen=100_000, rate_bps=1_500), Tier(from_fen=100_000, rate_bps=1_000)]
    shop, _ = await open_guaranteed(tenant, period=TermLength.QUARTER, tiers=tiers)
    async with tenant.writing() as db:
        for month in (10, 11, 12):
            await sell(db, shop.store_id, 80_000, at=at(month, 5))
    assert [await settle(tenant, month) for month in (OCTOBER, NOVEMBER)] == [0, 0]
    assert await settle(tenant, DECEMBER) == 2
    assert (await held(tenant))["mall"] == 15_000 + 14_000
    assert await sound(tenant)


async def test_whole_amount_tiers_give_the_reached_rate_for_all_of_it(tenant: TenantScope) -> None:
    tiers = [Tier(from_fen=0, to_fen=100_000, rate_bps=1_500), Tier(from_fen=100_000, rate_bps=1_000)]
    shop, _ = await open_guaranteed(tenant, tiers=tiers, tier_mode=TierMode.WHOLE)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 200_000)
    await settle(tenant, OCTOBER)
    assert (await held(tenant))["mall"] == 20_000


@pytest.mark.parametrize(("sold", "franchisee"), [(10_000, 5_000), (0, -5_000)])
async def test_what_a_mall_is_guaranteed_at_a_franchisees_store_the_franchisee_makes_up(
    tenant: TenantScope, sold: int, franchisee: int
) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000)
    async with tenant.writing() as db:
        await own(db, shop.store_id, Ownership.FRANCHISE, at(1, 1), "F01", owner_name="林记加盟")
        if sold:
            await sell(db, shop.store_id, sold)
    await settle(tenant, OCTOBER)
    assert await held(tenant) == {"mall": 5_000, "franchisee": franchisee}
    assert await sound(tenant)


async def test_of_two_owners_in_a_term_the_one_at_its_end_settles_it_and_each_store_its_own(
    tenant: TenantScope,
) -> None:
    shop, [first, second] = await open_guaranteed(
        tenant, stores=2, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=10_000
    )
    midnight = datetime(2026, 10, 31, 16, tzinfo=UTC)
    async with tenant.writing() as db:
        await own(db, first, Ownership.FRANCHISE, at(1, 1), "F01", owner_name="林记加盟")
        await own(db, first, Ownership.FRANCHISE, at(10, 20), "F02", owner_name="周记加盟")
        # From midnight of the first of November in Shanghai it is another's: the term's last day is not.
        await own(db, first, Ownership.DIRECT, midnight)
        await sell(db, first, 20_000, at=at(10, 5))
        await sell(db, second, 20_000, at=at(10, 5))
    await settle(tenant, OCTOBER)
    # The mall had 3,000 + 3,000 of the sales; the missing 4,000 are borne half by each store: the second's is the brand's own.
    found = "SELECT p.code, sum(CASE WHEN a.kind = 'payable' THEN e.amount_fen ELSE -e.amount_fen END)::bigint AS fen FROM app.ledger_entries e JOIN app.parties p ON p.tenant_id = e.tenant_id AND p.id = e.party_id JOIN app.ledger_accounts a ON a.tenant_id = e.tenant_id AND a.id = e.credit_account_id WHERE e.tenant_id = :t AND e.cause = 'true_up' GROUP BY p.code"
    booked = {row.code: row.fen for row in await rows(tenant, found)}
    assert booked == {
        f"mall:{shop.mall_id}": 4_000, "franchisee:F02": -2_000, "brand": -2_000,
    }  # fmt: skip
    assert await sound(tenant)


async def test_a_franchisee_does_not_settle_with_itself(tenant: TenantScope) -> None:
    franchisee = NamedParty(kind=PartyKind.FRANCHISEE, code="F01", name="林记加盟")
    agreed = PeriodTermsRow(
        party=franchisee, period=TermLength.MONTH, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=50_000
    )
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await own(db, store_id, Ownership.FRANCHISE, at(1, 1), "F01", owner_name="林记加盟")
        await mall_contract(db, mall_id, [store_id], period_terms=[agreed])
        await sell(db, store_id, 10_000)
    assert await settle(tenant, OCTOBER) == 0
    assert await held(tenant) == {"mall": 1_500, "franchisee": 8_500}
    assert await sound(tenant)


async def test_control_the_brand_makes_up_what_is_the_franchisees_when_nobody_asks_who_sells(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug: the contract's named rest is taken, whoever has it at the store."""

    async def nobody(_db, _stores, *, at) -> dict:
        return {}

    monkeypatch.setattr(bearers, "sellers_at", nobody)
    with pytest.raises(AssertionError, match="'brand': -3500"):
        await test_what_a_mall_is_guaranteed_at_a_franchisees_store_the_franchisee_makes_up(
            tenant, 10_000, 5_000
        )


async def test_a_popup_store_owes_the_guarantee_of_its_days(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(
        tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=31_000,
        active_from=datetime(2026, 10, 10, 16, tzinfo=UTC), active_to=datetime(2026, 10, 21, 14, tzinfo=UTC),
    )  # fmt: skip
    # 11 October at midnight to 21 October at ten in the evening, in Shanghai: eleven days of thirty-one.
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=at(10, 12))
    await settle(tenant, OCTOBER)
    assert (await held(tenant))["mall"] == 11_000


POPUP = {
    "active_from": datetime(2026, 10, 10, 16, tzinfo=UTC), "active_to": datetime(2026, 10, 21, 14, tzinfo=UTC)
}  # fmt: skip
BY_AMOUNT = {"guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 31_000}
WHOLE_TIERS = {
    "tiers": [Tier(from_fen=0, to_fen=50_000, rate_bps=2_000), Tier(from_fen=50_000, rate_bps=1_000)],
    "tier_mode": TierMode.WHOLE,
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kept", "due"),
    [
        (BY_AMOUNT, 0, 11_000),
        (BY_AMOUNT, 90_000, 13_500),
        ({"cap_fen": 12_400}, 0, 0),
        ({"cap_fen": 12_400}, 100_000, 4_400),
        (WHOLE_TIERS, 0, 0),
        (WHOLE_TIERS, 50_000, 5_000),
        (WHOLE_TIERS, 49_999, 9_999),
        (BY_AMOUNT | {"period": TermLength.QUARTER}, 0, 31_000 * 11 // 92),
        ({"cap_fen": 12_400, "period": TermLength.QUARTER}, 0, 0),
    ],
)
async def test_what_comes_back_after_a_contract_ended_leaves_what_it_would_have_left_before(
    tenant: TenantScope, said: dict[str, object], kept: int, due: int
) -> None:
    shop, _ = await open_guaranteed(tenant, **said, **POPUP)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, 50_000, at=at(10, 12))
    await settle(tenant, OCTOBER)
    back = 150_000 - kept
    async with tenant.writing() as db:
        await give_back(db, sale, {0: min(back, 100_000)}, at=at(11, 3))
    await settle(tenant, NOVEMBER)
    assert await settle(tenant, NOVEMBER) == 0
    if back > 100_000:
        async with tenant.writing() as db:
            await give_back(db, sale, {1: back - 100_000}, at=at(12, 3))
    await settle(tenant, DECEMBER)
    assert await held(tenant) == {"mall": due, "brand": kept - due}
    assert await sound(tenant)


async def test_control_a_term_that_is_never_reckoned_again_leaves_a_mall_below_nothing(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> Moved:
        return true_up.NOTHING_MOVED

    monkeypatch.setattr(true_up, "moved_in", never)
    with pytest.raises(AssertionError, match="'mall': -18100"):
        await test_what_comes_back_after_a_contract_ended_leaves_what_it_would_have_left_before(
            tenant, {"cap_fen": 12_400}, 0, 0
        )


async def test_after_the_end_a_month_in_which_nothing_moved_settles_nothing(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, **BY_AMOUNT, **POPUP)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=at(10, 12))
    await settle(tenant, OCTOBER)
    assert await settle(tenant, NOVEMBER) == 0
    async with tenant.reading() as db:
        assert await true_ups(db, month=NOVEMBER) == []


async def test_what_comes_back_late_is_settled_with_the_franchisee_whose_goods_they_were(
    tenant: TenantScope,
) -> None:
    _, stores = await open_guaranteed(tenant, stores=2, cap_fen=6_200, **POPUP)
    async with tenant.writing() as db:
        for number, store_id in enumerate(stores):
            await own(db, store_id, Ownership.FRANCHISE, at(1, 1), f"F{number}", owner_name=f"加盟{number}")
        first = await sell(db, stores[0], 100_000, at=at(10, 12))
        await sell(db, stores[1], 100_000, at=at(10, 12))
    await settle(tenant, OCTOBER)
    async with tenant.writing() as db:
        await give_back(db, first, {0: 100_000}, at=at(11, 3))
    await settle(tenant, NOVEMBER)
    found = await rows(
        tenant,
        "SELECT p.name, sum(a.balance_fen) AS fen FROM app.ledger_accounts a JOIN app.parties p"
        " ON p.tenant_id = a.tenant_id AND p.id = a.party_id WHERE a.tenant_id = :t AND p.tenant_id = :t"
        " AND p.kind = 'franchisee' GROUP BY p.name ORDER BY 1",
    )
    cap = 6_200 * 11 // 31
    assert [int(row.fen) for row in found] == [0, 100_000 - cap]
    assert (await held(tenant))["mall"] == cap


async def test_a_month_of_refunds_alone_still_owes_the_guarantee(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.SALES, guarantee_fen=100_000)
    async with tenant.writing() as db:
        await give_back_loose(db, shop.store_id, 20_000)
    await settle(tenant, OCTOBER)
    assert (await held(tenant))["mall"] == 15_000


async def test_a_cap_gives_back_what_sales_gave_above_it_store_by_store(tenant: TenantScope) -> None:
    _, stores = await open_guaranteed(tenant, stores=2, cap_fen=12_001)
    async with tenant.writing() as db:
        await sell(db, stores[0], 100_000)
        await sell(db, stores[1], 50_000)
    assert await settle(tenant, OCTOBER) == 4
    assert (await held(tenant))["mall"] == 12_001
    async with tenant.reading() as db:
        found = await db.execute(
            text(
                "SELECT sum(a.balance_fen) AS fen FROM app.ledger_accounts a JOIN app.parties p ON p.tenant_id = a.tenant_id"
                " AND p.id = a.party_id WHERE a.tenant_id = :t AND p.tenant_id = :t AND p.kind = 'mall' GROUP BY a.store_id"
            ),
            {"t": tenant.tenant_id},
        )
        assert sorted(int(row.fen) for row in found) == [4_000, 8_001]


async def test_a_new_version_that_agrees_the_same_does_not_start_the_tiers_anew(tenant: TenantScope) -> None:
    tiers = [Tier(from_fen=0, to_fen=100_000, rate_bps=1_500), Tier(from_fen=100_000, rate_bps=1_000)]
    shop, _ = await open_guaranteed(tenant, tiers=tiers)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 80_000, at=at(10, 3))
        await mall_contract(
            db, shop.mall_id, [shop.store_id], active_from=datetime(2026, 10, 15, 16, tzinfo=UTC),
            period_terms=terms(shop.mall_id, tiers=tiers), name="第二版",
        )  # fmt: skip
        await sell(db, shop.store_id, 80_000, at=at(10, 20))
    await settle(tenant, OCTOBER)
    started_anew = 2 * 12_000
    assert (await held(tenant))["mall"] == 15_000 + 6_000 != started_anew


async def test_two_versions_that_differ_share_the_month_by_their_days(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=31_000)
    async with tenant.writing() as db:
        await mall_contract(
            db, shop.mall_id, [shop.store_id], active_from=datetime(2026, 10, 15, 16, tzinfo=UTC),
            period_terms=terms(shop.mall_id, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=62_000),
        )  # fmt: skip
    await settle(tenant, OCTOBER)
    assert (await held(tenant))["mall"] == 15_000 + 32_000
    assert await sound(tenant)


@pytest.mark.parametrize(("day", "month"), [(25, OCTOBER), (26, NOVEMBER)])
async def test_a_cut_off_day_moves_the_end_of_the_month(tenant: TenantScope, day: int, month: date) -> None:
    shop, _ = await open_guaranteed(
        tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000, cut_off_day=25
    )
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 100_000, at=at(10, day))
    await settle(tenant, month)
    async with tenant.reading() as db:
        [found] = await true_ups(db, month=month)
    assert found.reckoning[0].due.turnover_fen == 100_000
    assert found.reckoning[0].due.days_in_period == (30 if month == OCTOBER else 31)


async def test_turnover_is_counted_on_the_contracts_base(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, base=RateBase.LIST_GOODS, cap_fen=10**9)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 9_000, goods=[10_000])
        await give_back(db, sale, {0: 3_000})
        await give_back(db, sale, {0: 3_000}, at=at(11, 2))
    for month, turnover in ((OCTOBER, 6_666), (NOVEMBER, 3_333 - 6_666)):
        await settle(tenant, month)
        async with tenant.reading() as db:
            [found] = await true_ups(db, month=month)
        assert found.reckoning[0].due.turnover_fen == turnover
    assert await sound(tenant)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE app.true_ups SET amount_fen = amount_fen + 1 WHERE tenant_id = $1",
     "DELETE FROM app.true_ups WHERE tenant_id = $1",
     "DELETE FROM app.ledger_entries e USING app.parties p WHERE p.tenant_id = e.tenant_id AND p.id = e.party_id"
     " AND p.kind = 'brand' AND e.cause = 'true_up' AND e.tenant_id = $1"],
)  # fmt: skip
async def test_a_true_up_that_is_not_what_was_reckoned_breaks_a_law(
    tenant: TenantScope, owner, statement: str
) -> None:
    shop, _ = await open_guaranteed(tenant, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000)
    await settle(tenant, OCTOBER)
    await owner.execute(statement, tenant.tenant_id)
    async with tenant.reading() as db:
        broken = [finding.law for finding in (await verify_books(db)).findings if finding.broken]
    assert "every true-up gave what was reckoned, and took it from somebody" in broken
