"""What is shown of disputes. Amounts are whole fen; `ours` are our books, `theirs` the other side's file."""

from datetime import date, datetime

import msgspec

from settlement.disputes.states import AnswerState, Compared, DisputeState, Grain
from settlement.reconciliation.matching import MatchClass
from tenants.kernel.ids import AdjustmentId, DisputeId, StatementId
from tenants.kernel.money import Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class DisputeDifferenceView(_View, frozen=True):
    """One difference, and its answer."""

    number: int
    kind: MatchClass
    about: str
    occurred_on: date
    ours_fen: Fen | None
    theirs_fen: Fen | None
    row_no: int | None
    state: AnswerState
    reason: str | None
    answered_by: str | None
    answered_at: datetime | None
    adjustment_id: AdjustmentId | None


class DifferenceClass(_View, frozen=True):
    """How many differences of a class there are, and what they add up to (theirs less ours)."""

    kind: MatchClass
    count: int
    open: int
    differing_fen: Fen


class DisputeView(_View, frozen=True):
    """A dispute with its figures: rows read, what agrees, what differs by class, and every difference."""

    id: DisputeId
    statement_id: StatementId
    state: DisputeState
    reason: str
    opened_by: str
    opened_at: datetime
    level: Grain | None
    compares: Compared | None
    file_name: str | None
    file_sha256: str | None
    rows_read: int | None
    ours_fen: Fen | None
    theirs_fen: Fen | None
    matched: int | None
    matched_fen: Fen | None
    imported_by: str | None
    imported_at: datetime | None
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    classes: list[DifferenceClass]
    differences: list[DisputeDifferenceView]


class DisputeList(_View, frozen=True):
    """Disputes, the newest first."""

    disputes: list[DisputeView]
