"""The running simulator's state, in memory and, when a path is given, in one JSON file that is replaced whole on every change.

The file holds the simulator's own private keys (never a merchant's), so only its owner may read it. Writing everything each time
is meant for a demonstration's thousands of payments, not for load: leave the path out there.
"""

import hashlib
import heapq
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.faults import Faults
from storefront.simulators.limits import Limit, Limits
from storefront.simulators.records import (
    Assignment,
    BillChange,
    BillFile,
    Callback,
    Fate,
    Flow,
    GuideCard,
    Merchant,
    Payment,
    PlatformCertificate,
    PrepaySession,
    Receiver,
    Refund,
    Split,
    SplitReturn,
)
from storefront.simulators.wechat_mini.records import (
    AccessToken,
    App,
    Consent,
    LoginCode,
    Message,
    Parcel,
    PhoneCode,
)
from storefront.simulators.wecom.records import Corp


class Due(msgspec.Struct, array_like=True, order=True):
    """Something that happens by itself at a moment of business time; `turn` keeps the order of equal moments."""

    at: datetime
    turn: int
    kind: str
    key: str


class State(msgspec.Struct, kw_only=True):
    """Everything. What a merchant numbers is keyed by `mchid/number`, everything else by its own id."""

    seed: int = 0
    counters: dict[str, int] = {}
    offset_seconds: float = 0.0
    limit_scale: float = 1.0
    """What the documented frequency limits are multiplied with; 0 turns them off."""
    agenda: list[Due] = []
    platforms: list[PlatformCertificate] = []
    merchants: dict[str, Merchant] = {}
    persons: dict[str, str] = {}
    """Real names by openid; empty for a person who has none registered."""
    persons_received: dict[str, int] = {}
    payments: dict[str, Payment] = {}
    transactions: dict[str, str] = {}
    sessions: dict[str, PrepaySession] = {}
    refunds: dict[str, Refund] = {}
    refund_fates: dict[str, str] = {}
    receivers: dict[str, Receiver] = {}
    fates: list[Fate] = []
    splits: dict[str, Split] = {}
    returns: dict[str, SplitReturn] = {}
    flows: list[Flow] = []
    bill_changes: list[BillChange] = []
    bill_files: dict[str, BillFile] = {}
    guides: dict[str, GuideCard] = {}
    assignments: list[Assignment] = []
    callbacks: dict[str, Callback] = {}
    apps: dict[str, App] = {}
    codes: dict[str, LoginCode] = {}
    phone_codes: dict[str, PhoneCode] = {}
    tokens: dict[str, AccessToken] = {}
    consents: dict[str, Consent] = {}
    messages: list[Message] = []
    parcels: dict[str, Parcel] = {}
    corps: dict[str, Corp] = {}


class Simulation:
    """The running simulator: state, clock and planned faults, and how they are kept."""

    def __init__(
        self, *, state_path: Path | None = None, seed: int = 0, clock: SimulatorClock | None = None
    ) -> None:
        self.clock = clock or SimulatorClock()
        self.faults = Faults()
        self.limits = Limits()
        self._path = state_path
        self.state = _read(state_path) or State(seed=seed)
        self.clock.offset = max(self.clock.offset, timedelta(seconds=self.state.offset_seconds))

    def draw(self, kind: str) -> str:
        """Give this kind's next id as 64 hex digits: the same seed and the same order of calls give the same ids.

        Each kind counts by itself, so that looking at the books, or one probe more, leaves the numbers of payments alone.
        """
        turn = self.state.counters[kind] = self.state.counters.get(kind, 0) + 1
        return hashlib.sha256(f"{self.state.seed}/{kind}/{turn}".encode()).hexdigest()

    def draw_digits(self, kind: str, length: int) -> str:
        """Give the next id in decimal digits."""
        return str(int(self.draw(kind), 16))[-length:].zfill(length)

    def calls_too_often(self, *asked: tuple[Limit, str]) -> bool:
        """Whether one of these limits of a caller is used up; if not, the call is counted under each of them."""
        now, scale = self.clock.now(), self.state.limit_scale
        if any(self.limits.exceeded(limit, caller, scale=scale, now=now) for limit, caller in asked):
            return True
        for limit, caller in asked:
            self.limits.count(limit, caller, now=now)
        return False

    def plan(self, at: datetime, kind: str, *, key: str) -> None:
        """Put on the agenda what time alone will do."""
        turn = self.state.counters["agenda"] = self.state.counters.get("agenda", 0) + 1
        heapq.heappush(self.state.agenda, Due(at, turn, kind, key))

    def next_due(self) -> Due | None:
        """Take the earliest thing that is due, if any is."""
        if self.state.agenda and self.state.agenda[0].at <= self.clock.now():
            return heapq.heappop(self.state.agenda)
        return None

    def save(self) -> None:
        """Replace the file, if there is one: written beside it, flushed, renamed, so that a crash leaves the old or the new."""
        if self._path is None:
            return
        self.state.offset_seconds = self.clock.offset.total_seconds()
        fresh = self._path.with_name(self._path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(self.state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def _read(path: Path | None) -> State | None:
    if path is None or not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=State)
