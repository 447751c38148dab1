"""What comes back later, counted when it was sold: every term ends where it would if the goods had never left the shop.

The long run: `RETURN_CASES=500 uv run pytest tests/settlement/true_ups/test_returns_when_sold.py`.
"""

import io
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from rich.console import Console

from orders.states import Source
from settlement.agreements.agreed import GuaranteeKind, ReturnsCount, TermLength, TierMode
from settlement.close import close_month
from settlement.commands import NamedParty, PeriodTermsRow
from settlement.money.waterfall import order_waterfall
from settlement.states import PartyKind, RateBase
from settlement.true_ups import reckon, turnover
from settlement.true_ups.period_terms import Tier
from settlement.true_ups.post import true_ups
from settlement.verify import verify_books
from storefront.cli.settle_trace import print_waterfall
from tenants.kernel.ids import StoreId
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership
from tests.settlement.true_ups.returns_model import (
    Line,
    Told,
    at_least,
    by_return,
    by_sale,
    capped,
    mall_stands_at,
    marginal,
    whole,
)
from tests.settlement.true_ups.test_post import held, open_guaranteed, terms
from tests.support.books import (
    LONG_AGO,
    MallStore,
    Sale,
    add_mall,
    add_store,
    give_back,
    give_back_loose,
    mall_contract,
    sell,
)
from tests.support.owners import own
from tests.support.rows import rows, value

CASES = int(os.environ.get("RETURN_CASES", "6"))
MONTHS = [date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]
OCTOBER, NOVEMBER, DECEMBER, JANUARY, FEBRUARY = MONTHS
LATER = datetime(2027, 4, 1, tzinfo=UTC)
LAW = "all true-ups of a term are together what it gives less what its sales gave"
WHEN_SOLD, WHEN_RETURNED = ReturnsCount.WHEN_SOLD, ReturnsCount.WHEN_RETURNED
BOUND, BELOW, ABOVE = 50_000, Fraction(20, 100), Fraction(10, 100)
TIERS = [Tier(from_fen=0, to_fen=BOUND, rate_bps=2_000), Tier(from_fen=BOUND, rate_bps=1_000)]
AGREED: dict[str, tuple[dict[str, object], Callable[[int, int], int]]] = {
    "cap": ({"cap_fen": 6_000}, capped(6_000)),
    "marginal": ({"tiers": TIERS}, marginal(BOUND, BELOW, ABOVE)),
    "whole": ({"tiers": TIERS, "tier_mode": TierMode.WHOLE}, whole(BOUND, BELOW, ABOVE)),
    "guarantee": ({"guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 9_000}, at_least(9_000)),
}  # fmt: skip
ALL_PARTIES = "SELECT coalesce(sum(balance_fen), 0)::bigint FROM app.ledger_accounts WHERE tenant_id = :t AND kind = 'payable'"
LENGTHS = {TermLength.MONTH: 1, TermLength.QUARTER: 3}


def on(month: int, day: int) -> datetime:
    """A day of a month, the months counted from October 2026."""
    return datetime(MONTHS[month].year, MONTHS[month].month, day, 4, tzinfo=UTC)


async def shut(tenant: TenantScope, *months: date) -> None:
    for month in months:
        await close_month(tenant, month, closed_by="staff:closer", now=LATER)


async def broken(tenant: TenantScope) -> list[str]:
    """What every law of the books finds."""
    async with tenant.reading() as db:
        findings = (await verify_books(db)).findings
    assert any(each.law == LAW for each in findings)
    return [example for each in findings for example in each.examples if each.broken]


async def one_order(
    tenant: TenantScope, returns_count: ReturnsCount, said: dict[str, object], *, sold: int = 100_000
) -> MallStore:
    """An order in October, given back whole in December; an order in November and one in December that are kept."""
    shop, _ = await open_guaranteed(tenant, returns_count=returns_count, **said)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, sold, at=on(0, 5))
        await give_back(db, sale, {0: sold}, at=on(2, 3))
    await shut(tenant, OCTOBER, NOVEMBER, DECEMBER)
    return shop


@pytest.mark.parametrize("name", ["cap", "marginal", "whole"])
async def test_an_order_given_back_whole_later_leaves_every_party_at_nothing(
    tenant: TenantScope, name: str
) -> None:
    await one_order(tenant, WHEN_SOLD, AGREED[name][0])
    assert await held(tenant) == {"mall": 0, "brand": 0}
    assert await broken(tenant) == []


@pytest.mark.parametrize(("name", "mall"), [("cap", -9_000), ("marginal", -5_000), ("whole", -10_000)])
async def test_control_counted_when_it_came_back_it_leaves_the_mall_below_nothing(
    tenant: TenantScope, name: str, mall: int
) -> None:
    """Agreed so it is right, and another result: the term that was capped, or reached a lower rate, stands."""
    await one_order(tenant, WHEN_RETURNED, AGREED[name][0])
    assert await held(tenant) == {"mall": mall, "brand": -mall}
    assert await broken(tenant) == []


async def test_control_without_reckoning_again_the_mall_stays_below_nothing_and_the_law_names_the_term(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug: nobody looks back at the terms that were settled."""
    with monkeypatch.context() as bug:
        bug.setattr(reckon, "_again", lambda _stretch, **_: [])
        await one_order(tenant, WHEN_SOLD, AGREED["cap"][0])
    assert await held(tenant) == {"mall": -9_000, "brand": 9_000}
    [told] = await broken(tenant)
    assert "2026-10-01 to 2026-10-31: due 0.00, by sales 0.00, true-ups gave -90.00 and not 0.00" in told


@pytest.mark.parametrize("seed", range(CASES))
async def test_every_mall_stands_where_plain_arithmetic_says_after_every_closing(
    tenant: TenantScope, seed: int
) -> None:
    random = Random(seed)
    name, returns_count = random.choice(list(AGREED)), random.choice([WHEN_SOLD, WHEN_SOLD, WHEN_RETURNED])
    length = random.choice(list(LENGTHS))
    said, gives = AGREED[name]
    contract: dict[str, object] = {"base": random.choice([RateBase.PAID_GOODS, RateBase.LIST_GOODS])}
    ends = random.choice([None, 3])
    if ends:
        contract["active_to"] = on(ends, 1).replace(hour=0) - timedelta(hours=8)
    _, stores = await open_guaranteed(
        tenant, stores=3, returns_count=returns_count, period=length, **said, **contract,
    )  # fmt: skip
    async with tenant.writing() as db:
        await own(db, stores[0], Ownership.FRANCHISE, on(0, 1), "F01", owner_name="林记加盟")
        await own(db, stores[1], Ownership.FRANCHISE, on(0, 1), "F02", owner_name="周记加盟")
    told, sales = Told(), []
    counted = by_sale if returns_count is WHEN_SOLD else by_return
    for month, first in enumerate(MONTHS):
        selling = ends is None or month < ends
        await _live(
            tenant, random, month, stores=stores if selling else [], told=told, sales=sales, by_list=contract["base"]
        )  # fmt: skip
        await shut(tenant, first)
        stands = await held(tenant)
        expected = mall_stands_at(
            told, until=month, length=LENGTHS[length], gives=gives, counted=counted, ends=ends
        )
        assert (seed, month, stands.get("mall", 0)) == (seed, month, expected)
        everything = sum(line.kept(month) for line in told.lines) - sum(told.unknown(range(month + 1)))
        assert await value(tenant, ALL_PARTIES) == everything
    assert await broken(tenant) == []


async def _live(
    tenant: TenantScope,
    random: Random,
    month: int,
    *,
    stores: list[StoreId],
    told: Told,
    sales: list[tuple[Sale, list[Line]]],
    by_list: RateBase,
) -> None:
    """A month: some sales (at these stores), some of what was sold so far comes back, in parts or whole, now and then of a sale that nobody knows."""
    async with tenant.writing() as db:
        for _ in range(random.randint(0, 3) if stores else 0):
            paid = [random.randint(1, 60_000) for _ in range(random.randint(1, 2))]
            off = random.choice([0, 0, random.randint(1, 9_999)])
            sale = await sell(
                db, random.choice(stores), *paid, discount=off, at=on(month, random.randint(1, 9))
            )
            asked = off if by_list is RateBase.LIST_GOODS else 0
            lines = [Line(month, fen + asked, fen) for fen in paid]
            told.lines += lines
            sales.append((sale, lines))
        for sale, lines in random.sample(sales, k=min(len(sales), random.randint(0, 3))):
            place = random.randrange(len(lines))
            kept = lines[place].kept(month)
            back = kept if random.random() < 0.6 else random.randint(0, kept)
            if back:
                await give_back(db, sale, {place: back}, at=on(month, random.randint(10, 19)))
                lines[place].back.append((month, back))
        if stores and random.random() < 0.3:
            fen = random.randint(1, 20_000)
            await give_back_loose(db, random.choice(stores), fen, at=on(month, 20))
            told.loose.append((month, fen))


@pytest.mark.parametrize("name", ["cap", "marginal", "whole"])
async def test_all_of_several_stores_given_back_in_any_months_is_nothing_for_everybody(
    tenant: TenantScope, name: str
) -> None:
    random = Random(name)
    _, stores = await open_guaranteed(tenant, stores=3, returns_count=WHEN_SOLD, **AGREED[name][0])
    async with tenant.writing() as db:
        for number, store_id in enumerate(stores[:2]):
            await own(db, store_id, Ownership.FRANCHISE, on(0, 1), f"F{number}", owner_name=f"加盟{number}")
        for month in range(3):
            for store_id in stores:
                sale = await sell(db, store_id, random.randint(1, 90_000), at=on(month, 5))
                half = sale.kept[0] // 2
                await give_back(db, sale, {0: half}, at=on(random.randint(month, 3), 6))
                await give_back(db, sale, {0: sale.kept[0]}, at=on(4, 7))
    await shut(tenant, *MONTHS)
    by_party = await rows(
        tenant,
        "SELECT party_id, store_id, sum(balance_fen) AS fen FROM app.ledger_accounts WHERE tenant_id = :t AND kind = 'payable' GROUP BY 1, 2",
    )
    assert len(by_party) > len(stores)
    assert {int(row.fen) for row in by_party} == {0}
    assert await broken(tenant) == []


async def test_what_comes_back_in_the_month_of_its_sale_is_reckoned_once(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, returns_count=WHEN_SOLD, cap_fen=6_000)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await give_back(db, sale, {0: 30_000}, at=on(0, 9))
    await shut(tenant, OCTOBER, NOVEMBER)
    async with tenant.reading() as db:
        [october] = await true_ups(db, month=OCTOBER)
        [november] = await true_ups(db, month=NOVEMBER)
    assert [each.due.turnover_fen for each in october.reckoning] == [70_000]
    assert [each.due.turnover_fen for each in november.reckoning] == [0]
    assert (await held(tenant))["mall"] == 6_000


async def test_the_reckoning_tells_which_term_it_was_and_what_that_gave_before(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, returns_count=WHEN_SOLD, cap_fen=6_000)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await give_back(db, sale, {0: 80_000}, at=on(2, 3))
    await shut(tenant, OCTOBER, NOVEMBER, DECEMBER)
    async with tenant.reading() as db:
        [found] = await true_ups(db, month=DECEMBER)
    again, december = found.reckoning
    assert december.before is None
    assert (again.first_day, again.last_day) == (OCTOBER, date(2026, 10, 31))
    assert again.before is not None
    assert (again.before.period_on, again.before.turnover_fen, again.before.due_fen) == (
        OCTOBER,
        100_000,
        6_000,
    )
    assert (again.due.turnover_fen, again.due.due_fen, again.due.earlier_fen) == (20_000, 3_000, -9_000)
    assert found.amount_fen == again.due.true_up_fen == 9_000


@pytest.mark.parametrize(("back", "due"), [(100_000, 0), (60_000, 3_000)])
async def test_after_the_end_what_comes_back_is_taken_off_the_term_of_its_sale(
    tenant: TenantScope, back: int, due: int
) -> None:
    """September's order comes back in December, and the contract ended in October: September is reckoned again, October is not."""
    until = datetime(2026, 10, 31, 16, tzinfo=UTC)
    shop, _ = await open_guaranteed(
        tenant, returns_count=WHEN_SOLD, cap_fen=3_000, active_from=datetime(2026, 8, 31, 16, tzinfo=UTC), active_to=until
    )  # fmt: skip
    async with tenant.writing() as db:
        early = await sell(db, shop.store_id, 100_000, at=datetime(2026, 9, 5, 4, tzinfo=UTC))
        await sell(db, shop.store_id, 50_000, at=on(0, 5))
        await give_back(db, early, {0: back}, at=on(2, 3))
    await shut(tenant, date(2026, 9, 1), OCTOBER, NOVEMBER, DECEMBER)
    assert (await held(tenant))["mall"] == due + 3_000
    async with tenant.reading() as db:
        [found] = await true_ups(db, month=DECEMBER)
    assert [each.first_day for each in found.reckoning] == [date(2026, 9, 1)]
    assert await broken(tenant) == []


@pytest.mark.parametrize(
    ("before", "since", "mall"),
    [
        # October's order, capped, comes back in November, when the contract's next version is in force.
        (WHEN_SOLD, WHEN_RETURNED, 0),
        (WHEN_RETURNED, WHEN_SOLD, 0),
    ],
)
async def test_a_version_that_counts_returns_otherwise_ends_the_stretch(
    tenant: TenantScope, before: ReturnsCount, since: ReturnsCount, mall: int
) -> None:
    shop, _ = await open_guaranteed(tenant, returns_count=before, cap_fen=6_000)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await mall_contract(
            db, shop.mall_id, [shop.store_id], active_from=datetime(2026, 10, 31, 16, tzinfo=UTC),
            period_terms=terms(shop.mall_id, cap_fen=6_000, returns_count=since),
        )  # fmt: skip
        await give_back(db, sale, {0: 100_000}, at=on(1, 5))
    await shut(tenant, OCTOBER, NOVEMBER)
    assert (await held(tenant))["mall"] == mall
    async with tenant.reading() as db:
        [found] = await true_ups(db, month=NOVEMBER)
    assert sorted(each.versions for each in found.reckoning) == [[1], [2]]
    assert await broken(tenant) == []


async def test_a_refund_without_a_known_sale_counts_when_it_comes(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, returns_count=WHEN_SOLD, cap_fen=6_000)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await sell(db, shop.store_id, 100_000, at=on(1, 5))
        await give_back_loose(db, shop.store_id, 90_000, at=on(1, 6))
    await shut(tenant, OCTOBER, NOVEMBER)
    async with tenant.reading() as db:
        [found] = await true_ups(db, month=NOVEMBER)
    assert [each.due.turnover_fen for each in found.reckoning] == [10_000]
    assert (await held(tenant))["mall"] == 6_000 + 1_500


async def test_a_year_that_is_over_is_reckoned_again_and_a_running_one_is_not(tenant: TenantScope) -> None:
    shop, _ = await open_guaranteed(tenant, returns_count=WHEN_SOLD, cap_fen=12_000, period=TermLength.YEAR)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, 100_000, at=on(0, 5))
        await give_back(db, sale, {0: 100_000}, at=on(1, 5))
    await shut(tenant, OCTOBER, NOVEMBER)
    async with tenant.reading() as db:
        assert await true_ups(db, month=NOVEMBER) == []
    await shut(tenant, DECEMBER)
    assert (await held(tenant))["mall"] == 12_000
    async with tenant.writing() as db:
        await give_back(db, sale, {1: 100_000}, at=on(4, 5))
    await shut(tenant, JANUARY, FEBRUARY)
    assert (await held(tenant))["mall"] == 0
    assert await broken(tenant) == []


@pytest.mark.parametrize("seed", [2, 4])
@pytest.mark.parametrize(
    ("place", "name", "bug"),
    [
        (reckon, "_again", lambda _stretch, **_: []),
        (turnover, "_sold_in", lambda _db, back: back.c.period_on),
    ],
    ids=["settled terms left as they were", "counted when it came back"],
)
async def test_control_plain_arithmetic_finds_it(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch, seed: int, place, name: str, bug
) -> None:
    """The bugs: nobody looks back; what comes back is taken off the month it comes back in after all."""
    monkeypatch.setattr(place, name, bug)
    with pytest.raises(AssertionError):
        await test_every_mall_stands_where_plain_arithmetic_says_after_every_closing(tenant, seed)


@pytest.mark.parametrize(("returns_count", "counts_in"), [(WHEN_SOLD, OCTOBER), (WHEN_RETURNED, None)])
async def test_an_orders_money_tells_which_period_what_came_back_counts_in(
    tenant: TenantScope, returns_count: ReturnsCount, counts_in: date | None
) -> None:
    shop, _ = await open_guaranteed(tenant, returns_count=returns_count, cap_fen=6_000)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 100_000, at=on(0, 5))
        await give_back(db, sale, {0: 30_000}, at=on(1, 9))
    await shut(tenant, OCTOBER)
    async with tenant.reading() as db:
        found = await order_waterfall(db, sale.id, now=LATER)
    told = {
        (each.cause, each.party.kind.value): each.rule.counts_in
        for each in found.steps
        if each.rule and each.party
    }
    assert told == {
        ("order_paid", "mall"): None, ("order_paid", "brand"): None, ("order_refunded", "brand"): None,
        ("order_refunded", "mall"): counts_in,
    }  # fmt: skip
    printed = Console(width=240, record=True, file=io.StringIO())
    print_waterfall(printed, found, brand="demo")
    assert ("counts in 2026-10" in printed.export_text()) is (counts_in is not None)


async def test_what_came_back_before_its_sales_period_counts_where_it_came_back_with_its_base(
    tenant: TenantScope,
) -> None:
    """Tills tell a return of 31 October and the sale of 1 November; without tax 113.00 are 100.00 in both."""
    shop, _ = await open_guaranteed(
        tenant, cap_fen=6_000, returns_count=WHEN_SOLD, base=RateBase.EX_TAX, tax_bps=1_300
    )
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 11_300, at=on(1, 1), source=Source.HISTORY)
        await give_back(db, sale, {0: 11_300}, at=on(0, 31))
    await shut(tenant, OCTOBER, NOVEMBER)
    contract_id = await value(tenant, "SELECT id FROM app.contracts WHERE tenant_id = :t AND code <> 'house'")
    async with tenant.reading() as db:
        counted = await turnover.turnover_in(
            db, turnover.Window(contract_ids=[contract_id], through=NOVEMBER), counting=WHEN_SOLD
        )
    [by_period] = counted.counted.values()
    assert {period: each[shop.store_id].turnover_fen for period, each in by_period.items()} == {
        OCTOBER: -10_000, NOVEMBER: 10_000
    }  # fmt: skip
    assert await broken(tenant) == []


BY_STORE = (
    "SELECT s.code || ' ' || CASE p.kind WHEN 'mall' THEN p.kind ELSE p.code END AS whose, sum(CASE WHEN c.kind = 'payable' THEN e.amount_fen ELSE -e.amount_fen END)::bigint AS fen"
    " FROM app.ledger_entries e JOIN app.ledger_accounts c ON c.tenant_id = e.tenant_id AND c.id = e.credit_account_id"
    " JOIN app.parties p ON p.tenant_id = e.tenant_id AND p.id = e.party_id JOIN app.stores s ON s.tenant_id = e.tenant_id AND s.id = e.store_id"
    " WHERE e.tenant_id = :t AND c.tenant_id = :t AND p.tenant_id = :t AND s.tenant_id = :t AND e.cause = 'true_up' GROUP BY 1 ORDER BY 1"
)


async def goes_on(tenant: TenantScope, *, cut: bool, sells_itself: bool) -> dict[str, int]:
    """A quarter's guarantee at two franchisees; `cut`: the contract ends with October, and goes on with the same terms when that is closed."""
    franchisee = NamedParty(kind=PartyKind.FRANCHISEE, code="F01", name="林记加盟")
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        stores = [await add_store(db, code, mall_id=mall_id) for code in ("S1", "S2")]
        for store_id, owner in zip(stores, ("F01", "F02"), strict=True):
            await own(db, store_id, Ownership.FRANCHISE, LONG_AGO, owner, owner_name=f"{owner} 加盟")
        party = franchisee if sells_itself else NamedParty(kind=PartyKind.MALL, mall_id=mall_id)
        agreed = [
            PeriodTermsRow(
                party=party, period=TermLength.QUARTER, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=50_000
            )
        ]  # fmt: skip
        november = on(0, 31).replace(hour=16)
        said = {"active_to": november} if cut else {}
        await mall_contract(db, mall_id, stores, period_terms=agreed, **said)
        await sell(db, stores[0], 10_000, at=on(0, 5))
        await sell(db, stores[1], 10_000, at=on(0, 5))
    await shut(tenant, OCTOBER)
    async with tenant.writing() as db:
        if cut:
            await mall_contract(db, mall_id, stores, period_terms=agreed, active_from=november)
        await sell(db, stores[1], 90_000, at=on(1, 5))
    await shut(tenant, NOVEMBER, DECEMBER)
    assert await broken(tenant) == []
    return {row.whose: row.fen for row in await rows(tenant, BY_STORE)}


@pytest.mark.parametrize("sells_itself", [False, True])
async def test_a_contract_that_ended_and_went_on_is_borne_by_each_store_as_if_it_had_never_ended(
    tenant: TenantScope, other_tenant: TenantScope, sells_itself: bool
) -> None:
    went_on = await goes_on(tenant, cut=True, sells_itself=sells_itself)
    assert went_on == await goes_on(other_tenant, cut=False, sells_itself=sells_itself)
