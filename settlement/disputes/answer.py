"""Answers differences one by one, each with a reason: ours stand, or theirs do and an adjustment is asked for. Then the dispute is resolved.

The adjustment needs a second person like any other; it goes into the closed month as a new version while the statement may still be
restated, else into the open period.
"""

from datetime import datetime

from sqlalchemy import select, update

from settlement.disputes.commands import AnswerDifference, ResolveDispute
from settlement.disputes.models import Dispute, DisputeDifference
from settlement.disputes.queries import find_dispute, open_differences
from settlement.disputes.states import (
    DIFFERENCE_MOVES,
    DISPUTE_MOVES,
    AnswerState,
    Compared,
    DisputeState,
)
from settlement.disputes.views import DisputeView
from settlement.errors import (
    AdjustmentWrong,
    DifferenceAnswered,
    DifferencesOpen,
    DisputeNotFound,
    DisputeStandsOtherwise,
)
from settlement.signing.adjust import propose_adjustment
from settlement.signing.commands import ProposeAdjustment
from settlement.signing.queries import standing_of
from settlement.signing.standing import later_month_closed, move_statement
from settlement.signing.states import StatementState
from settlement.splitting.states import origins
from tenants.audit import record_deed
from tenants.kernel.ids import AdjustmentId, ContractId, DisputeId, PartyId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


async def answer_difference(
    db: Writing,
    command: AnswerDifference,
    *,
    dispute_id: DisputeId,
    number: int,
    answered_by: str,
    now: datetime,
) -> DisputeView:
    """Say who is right about a difference."""
    held = (
        select(DisputeDifference)
        .where(
            DisputeDifference.tenant_id == db.tenant_id, DisputeDifference.dispute_id == dispute_id,
            DisputeDifference.number == number,
        )
        .with_for_update()
    )  # fmt: skip
    difference = (await db.execute(held)).scalar_one_or_none()
    if difference is None:
        raise DisputeNotFound(dispute_id=dispute_id, number=number)
    adjustment_id = None
    if difference.state == AnswerState.OPEN and not command.ours_stand:
        adjustment_id = await _adjust(
            db, command, dispute_id=dispute_id, difference=difference, by=answered_by, now=now
        )
    to = AnswerState.OURS_STAND if command.ours_stand else AnswerState.THEIRS_STAND
    answered = (
        update(DisputeDifference)
        .where(
            DisputeDifference.tenant_id == db.tenant_id, DisputeDifference.dispute_id == dispute_id,
            DisputeDifference.number == number, DisputeDifference.state.in_(origins(DIFFERENCE_MOVES, to)),
        )
        .values(
            state=to, reason=command.reason, answered_at=now, answered_by=answered_by, adjustment_id=adjustment_id
        )
        .returning(DisputeDifference.number)
    )  # fmt: skip
    if (await db.execute(answered)).scalar_one_or_none() is None:
        raise DifferenceAnswered(dispute_id=dispute_id, number=number)
    await record_deed(
        db, actor=answered_by, action="answer_difference", subject_id=f"{dispute_id}#{number}", now=now,
        reason=command.reason,
    )  # fmt: skip
    return await find_dispute(db, dispute_id)


async def resolve_dispute(
    db: Writing, command: ResolveDispute, *, dispute_id: DisputeId, resolved_by: str, now: datetime
) -> DisputeView:
    """End a dispute whose differences are all answered; its statement waits for a signature."""
    dispute = await find_dispute(db, dispute_id)
    if waiting := await open_differences(db, dispute.statement_id):
        raise DifferencesOpen(details={"differences": f"{waiting} without an answer"}, dispute_id=dispute_id)
    resolved = (
        update(Dispute)
        .where(
            Dispute.tenant_id == db.tenant_id, Dispute.id == dispute_id,
            Dispute.state.in_(origins(DISPUTE_MOVES, DisputeState.RESOLVED)),
        )
        .values(
            state=DisputeState.RESOLVED, resolved_at=now, resolved_by=resolved_by, resolution=command.resolution
        )
        .returning(Dispute.id)
    )  # fmt: skip
    if (await db.execute(resolved)).scalar_one_or_none() is None:
        raise DisputeStandsOtherwise(details={"state": dispute.state.value}, dispute_id=dispute_id)
    await move_statement(db, dispute.statement_id, to=StatementState.RESOLVED)
    await record_deed(
        db, actor=resolved_by, action="resolve_dispute", subject_id=dispute_id, now=now, reason=command.resolution
    )  # fmt: skip
    return await find_dispute(db, dispute_id)


async def _adjust(
    db: Writing,
    command: AnswerDifference,
    *,
    dispute_id: DisputeId,
    difference: DisputeDifference,
    by: str,
    now: datetime,
) -> AdjustmentId:
    """Ask for the adjustment that makes theirs right."""
    dispute = await find_dispute(db, dispute_id)
    statement = await standing_of(db, dispute.statement_id)
    amount = command.amount_fen
    if amount is None and dispute.compares is Compared.PORTION:
        amount = Fen((difference.theirs_fen or 0) - (difference.ours_fen or 0))
    contract_id = difference.contract_id or command.contract_id
    if amount is None or contract_id is None:
        missing = "amountFen" if amount is None else "contractId"
        raise AdjustmentWrong(details={missing: "name it: the difference alone does not tell"})
    restates = statement.approved_at is None and not await later_month_closed(db, statement)
    asked = await propose_adjustment(
        db,
        ProposeAdjustment(
            party_id=PartyId(statement.party_id), contract_id=ContractId(contract_id), amount_fen=amount,
            reason=command.reason, statement_id=dispute.statement_id,
            store_id=StoreId(difference.store_id) if difference.store_id else None, restates=restates,
            evidence=f"{difference.kind} {difference.about}: ours {difference.ours_fen}, theirs {difference.theirs_fen}"
            f" ({dispute.file_name}, sha256 {dispute.file_sha256})",
        ),
        proposed_by=by, now=now, disputed=True,
    )  # fmt: skip
    return asked.id
