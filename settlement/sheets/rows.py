"""The rows that a written statement consists of: its figures, never changed again, and where it stands. Writes nothing itself."""

from datetime import date, datetime
from typing import Any

from settlement.signing.states import StatementState
from settlement.statements import PartyMonth
from tenants.kernel.ids import PartyId, StatementId, TenantId, derived_id


def statement_id_of(tenant_id: TenantId, party_id: PartyId, *, month: date, version: int) -> StatementId:
    """The id that a version of a party's month has, for ever."""
    further = (str(version),) if version > 1 else ()
    return StatementId(derived_id(tenant_id, "statement", party_id, month.isoformat(), *further))


def statement_row(
    tenant_id: TenantId,
    counted: PartyMonth,
    *,
    month: date,
    closed_at: datetime,
    closed_by: str | None,
    names: dict[str, Any],
    content_sha256: str,
    restated_for: str | None = None,
) -> dict[str, Any]:
    """A statement as it is written."""
    return {
        "tenant_id": tenant_id,
        "id": statement_id_of(tenant_id, counted.party_id, month=month, version=counted.version),
        "party_id": counted.party_id, "period_on": month, "version": counted.version,
        "opening_fen": counted.opening_fen, "earned_fen": counted.earned_fen,
        "reversed_fen": counted.reversed_fen, "adjusted_fen": counted.adjusted_fen,
        "collected_fen": counted.collected_fen, "paid_fen": counted.paid_fen,
        "closing_fen": counted.closing_fen, "lines": counted.lines, "adjustments": counted.adjustments,
        "content_sha256": content_sha256, "names": names, "closed_at": closed_at, "closed_by": closed_by,
        "restated_for": restated_for,
    }  # fmt: skip


def standing_row(statement: dict[str, Any]) -> dict[str, Any]:
    """Where a statement stands when it is written."""
    return {
        "tenant_id": statement["tenant_id"], "statement_id": statement["id"],
        "state": StatementState.CLOSED.value, "payable_fen": max(0, statement["closing_fen"]), "payout_fen": 0,
    }  # fmt: skip
