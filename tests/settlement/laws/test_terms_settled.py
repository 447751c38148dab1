"""The law of terms finds a true-up that is another amount, left out or of another term, and nothing in sound books, however old."""

from datetime import UTC, date, datetime

import asyncpg
import pytest

from settlement.agreements.agreed import GuaranteeKind, ReturnsCount, TermLength
from settlement.commands import NamedParty, PeriodTermsRow
from settlement.states import PartyKind
from settlement.true_ups.post import post_true_ups
from settlement.verify import verify_books
from settlement.views import Finding
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership
from tests.settlement.true_ups.test_post import open_guaranteed, terms
from tests.settlement.true_ups.test_returns_when_sold import (
    DECEMBER,
    JANUARY,
    LATER,
    LAW,
    NOVEMBER,
    OCTOBER,
    WHEN_RETURNED,
    WHEN_SOLD,
    on,
    shut,
)
from tests.support.books import MallStore, add_mall, add_store, give_back, mall_contract, sell
from tests.support.owners import own
from tests.support.rows import value

ENTRIES = "app.ledger_entries WHERE tenant_id = $1 AND cause = 'true_up'"
WAYS = [WHEN_RETURNED, WHEN_SOLD]


async def found(tenant: TenantScope) -> Finding:
    async with tenant.reading() as db:
        return next(each for each in (await verify_books(db)).findings if each.law == LAW)


async def settled(tenant: TenantScope, counting: ReturnsCount, **said: object) -> MallStore:
    """October capped, some of it given back in November; November and December made up to a guarantee or capped like it."""
    shop, _ = await open_guaranteed(tenant, returns_count=counting, **(said or {"cap_fen": 6_000}))
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await sell(db, shop.store_id, 90_000, at=on(1, 5))
        await give_back(db, sale, {0: 50_000}, at=on(1, 9))
        await sell(db, shop.store_id, 80_000, at=on(2, 5))
    await shut(tenant, OCTOBER, NOVEMBER, DECEMBER)
    return shop


@pytest.mark.parametrize("counting", WAYS)
async def test_sound_books_break_nothing_and_every_closed_term_was_looked_at(
    tenant: TenantScope, counting: ReturnsCount
) -> None:
    await settled(tenant, counting)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 3)


@pytest.mark.parametrize("counting", WAYS)
@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        (f"UPDATE {ENTRIES.replace(' WHERE', ' SET amount_fen = amount_fen + 1 WHERE')}", None),
        (f"DELETE FROM {ENTRIES}", None),
        (f"DELETE FROM {ENTRIES} AND occurred_on = '2026-10-31'", "2026-10-01 to 2026-10-31"),
        (f"DELETE FROM {ENTRIES} AND period_on = '2026-12-01'", "2026-12-01 to 2026-12-31"),
    ],
    ids=["a fen more", "all left out", "a term's left out", "a closing's left out"],
)
async def test_control_a_true_up_altered_or_left_out_is_named_by_its_term(
    tenant: TenantScope, owner: asyncpg.Connection, counting: ReturnsCount, statement: str, broken: str | None
) -> None:
    await settled(tenant, counting)
    await owner.execute(statement, tenant.tenant_id)
    law = await found(tenant)
    if broken is None:
        assert law.broken > 1
    else:
        assert law.broken == 1
        assert broken in law.examples[0]


async def test_control_a_second_reckoning_that_was_never_made_is_named(
    tenant: TenantScope, owner: asyncpg.Connection
) -> None:
    """As if November's closing had settled November alone: journal, evidence and entries of October's difference are gone."""
    await settled(tenant, WHEN_SOLD)
    gone = f"DELETE FROM {ENTRIES} AND period_on = '2026-11-01' AND occurred_on = '2026-10-31'"
    assert await owner.execute(gone, tenant.tenant_id) == "DELETE 2"
    law = await found(tenant)
    assert (law.broken, len(law.examples)) == (1, 1)
    assert "due 60.00, by sales 75.00, true-ups gave -90.00 and not -15.00" in law.examples[0]


@pytest.mark.parametrize("counting", WAYS)
async def test_what_moved_in_a_month_that_is_not_closed_is_left_out(
    tenant: TenantScope, counting: ReturnsCount
) -> None:
    shop = await settled(tenant, counting)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 70_000, at=on(2, 7))
        await give_back(db, sale, {0: 70_000}, at=on(3, 9))
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 3)
    await shut(tenant, JANUARY)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 4)


async def test_books_of_before_there_was_a_choice_break_nothing(
    tenant: TenantScope, owner: asyncpg.Connection
) -> None:
    """Rules without the word, reckonings without what was reckoned before them: what earlier versions wrote."""
    shop, _ = await open_guaranteed(tenant, cap_fen=6_000, active_to=on(1, 20), period=TermLength.QUARTER)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await give_back(db, sale, {0: 70_000}, at=on(2, 9))
    await shut(tenant, OCTOBER, NOVEMBER)
    await owner.execute(
        "UPDATE app.contract_period_terms SET rules = rules - 'returnsCount' WHERE tenant_id = $1", tenant.tenant_id
    )  # fmt: skip
    await owner.execute(
        "UPDATE app.true_ups SET reckoning = jsonb_build_array(((reckoning->0) - 'before')"
        " || jsonb_build_object('rules', (reckoning->0->'rules') - 'returnsCount')) WHERE tenant_id = $1",
        tenant.tenant_id,
    )
    assert (await found(tenant)).broken == 0
    await shut(tenant, DECEMBER)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 1)


@pytest.mark.parametrize("counting", WAYS)
async def test_what_a_party_would_have_settled_with_itself_is_not_looked_for(
    tenant: TenantScope, owner: asyncpg.Connection, counting: ReturnsCount
) -> None:
    franchisee = NamedParty(kind=PartyKind.FRANCHISEE, code="F01", name="林记加盟")
    agreed = PeriodTermsRow(
        party=franchisee, period=TermLength.MONTH, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=50_000,
        returns_count=counting,
    )  # fmt: skip
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        stores = [await add_store(db, code, mall_id=mall_id) for code in ("S1", "S2")]
        await own(db, stores[0], Ownership.FRANCHISE, on(0, 1), "F01", owner_name="林记加盟")
        await mall_contract(db, mall_id, stores, period_terms=[agreed])
        sale = await sell(db, stores[0], 10_000, 10_000, at=on(0, 5))
        await sell(db, stores[1], 30_000, at=on(0, 6))
        await give_back(db, sale, {0: 10_000}, at=on(1, 5))
    await shut(tenant, OCTOBER, NOVEMBER)
    assert (await found(tenant)).broken == 0
    await owner.execute(
        f"UPDATE {ENTRIES.replace(' WHERE', ' SET amount_fen = amount_fen + 1 WHERE')}", tenant.tenant_id
    )
    assert (await found(tenant)).broken > 0


async def test_a_term_that_a_version_cut_is_looked_for_once_the_next_month_is_closed(
    tenant: TenantScope,
) -> None:
    shop, _ = await open_guaranteed(tenant, cap_fen=6_000, period=TermLength.QUARTER)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 100_000, at=on(0, 5))
    await shut(tenant, OCTOBER)
    async with tenant.writing() as db:
        await mall_contract(
            db, shop.mall_id, [shop.store_id], active_from=on(0, 31).replace(hour=16),
            period_terms=terms(shop.mall_id, cap_fen=9_000, period=TermLength.QUARTER),
        )  # fmt: skip
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 0)
    await shut(tenant, NOVEMBER)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 1)
    await shut(tenant, DECEMBER)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 2)


@pytest.mark.parametrize("counting", WAYS)
async def test_a_term_that_was_cut_is_settled_though_another_of_its_stretch_is_reckoned_again(
    tenant: TenantScope, counting: ReturnsCount
) -> None:
    """The third quarter's order comes back in November; the fourth, cut at the end of October when that was closed, is due then too."""
    shop, _ = await open_guaranteed(
        tenant, cap_fen=6_000, period=TermLength.QUARTER, returns_count=counting
    )  # fmt: skip
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=datetime(2026, 9, 5, 4, tzinfo=UTC))
        await sell(db, shop.store_id, 80_000, at=on(0, 5))
    await shut(tenant, date(2026, 9, 1), OCTOBER)
    async with tenant.writing() as db:
        await mall_contract(
            db, shop.mall_id, [shop.store_id], active_from=on(0, 31).replace(hour=16),
            period_terms=terms(shop.mall_id, cap_fen=9_000, period=TermLength.QUARTER),
        )  # fmt: skip
        await give_back(db, sale, {0: 100_000}, at=on(1, 9))
    await shut(tenant, NOVEMBER)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 2)
    capped = 6_000 * 31 // 92
    balance = "SELECT sum(balance_fen)::bigint FROM app.ledger_accounts a JOIN app.parties p ON p.tenant_id = a.tenant_id AND p.id = a.party_id WHERE a.tenant_id = :t AND p.tenant_id = :t AND p.kind = 'mall'"
    # Where it counts when it came back, October's part of the quarter takes it: 80,000 less 100,000 gave 3,000 less than nothing.
    assert await value(tenant, balance) == (capped if counting is WHEN_SOLD else 6_000 - 3_000)


async def test_settling_a_month_that_nobody_closed_is_not_this_laws_question(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, cap_fen=6_000)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 100_000, at=on(0, 5))
    async with tenant.writing() as db:
        await post_true_ups(db, OCTOBER, now=LATER)
    law = await found(tenant)
    assert (law.broken, law.checked) == (0, 0)
