"""Accounting periods with and without a cut-off day: every day in exactly one, and booked into it whichever way it is booked."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from orders.states import Source
from settlement.agreements.agreed import TermLength
from settlement.calendar import (
    ONE_DAY,
    begins_a_period,
    days_in_force,
    months_after,
    next_month,
    overlap_days,
    period_ends,
    period_of,
    period_starts,
    term_of,
)
from settlement.close import close_month
from settlement.errors import PeriodNotOver
from settlement.posting.pending import post_pending
from tenants.kernel.scope import TenantScope
from tests.support.books import add_mall, add_store, mall_contract, sell

SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize("cut_off", [None, 1, 5, 25, 28])
def test_every_day_of_ten_years_is_in_one_period_and_within_its_ends(cut_off: int | None) -> None:
    day, before = date(2023, 12, 20), None
    for _ in range(3_660):
        period = period_of(day, cut_off=cut_off)
        assert period_starts(period, cut_off=cut_off) <= day < period_ends(period, cut_off=cut_off)
        assert period_ends(period, cut_off=cut_off) == period_starts(next_month(period), cut_off=cut_off)
        assert before is None or period in {before, next_month(before)}
        day, before = day + ONE_DAY, period


def test_quarters_and_years_begin_with_the_calendars() -> None:
    assert term_of(date(2026, 11, 1), TermLength.QUARTER) == (date(2026, 10, 1), date(2027, 1, 1))
    assert term_of(date(2026, 11, 1), TermLength.YEAR) == (date(2026, 1, 1), date(2027, 1, 1))
    assert months_after(date(2026, 1, 1), -1) == date(2025, 12, 1)


def test_the_day_one_version_follows_another_is_counted_once() -> None:
    start, change, end = (datetime(2026, 10, day, 6, tzinfo=UTC) for day in (1, 16, 31))
    first = days_in_force(start, change, time_zone=SHANGHAI, goes_on=True)
    second = days_in_force(change, end, time_zone=SHANGHAI, goes_on=False)
    october = (date(2026, 10, 1), date(2026, 11, 1))
    assert [overlap_days([span], october) for span in (first, second)] == [15, 16]
    assert overlap_days([first, second], october) == 31


def test_a_contract_that_ends_at_midnight_does_not_count_the_day_that_begins() -> None:
    midnight = datetime(2026, 10, 20, 16, tzinfo=UTC)
    ends = [days_in_force(midnight - timedelta(days=9), midnight + late, time_zone=SHANGHAI, goes_on=False)[1] for late in (timedelta(0), timedelta(hours=1))]  # fmt: skip
    assert ends == [date(2026, 10, 21), date(2026, 10, 22)]


def test_only_the_first_moment_begins_a_period() -> None:
    said = {"time_zone": SHANGHAI, "cut_off": 25}
    midnight = datetime(2026, 10, 25, 16, tzinfo=UTC)
    assert begins_a_period(midnight, **said)
    assert not any(
        begins_a_period(midnight + off, **said)
        for off in (timedelta(seconds=1), timedelta(days=1), -timedelta(days=1))
    )


@pytest.mark.parametrize("source", list(Source))
async def test_a_sale_after_the_cut_off_is_the_next_months(tenant: TenantScope, source: Source) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await mall_contract(db, mall_id, [store_id], cut_off_day=25)
        # Four minutes before and one after midnight of the 25th in Shanghai, and the last day of the year.
        for at in (
            datetime(2026, 10, 25, 15, 56, tzinfo=UTC),
            datetime(2026, 10, 25, 16, 1, tzinfo=UTC),
            datetime(2026, 12, 31, 1, tzinfo=UTC),
        ):
            await sell(db, store_id, 1_000, at=at, source=source)
    await post_pending(tenant, now=datetime(2027, 3, 1, tzinfo=UTC))
    async with tenant.reading() as db:
        found = await db.execute(
            text(
                "SELECT DISTINCT occurred_on, period_on FROM app.ledger_entries WHERE tenant_id = :t ORDER BY 1"
            ),
            {"t": tenant.tenant_id},
        )
        booked = [(row.occurred_on, row.period_on) for row in found]
    assert booked == [
        (date(2026, 10, 25), date(2026, 10, 1)), (date(2026, 10, 26), date(2026, 11, 1)),
        (date(2026, 12, 31), date(2027, 1, 1)),
    ]  # fmt: skip


async def test_a_month_can_be_closed_early_only_once_its_own_calendar_has_begun(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await mall_contract(db, mall_id, [store_id], cut_off_day=25)
    closing = {"closed_by": "staff:test", "early": True}
    in_time_for_the_mall_alone = datetime(2026, 10, 27, tzinfo=UTC)
    with pytest.raises(PeriodNotOver) as refused:
        await close_month(tenant, date(2026, 11, 1), now=in_time_for_the_mall_alone, **closing)
    assert "house" in refused.value.details["month"]
    [closed] = await close_month(tenant, date(2026, 10, 1), now=in_time_for_the_mall_alone, **closing)
    assert not closed.already_closed
