"""Whether a store is open: past midnight, on holidays, and when nobody knows."""

from datetime import date, datetime

import pytest

from tenants.hours import Hours, Span, WeeklySpan, business_day, check_spans, is_open, next_opening

ZONE = "Asia/Shanghai"
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
LATE = Hours(weekly=(WeeklySpan(EVERY_DAY, "18:00", "03:00"),))
DAILY = Hours(weekly=(WeeklySpan((1, 2, 3, 4, 5), "10:00", "22:00"), WeeklySpan((6, 7), "10:00", "24:00")))


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in November 2026 (the 2nd is a Monday), given in Shanghai's clock."""
    return datetime.fromisoformat(f"2026-11-{day:02d}T{hour:02d}:{minute:02d}:00+08:00")


@pytest.mark.parametrize(
    ("at", "is_it"),
    [
        (shanghai(2, 9, 59), False),
        (shanghai(2, 10), True),
        (shanghai(2, 21, 59), True),
        (shanghai(2, 22), False),
        (shanghai(7, 23, 59), True),
        (shanghai(8, 0), False),
    ],
)
def test_a_store_is_open_from_its_opening_until_just_before_its_closing(at: datetime, is_it: bool) -> None:
    assert is_open(DAILY, at=at, time_zone=ZONE) is is_it


def test_a_span_past_midnight_belongs_to_the_day_it_began() -> None:
    assert is_open(LATE, at=shanghai(3, 2, 59), time_zone=ZONE) is True
    assert is_open(LATE, at=shanghai(3, 3), time_zone=ZONE) is False
    assert business_day(shanghai(3, 2, 59), time_zone=ZONE, starts="05:00") == date(2026, 11, 2)
    assert business_day(shanghai(3, 5), time_zone=ZONE, starts="05:00") == date(2026, 11, 3)


def test_a_holiday_closes_the_day_and_a_special_day_has_its_own_hours() -> None:
    hours = Hours(
        weekly=DAILY.weekly, exceptions={date(2026, 11, 3): (), date(2026, 11, 4): (Span("08:00", "09:00"),)}
    )
    assert is_open(hours, at=shanghai(3, 12), time_zone=ZONE) is False
    assert is_open(hours, at=shanghai(4, 8, 30), time_zone=ZONE) is True
    assert is_open(hours, at=shanghai(4, 12), time_zone=ZONE) is False
    assert next_opening(hours, at=shanghai(3, 12), time_zone=ZONE) == shanghai(4, 8)


def test_unknown_hours_are_answered_with_unknown() -> None:
    assert is_open(None, at=shanghai(2, 12), time_zone=ZONE) is None
    assert is_open(Hours(source_text="看天气"), at=shanghai(2, 12), time_zone=ZONE) is None
    assert next_opening(None, at=shanghai(2, 12), time_zone=ZONE) is None


@pytest.mark.parametrize(
    "span", [Span("25:00", "26:00"), Span("ab", "10:00"), WeeklySpan((8,), "10:00", "11:00")]
)
def test_times_and_days_that_do_not_exist_are_refused(span: Span | WeeklySpan) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_spans([span])
