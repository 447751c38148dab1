"""What reconciliation shows: compared days, differences, the proof of a day. Amounts are fen, fees thousandths of a fen."""

from datetime import date, datetime
from typing import Any

import msgspec

from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.states import BillKind, DayState, DifferenceState
from tenants.kernel.ids import DifferenceId, MerchantId
from tenants.kernel.money import Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class ClassCount(_View, frozen=True):
    """How many of a day's differences are of one class."""

    kind: MatchClass
    count: int


class DayView(_View, frozen=True):
    """One account's day: what its file and our books say, and how many items compare in which way. Refunds and returns count below zero."""

    kind: BillKind
    account: str
    day: date
    state: DayState
    reason: str | None = None
    version: int | None = None
    matched: int = 0
    ours_count: int = 0
    ours_fen: Fen = Fen(0)
    theirs_count: int = 0
    theirs_fen: Fen = Fen(0)
    classes: list[ClassCount] = []
    open_differences: int = 0


class DayList(_View, frozen=True):
    """Days, the newest first."""

    days: list[DayView]
    next_cursor: str | None = None


class DifferenceView(_View, frozen=True):
    """One difference: both sides as they were compared, how long it is open, and what people made of it."""

    id: DifferenceId
    bill: BillKind
    account: str
    merchant_id: MerchantId | None
    day: date
    key: str
    kind: MatchClass
    differing: list[str]
    amount_fen: Fen
    fee_millifen: int
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None
    state: DifferenceState
    owner: str | None
    note: str | None
    reason: str | None
    resolved_by: str | None
    first_seen_at: datetime
    ended_at: datetime | None
    days_open: int


class DifferenceList(_View, frozen=True):
    """Differences, the oldest first."""

    differences: list[DifferenceView]
    next_cursor: str | None = None


class ProofLine(_View, frozen=True):
    """One kind of money of a day: what the file tells, what the ledger booked for it, what explains the rest, and what nothing explains.

    In thousandths of a fen, as fees are. Explained are refunds still on their way, what our payments know and the ledger does not book, and what a person
    resolved with a reason.
    """

    name: str
    bill_millifen: int
    ledger_millifen: int
    explained_millifen: int
    unexplained_millifen: int


class ProofView(_View, frozen=True):
    """账单 = 账本: one merchant's day, line by line, and the keys (some of them) that keep it from holding.

    `unbilled_fen` is what happened on this day by our payments and refunds and stands in no file near it.
    """

    account: str
    day: date
    lines: list[ProofLine]
    unbilled_count: int
    unbilled_fen: Fen
    examples: list[str]
    holds: bool


class ProofList(_View, frozen=True):
    """The proofs of a day, a merchant each."""

    proofs: list[ProofView]


class BillTaken(_View, frozen=True):
    """What became of one day of a file that a person gave: every row of it was kept, or none."""

    kind: BillKind
    account: str
    day: date
    version: int
    rows: int
    is_new: bool
    replaces: int | None


class BillsTaken(_View, frozen=True):
    """A file's days, as they compare now, with their proofs; `rows_read` are all of its rows."""

    rows_read: int
    bills: list[BillTaken]
    days: list[DayView]
    proofs: list[ProofView]
