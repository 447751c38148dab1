"""How often WeChat lets somebody call, counted as its documents say; a control switch scales the limits or turns them off.

Counted in business time over the last second or minute, so that advancing the clock lets everybody call again. What was refused for
its frequency is not counted.
"""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

import msgspec

KEPT = 10_000
"""Callers remembered; those who have been quiet longest are forgotten first."""


class Limit(msgspec.Struct, frozen=True):
    """So many calls of one caller within a time."""

    name: str
    calls: int
    within: timedelta


SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SPLITS_OF_INITIATOR = Limit("splits of an initiator", 300, SECOND)
SPLITS_OF_PAYEE = Limit("splits of a payee", 30, SECOND)
REFUNDS = Limit("refunds", 150, SECOND)
REFUSED_REFUNDS = Limit("erroneous refunds", 6, SECOND)
LOGINS_OF_SHOPPER = Limit("log-ins of a shopper", 100, MINUTE)
UNLIMITED_CODES = Limit("unlimited codes", 5_000, MINUTE)
ALL = (SPLITS_OF_INITIATOR, SPLITS_OF_PAYEE, REFUNDS, REFUSED_REFUNDS, LOGINS_OF_SHOPPER, UNLIMITED_CODES)


class Limits:
    """Counts calls by limit and caller. Nothing of it is kept over a restart but the scale."""

    def __init__(self) -> None:
        self._calls: OrderedDict[tuple[str, str], deque[datetime]] = OrderedDict()

    def exceeded(self, limit: Limit, caller: str, *, scale: float, now: datetime) -> bool:
        """Whether the caller has used this limit up; at scale 0 nobody ever has."""
        if scale <= 0:
            return False
        calls = self._of(limit, caller)
        while calls and calls[0] <= now - limit.within:
            calls.popleft()
        return len(calls) >= max(1, int(limit.calls * scale))

    def count(self, limit: Limit, caller: str, *, now: datetime) -> None:
        """Count one call."""
        self._of(limit, caller).append(now)

    def _of(self, limit: Limit, caller: str) -> deque[datetime]:
        key = (limit.name, caller)
        calls = self._calls.pop(key, None)
        self._calls[key] = calls = deque() if calls is None else calls
        while len(self._calls) > KEPT:
            self._calls.popitem(last=False)
        return calls
