"""The simulator's clock: real time plus an offset that only grows.

Two hands: `now` is business time (expiry, settlement, refunds, callback ladder) and can be advanced; `stamp` is what signatures
carry, and stays with real time, because whoever checks a signature has not advanced anything.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def _real_time() -> datetime:
    return datetime.now(UTC)


class SimulatorClock:
    """Business time and signature time; `real` may be replaced to stand still."""

    def __init__(self, real: Callable[[], datetime] = _real_time) -> None:
        self._real = real
        self.offset = timedelta()

    def now(self) -> datetime:
        """Business time."""
        return self._real() + self.offset

    def stamp(self) -> int:
        """Signature time, in seconds."""
        return int(self._real().timestamp())

    def advance(self, seconds: float) -> datetime:
        """Move business time forward; it never goes back."""
        self.offset += timedelta(seconds=max(seconds, 0))
        return self.now()
