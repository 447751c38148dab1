"""The moment behind a clock time that was written without its zone. Pure.

Twice a year local clocks jump: an hour that happens twice is read as its first time round, an hour that never happens as the moment the clocks
were moved past it; both are said, so that somebody may look.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

HAPPENS_TWICE = "this clock time happens twice on that day; the earlier was taken (夏令时重复时刻，取较早者)"
NEVER_HAPPENS = (
    "this clock time does not exist on that day; read as the hour after the jump (夏令时跳过的时刻，顺延)"
)


def moment_of(written: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    """The moment in UTC, and what must be said about it; a time with a zone of its own is only converted."""
    if written.tzinfo is not None:
        return written.astimezone(UTC), None
    earlier = written.replace(tzinfo=zone, fold=0).astimezone(UTC)
    later = written.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if earlier == later:
        return earlier, None
    if earlier < later:
        return earlier, HAPPENS_TWICE
    # In a gap fold=0 keeps the offset from before the jump, which lands the same distance behind it.
    return earlier, NEVER_HAPPENS
