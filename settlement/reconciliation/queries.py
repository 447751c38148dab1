"""Every read of reconciliation: compared days, differences, accounts. Another tenant's id finds nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import and_, func, select, tuple_

from settlement.reconciliation.commands import StatementLine
from settlement.reconciliation.errors import DifferenceNotFound
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.models import BillFile, BillRow, DifferenceRow, ReconciledDay
from settlement.reconciliation.states import BillKind, BillState, DayState, DifferenceState
from settlement.reconciliation.views import ClassCount, DayList, DayView, DifferenceList, DifferenceView
from tenants.kernel.ids import DifferenceId, MerchantId
from tenants.kernel.money import Fen
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which differences or days; None asks for all."""

    bill: BillKind | None = None
    account: str | None = None
    kind: MatchClass | None = None
    state: DifferenceState | None = None
    owner: str | None = None
    first: date | None = None
    last: date | None = None


async def reconciled_days(
    db: Reading, wanted: Wanted, *, cursor: str | None = None, limit: int | None = None
) -> DayList:
    """Days with their totals and how many differences of which class, the newest first."""
    size = page_limit(limit)
    statement = _days(db).where(*_chosen(ReconciledDay, wanted))
    if cursor is not None:
        day, kind, account = read_cursor(cursor, tuple[date, str, str])
        place = (ReconciledDay.day == day) & (
            tuple_(ReconciledDay.kind, ReconciledDay.account) > tuple_(kind, account)
        )
        statement = statement.where((ReconciledDay.day < day) | place)
    rows = (await db.execute(statement.limit(size + 1))).all()
    shown = rows[:size]
    last = shown[-1] if len(rows) > size else None
    return DayList(
        days=[_day(row) for row in shown],
        next_cursor=write_cursor(last.day, last.kind, last.account) if last else None,
    )


async def days_of(db: Reading, *, kind: BillKind, account: str, days: Sequence[date]) -> list[DayView]:
    """Some days of one account, in their order."""
    statement = _days(db).where(
        ReconciledDay.kind == kind, ReconciledDay.account == account, ReconciledDay.day.in_(days)
    )
    return sorted((_day(row) for row in await db.execute(statement)), key=lambda each: each.day)


async def differences(
    db: Reading, wanted: Wanted, *, now: datetime, cursor: str | None = None, limit: int | None = None
) -> DifferenceList:
    """Differences, those that were seen first before the others."""
    size = page_limit(limit)
    chosen = _chosen(DifferenceRow, wanted)
    if wanted.kind is not None:
        chosen.append(DifferenceRow.match_class == wanted.kind)
    if wanted.state is not None:
        chosen.append(DifferenceRow.state == wanted.state)
    if wanted.owner is not None:
        chosen.append(DifferenceRow.owner == wanted.owner)
    statement = select(DifferenceRow).where(DifferenceRow.tenant_id == db.tenant_id, *chosen)
    if cursor is not None:
        seen_at, difference_id = read_cursor(cursor, tuple[datetime, UUID])
        place = tuple_(DifferenceRow.first_seen_at, DifferenceRow.id)
        statement = statement.where(place > tuple_(seen_at, difference_id))
    statement = statement.order_by(DifferenceRow.first_seen_at, DifferenceRow.id).limit(size + 1)
    rows = list((await db.execute(statement.execution_options(populate_existing=True))).scalars())
    shown = rows[:size]
    last = shown[-1] if len(rows) > size else None
    return DifferenceList(
        differences=[_difference(row, now=now) for row in shown],
        next_cursor=write_cursor(last.first_seen_at, last.id) if last else None,
    )


async def missing_lines(db: Reading, account: str, *, first: date, last: date) -> list[StatementLine]:
    """Lines of a cashier's current statements that we do not know, and nobody has resolved: orders first, then refunds, by day."""
    statement = (
        select(BillRow.cells)
        .join(BillFile, and_(BillFile.tenant_id == BillRow.tenant_id, BillFile.id == BillRow.bill_id))
        .join(
            DifferenceRow,
            and_(
                DifferenceRow.tenant_id == BillFile.tenant_id, DifferenceRow.kind == BillFile.kind,
                DifferenceRow.account == BillFile.account, DifferenceRow.day == BillFile.day, DifferenceRow.key == BillRow.key,
            ),
        )
        .where(
            BillRow.tenant_id == db.tenant_id, BillFile.tenant_id == db.tenant_id, DifferenceRow.tenant_id == db.tenant_id,
            BillFile.kind == BillKind.CASHIER, BillFile.account == account, BillFile.state == BillState.CURRENT,
            BillFile.day.between(first, last), DifferenceRow.match_class == MatchClass.MISSING_HERE,
            DifferenceRow.state == DifferenceState.OPEN, BillRow.kind.in_(("order", "refund")), BillRow.occurrence == 1,
        )
        .order_by(BillRow.kind, BillFile.day, BillRow.line)
    )  # fmt: skip
    return [msgspec.convert(cells, StatementLine) for cells in (await db.execute(statement)).scalars()]


async def open_days(db: Reading, kind: BillKind, *, account: str, first: date, last: date) -> list[date]:
    """The days of one account that have open differences, the earliest first."""
    statement = (
        select(DifferenceRow.day)
        .where(
            DifferenceRow.tenant_id == db.tenant_id,
            DifferenceRow.kind == kind,
            DifferenceRow.account == account,
            DifferenceRow.day.between(first, last),
            DifferenceRow.state == DifferenceState.OPEN,
        )
        .distinct()
        .order_by(DifferenceRow.day)
    )
    return list((await db.execute(statement)).scalars())


async def find_difference(db: Reading, difference_id: DifferenceId, *, now: datetime) -> DifferenceView:
    """One difference."""
    statement = select(DifferenceRow).where(
        DifferenceRow.tenant_id == db.tenant_id, DifferenceRow.id == difference_id
    )
    row = (await db.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        raise DifferenceNotFound(difference_id=difference_id)
    return _difference(row, now=now)


def _chosen(model: Any, wanted: Wanted) -> list[Any]:
    chosen = [] if wanted.bill is None else [model.kind == wanted.bill]
    if wanted.account is not None:
        chosen.append(model.account == wanted.account)
    if wanted.first is not None:
        chosen.append(model.day >= wanted.first)
    if wanted.last is not None:
        chosen.append(model.day <= wanted.last)
    return chosen


def _days(db: Reading) -> Any:
    still_open = (
        select(func.count())
        .where(
            DifferenceRow.tenant_id == db.tenant_id, DifferenceRow.kind == ReconciledDay.kind,
            DifferenceRow.account == ReconciledDay.account, DifferenceRow.day == ReconciledDay.day,
            DifferenceRow.state == DifferenceState.OPEN,
        )
        .correlate(ReconciledDay)
        .scalar_subquery()
    )  # fmt: skip
    columns = (
        ReconciledDay.kind, ReconciledDay.account, ReconciledDay.day, ReconciledDay.state, ReconciledDay.reason,
        ReconciledDay.matched, ReconciledDay.ours_count, ReconciledDay.ours_fen, ReconciledDay.theirs_count,
        ReconciledDay.theirs_fen, ReconciledDay.counts, BillFile.version, still_open.label("still_open"),
    )  # fmt: skip
    return (
        select(*columns)
        .outerjoin(
            BillFile,
            and_(BillFile.tenant_id == db.tenant_id, BillFile.id == ReconciledDay.bill_id),
        )
        .where(ReconciledDay.tenant_id == db.tenant_id)
        .order_by(ReconciledDay.day.desc(), ReconciledDay.kind, ReconciledDay.account)
    )


def _day(row: Any) -> DayView:
    return DayView(
        kind=BillKind(row.kind), account=row.account, day=row.day, state=DayState(row.state), reason=row.reason,
        version=row.version, matched=row.matched, ours_count=row.ours_count, ours_fen=Fen(row.ours_fen),
        theirs_count=row.theirs_count, theirs_fen=Fen(row.theirs_fen), open_differences=row.still_open,
        classes=[
            ClassCount(kind=each, count=row.counts[each]) for each in MatchClass if row.counts.get(each)
        ],
    )  # fmt: skip


def _difference(row: DifferenceRow, *, now: datetime) -> DifferenceView:
    until = row.ended_at or now
    return DifferenceView(
        id=DifferenceId(row.id), bill=BillKind(row.kind), account=row.account,
        merchant_id=MerchantId(row.merchant_id) if row.merchant_id else None, day=row.day, key=row.key,
        kind=MatchClass(row.match_class), differing=list(row.differing), amount_fen=Fen(row.amount_fen),
        fee_millifen=row.fee_millifen, ours=row.ours, theirs=row.theirs, state=DifferenceState(row.state),
        owner=row.owner, note=row.note, reason=row.reason, resolved_by=row.resolved_by,
        first_seen_at=row.first_seen_at, ended_at=row.ended_at,
        days_open=max((until - row.first_seen_at).days, 0),
    )  # fmt: skip
