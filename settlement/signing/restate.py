"""A new version of a statement that nobody signed yet: counted from its entries and the correction's, beside the version that stood.

The version before stays as it is and can be counted again at any time from the entries that carry its number or a lower one. Once a
statement is signed, or a later month is closed on its closing balance, nothing is restated: corrections fall into the open period.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select

from settlement.digests import content_digest
from settlement.errors import StatementSealed
from settlement.models import Statement
from settlement.sheets.names import names_now
from settlement.sheets.rows import standing_row, statement_row
from settlement.signing.models import StatementStanding
from settlement.signing.queries import standing_of
from settlement.signing.standing import current_version, later_month_closed, move_statement
from settlement.signing.states import STATEMENT_MOVES, StatementState
from settlement.splitting.states import origins
from settlement.statements import party_month
from tenants.audit import record_deed
from tenants.kernel.ids import PartyId, StatementId
from tenants.kernel.scope import Reading, Writing

OPEN_PERIOD = "propose the correction without restating, it falls into the open period"


async def refuse_sealed(db: Reading, statement: Any) -> None:
    """Refuse to restate what somebody signed, what was superseded, what is disputed, or what a later month stands on."""
    why = await _why_sealed(db, statement)
    if why:
        raise StatementSealed(details={"statementId": why}, statement_id=statement.id)


async def _why_sealed(db: Reading, statement: Any) -> str | None:
    why = None
    if statement.approved_at is not None:
        why = f"it was approved: {OPEN_PERIOD}"
    elif statement.state not in origins(STATEMENT_MOVES, StatementState.SUPERSEDED):
        why = f"it is {statement.state}"
    elif await later_month_closed(db, statement):
        why = f"a later month is closed: {OPEN_PERIOD}"
    elif statement.version != await current_version(db, statement):
        why = "a later version stands"
    return why


async def other_sealed(db: Reading, statement: Any, *, party_id: PartyId) -> str | None:
    """Why the other party's statement of this month cannot be restated with it; None where it can, or where it has none yet."""
    found = await _current(db, party_id, month=statement.period_on)
    if found is None or found == statement.id:
        return None
    why = await _why_sealed(db, await standing_of(db, found))
    return why and f"its statement {found} would have to be restated too, and {why}"


async def hold_restatable(db: Writing, statement: Any, *, parties: Iterable[PartyId]) -> None:
    """Make sure, under the books' lock, that the month of each of these parties may get a new version now."""
    await refuse_sealed(db, statement)
    for party_id in parties:
        why = await other_sealed(db, statement, party_id=party_id)
        if why:
            raise StatementSealed(details={"counterpartyId": why}, statement_id=statement.id)


async def next_versions(db: Reading, month: date, *, parties: Iterable[PartyId]) -> dict[PartyId, int]:
    """The number that each party's next version of the month has; 1 where it has no statement of it."""
    wanted = list(parties)
    found = (
        select(Statement.party_id, func.max(Statement.version).label("version"))
        .where(
            Statement.tenant_id == db.tenant_id, Statement.period_on == month, Statement.party_id.in_(wanted)
        )
        .group_by(Statement.party_id)
    )
    last = {PartyId(row.party_id): int(row.version) for row in await db.execute(found)}
    return {party: last.get(party, 0) + 1 for party in wanted}


async def write_versions(
    db: Writing, month: date, *, parties: Iterable[PartyId], closed_by: str, reason: str, now: datetime
) -> list[StatementId]:
    """Write the next version of these parties' statements; those before are superseded."""
    written = []
    names = await names_now(db)
    for party_id, version in (await next_versions(db, month, parties=parties)).items():
        before = await _current(db, party_id, month=month)
        if before is not None:
            await move_statement(db, before, to=StatementState.SUPERSEDED, unsigned=True)
        counted = await party_month(db, party_id, month=month, version=version)
        kept = names[party_id] if before is None else joined(names[party_id], await _names(db, before))
        row = statement_row(
            db.tenant_id, counted, month=month, closed_at=now, closed_by=closed_by, names=kept,
            content_sha256=await content_digest(db, counted, month=month, names=kept), restated_for=reason,
        )  # fmt: skip
        await db.execute(insert(Statement).values(row))
        await db.execute(insert(StatementStanding).values(standing_row(row)))
        await record_deed(
            db, actor=closed_by, action="restate_statement", subject_id=row["id"], now=now, reason=reason
        )
        written.append(StatementId(row["id"]))
    return written


async def _current(db: Reading, party_id: PartyId, *, month: date) -> StatementId | None:
    """The last version of a party's month."""
    found = (
        select(Statement.id)
        .where(
            Statement.tenant_id == db.tenant_id, Statement.period_on == month, Statement.party_id == party_id
        )
        .order_by(Statement.version.desc())
        .limit(1)
    )
    statement_id = (await db.execute(found)).scalar_one_or_none()
    return None if statement_id is None else StatementId(statement_id)


async def _names(db: Reading, statement_id: StatementId) -> dict[str, Any]:
    found = select(Statement.names).where(Statement.tenant_id == db.tenant_id, Statement.id == statement_id)
    return dict((await db.execute(found)).scalar_one())


def joined(today: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The names of the version before, with those of stores that it did not know."""
    return {**today, **before, "stores": {**today["stores"], **before.get("stores", {})}}
