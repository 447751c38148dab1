"""What bank or payroll says of a line, booked once: paid against the bank, failed and due again, or returned after it was paid.

Whoever says the same a second time (a result file read twice) changes nothing; whoever says something else is refused.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from settlement.ledger import Movement, append, bank_account, open_journal, payable_account
from settlement.payouts.commands import RecordOutcome
from settlement.payouts.errors import PayoutNotFound, PayoutStandsOtherwise
from settlement.payouts.guard import give_back, hold_payouts
from settlement.payouts.models import PayoutLine
from settlement.payouts.queries import find_payout
from settlement.payouts.release import move_payout
from settlement.payouts.states import LINE_MOVES, UNDER_WAY, LineState, PayoutState
from settlement.payouts.views import PayoutLineView, PayoutView
from settlement.periods import book_into
from settlement.splitting.states import origins
from settlement.states import Cause
from settlement.terms import HOUSE
from tenants.audit import record_deed
from tenants.kernel.ids import PayoutId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing
from tenants.queries import find_tenant

TOLD = (LineState.PAID, LineState.FAILED, LineState.RETURNED)
"""What bank and payroll can say."""


async def record_outcome(
    db: Writing, command: RecordOutcome, *, payout_id: PayoutId, number: int, recorded_by: str, now: datetime
) -> PayoutView:
    """Take down what became of a line, and book it."""
    await hold_payouts(db)
    payout = await find_payout(db, payout_id)
    line = next((each for each in payout.lines if each.number == number), None)
    if line is None:
        raise PayoutNotFound(payout_id=payout_id, number=number)
    if command.outcome is line.state:
        return payout
    if command.outcome not in TOLD or line.state not in origins(LINE_MOVES, command.outcome):
        raise PayoutStandsOtherwise(details={line.line_no: f"{line.state} cannot become {command.outcome}"})
    zone = ZoneInfo((await find_tenant(db)).time_zone)
    day = command.on or now.astimezone(zone).date()
    facts: dict[str, Any] = {"trouble": command.trouble, "ended_at": now, "ended_by": recorded_by}
    if command.outcome is LineState.PAID:
        facts |= {"paid_on": day, "bank_reference": command.bank_reference}
        await _post(db, line, payout_id=payout_id, cause=Cause.PAID_OUT, day=day, now=now)
    elif command.outcome is LineState.RETURNED:
        await _post(db, line, payout_id=payout_id, cause=Cause.PAYOUT_RETURNED, day=day, now=now)
    if command.outcome is not LineState.PAID:
        await give_back(db, line.statement_id, amount_fen=line.amount_fen)
    await _move(db, payout_id, number=number, to=command.outcome, **facts)
    await _end(db, payout_id, now=now)
    await record_deed(
        db, actor=recorded_by, action=f"payout_{command.outcome}", subject_id=line.line_no, now=now,
        reason=command.trouble or command.bank_reference,
    )  # fmt: skip
    return await find_payout(db, payout_id)


async def _post(
    db: Writing, line: PayoutLineView, *, payout_id: PayoutId, cause: Cause, day: date, now: datetime
) -> None:
    """Book it between the party and the bank, in the open period of its day."""
    line_id = derived_id(db.tenant_id, "payout line", payout_id, str(line.number))
    journal_id = await open_journal(db, cause, cause_id=line_id, occurred_at=now, now=now)
    if journal_id is None:
        raise PayoutStandsOtherwise(details={line.line_no: "booked already"})
    month = (HOUSE, day.replace(day=1))
    period = (await book_into(db, [month]))[month]
    owed_more = line.amount_fen if cause is Cause.PAYOUT_RETURNED else Fen(-line.amount_fen)
    movement = Movement(
        cause=cause, amount_fen=owed_more, against=bank_account(), account=payable_account(line.party.id),
        party_id=line.party.id, occurred_on=day, period_on=period,
    )  # fmt: skip
    await append(db, [movement], journal_id=journal_id)


async def _move(db: Writing, payout_id: PayoutId, *, number: int, to: LineState, **facts: Any) -> None:
    moved = (
        update(PayoutLine)
        .where(
            PayoutLine.tenant_id == db.tenant_id, PayoutLine.payout_id == payout_id, PayoutLine.number == number,
            PayoutLine.state.in_(origins(LINE_MOVES, to)),
        )
        .values(state=to, **facts)
        .returning(PayoutLine.number)
    )  # fmt: skip
    if (await db.execute(moved)).scalar_one_or_none() is None:
        raise PayoutStandsOtherwise(payout_id=payout_id, number=number)


async def _end(db: Writing, payout_id: PayoutId, *, now: datetime) -> None:
    """A released batch is done when none of its lines is under way."""
    waiting = (
        select(func.count())
        .select_from(PayoutLine)
        .where(
            PayoutLine.tenant_id == db.tenant_id, PayoutLine.payout_id == payout_id,
            PayoutLine.state.in_(UNDER_WAY),
        )
    )  # fmt: skip
    released = (await find_payout(db, payout_id)).state is PayoutState.RELEASED
    if released and not (await db.execute(waiting)).scalar_one():
        await move_payout(db, payout_id, to=PayoutState.DONE, ended_at=now)
