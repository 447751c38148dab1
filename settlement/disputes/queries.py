"""Every read of disputes. Another tenant's id finds nothing; a mall finds those of its own statements alone."""

from collections import defaultdict
from typing import Any

from sqlalchemy import func, select

from settlement.disputes.models import Dispute, DisputeDifference
from settlement.disputes.states import AnswerState, Compared, DisputeState, Grain
from settlement.disputes.views import DifferenceClass, DisputeDifferenceView, DisputeView
from settlement.errors import DisputeNotFound
from settlement.models import Party, Statement
from settlement.reconciliation.matching import MatchClass
from tenants.kernel.ids import AdjustmentId, DisputeId, MallId, StatementId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


async def find_dispute(db: Reading, dispute_id: DisputeId, *, mall_id: MallId | None = None) -> DisputeView:
    """One dispute."""
    found = await _disputes(db, Dispute.id == dispute_id, mall_id=mall_id)
    if not found:
        raise DisputeNotFound(dispute_id=dispute_id)
    return found[0]


async def disputes(
    db: Reading, statement_id: StatementId, *, mall_id: MallId | None = None
) -> list[DisputeView]:
    """The disputes of a statement, the newest first."""
    return await _disputes(db, Dispute.statement_id == statement_id, mall_id=mall_id)


async def open_differences(db: Reading, statement_id: StatementId) -> int:
    """How many differences of a statement wait for an answer."""
    waiting = (
        select(func.count())
        .select_from(DisputeDifference)
        .join(
            Dispute,
            (Dispute.tenant_id == DisputeDifference.tenant_id) & (Dispute.id == DisputeDifference.dispute_id),
        )
        .where(
            Dispute.tenant_id == db.tenant_id, DisputeDifference.tenant_id == db.tenant_id,
            Dispute.statement_id == statement_id, DisputeDifference.state == AnswerState.OPEN,
        )
    )  # fmt: skip
    return int((await db.execute(waiting)).scalar_one())


async def _disputes(db: Reading, *chosen: Any, mall_id: MallId | None) -> list[DisputeView]:
    if mall_id is not None:
        chosen = (*chosen, Party.mall_id == mall_id)
    statement = (
        select(Dispute)
        .join(Statement, (Statement.tenant_id == Dispute.tenant_id) & (Statement.id == Dispute.statement_id))
        .join(Party, (Party.tenant_id == Statement.tenant_id) & (Party.id == Statement.party_id))
        .where(
            Dispute.tenant_id == db.tenant_id, Statement.tenant_id == db.tenant_id,
            Party.tenant_id == db.tenant_id, *chosen,
        )
        .order_by(Dispute.opened_at.desc(), Dispute.id.desc())
        .execution_options(populate_existing=True)
    )  # fmt: skip
    rows = list((await db.execute(statement)).scalars())
    differences = await _differences(db, [row.id for row in rows])
    return [_view(row, differences[row.id]) for row in rows]


async def _differences(db: Reading, ids: list[Any]) -> dict[Any, list[DisputeDifferenceView]]:
    statement = (
        select(DisputeDifference)
        .where(DisputeDifference.tenant_id == db.tenant_id, DisputeDifference.dispute_id.in_(ids))
        .order_by(DisputeDifference.dispute_id, DisputeDifference.number)
        .execution_options(populate_existing=True)
    )
    found: dict[Any, list[DisputeDifferenceView]] = defaultdict(list)
    for row in (await db.execute(statement)).scalars():
        found[row.dispute_id].append(
            DisputeDifferenceView(
                number=row.number, kind=MatchClass(row.kind), about=row.about, occurred_on=row.occurred_on,
                ours_fen=row.ours_fen, theirs_fen=row.theirs_fen, row_no=row.row_no,
                state=AnswerState(row.state), reason=row.reason, answered_by=row.answered_by,
                answered_at=row.answered_at,
                adjustment_id=AdjustmentId(row.adjustment_id) if row.adjustment_id else None,
            )
        )  # fmt: skip
    return found


def _view(row: Dispute, differences: list[DisputeDifferenceView]) -> DisputeView:
    by_class: dict[MatchClass, list[DisputeDifferenceView]] = defaultdict(list)
    for each in differences:
        by_class[each.kind].append(each)
    return DisputeView(
        id=DisputeId(row.id), statement_id=StatementId(row.statement_id), state=DisputeState(row.state),
        reason=row.reason, opened_by=row.opened_by, opened_at=row.opened_at,
        level=Grain(row.level) if row.level else None, compares=Compared(row.compares) if row.compares else None,
        file_name=row.file_name, file_sha256=row.file_sha256, rows_read=row.rows_read, ours_fen=row.ours_fen,
        theirs_fen=row.theirs_fen, matched=row.matched, matched_fen=row.matched_fen,
        imported_by=row.imported_by, imported_at=row.imported_at, resolution=row.resolution,
        resolved_by=row.resolved_by, resolved_at=row.resolved_at, differences=differences,
        classes=[
            DifferenceClass(
                kind=kind, count=len(found), open=sum(each.state is AnswerState.OPEN for each in found),
                differing_fen=Fen(sum((each.theirs_fen or 0) - (each.ours_fen or 0) for each in found)),
            )
            for kind, found in sorted(by_class.items())
        ],
    )  # fmt: skip
