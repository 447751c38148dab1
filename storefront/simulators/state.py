"""What the simulator remembers, in memory and, when a path is given, in one JSON file that is replaced whole on every change.

The file holds the simulator's own private keys (never a merchant's), so only its owner may read it. Writing everything each time
is meant for a demonstration's thousands of payments, not for load: leave the path out there.
"""

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from storefront.simulators.clock import SimulatorClock
from storefront.simulators.faults import Faults


class PlatformCertificate(msgspec.Struct):
    """WeChat Pay's platform certificate, as played here: one for all merchants."""

    serial: str
    certificate: str
    private_key: str
    effective_at: datetime
    expires_at: datetime


class Merchant(msgspec.Struct, kw_only=True):
    """A direct merchant, its keys, and its available balance in fen."""

    mchid: str
    wechat_key_id: str
    wechat_public_key: str
    wechat_private_key: str
    appids: list[str] = []
    certificate_serial: str = ""
    public_key: str = ""
    api_v3_key: str = ""
    fee_bps: int = 0
    refund_seconds: int = 0
    settle_seconds: int = 0
    certificates: bool = True
    available: int = 0
    withdrawn: int = 0


class Payment(msgspec.Struct, kw_only=True):
    """A payment number at a merchant. `held` is its net amount, in fen, that has not reached the available balance."""

    mchid: str
    appid: str
    out_trade_no: str
    fingerprint: str
    openid: str
    total: int
    attach: str | None
    notify_url: str
    profit_sharing: bool
    store_id: str | None
    expires_at: datetime
    state: str = "NOTPAY"
    transaction_id: str | None = None
    paid_at: datetime | None = None
    fee: int = 0
    held: int = 0
    settled: bool = False
    refunded: int = 0
    refunds: int = 0


class PrepaySession(msgspec.Struct):
    """A prepay_id: which payment it opens, and until when."""

    payment: str
    expires_at: datetime


class Refund(msgspec.Struct, kw_only=True):
    """A refund number at a merchant, in fen; `fee_back` is the part of WeChat's fee that was returned with it."""

    mchid: str
    out_refund_no: str
    refund_id: str
    payment: str
    amount: int
    fee_back: int
    from_held: bool
    notify_url: str | None
    created_at: datetime
    due_at: datetime
    status: str = "PROCESSING"
    success_at: datetime | None = None


class CallbackAttempt(msgspec.Struct, rename="camel"):
    """One delivery and what came back."""

    at: datetime
    status: int | None
    answer: str
    probe: bool = False


class Callback(msgspec.Struct, kw_only=True, rename="camel"):
    """A notification on its way: its body never changes, its signature is fresh at each attempt."""

    id: str
    mchid: str
    event_type: str
    notify_url: str
    body: str
    out_trade_no: str
    out_refund_no: str | None = None
    due_at: datetime | None = None
    step: int = 0
    done: bool = False
    planned: str | None = None
    attempts: list[CallbackAttempt] = msgspec.field(default_factory=list)


class App(msgspec.Struct):
    """A mini-program."""

    appid: str
    secret: str


class LoginCode(msgspec.Struct):
    """A one-use code of wx.login."""

    appid: str
    openid: str
    unionid: str | None
    expires_at: datetime


class State(msgspec.Struct, kw_only=True):
    """Everything. Payments, refunds and sessions are keyed by `mchid/number`, or by their own id."""

    seed: int = 0
    drawn: int = 0
    offset_seconds: float = 0.0
    platform: PlatformCertificate | None = None
    merchants: dict[str, Merchant] = {}
    payments: dict[str, Payment] = {}
    transactions: dict[str, str] = {}
    sessions: dict[str, PrepaySession] = {}
    refunds: dict[str, Refund] = {}
    callbacks: dict[str, Callback] = {}
    apps: dict[str, App] = {}
    codes: dict[str, LoginCode] = {}


class Simulation:
    """The running simulator: state, clock and planned faults, and how they are kept."""

    def __init__(
        self, *, state_path: Path | None = None, seed: int = 0, clock: SimulatorClock | None = None
    ) -> None:
        self.clock = clock or SimulatorClock()
        self.faults = Faults()
        self._path = state_path
        self.state = _read(state_path) or State(seed=seed)
        self.clock.offset = max(self.clock.offset, timedelta(seconds=self.state.offset_seconds))

    def draw(self, kind: str) -> str:
        """Give the next id as 64 hex digits: the same seed and the same order of calls give the same ids."""
        self.state.drawn += 1
        return hashlib.sha256(f"{self.state.seed}/{kind}/{self.state.drawn}".encode()).hexdigest()

    def draw_digits(self, kind: str, length: int) -> str:
        """Give the next id in decimal digits."""
        return str(int(self.draw(kind), 16))[-length:].zfill(length)

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
