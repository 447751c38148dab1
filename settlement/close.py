"""Closes a month: books what waits, shuts the month of every contract in its own time zone, writes each party's statement.

Shutting and writing are two transactions: once a month is shut nothing can be booked into it, so its statements may be written, or
written again after a crash, at leisure. Closing a closed month writes nothing; it proves that the ledger still says the same.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.commands import month_text, next_month
from settlement.contracts import hold_books, open_books
from settlement.errors import (
    EarlierPeriodOpen,
    LaterPeriodClosed,
    MonthNotClosed,
    PeriodNotOver,
    StatementDiffers,
)
from settlement.models import Contract, LedgerAccount, LedgerEntry, Period, Statement
from settlement.pending import Say, post_pending, silent
from settlement.periods import hold_for_closing, last_closed
from settlement.queries import credited_account, signed_amount, statements
from settlement.statements import PartyMonth, party_months
from settlement.states import ENTITLEMENT, Cause, PeriodState
from settlement.terms import HOUSE
from settlement.views import ClosingTotals, ClosingView, StatementView
from tenants.audit import record_deed
from tenants.kernel.ids import StatementId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, TenantScope, Writing


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
    async with tenant.writing_much() as db:
        await open_books(db, now=now)
    await post_pending(tenant, now=now, say=say)
    async with tenant.reporting() as db:
        earlier = await _earlier_open(db, month) if through else []
    closings = []
    for each in (*earlier, month):
        say(f"closing {month_text(each)}", done=0, total=None)
        async with tenant.writing_much() as db:
            shut = await _shut(db, each, closed_by=closed_by, now=now, early=early)
        async with tenant.writing_much() as db:
            written = await write_statements(db, each, now=now)
            totals = await closing_totals(db, each, written=written)
        closings.append(
            ClosingView(month=month_text(each), already_closed=not shut, statements=written, totals=totals)
        )
    return closings


async def _shut(db: Writing, month: date, *, closed_by: str, now: datetime, early: bool) -> bool:
    """Shut the month for every contract; False when it is shut already."""
    await hold_books(db)
    await hold_for_closing(db)
    zones = await _zones(db)
    closed = await last_closed(db)
    if await is_shut(db, month):
        return False
    _refuse_unfinished(month, zones, now=now, early=early)
    if any(later > month for later in closed.values()):
        raise LaterPeriodClosed(month=month)
    if await _earlier_open(db, month):
        raise EarlierPeriodOpen(month=month)
    rows = [
        {
            "tenant_id": db.tenant_id, "contract_code": code, "starts_on": month,
            "state": PeriodState.CLOSED.value, "closed_at": now, "closed_by": closed_by,
        }
        for code in sorted({code for code, _ in zones})
    ]  # fmt: skip
    statement = upsert(Period).values(rows)
    new = {name: statement.excluded[name] for name in ("state", "closed_at", "closed_by")}
    key = [Period.tenant_id, Period.contract_code, Period.starts_on]
    await db.execute(statement.on_conflict_do_update(index_elements=key, set_=new))
    await record_deed(db, actor=closed_by, action="close_month", subject_id=month_text(month), now=now)
    return True


async def _zones(db: Reading) -> list[tuple[str, str]]:
    """Every contract code with the time zones that its versions count days in."""
    statement = select(Contract.code, Contract.time_zone).where(Contract.tenant_id == db.tenant_id).distinct()
    return sorted((row.code, row.time_zone) for row in await db.execute(statement))


def _refuse_unfinished(month: date, zones: list[tuple[str, str]], *, now: datetime, early: bool) -> None:
    """Refuse a month that goes on somewhere; `early` allows one that has begun: what comes later is booked into the next."""
    ends = next_month(month)
    for code, zone in zones:
        today = now.astimezone(ZoneInfo(zone)).date()
        if today < (month if early else ends):
            raise PeriodNotOver(details={"month": f"{code} ({zone}): {today.isoformat()} there"}, month=month)


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


async def write_statements(db: Writing, month: date, *, now: datetime) -> list[StatementView]:
    """Write the closed month's missing statements and compare those that stand; raises StatementDiffers."""
    await hold_books(db)
    if not await is_shut(db, month):
        raise MonthNotClosed(month=month)
    standing = {view.party.id: view for view in await statements(db, month=month)}
    counted = await party_months(db, month)
    if standing and {each.party_id for each in counted} != set(standing):
        raise StatementDiffers(month=month)
    for each in counted:
        view = standing.get(each.party_id)
        if view is not None and view.content_sha256 != each.content_sha256:
            raise StatementDiffers(month=month, statement_id=view.id)
    new = [_row(db, each, month=month, now=now) for each in counted if each.party_id not in standing]
    if new:
        await db.execute(insert(Statement), new)
    return await statements(db, month=month)


def _row(db: Writing, counted: PartyMonth, *, month: date, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": db.tenant_id,
        "id": StatementId(derived_id(db.tenant_id, "statement", counted.party_id, month.isoformat())),
        "party_id": counted.party_id, "period_on": month, "opening_fen": counted.opening_fen,
        "earned_fen": counted.earned_fen, "reversed_fen": counted.reversed_fen, "paid_fen": counted.paid_fen,
        "closing_fen": counted.closing_fen, "lines": counted.lines,
        "content_sha256": counted.content_sha256, "closed_at": now,
    }  # fmt: skip


async def closing_totals(db: Reading, month: date, *, written: list[StatementView]) -> ClosingTotals:
    """What orders, ledger and statements say of the month's entries, each counted from its own rows."""
    in_month = and_(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on == month)
    ledger = select(func.coalesce(func.sum(signed_amount()), 0)).join(LedgerAccount, credited_account(db))
    entitlement = LedgerEntry.cause.in_(ENTITLEMENT)
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    lines = select(LedgerEntry.order_line_id).where(in_month, LedgerEntry.cause == Cause.ORDER_PAID)
    refunds = select(LedgerEntry.refund_id, LedgerEntry.refund_line_no).where(
        in_month, LedgerEntry.refund_id.is_not(None)
    )
    paid = select(func.coalesce(func.sum(sold.c.paid_fen), 0)).where(sold.c.order_line_id.in_(lines))
    given_back = select(func.coalesce(func.sum(undone.c.amount_fen), 0)).where(
        tuple_(undone.c.refund_id, undone.c.refund_line_no).in_(refunds.distinct())
    )
    orders_fen = int((await db.execute(paid)).scalar_one()) - int((await db.execute(given_back)).scalar_one())
    return ClosingTotals(
        orders_fen=Fen(orders_fen),
        ledger_fen=Fen(int((await db.execute(ledger.where(in_month, entitlement))).scalar_one())),
        statements_fen=Fen(sum(view.earned_fen - view.reversed_fen for view in written)),
    )
