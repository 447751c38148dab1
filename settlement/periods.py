"""Which period an event is booked into: its own, by the contract's calendar, or the one after the last that was closed.

Posting holds each contract's first version FOR SHARE while it reads what is closed; closing holds the same rows for itself. So no entry
slips into a month whose statements are being counted, and closing waits for the postings that are under way.
"""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.calendar import next_month
from settlement.models import Contract, Period
from settlement.states import PeriodState
from tenants.kernel.scope import Reading, Writing

CodeMonth = tuple[str, date]


async def book_into(db: Writing, wanted: Iterable[CodeMonth]) -> dict[CodeMonth, date]:
    """For each contract code and period of its calendar, the period that takes its entries now; keeps these periods open until the commit."""
    asked = sorted(set(wanted))
    opens = await first_open(db, {code for code, _ in asked})
    periods = {(code, month): max(month, opens.get(code, month)) for code, month in asked}
    await note_booked(db, {(code, period) for (code, _), period in periods.items()})
    return periods


async def first_open(db: Writing, codes: Iterable[str]) -> dict[str, date]:
    """The first open month of each contract that ever closed one; keeps all of theirs open until the commit."""
    held = sorted(set(codes))
    await hold_open(db, held)
    return {code: next_month(month) for code, month in (await last_closed(db, held)).items()}


async def note_booked(db: Writing, booked: Iterable[CodeMonth]) -> None:
    """Write that these months were booked into."""
    rows = [
        {
            "tenant_id": db.tenant_id,
            "contract_code": code,
            "starts_on": month,
            "state": PeriodState.OPEN.value,
        }
        for code, month in sorted(booked)
    ]
    if rows:
        await db.execute(upsert(Period).values(rows).on_conflict_do_nothing())


async def hold_open(db: Writing, codes: Iterable[str]) -> None:
    """Keep these contracts' months from being closed until the transaction ends. Many may hold at once."""
    held = (
        select(Contract.id)
        .where(Contract.tenant_id == db.tenant_id, Contract.code.in_(list(codes)), Contract.version == 1)
        .order_by(Contract.code)
        .with_for_update(read=True)
    )
    await db.execute(held)


async def hold_for_closing(db: Writing) -> None:
    """Wait for the postings under way in every contract of the tenant, and keep new ones waiting."""
    # NO KEY: the foreign keys of sales being frozen meanwhile need no part in this.
    held = (
        select(Contract.id)
        .where(Contract.tenant_id == db.tenant_id, Contract.version == 1)
        .order_by(Contract.code)
        .with_for_update(key_share=True)
    )
    await db.execute(held)


async def last_closed(db: Reading, codes: Iterable[str] | None = None) -> dict[str, date]:
    """Each contract's last closed month; contracts that never closed one are absent."""
    statement = (
        select(Period.contract_code, func.max(Period.starts_on))
        .where(Period.tenant_id == db.tenant_id, Period.state == PeriodState.CLOSED)
        .group_by(Period.contract_code)
    )
    if codes is not None:
        statement = statement.where(Period.contract_code.in_(list(codes)))
    return dict((await db.execute(statement)).all())
