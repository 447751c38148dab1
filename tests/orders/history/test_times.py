"""Clock times without their zone, on the days when the clocks jump."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orders.history.times import HAPPENS_TWICE, NEVER_HAPPENS, moment_of


@pytest.mark.parametrize(
    ("written", "zone", "utc", "doubt"),
    [
        ("2026-03-02 12:30", "Asia/Shanghai", "2026-03-02 04:30", None),
        ("2026-07-01 12:00", "Europe/London", "2026-07-01 11:00", None),
        ("2026-10-25 01:30", "Europe/London", "2026-10-25 00:30", HAPPENS_TWICE),
        ("2026-03-29 01:30", "Europe/London", "2026-03-29 01:30", NEVER_HAPPENS),
        ("2017-10-15 00:00", "America/Sao_Paulo", "2017-10-15 03:00", NEVER_HAPPENS),
        ("2026-03-29 01:30+08:00", "Europe/London", "2026-03-28 17:30", None),
    ],
)
def test_a_clock_time_becomes_one_moment_and_a_doubtful_one_is_said(
    written: str, zone: str, utc: str, doubt: str | None
) -> None:
    moment, said = moment_of(datetime.fromisoformat(written), ZoneInfo(zone))
    assert (moment, said) == (datetime.fromisoformat(utc).replace(tzinfo=UTC), doubt)
