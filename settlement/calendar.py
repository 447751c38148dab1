"""A contract's calendar: which accounting period a day belongs to, when periods begin and end, how many days of one are in force. Pure.

A period is named by the first day of its calendar month. With a cut-off day (账期截止日) it runs from the day after the cut-off of the
month before to the cut-off of its own; without one it is the calendar month. Days are those of the contract's time zone.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from settlement.agreements.agreed import TermLength

MONTHS = {TermLength.MONTH: 1, TermLength.QUARTER: 3, TermLength.YEAR: 12}
ONE_DAY = timedelta(days=1)
Span = tuple[date, date]
"""Days, half-open."""


def next_month(first_day: date) -> date:
    """The first day of the month after."""
    return date(first_day.year + first_day.month // 12, first_day.month % 12 + 1, 1)


def months_after(first_day: date, count: int) -> date:
    """The first day of the month `count` months later (earlier, when negative)."""
    months = first_day.year * 12 + first_day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def months_through(first_day: date, last: date) -> list[date]:
    """The first days of the months from one to another, both included."""
    months = []
    while first_day <= last:
        months.append(first_day)
        first_day = next_month(first_day)
    return months


def period_of(day: date, *, cut_off: int | None) -> date:
    """The period that the day belongs to."""
    month = day.replace(day=1)
    return month if cut_off is None or day.day <= cut_off else next_month(month)


def period_starts(period: date, *, cut_off: int | None) -> date:
    """The first day of a period."""
    return period if cut_off is None else months_after(period, -1).replace(day=cut_off) + ONE_DAY


def period_ends(period: date, *, cut_off: int | None) -> date:
    """The first day after a period."""
    return period_starts(next_month(period), cut_off=cut_off)


def term_of(period: date, length: TermLength) -> Span:
    """The first period of the term that this period is in, and the first one after it."""
    first = months_after(period, -((period.month - 1) % MONTHS[length]))
    return first, months_after(first, MONTHS[length])


def days_of(term: Span, *, cut_off: int | None) -> Span:
    """The days of a term of periods."""
    first, after = term
    return period_starts(first, cut_off=cut_off), period_starts(after, cut_off=cut_off)


def local_day(at: datetime, *, time_zone: str) -> date:
    """The day of a moment in a time zone."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def days_in_force(
    active_from: datetime, active_to: datetime | None, *, time_zone: str, goes_on: bool
) -> Span:
    """The days that a version counts. The day on which one version follows another (`goes_on`) is the later one's alone.

    A contract that ends during a day (a pop-up store at ten in the evening) still counts that day; one that ends at midnight does not
    count the day that begins.
    """
    first = local_day(active_from, time_zone=time_zone)
    if active_to is None:
        return first, date.max
    ends = active_to.astimezone(ZoneInfo(time_zone))
    after = ends.date() if goes_on or ends.time() == time(0) else ends.date() + ONE_DAY
    return first, max(first, after)


def overlap_days(spans: Iterable[Span], within: Span) -> int:
    """How many days of these spans (which do not overlap one another) lie within another."""
    return sum(max(0, (min(after, within[1]) - max(first, within[0])).days) for first, after in spans)


def begins_a_period(at: datetime, *, time_zone: str, cut_off: int | None) -> bool:
    """Whether a moment is the first of a period."""
    local = at.astimezone(ZoneInfo(time_zone))
    day = local.date()
    return local.time() == time(0) and day == period_starts(period_of(day, cut_off=cut_off), cut_off=cut_off)
