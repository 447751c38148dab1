"""Opens a dispute of a statement: nothing is paid on it from now on, and nobody can sign it before every difference has an answer."""

from datetime import datetime

from sqlalchemy import insert

from settlement.disputes.commands import OpenDispute
from settlement.disputes.models import Dispute
from settlement.disputes.queries import find_dispute
from settlement.disputes.states import DisputeState
from settlement.disputes.views import DisputeView
from settlement.queries import find_statement
from settlement.signing.standing import move_statement
from settlement.signing.states import StatementState
from tenants.audit import record_deed
from tenants.kernel.ids import DisputeId, MallId, StatementId, new_id
from tenants.kernel.scope import Writing


async def open_dispute(
    db: Writing,
    command: OpenDispute,
    *,
    statement_id: StatementId,
    opened_by: str,
    now: datetime,
    mall_id: MallId | None = None,
) -> DisputeView:
    """Say that the figures are not agreed to; a mall may say it of its own statements alone."""
    await find_statement(db, statement_id, mall_id=mall_id)
    await move_statement(db, statement_id, to=StatementState.DISPUTED)
    dispute_id = DisputeId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": dispute_id, "statement_id": statement_id,
        "state": DisputeState.OPEN.value, "reason": command.reason, "opened_at": now, "opened_by": opened_by,
    }  # fmt: skip
    await db.execute(insert(Dispute).values(row))
    await record_deed(
        db, actor=opened_by, action="open_dispute", subject_id=statement_id, now=now, reason=command.reason
    )
    return await find_dispute(db, dispute_id)
