"""Opening hours: is a store open at a moment, when does it open next, and which business day does a moment belong to.

Pure. Weekly hours are local; a span that closes at or before it opens runs past midnight into the next day. Hours that nobody
could read are None, and a question about them is answered None, never guessed.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

DAY = timedelta(days=1)


class Span(msgspec.Struct, frozen=True):
    """Open from `opens` to `closes`, local "HH:MM"; closes <= opens means the next day, "24:00" is midnight."""

    opens: str
    closes: str


class WeeklySpan(msgspec.Struct, frozen=True):
    """A span on certain weekdays, 1 = Monday to 7 = Sunday."""

    days: tuple[int, ...]
    opens: str
    closes: str


class Hours(msgspec.Struct, frozen=True):
    """A week's hours and the dates that differ (holidays: an empty list; special days: their own spans)."""

    weekly: tuple[WeeklySpan, ...] | None = None
    exceptions: Mapping[date, tuple[Span, ...]] = {}
    source_text: str | None = None


def is_open(hours: Hours | None, *, at: datetime, time_zone: str) -> bool | None:
    """Whether the store is open at `at`; None when its hours are not known."""
    local = at.astimezone(ZoneInfo(time_zone))
    days = (local.date() - DAY, local.date())  # yesterday's span may run past midnight
    if hours is None or any(_spans(hours, day) is None for day in days):
        return None
    return any(
        starts <= local.replace(tzinfo=None) < ends for day in days for starts, ends in _moments(hours, day)
    )


def next_opening(hours: Hours | None, *, at: datetime, time_zone: str) -> datetime | None:
    """The next moment the store opens, looking two weeks ahead; None when hours are not known or it stays closed."""
    zone = ZoneInfo(time_zone)
    local = at.astimezone(zone)
    for ahead in range(15):
        day = local.date() + ahead * DAY
        for starts, _ends in sorted(_moments(hours, day)) if hours else []:
            if starts > local.replace(tzinfo=None):
                return starts.replace(tzinfo=zone)
    return None


def business_day(at: datetime, *, time_zone: str, starts: str) -> date:
    """The day a sale counts for: local date, the hours before `starts` ("04:00") belonging to the day before."""
    local = at.astimezone(ZoneInfo(time_zone))
    begins, _ = _clock(starts)
    return local.date() if local.time() >= begins else local.date() - DAY


def check_spans(spans: Sequence[Span | WeeklySpan]) -> None:
    """Refuse (ValueError) clock times and weekdays that do not exist."""
    for span in spans:
        _clock(span.opens)
        _clock(span.closes)
        if isinstance(span, WeeklySpan) and not set(span.days) <= set(range(1, 8)):
            raise ValueError(f"weekdays run from 1 to 7, not {span.days}")


def _spans(hours: Hours, day: date) -> tuple[Span, ...] | None:
    if day in hours.exceptions:
        return tuple(hours.exceptions[day])
    if hours.weekly is None:
        return None
    return tuple(Span(span.opens, span.closes) for span in hours.weekly if day.isoweekday() in span.days)


def _moments(hours: Hours, day: date) -> list[tuple[datetime, datetime]]:
    """The spans that begin on `day`, as local date-times."""
    moments = []
    for span in _spans(hours, day) or ():
        (opens, _), (closes, next_day) = _clock(span.opens), _clock(span.closes)
        starts, ends = datetime.combine(day, opens), datetime.combine(day, closes)
        if next_day or ends <= starts:
            ends += DAY
        moments.append((starts, ends))
    return moments


def _clock(text: str) -> tuple[time, bool]:
    """Read "HH:MM"; the flag says that it was "24:00"."""
    if text == "24:00":
        return time(0), True
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute)), False
