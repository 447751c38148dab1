"""How fast and how stubbornly one account calls its vendor: a token bucket, and a circuit that opens when the vendor is away.

Both belong to one merchant (or mini-program, or corp) in one process, so that one tenant's trouble stays its own. They hold no network;
time comes in as a function, so that tests can move it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Seconds = Callable[[], float]

PER_SECOND, BURST = 140.0, 280
"""A little below what WeChat takes of refunds from one merchant (150 a second)."""
SPLITTING_PER_SECOND, SPLITTING_BURST = 25.0, 30
"""Splitting is taken more slowly: 30 a second for one payee."""
LONGEST_WAIT_SECONDS = 2.0
BACK_OFF_SECONDS = 1.0
"""A second is what WeChat counts its calls in."""
FAILURES_TO_OPEN = 5
OPEN_SECONDS, LONGEST_OPEN_SECONDS = 5.0, 60.0


@dataclass(slots=True)
class TokenBucket:
    """So many calls a second, with a burst; `take` waits for its turn or says that it would take too long."""

    per_second: float = PER_SECOND
    burst: int = BURST
    seconds: Seconds = time.monotonic
    _left: float = field(init=False)
    _seen: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._seen = float(self.burst), self.seconds()

    def back_off(self) -> None:
        """The vendor says that there were too many calls: let the next one wait, and forget the burst."""
        self._left = min(self._left, 1.0 - BACK_OFF_SECONDS * self.per_second)
        self._seen = self.seconds()

    async def take(self, *, longest_wait: float = LONGEST_WAIT_SECONDS) -> bool:
        """Take a turn, waiting for it at most so long; False (and no turn taken) when it would be longer."""
        now = self.seconds()
        self._left = min(float(self.burst), self._left + (now - self._seen) * self.per_second)
        self._seen = now
        # Going below zero is the queue: each caller's debt is the time it has to wait.
        wait = max(0.0, (1.0 - self._left) / self.per_second)
        if wait > longest_wait:
            return False
        self._left -= 1.0
        if wait > 0:
            await asyncio.sleep(wait)
        return True


@dataclass(slots=True)
class Circuit:
    """Opens after several calls in a row without an answer; then lets one call through at a time to see whether it is over."""

    failures_to_open: int = FAILURES_TO_OPEN
    open_seconds: float = OPEN_SECONDS
    longest_open_seconds: float = LONGEST_OPEN_SECONDS
    seconds: Seconds = time.monotonic
    _failures: int = 0
    _opened: int = 0
    _closed_until: float | None = None
    _trying: bool = False

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._closed_until is not None

    def admits(self) -> bool:
        """Whether a call may go out now; when half open, this is the one trial. Each True must be followed by `answered`."""
        if self._closed_until is None:
            return True
        if self._trying or self.seconds() < self._closed_until:
            return False
        self._trying = True
        return True

    def answered(self, *, well: bool) -> None:
        """Say how an admitted call ended; a refusal is an answer and counts as well."""
        trial, self._trying = self._trying, False
        if well:
            self._failures, self._opened, self._closed_until = 0, 0, None
            return
        self._failures += 1
        if trial or (self._closed_until is None and self._failures >= self.failures_to_open):
            wait = min(self.open_seconds * 2**self._opened, self.longest_open_seconds)
            self._opened += 1
            self._closed_until = self.seconds() + wait

    def abandoned(self) -> None:
        """Say that an admitted call was cancelled before it could tell anything."""
        self._trying = False


@dataclass(slots=True)
class Pace:
    """What one account may do: its bucket, a slower one for splitting besides, and its circuit."""

    bucket: TokenBucket = field(default_factory=TokenBucket)
    splitting: TokenBucket = field(default_factory=lambda: TokenBucket(SPLITTING_PER_SECOND, SPLITTING_BURST))
    circuit: Circuit = field(default_factory=Circuit)


def unhurried() -> Pace:
    """A pace that never holds anything back: for a channel that is used once."""
    fast = TokenBucket(per_second=1e6, burst=10**6)
    return Pace(fast, splitting=fast, circuit=Circuit(failures_to_open=10**9))
