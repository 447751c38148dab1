"""Closes a month: books what waits, shuts the month of every contract in its own time zone, writes each party's statement.

Shutting and writing are two transactions: once a month is shut nothing can be booked into it, so its statements may be written at
leisure. Who writes a month's statements first writes those that an earlier closing died owing, because each opens with what the one
before it closed with. Closing a closed month writes nothing; it proves that the ledger still says the same.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.calendar import ONE_DAY, local_day, period_ends, period_starts
from settlement.commands import month_text
from settlement.contracts import hold_books, open_books
from settlement.days import seal_days
from settlement.digests import Day, content_digest, earned_days
from settlement.errors import (
    EarlierPeriodOpen,
    LaterPeriodClosed,
    MonthNotClosed,
    PeriodNotOver,
    StatementDiffers,
)
from settlement.models import Contract, LedgerAccount, LedgerEntry, Period, Statement
from settlement.patience import patiently
from settlement.periods import hold_for_closing, last_closed
from settlement.posting.pending import Say, post_pending, silent
from settlement.queries import credited_account, signed_amount, statements
from settlement.sheets.names import names_now
from settlement.sheets.rows import standing_row, statement_row
from settlement.signing.models import StatementStanding
from settlement.statements import party_month, party_months
from settlement.states import ENTITLEMENT, OWED, Cause, PeriodState
from settlement.terms import HOUSE
from settlement.true_ups.post import post_true_ups
from settlement.views import ClosingTotals, ClosingView, StatementView
from tenants.audit import record_deed
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, TenantScope, Writing

Earned = Mapping[PartyId, list[Day]]


async def close_month(
    tenant: TenantScope,
    month: date,
    *,
    closed_by: str,
    now: datetime,
    through: bool = False,
    early: bool = False,
    say: Say = silent,
) -> list[ClosingView]:
    """Close a month (its first day), with `through` every earlier open one first; the last of the views is the month's own."""
    await patiently(tenant, partial(open_books, now=now))
    await seal_days(tenant, now=now)
    await post_pending(tenant, now=now, say=say)
    async with tenant.reporting() as db:
        earlier = await _earlier_open(db, month) if through else []
    closings = []
    for each in (*earlier, month):
        say(f"closing {month_text(each)}", done=0, total=None)
        shut = await patiently(tenant, partial(_shut, month=each, closed_by=closed_by, now=now, early=early))
        days = await earned_days(tenant, each)
        written, totals = await patiently(tenant, partial(_state, month=each, earned=days, now=now))
        closings.append(
            ClosingView(month=month_text(each), already_closed=not shut, statements=written, totals=totals)
        )
    return closings


async def _state(
    db: Writing, *, month: date, earned: Earned, now: datetime
) -> tuple[list[StatementView], ClosingTotals]:
    written = await write_statements(db, month, now=now, earned=earned)
    return written, await closing_totals(db, month, written=written)


async def _shut(db: Writing, *, month: date, closed_by: str, now: datetime, early: bool) -> bool:
    """Shut the month for every contract; False when it is shut already."""
    await hold_books(db)
    await hold_for_closing(db)
    if not await to_be_shut(db, month, now=now, early=early):
        return False
    rows = [
        {
            "tenant_id": db.tenant_id, "contract_code": code, "starts_on": month,
            "state": PeriodState.CLOSED.value, "closed_at": now, "closed_by": closed_by,
        }
        for code in sorted({code for code, _, _ in await _calendars(db)})
    ]  # fmt: skip
    statement = upsert(Period).values(rows)
    new = {name: statement.excluded[name] for name in ("state", "closed_at", "closed_by")}
    key = [Period.tenant_id, Period.contract_code, Period.starts_on]
    await db.execute(statement.on_conflict_do_update(index_elements=key, set_=new))
    await record_deed(db, actor=closed_by, action="close_month", subject_id=month_text(month), now=now)
    return True


async def to_be_shut(
    db: Reading, month: date, *, now: datetime, through: bool = False, early: bool = False
) -> list[date]:
    """The months that closing would shut now, in order, none where this one is shut; refuses what closing refuses. Writes nothing."""
    if await is_shut(db, month):
        return []
    _refuse_unfinished(month, await _calendars(db), now=now, early=early)
    if any(later > month for later in (await last_closed(db)).values()):
        raise LaterPeriodClosed(month=month)
    earlier = await _earlier_open(db, month)
    if earlier and not through:
        raise EarlierPeriodOpen(details={"month": f"{month_text(earlier[0])} is open"}, month=month)
    return [*earlier, month]


async def _calendars(db: Reading) -> list[tuple[str, str, int | None]]:
    """Every contract code with the calendars of its versions: time zone and cut-off day. What was sold under an old one keeps it."""
    statement = select(Contract.code, Contract.time_zone, Contract.cut_off_day).where(
        Contract.tenant_id == db.tenant_id
    )
    rows = (await db.execute(statement.distinct())).all()
    return sorted(
        ((row.code, row.time_zone, row.cut_off_day) for row in rows),
        key=lambda each: (*each[:2], each[2] or 0),
    )


def _refuse_unfinished(
    month: date, calendars: list[tuple[str, str, int | None]], *, now: datetime, early: bool
) -> None:
    """Refuse a period that goes on somewhere; `early` allows one that has begun: what comes later is booked into the next."""
    for code, zone, cut_off in calendars:
        today = local_day(now, time_zone=zone)
        starts, ends = period_starts(month, cut_off=cut_off), period_ends(month, cut_off=cut_off)
        if today < (starts if early else ends):
            raise PeriodNotOver(
                details={"month": f"{code} ({zone}): {today.isoformat()} there, until {ends - ONE_DAY}"},
                month=month,
            )


async def is_shut(db: Reading, month: date) -> bool:
    """Whether the tenant's month is closed."""
    found = select(Period.state).where(
        Period.tenant_id == db.tenant_id, Period.contract_code == HOUSE, Period.starts_on == month
    )
    return (await db.execute(found)).scalar_one_or_none() == PeriodState.CLOSED


async def _earlier_open(db: Reading, month: date) -> list[date]:
    """Open months before this one that somebody booked into, in order."""
    statement = (
        select(Period.starts_on)
        .where(Period.tenant_id == db.tenant_id, Period.state == PeriodState.OPEN, Period.starts_on < month)
        .distinct()
        .order_by(Period.starts_on)
    )
    return list((await db.execute(statement)).scalars())


async def write_statements(
    db: Writing, month: date, *, now: datetime, earned: Earned | None = None
) -> list[StatementView]:
    """Write the closed month's statements, earlier owed ones first, or compare those that stand; raises StatementDiffers.

    `earned`: the month's own days, hashed after it was shut.
    """
    await hold_books(db)
    if not await is_shut(db, month):
        raise MonthNotClosed(month=month)
    owed = await unstated_months(db, through=month)
    for each, (closed_at, closed_by) in owed.items():
        await post_true_ups(db, each, now=now)
        days = earned if each == month else None
        await _write(db, each, closed_at=closed_at, closed_by=closed_by, earned=days, now=now)
    if month not in owed:
        await _compare(db, month, earned=earned)
    return await statements(db, month=month)


async def unstated_months(db: Reading, *, through: date) -> dict[date, tuple[datetime, str]]:
    """Closed months whose statements nobody has written, in order, with the moment of their closing and who closed them."""
    statement = (
        select(Period.starts_on, Period.closed_at, Period.closed_by)
        .where(
            Period.tenant_id == db.tenant_id, Period.contract_code == HOUSE,
            Period.state == PeriodState.CLOSED, Period.stated_at.is_(None),
            Period.starts_on <= through,
        )
        .order_by(Period.starts_on)
    )  # fmt: skip
    return {row.starts_on: (row.closed_at, row.closed_by) for row in await db.execute(statement)}


async def _write(
    db: Writing, month: date, *, closed_at: datetime, closed_by: str, earned: Earned | None, now: datetime
) -> None:
    """Write a month's statements and, in the same transaction, that they are written."""
    if await statements(db, month=month):
        raise StatementDiffers(month=month)
    names = await names_now(db)
    rows = [
        statement_row(
            db.tenant_id, each, month=month, closed_at=closed_at, closed_by=closed_by, names=names[each.party_id],
            content_sha256=await content_digest(
                db, each, month=month, names=names[each.party_id], earned=earned
            ),
        )
        for each in await party_months(db, month)
    ]  # fmt: skip
    if rows:
        await db.execute(insert(Statement), rows)
        await db.execute(insert(StatementStanding), [standing_row(row) for row in rows])
    closed = (
        Period.tenant_id == db.tenant_id, Period.starts_on == month, Period.state == PeriodState.CLOSED
    )  # fmt: skip
    await db.execute(update(Period).where(*closed).values(stated_at=now))


async def _compare(db: Reading, month: date, *, earned: Earned | None) -> None:
    """Refuse a month whose statements, in any version, say anything else than the ledger says now."""
    standing = select(
        Statement.id, Statement.party_id, Statement.version, Statement.content_sha256, Statement.names
    )
    rows = (
        await db.execute(standing.where(Statement.tenant_id == db.tenant_id, Statement.period_on == month))
    ).all()
    counted = {each.party_id: each for each in await party_months(db, month)}
    if set(counted) != {PartyId(row.party_id) for row in rows}:
        raise StatementDiffers(month=month)
    last: dict[UUID, int] = {}
    for row in rows:
        last[row.party_id] = max(row.version, last.get(row.party_id, 0))
    for row in rows:
        party_id = PartyId(row.party_id)
        if row.version == last[party_id]:
            figures = structs.replace(counted[party_id], version=row.version)
        else:
            figures = await party_month(db, party_id, month=month, version=row.version)
        hashed = await content_digest(db, figures, month=month, names=row.names, earned=earned)
        if row.content_sha256 != hashed:
            raise StatementDiffers(month=month, statement_id=row.id)


async def closing_totals(db: Reading, month: date, *, written: list[StatementView]) -> ClosingTotals:
    """What orders, ledger and statements say of the month and of what it began with, each counted from its own rows."""
    in_month = and_(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on == month)
    signed = func.sum(signed_amount())
    earned = and_(LedgerEntry.period_on == month, LedgerEntry.cause.in_(ENTITLEMENT))
    ledger = (
        select(
            func.coalesce(signed.filter(earned), 0).label("moved"),
            func.coalesce(signed.filter(LedgerEntry.period_on < month), 0).label("carried"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.period_on <= month,
            LedgerEntry.cause.in_(OWED),
        )
    )
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    lines = select(LedgerEntry.order_line_id).where(in_month, LedgerEntry.cause == Cause.ORDER_PAID)
    refunds = select(LedgerEntry.refund_id, LedgerEntry.refund_line_no).where(
        in_month, LedgerEntry.refund_id.is_not(None)
    )
    paid = _total_of(sold, "paid_fen", booked=lines, by=["order_line_id"])
    given_back = _total_of(undone, "amount_fen", booked=refunds, by=["refund_id", "refund_line_no"])
    orders_fen = int((await db.execute(paid)).scalar_one()) - int((await db.execute(given_back)).scalar_one())
    booked = (await db.execute(ledger)).one()
    return ClosingTotals(
        orders_fen=Fen(orders_fen),
        ledger_fen=Fen(int(booked.moved)),
        statements_fen=Fen(sum(view.earned_fen - view.reversed_fen for view in written)),
        carried_fen=Fen(int(booked.carried)),
        openings_fen=Fen(sum(view.opening_fen for view in written)),
    )


def _total_of(rows: Any, fen: str, *, booked: Any, by: Sequence[str]) -> Any:
    """What the rows that were booked add up to.

    FULL JOIN, because it can only be hashed or merged: of a brand that statistics have not met yet the planner expects one row, and a
    nested loop compares every line with every entry of the brand.
    """
    found = booked.distinct().subquery("booked")
    same = and_(*(found.c[name] == rows.c[name] for name in by))
    both = func.num_nonnulls(rows.c[by[0]], found.c[by[0]]) == 2  # noqa: PLR2004 both sides
    return (
        select(func.coalesce(func.sum(rows.c[fen]), 0))
        .select_from(rows.join(found, same, full=True))
        .where(both)
    )
