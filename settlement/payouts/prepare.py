"""Prepares a batch of what is due: one line a party, held against its statement, with a control total. Nothing leaves by it.

Two who prepare at once make one batch: the second finds everything held, and is shown the batch that holds it.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select

from settlement.models import Party
from settlement.payouts.commands import PreparePayout
from settlement.payouts.due import due_parties
from settlement.payouts.guard import hold_payouts, take_from
from settlement.payouts.models import Payee, Payout, PayoutLine
from settlement.payouts.payees import ensure_payroll
from settlement.payouts.queries import find_payout, payouts
from settlement.payouts.states import LineState, PayoutState
from settlement.payouts.views import DueView, PreparedPayout
from tenants.audit import record_deed
from tenants.kernel.ids import PartyId, PayeeId, PayoutId, new_id
from tenants.kernel.scope import Reading, Writing
from tenants.queries import find_tenant


async def prepare_payout(
    db: Writing, command: PreparePayout, *, prepared_by: str, now: datetime
) -> PreparedPayout:
    """Hold what is due on the day; shows the batch that is prepared already where nothing more is due."""
    await hold_payouts(db)
    await ensure_payroll(db, now=now)
    on = command.due_on or await today(db, now=now)
    found = await due_parties(db, on=on, now=now)
    skipped = [each for each in found if each.skipped is not None]
    due = [each for each in found if each.skipped is None]
    if not due:
        standing = await payouts(db, state=PayoutState.PREPARED)
        return PreparedPayout(
            payout=standing[0] if standing else None, already_prepared=bool(standing), skipped=skipped
        )
    payout_id = await _write(db, due, on=on, prepared_by=prepared_by, now=now)
    await record_deed(
        db, actor=prepared_by, action="prepare_payout", subject_id=payout_id, now=now,
        reason=f"{len(due)} lines, {sum(each.amount_fen for each in due)} fen",
    )  # fmt: skip
    return PreparedPayout(payout=await find_payout(db, payout_id), already_prepared=False, skipped=skipped)


async def today(db: Reading, *, now: datetime) -> date:
    """The brand's day."""
    return now.astimezone(ZoneInfo((await find_tenant(db)).time_zone)).date()


async def _write(db: Writing, due: list[DueView], *, on: date, prepared_by: str, now: datetime) -> PayoutId:
    payout_id = PayoutId(new_id())
    payout_no = await _number(db, on)
    row = {
        "tenant_id": db.tenant_id, "id": payout_id, "payout_no": payout_no, "due_on": on,
        "state": PayoutState.PREPARED.value, "line_count": len(due),
        "total_fen": sum(each.amount_fen for each in due), "prepared_at": now, "prepared_by": prepared_by,
    }  # fmt: skip
    await db.execute(insert(Payout).values(row))
    payees, names = await _payees(db), await _names(db)
    rows = []
    for number, each in enumerate(due, start=1):
        assert each.statement_id is not None  # noqa: S101 what has no statement is not due
        await take_from(db, each.statement_id, amount_fen=each.amount_fen)
        rows.append(
            {
                "tenant_id": db.tenant_id, "payout_id": payout_id, "number": number,
                "line_no": f"{payout_no}-{number:04d}", "party_id": each.party.id,
                "party_name": names[each.party.id], "statement_id": each.statement_id,
                "payee_id": payees[each.party.id], "amount_fen": each.amount_fen, "state": LineState.HELD.value,
            }
        )  # fmt: skip
    await db.execute(insert(PayoutLine), rows)
    return payout_id


async def _number(db: Reading, on: date) -> str:
    """The day's next number; the lock of payouts keeps two from having the same."""
    start = f"P{on:%Y%m%d}"
    counted = (
        select(func.count())
        .select_from(Payout)
        .where(Payout.tenant_id == db.tenant_id, Payout.payout_no.startswith(start))
    )
    return f"{start}{(await db.execute(counted)).scalar_one() + 1:02d}"


async def _payees(db: Reading) -> dict[PartyId, PayeeId]:
    found = select(Payee.party_id, Payee.id).where(Payee.tenant_id == db.tenant_id, Payee.ended_at.is_(None))
    return {PartyId(row.party_id): PayeeId(row.id) for row in await db.execute(found)}


async def _names(db: Reading) -> dict[PartyId, str]:
    found = select(Party.id, Party.name).where(Party.tenant_id == db.tenant_id)
    return {PartyId(row.id): row.name for row in await db.execute(found)}
