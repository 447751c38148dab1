"""A party's statement for a closed month: totals, a hash of its lines, and the lines themselves, all from the ledger.

Nothing here looks at who is whose guide or what a store is called today: what was frozen when the line was sold or the party was made is
all there is, so the same month always gives the same bytes.
"""

import hashlib
from collections import defaultdict
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Text, and_, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.errors import StatementDiffers
from settlement.models import Contract, LedgerAccount, LedgerEntry, Statement, TermsPortion
from settlement.queries import credited_account, signed_amount
from settlement.states import ENTITLEMENT, PAYMENT, Cause
from settlement.views import StatementLine
from tenants.kernel.ids import PartyId, StoreId, TermsId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading
from tenants.queries import store_codes


class PartyMonth(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger says of one party's month."""

    party_id: PartyId
    opening_fen: Fen
    earned_fen: Fen
    reversed_fen: Fen
    paid_fen: Fen
    lines: int
    content_sha256: str

    @property
    def closing_fen(self) -> Fen:
        """What the party is owed at the end of the month; negative when it owes."""
        return Fen(self.opening_fen + self.earned_fen - self.reversed_fen - self.paid_fen)


async def party_months(db: Reading, month: date) -> list[PartyMonth]:
    """Every party that has entries in the month or comes into it with a balance, by id; raises StatementDiffers."""
    opening = await _openings(db, month)
    moved = await _moved(db, month)
    paid = await _paid(db, month)
    found = []
    for party_id in sorted(set(moved) | set(paid) | {party for party, fen in opening.items() if fen}):
        earned, taken, lines = moved.get(party_id, (Fen(0), Fen(0), 0))
        days = await _day_digests(db, party_id, month=month) if lines else []
        content = {
            "party": str(party_id), "month": month.isoformat(), "opening": opening.get(party_id, 0),
            "earned": earned, "reversed": taken, "lines": lines, "days": days,
        }  # fmt: skip
        if paid.get(party_id):
            content["paid"] = paid[party_id]
        digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
        found.append(
            PartyMonth(
                party_id=party_id, opening_fen=opening.get(party_id, Fen(0)), earned_fen=earned,
                reversed_fen=taken, paid_fen=paid.get(party_id, Fen(0)), lines=lines, content_sha256=digest,
            )
        )  # fmt: skip
    return found


async def _openings(db: Reading, month: date) -> dict[PartyId, Fen]:
    """What each party comes into the month with; raises StatementDiffers where ledger and last statement disagree about it.

    Months are closed in order, so nothing should lie between the last statement and the month; to trust in that alone would hide
    whatever did.
    """
    stated, carried = await _stated(db, month), await _carried(db, month)
    for party_id in stated.keys() | carried.keys():
        if stated.get(party_id, 0) != carried.get(party_id, 0):
            raise StatementDiffers(month=month, party_id=party_id)
    return stated


async def _stated(db: Reading, month: date) -> dict[PartyId, Fen]:
    """Each party's last closing before the month."""
    latest = (
        select(Statement.party_id, Statement.closing_fen)
        .where(Statement.tenant_id == db.tenant_id, Statement.period_on < month)
        .ext(distinct_on(Statement.party_id))
        .order_by(Statement.party_id, Statement.period_on.desc())
    )
    return {PartyId(row.party_id): Fen(row.closing_fen) for row in await db.execute(latest)}


async def _carried(db: Reading, month: date) -> dict[PartyId, Fen]:
    """What each party is owed from all periods before the month, recounted from the entries."""
    statement = (
        select(LedgerEntry.party_id, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.period_on < month,
            LedgerEntry.cause.in_((*ENTITLEMENT, *PAYMENT)),
        )
        .group_by(LedgerEntry.party_id)
    )
    return {PartyId(row.party_id): Fen(int(row.fen)) for row in await db.execute(statement)}


async def _moved(db: Reading, month: date) -> dict[PartyId, tuple[Fen, Fen, int]]:
    """What each party earned by sales, what refunds took back (net), and the number of entries."""
    by_cause = (
        select(
            LedgerEntry.party_id,
            LedgerEntry.cause,
            func.sum(signed_amount()).label("fen"),
            func.count().label("lines"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.period_on == month,
            LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .group_by(LedgerEntry.party_id, LedgerEntry.cause)
    )
    found: dict[PartyId, tuple[Fen, Fen, int]] = defaultdict(lambda: (Fen(0), Fen(0), 0))
    for row in await db.execute(by_cause):
        earned, taken, lines = found[PartyId(row.party_id)]
        if row.cause == Cause.ORDER_PAID:
            earned = Fen(earned + int(row.fen))
        else:
            taken = Fen(taken - int(row.fen))
        found[PartyId(row.party_id)] = (earned, taken, lines + row.lines)
    return dict(found)


async def _paid(db: Reading, month: date) -> dict[PartyId, Fen]:
    """What each party was paid through the channel, less what it gave back."""
    statement = (
        select(LedgerEntry.party_id, func.sum(-signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.period_on == month,
            LedgerEntry.cause.in_(PAYMENT),
        )
        .group_by(LedgerEntry.party_id)
    )
    return {PartyId(row.party_id): Fen(int(row.fen)) for row in await db.execute(statement)}


async def _day_digests(db: Reading, party_id: PartyId, *, month: date) -> list[tuple[str, int, str]]:
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
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on == month,
            LedgerEntry.party_id == party_id, LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .subquery()
    )  # fmt: skip
    joined = func.string_agg(lines.c.line, aggregate_order_by(literal_column("E'\\n'"), lines.c.line))
    digest = func.encode(func.sha256(func.convert_to(joined, "UTF8")), "hex").label("digest")
    statement = select(lines.c.occurred_on, func.count().label("lines"), digest).group_by(lines.c.occurred_on)
    rows = (await db.execute(statement.order_by(lines.c.occurred_on))).all()
    return [(row.occurred_on.isoformat(), row.lines, row.digest) for row in rows]


async def statement_days(db: Reading, party_id: PartyId, *, month: date) -> list[date]:
    """The days that a party's month has lines of; days before the month are late events."""
    statement = (
        select(LedgerEntry.occurred_on)
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on == month,
            LedgerEntry.party_id == party_id, LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .distinct()
    )  # fmt: skip
    return sorted((await db.execute(statement)).scalars())


async def statement_lines(db: Reading, party_id: PartyId, *, month: date, day: date) -> list[StatementLine]:
    """One day's lines of a party's statement, sales before refunds, by number."""
    found = (await db.execute(_lines_select(db, party_id, month=month, day=day))).all()
    codes = await store_codes(db, sorted({StoreId(row.store_id) for row in found}))
    rows = sorted(found, key=lambda row: place_of(row, codes[StoreId(row.store_id)]))
    return [
        StatementLine(
            occurred_on=row.occurred_on, cause=Cause(row.cause), order_no=row.order_no,
            line_no=row.refund_line_no if row.line_no is None else row.line_no, sku_code=row.sku_code,
            store_code=codes[StoreId(row.store_id)], base_fen=Fen(row.base_fen),
            rate_bps=None if row.rate_bps is None else Bps(row.rate_bps), portion_fen=Fen(row.portion_fen),
            contract_code=row.code, contract_version=row.version, terms_id=TermsId(row.terms_id),
            reference=row.reference,
        )
        for row in rows
    ]  # fmt: skip


def place_of(row: Any, store_code: str) -> tuple[Any, ...]:
    """Where a line stands in its day: by what it shows, then by the ids of what it is about, so that no two share a place."""
    number = row.refund_line_no if row.line_no is None else row.line_no
    shown = (
        row.cause != Cause.ORDER_PAID, row.order_no or "", number or 0, row.reference, row.base_fen,
        row.portion_fen, store_code, row.sku_code or "",
    )  # fmt: skip
    about = (row.terms_id, row.order_line_id, row.refund_id, row.refund_line_no)
    return shown + tuple(str(each or "") for each in about)


def _lines_select(db: Reading, party_id: PartyId, *, month: date, day: date) -> Any:
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    is_refund = LedgerEntry.refund_id.is_not(None)
    return (
        select(
            LedgerEntry.occurred_on, LedgerEntry.cause, LedgerEntry.store_id, LedgerEntry.terms_id,
            LedgerEntry.order_line_id, LedgerEntry.refund_id, LedgerEntry.refund_line_no,
            signed_amount().label("portion_fen"), TermsPortion.rate_bps,
            Contract.code, Contract.version, sold.c.order_no, sold.c.line_no,
            func.coalesce(undone.c.sku_code, sold.c.sku_code).label("sku_code"),
            func.coalesce(-undone.c.amount_fen, sold.c.paid_fen).label("base_fen"),
            func.coalesce(undone.c.external_no, undone.c.refund_no, sold.c.external_no, sold.c.order_no).label("reference"),
        )
        .join(LedgerAccount, credited_account(db))
        .join(Contract, and_(Contract.tenant_id == db.tenant_id, Contract.id == LedgerEntry.contract_id))
        .outerjoin(
            TermsPortion,
            and_(
                TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id == LedgerEntry.terms_id,
                TermsPortion.party_id == LedgerEntry.party_id,
            ),
        )
        .outerjoin(sold, sold.c.order_line_id == LedgerEntry.order_line_id)
        .outerjoin(
            undone,
            and_(
                is_refund, undone.c.refund_id == LedgerEntry.refund_id,
                undone.c.refund_line_no == LedgerEntry.refund_line_no,
            ),
        )
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.period_on == month,
            LedgerEntry.party_id == party_id, LedgerEntry.occurred_on == day,
            LedgerEntry.cause.in_(ENTITLEMENT),
        )
    )  # fmt: skip
