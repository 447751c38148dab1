"""The hash of a statement: its figures, every entry of it, and the names that are printed on it.

What is earned in a month cannot change once the month is shut, and is most of the work: `earned_days` hashes it before the transaction
that writes the statements, party by party, in lanes side by side.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from settlement.models import LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.statements import PartyMonth, in_statement
from settlement.states import ADJUSTMENT, ENTITLEMENT, Cause
from tenants.kernel.ids import PartyId
from tenants.kernel.scope import Reading, TenantScope

LANES = 2
Day = tuple[str, int, str]
"""A day of a statement: its date, how many entries, the hash over them."""


async def earned_days(tenant: TenantScope, month: date) -> dict[PartyId, list[Day]]:
    """Each party's days of a month that is shut. Read where it was written: a copy of the database may lag behind."""
    async with tenant.writing_much() as db:
        waiting = iter(await _largest_first(db, month))
    found: dict[PartyId, list[Day]] = {}
    await asyncio.gather(*(_lane(tenant, month, waiting=waiting, found=found) for _ in range(LANES)))
    return found


async def _lane(
    tenant: TenantScope, month: date, *, waiting: Iterator[PartyId], found: dict[PartyId, list[Day]]
) -> None:
    async with tenant.writing_much() as db:
        for party_id in waiting:
            found[party_id] = await _days(db, party_id, month=month, version=None, causes=ENTITLEMENT)


async def _largest_first(db: Reading, month: date) -> list[PartyId]:
    statement = (
        select(LedgerEntry.party_id)
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.period_on == month,
            LedgerEntry.party_id.is_not(None),
        )
        .group_by(LedgerEntry.party_id)
        .order_by(func.count().desc(), LedgerEntry.party_id)
    )
    return [PartyId(row.party_id) for row in await db.execute(statement)]


async def content_digest(
    db: Reading,
    counted: PartyMonth,
    *,
    month: date,
    names: dict[str, Any],
    earned: Mapping[PartyId, list[Day]] | None = None,
) -> str:
    """The hash of one version of a statement; `earned`: the parties' days, where somebody hashed them before."""
    party_id, version = counted.party_id, counted.version
    if earned is not None:
        days = earned.get(party_id, [])
    else:
        days = (
            await _days(db, party_id, month=month, version=version, causes=ENTITLEMENT)
            if counted.lines
            else []
        )
    content: dict[str, Any] = {
        "party": str(counted.party_id), "month": month.isoformat(), "opening": counted.opening_fen,
        "earned": counted.earned_fen, "reversed": counted.reversed_fen, "lines": counted.lines, "days": days,
    }  # fmt: skip
    # What a statement does not have leaves no mark: one that was written before there was such a thing keeps its hash.
    if counted.paid_fen:
        content["paid"] = counted.paid_fen
    if counted.collected_fen:
        content["collected"] = counted.collected_fen
    if counted.adjustments:
        content["adjusted"] = counted.adjusted_fen
        content["adjustments"] = await _days(db, party_id, month=month, version=version, causes=ADJUSTMENT)
    if counted.version > 1:
        content["version"] = counted.version
    if names:
        content["names"] = hashlib.sha256(msgspec.json.encode(names, order="sorted")).hexdigest()
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


async def _days(
    db: Reading, party_id: PartyId, *, month: date, version: int | None, causes: Sequence[Cause]
) -> list[Day]:
    """Per day: how many entries, and a hash over all of them in an order that does not depend on how they are stored."""
    line = func.concat_ws(
        "|", LedgerEntry.cause, LedgerEntry.order_id, LedgerEntry.order_line_id, LedgerEntry.refund_id,
        LedgerEntry.refund_line_no, LedgerEntry.store_id, LedgerEntry.contract_id, LedgerEntry.terms_id,
        cast(signed_amount(), Text),
    )  # fmt: skip
    lines = (
        select(LedgerEntry.occurred_on, line.collate("C").label("line"))
        .join(LedgerAccount, credited_account(db))
        .where(
            *in_statement(db, party_id, month=month, version=version),
            LedgerEntry.cause.in_(causes),
        )
        .subquery()
    )
    joined = func.string_agg(lines.c.line, aggregate_order_by(literal_column("E'\\n'"), lines.c.line))
    digest = func.encode(func.sha256(func.convert_to(joined, "UTF8")), "hex").label("digest")
    statement = select(lines.c.occurred_on, func.count().label("lines"), digest).group_by(lines.c.occurred_on)
    rows = (await db.execute(statement.order_by(lines.c.occurred_on))).all()
    return [(row.occurred_on.isoformat(), row.lines, row.digest) for row in rows]
