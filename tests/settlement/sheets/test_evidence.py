"""A true-up on a statement: what was reckoned, what had been booked before, what this statement books, and that these three tie."""

from datetime import UTC, date, datetime

from settlement.agreements.agreed import GuaranteeKind, ReturnsCount, TermLength
from settlement.close import close_month
from settlement.commands import ContractRateRow, NamedParty, PeriodTermsRow
from settlement.queries import statements
from settlement.sheets.lines import statement_adjustments
from settlement.sheets.names import names_of
from settlement.states import Cause, PartyKind
from settlement.views import AdjustmentLine
from tenants.kernel.money import fen_from_text
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership
from tests.settlement.true_ups.test_post import at
from tests.support.books import LONG_AGO, add_mall, add_store, give_back, mall_contract, sell
from tests.support.owners import own

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
FIRST_OF_NOVEMBER = datetime(2026, 10, 31, 16, tzinfo=UTC)


async def shut(tenant: TenantScope, month: date) -> None:
    now = (
        datetime(2027, 1, 5, tzinfo=UTC)
        if month == DECEMBER
        else datetime(2026, month.month + 1, 2, tzinfo=UTC)
    )
    await close_month(tenant, month, closed_by="staff:closer", now=now)


async def shown(tenant: TenantScope, month: date) -> dict[str, list[AdjustmentLine]]:
    """The true-ups on each party's statement of the month."""
    async with tenant.reading() as db:
        found = {}
        for each in await statements(db, month=month):
            names = await names_of(db, each.id)
            lines = await statement_adjustments(
                db, each.party.id, month=month, version=each.version, stores=names.stores
            )
            found[each.party.kind.value] = [line for line in lines if line.cause is Cause.TRUE_UP]
    return found


def told(lines: list[AdjustmentLine]) -> dict[str, int]:
    """The amounts that the sheet's steps end with, in fen."""
    ends = (
        "reckoned in all", "booked by earlier statements", "at its own stores, not booked",
        "booked in this period", "this statement books",
    )  # fmt: skip
    steps = [step for line in lines for step in line.steps]
    return {step.en: fen_from_text(step.value) for step in steps if step.en in ends}


async def test_what_an_earlier_month_of_the_quarter_booked_is_taken_off_what_is_reckoned(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store = await add_store(db, mall_id=mall_id)
        mall = NamedParty(kind=PartyKind.MALL, mall_id=mall_id)
        terms = [
            PeriodTermsRow(
                party=mall,
                period=TermLength.QUARTER,
                guarantee_kind=GuaranteeKind.AMOUNT,
                guarantee_fen=92_000,
            )
        ]
        await mall_contract(db, mall_id, [store], period_terms=terms, active_to=FIRST_OF_NOVEMBER)
        await sell(db, store, 100_000)
    await shut(tenant, OCTOBER)
    assert told((await shown(tenant, OCTOBER))["mall"]) == {
        "reckoned in all": 31_000 - 15_000, "booked by earlier statements": 0, "booked in this period": 16_000,
        "this statement books": 16_000,
    }  # fmt: skip
    async with tenant.writing() as db:
        await mall_contract(db, mall_id, [store], period_terms=terms, active_from=FIRST_OF_NOVEMBER)
        await sell(db, store, 20_000, at=at(12, 5))
    await shut(tenant, NOVEMBER)
    await shut(tenant, DECEMBER)
    december = await shown(tenant, DECEMBER)
    assert told(december["mall"]) == {
        "reckoned in all": 92_000 - 18_000, "booked by earlier statements": 16_000,
        "booked in this period": 58_000, "this statement books": 58_000,
    }  # fmt: skip
    assert told(december["brand"])["this statement books"] == -58_000
    for lines in december.values():
        assert told(lines)["this statement books"] == sum(line.amount_fen for line in lines)


async def test_what_a_party_would_have_settled_with_itself_is_told_and_not_booked(
    tenant: TenantScope,
) -> None:
    franchisee = NamedParty(kind=PartyKind.FRANCHISEE, code="F01", name="林记加盟")
    agreed = PeriodTermsRow(
        party=franchisee, period=TermLength.MONTH, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=12_000
    )
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        stores = [await add_store(db, code, mall_id=mall_id) for code in ("S1", "S2")]
        await own(db, stores[0], Ownership.FRANCHISE, LONG_AGO, "F01", owner_name="林记加盟")
        await mall_contract(
            db,
            mall_id,
            stores,
            rates=[ContractRateRow(party=franchisee, rate_bps=1_000)],
            period_terms=[agreed],
        )
        for store in stores:
            await sell(db, store, 10_000)
    await shut(tenant, OCTOBER)
    found = await shown(tenant, OCTOBER)
    # By its sales it had 10,000 of its own store (all the rest) and 1,000 of the other: 1,000 are missing, half of them at its own.
    assert told(found["franchisee"]) == {
        "reckoned in all": 1_000, "booked by earlier statements": 0, "at its own stores, not booked": 500,
        "booked in this period": 500, "this statement books": 500,
    }  # fmt: skip
    assert told(found["brand"])["this statement books"] == -500


async def test_a_term_that_is_reckoned_again_is_told_with_what_it_came_to_before(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store = await add_store(db, mall_id=mall_id)
        capped = PeriodTermsRow(
            party=NamedParty(kind=PartyKind.MALL, mall_id=mall_id), period=TermLength.MONTH, cap_fen=6_000,
            returns_count=ReturnsCount.WHEN_SOLD,
        )  # fmt: skip
        await mall_contract(db, mall_id, [store], period_terms=[capped])
        sale = await sell(db, store, 100_000)
        await sell(db, store, 50_000, at=at(11, 2))
        await give_back(db, sale, {0: 80_000}, at=at(11, 3))
    await shut(tenant, OCTOBER)
    await shut(tenant, NOVEMBER)
    [first] = (await shown(tenant, OCTOBER))["mall"]
    names = [step.en for step in first.steps]
    assert ("returns count" in names, "reckoned again, last in" in names) == (True, False)
    [again, own] = (await shown(tenant, NOVEMBER))["mall"]
    assert (again.occurred_on, again.amount_fen) == (date(2026, 10, 31), 9_000)
    assert (own.occurred_on, own.amount_fen) == (date(2026, 11, 30), -1_500)
    assert again.reference == own.reference
    steps = [(step.en, step.value) for step in again.steps]
    october, november = (steps.index(("days", days)) for days in ("2026-10-01 至 2026-10-31（v1）", "2026-11-01 至 2026-11-30（v1）"))  # fmt: skip
    assert steps[october:november] == [
        ("days", "2026-10-01 至 2026-10-31（v1）"), ("days in force", "31 / 31"), ("returns count", "销售所属账期"),
        ("reckoned again, last in", "2026-10"), ("turnover then", "1000.00"), ("due then", "60.00"),
        ("by sales then", "150.00"), ("turnover", "200.00"), ("by rates", "30.00"), ("cap, by days", "60.00"),
        ("cap takes", "0.00"), ("due", "30.00"), ("less: by sales", "-30.00"), ("less: earlier true-ups", "90.00"),
        ("true-up", "90.00"),
    ]  # fmt: skip
    assert told([again, own]) == {
        "reckoned in all": -1_500, "booked by earlier statements": -9_000, "booked in this period": 7_500,
        "this statement books": 7_500,
    }  # fmt: skip
