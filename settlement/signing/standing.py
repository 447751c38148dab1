"""Moves a statement from one standing to another: signed by a second person, agreed to by its party, disputed, resolved.

Each move is one UPDATE that names the states it may come from, so of two that meet one is refused. Opening and resolving disputes is
`disputes`' question; which moves there are is `states`'.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.disputes.queries import open_differences
from settlement.errors import (
    AdjustmentUndecided,
    DifferencesOpen,
    SecondPersonNeeded,
    StatementStandsOtherwise,
)
from settlement.models import Period, Statement
from settlement.queries import find_statement
from settlement.signing.models import StatementStanding
from settlement.signing.persons import refuse_nobody
from settlement.signing.queries import closers, standing_of, undecided
from settlement.signing.states import STATEMENT_MOVES, StatementState
from settlement.splitting.states import origins
from settlement.states import PeriodState
from settlement.views import StatementView
from tenants.audit import record_deed
from tenants.kernel.ids import MallId, StatementId
from tenants.kernel.scope import Reading, Writing

AGREEABLE = (StatementState.CLOSED, StatementState.APPROVED, StatementState.RESOLVED)


async def approve_statement(
    db: Writing, statement_id: StatementId, *, approved_by: str, now: datetime
) -> StatementView:
    """Sign a statement: never who closed it, never while a difference or a correction of it is open. From now on it may be paid."""
    refuse_nobody(approved_by)
    statement = await standing_of(db, statement_id)
    if approved_by in await closers(db, statement):
        raise SecondPersonNeeded(statement_id=statement_id)
    if open_count := await open_differences(db, statement_id):
        raise DifferencesOpen(
            details={"differences": f"{open_count} without an answer"}, statement_id=statement_id
        )
    if waiting := await undecided(db, statement_id):
        raise AdjustmentUndecided(
            details={"adjustments": f"{waiting} wait for a second person"}, statement_id=statement_id
        )
    await move_statement(
        db, statement_id, to=StatementState.APPROVED, approved_at=now, approved_by=approved_by
    )
    await record_deed(
        db, actor=approved_by, action="approve_statement", subject_id=statement_id, now=now,
        reason=f"closing {statement.closing_fen} fen, version {statement.version}",
    )  # fmt: skip
    return await find_statement(db, statement_id)


async def agree_to_statement(
    db: Writing,
    statement_id: StatementId,
    *,
    agreed_by: str,
    now: datetime,
    mall_id: MallId | None = None,
    evidence: str | None = None,
) -> StatementView:
    """The party says that the figures are right: itself, or on paper, which is the `evidence`. Repeating it changes nothing."""
    refuse_nobody(agreed_by)
    shown = await find_statement(db, statement_id, mall_id=mall_id)
    if shown.agreed_at is not None:
        return shown
    await _stand(db, statement_id)
    agreed = (
        update(StatementStanding)
        .where(
            StatementStanding.tenant_id == db.tenant_id, StatementStanding.statement_id == statement_id,
            StatementStanding.state.in_(AGREEABLE), StatementStanding.agreed_at.is_(None),
        )
        .values(agreed_at=now, agreed_by=agreed_by)
        .returning(StatementStanding.statement_id)
    )  # fmt: skip
    if (await db.execute(agreed)).scalar_one_or_none() is None:
        raise StatementStandsOtherwise(details={"state": shown.state.value}, statement_id=statement_id)
    await record_deed(
        db, actor=agreed_by, action="agree_to_statement", subject_id=statement_id, now=now, reason=evidence
    )
    return await find_statement(db, statement_id, mall_id=mall_id)


async def move_statement(
    db: Writing, statement_id: StatementId, *, to: StatementState, unsigned: bool = False, **facts: Any
) -> None:
    """Move a statement; raises StatementStandsOtherwise where it cannot come from. `unsigned` asks that nobody ever signed it."""
    await _stand(db, statement_id)
    came_from = [StatementStanding.state.in_(origins(STATEMENT_MOVES, to))]
    if unsigned:
        came_from.append(StatementStanding.approved_at.is_(None))
    moved = (
        update(StatementStanding)
        .where(
            StatementStanding.tenant_id == db.tenant_id,
            StatementStanding.statement_id == statement_id,
            *came_from,
        )
        .values(state=to, **facts)
        .returning(StatementStanding.statement_id)
    )
    if (await db.execute(moved)).scalar_one_or_none() is None:
        stands = (await standing_of(db, statement_id)).state
        raise StatementStandsOtherwise(
            details={"state": f"{stands}, so it cannot become {to.value}"}, statement_id=statement_id
        )


async def _stand(db: Writing, statement_id: StatementId) -> None:
    """Give a statement from before anybody could sign the row that says where it stands."""
    row = (
        select(Statement.tenant_id, Statement.id, func.greatest(Statement.closing_fen, 0))
        .where(Statement.tenant_id == db.tenant_id, Statement.id == statement_id)
    )  # fmt: skip
    columns = ["tenant_id", "statement_id", "payable_fen"]
    await db.execute(upsert(StatementStanding).from_select(columns, row).on_conflict_do_nothing())


async def later_month_closed(db: Reading, statement: Any) -> bool:
    """Whether a month after the statement's is closed: its opening is this one's closing."""
    later = select(Period.starts_on).where(
        Period.tenant_id == db.tenant_id, Period.state == PeriodState.CLOSED,
        Period.starts_on > statement.period_on,
    )  # fmt: skip
    return (await db.execute(later.limit(1))).scalar_one_or_none() is not None


async def current_version(db: Reading, statement: Any) -> int:
    """The last version of this party's month; 0 when it has none."""
    found = (
        select(Statement.version)
        .where(
            Statement.tenant_id == db.tenant_id, Statement.party_id == statement.party_id,
            Statement.period_on == statement.period_on,
        )
        .order_by(Statement.version.desc())
        .limit(1)
    )  # fmt: skip
    return (await db.execute(found)).scalar_one_or_none() or 0
