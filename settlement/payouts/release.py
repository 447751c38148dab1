"""Lets a prepared batch go, which a second person does, or withdraws it: then what it held is due again."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from settlement.errors import SecondPersonNeeded
from settlement.payouts.errors import PayoutStandsOtherwise
from settlement.payouts.guard import give_back, hold_payouts
from settlement.payouts.models import Payout, PayoutLine
from settlement.payouts.queries import find_payout
from settlement.payouts.states import LINE_MOVES, PAYOUT_MOVES, LineState, PayoutState
from settlement.payouts.views import PayoutView
from settlement.signing.models import StatementStanding
from settlement.signing.persons import is_person, refuse_nobody
from settlement.signing.states import StatementState
from settlement.splitting.states import origins
from tenants.audit import record_deed
from tenants.kernel.ids import PayoutId
from tenants.kernel.scope import Writing


async def release_payout(db: Writing, payout_id: PayoutId, *, released_by: str, now: datetime) -> PayoutView:
    """Let a batch go to bank and payroll; never who prepared it, never on a statement that somebody disputed since.

    Where no person prepared it, whoever approved one of its statements is the first person, and another one releases it: two people
    have looked at all money that leaves.
    """
    refuse_nobody(released_by)
    found = await find_payout(db, payout_id)
    if found.prepared_by == released_by:
        raise SecondPersonNeeded(payout_id=payout_id)
    signers = await _refuse_unsigned(db, found)
    if released_by in signers and not is_person(found.prepared_by):
        told = (
            f"{found.prepared_by} prepared it, and you approved a statement in it: somebody else releases it"
        )
        raise SecondPersonNeeded(details={"payoutNo": told}, payout_id=payout_id)
    await move_payout(db, payout_id, to=PayoutState.RELEASED, released_at=now, released_by=released_by)
    await _move_lines(db, payout_id, to=LineState.SENT)
    await record_deed(
        db, actor=released_by, action="release_payout", subject_id=payout_id, now=now,
        reason=f"{found.line_count} lines, {found.total_fen} fen",
    )  # fmt: skip
    return await find_payout(db, payout_id)


async def withdraw_payout(
    db: Writing, payout_id: PayoutId, *, withdrawn_by: str, now: datetime
) -> PayoutView:
    """Take a batch back before anything of it left."""
    await hold_payouts(db)
    found = await find_payout(db, payout_id)
    await move_payout(db, payout_id, to=PayoutState.WITHDRAWN, ended_at=now)
    await _move_lines(db, payout_id, to=LineState.FREED, ended_at=now, ended_by=withdrawn_by)
    for line in found.lines:
        await give_back(db, line.statement_id, amount_fen=line.amount_fen)
    await record_deed(db, actor=withdrawn_by, action="withdraw_payout", subject_id=payout_id, now=now)
    return await find_payout(db, payout_id)


async def _refuse_unsigned(db: Writing, payout: PayoutView) -> set[str]:
    """Hold the batch's statements as they stand; refuse one that is no longer approved: it was disputed after the batch was prepared.

    Returns who approved them.
    """
    standing = (
        select(StatementStanding.statement_id, StatementStanding.state, StatementStanding.approved_by)
        .where(
            StatementStanding.tenant_id == db.tenant_id,
            StatementStanding.statement_id.in_([line.statement_id for line in payout.lines]),
        )
        .order_by(StatementStanding.statement_id)
        .with_for_update()
    )
    rows = (await db.execute(standing)).all()
    stands = {row.statement_id: row.state for row in rows}
    wrong = {
        line.line_no: f"its statement is {stands[line.statement_id]}: withdraw the batch and prepare it again"
        for line in payout.lines
        if stands[line.statement_id] != StatementState.APPROVED
    }
    if wrong:
        raise PayoutStandsOtherwise(details=wrong, payout_id=payout.id)
    return {row.approved_by for row in rows if row.approved_by}


async def move_payout(db: Writing, payout_id: PayoutId, *, to: PayoutState, **facts: Any) -> None:
    """Move a batch; raises PayoutStandsOtherwise where it cannot come from."""
    moved = (
        update(Payout)
        .where(
            Payout.tenant_id == db.tenant_id, Payout.id == payout_id, Payout.state.in_(origins(PAYOUT_MOVES, to))
        )
        .values(state=to, **facts)
        .returning(Payout.id)
    )  # fmt: skip
    if (await db.execute(moved)).scalar_one_or_none() is None:
        raise PayoutStandsOtherwise(details={"state": (await find_payout(db, payout_id)).state.value})


async def _move_lines(db: Writing, payout_id: PayoutId, *, to: LineState, **facts: Any) -> None:
    await db.execute(
        update(PayoutLine)
        .where(
            PayoutLine.tenant_id == db.tenant_id, PayoutLine.payout_id == payout_id,
            PayoutLine.state.in_(origins(LINE_MOVES, to)),
        )
        .values(state=to, **facts)
    )  # fmt: skip
