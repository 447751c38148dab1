"""What is due: of each party's last signed statement what was neither paid, held nor sent since, nor is on its way through the channel.

A split that the channel has yet to make pays sales of that statement; paying them out as well would pay twice. A guide's commission on
goods that may still be brought back is not due either: a person cannot be made to give it back. Reads only.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from settlement.calendar import next_month, period_ends
from settlement.maturity import frozen_through
from settlement.models import Contract, LedgerAccount, LedgerEntry, Statement
from settlement.payouts.models import Payee, PayoutLine
from settlement.payouts.states import UNDER_WAY, SkipReason
from settlement.payouts.views import DueView
from settlement.queries import credited_account, parties, signed_amount, standing_of_statement
from settlement.signing.models import StatementStanding
from settlement.signing.states import StatementState
from settlement.splitting.models import ReceiverRow, Split
from settlement.splitting.policy import split_policy
from settlement.splitting.states import ReceiverState, SplitStatus
from settlement.states import ENTITLEMENT, SPLITS, AccountKind, Cause, PartyKind
from tenants.kernel.ids import PartyId, StatementId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

OVER = (SplitStatus.ENDED, SplitStatus.LAPSED)
PAYOUTS = (Cause.PAID_OUT, Cause.PAYOUT_RETURNED)
Sums = Mapping[PartyId, Fen]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a party's balance after a statement, as far as paying it is concerned."""

    since: Fen = Fen(0)
    coming: Fen = Fen(0)
    frozen: Fen = Fen(0)

    def left_of(self, closing: Fen) -> int:
        """What is left to pay of a closing balance; negative when too much was paid."""
        return closing - self.since - self.coming - self.frozen


async def due_parties(db: Reading, *, on: date, now: datetime) -> list[DueView]:
    """Every party but the brand that has a statement: what it is due on that day, or why it is not.

    `now` alone says which return windows are over: a later `on` makes nothing final.
    """
    people = await parties(db)
    last, signed = await _statements(db, signed=False), await _statements(db, signed=True)
    held, payable = await _under_way(db), await _payable(db)
    months = {party: row.period_on for party, row in signed.items()}
    moved, days = await _moved(db, months, held=held, now=now), await _payment_days(db, months)
    unsigned = {
        party: row.period_on for party, row in last.items() if party in signed and row.id != signed[party].id
    }
    later = await _moved(db, unsigned, held=held, now=now) if unsigned else {}
    found = []
    for party_id in sorted(last, key=lambda party: people[party].code):
        if people[party_id].kind is PartyKind.BRAND:
            continue
        statement = signed.get(party_id)
        after = moved.get(party_id, Moved())
        closing = statement.closing_fen if statement else last[party_id].closing_fen
        due_on = days.get(party_id)
        amount = max(0, after.left_of(closing)) if statement else 0
        if statement:
            # What came back from the bank may be more than this statement says: then the next one does.
            amount = min(amount, statement.payable_fen - statement.payout_fen)
        if party_id in later:
            # A later statement is closed, if not signed: where it says that less is owed, no more is paid.
            amount = min(amount, max(0, later[party_id].left_of(last[party_id].closing_fen)))
        found.append(
            DueView(
                party=people[party_id], statement_id=StatementId(statement.id) if statement else None,
                period_on=statement.period_on if statement else last[party_id].period_on,
                closing_fen=Fen(closing), since_fen=after.since, on_its_way_fen=after.coming, frozen_fen=after.frozen,
                amount_fen=Fen(amount), due_on=due_on,
                skipped=_why_not(
                    last[party_id], statement, amount=amount, frozen=after.frozen, due_on=due_on, on=on,
                    has_payee=party_id in payable,
                ),
            )
        )  # fmt: skip
    return found


async def _moved(
    db: Reading, months: Mapping[PartyId, date], *, held: Sums, now: datetime
) -> dict[PartyId, Moved]:
    """What was paid, held, split, is coming or may be clawed back, of each party, beside the statement of its month."""
    since, splits = await _paid_since(db, months), await _split_since(db, months)
    coming, frozen = await _coming(db, months, now=now), await frozen_through(db, dict(months), now=now)
    return {
        party: Moved(
            since=Fen(sum(each.get(party, 0) for each in (since, splits, held))),
            coming=coming.get(party, Fen(0)), frozen=frozen.get(party, Fen(0)),
        )
        for party in months
    }  # fmt: skip


def _why_not(
    last: Any, signed: Any, *, amount: int, frozen: int, due_on: date | None, on: date, has_payee: bool
) -> SkipReason | None:
    if last.state == StatementState.DISPUTED:
        return SkipReason.DISPUTED
    if signed is None or due_on is None:
        return SkipReason.NEGATIVE if last.closing_fen < 0 else SkipReason.NOT_APPROVED
    if signed.closing_fen < 0:
        return SkipReason.NEGATIVE
    if not amount:
        return _nothing_why(final=not frozen, owes=last.closing_fen < 0, current=signed.id == last.id)
    if on < due_on:
        return SkipReason.NOT_YET
    return None if has_payee else SkipReason.NO_PAYEE


def _nothing_why(*, final: bool, owes: bool, current: bool) -> SkipReason:
    if owes:
        return SkipReason.NEGATIVE
    if not final:
        return SkipReason.RETURNABLE
    return SkipReason.NOTHING_LEFT if current else SkipReason.NOT_APPROVED


async def _payment_days(db: Reading, months: Mapping[PartyId, date]) -> dict[PartyId, date]:
    """T+N: the day from which each party's statement is paid; of several contracts in its month the latest."""
    statement = (
        select(
            LedgerAccount.party_id, Contract.cut_off_day, Contract.payment_days, Contract.active_from, Contract.active_to
        )
        .join(Contract, and_(Contract.tenant_id == LedgerAccount.tenant_id, Contract.id == LedgerAccount.contract_id))
        .where(
            LedgerAccount.tenant_id == db.tenant_id, Contract.tenant_id == db.tenant_id,
            LedgerAccount.kind == AccountKind.PAYABLE,
        )
        .distinct()
    )  # fmt: skip
    found = {party_id: next_month(month) for party_id, month in months.items()}
    for row in await db.execute(statement):
        month = months.get(PartyId(row.party_id))
        if month is None or (row.active_to is not None and row.active_to.date() < month):
            continue
        ends = period_ends(month, cut_off=row.cut_off_day)
        if row.active_from.date() < ends:
            paid_on = ends + timedelta(days=row.payment_days)
            found[PartyId(row.party_id)] = max(found[PartyId(row.party_id)], paid_on)
    return found


async def _statements(db: Reading, *, signed: bool) -> dict[PartyId, Any]:
    """Each party's last current statement; `signed`: its last one that may be paid."""
    standing = func.coalesce(StatementStanding.state, StatementState.CLOSED)
    chosen = standing == StatementState.APPROVED if signed else standing != StatementState.SUPERSEDED
    latest = (
        select(
            Statement.id, Statement.party_id, Statement.period_on, Statement.closing_fen, standing.label("state"),
            func.coalesce(StatementStanding.payable_fen, 0).label("payable_fen"),
            func.coalesce(StatementStanding.payout_fen, 0).label("payout_fen"),
        )
        .outerjoin(StatementStanding, standing_of_statement(db))
        .where(Statement.tenant_id == db.tenant_id, chosen)
        .ext(distinct_on(Statement.party_id))
        .order_by(Statement.party_id, Statement.period_on.desc(), Statement.version.desc())
    )  # fmt: skip
    return {PartyId(row.party_id): row for row in await db.execute(latest)}


async def _paid_since(db: Reading, months: Mapping[PartyId, date]) -> Sums:
    """Payouts booked after each party's month, less what came back."""
    statement = (
        select(LedgerEntry.party_id, LedgerEntry.period_on, func.sum(-signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(PAYOUTS))
        .group_by(LedgerEntry.party_id, LedgerEntry.period_on)
    )
    return _after(await db.execute(statement), months)


async def _split_since(db: Reading, months: Mapping[PartyId, date]) -> Sums:
    """What splitting brought after each party's month of sales that its statement counts already."""
    sale = aliased(LedgerEntry)
    sold = (
        select(sale.period_on)
        .where(
            sale.tenant_id == db.tenant_id,
            sale.order_id == LedgerEntry.order_id,
            sale.party_id == LedgerEntry.party_id,
            sale.cause == Cause.ORDER_PAID,
        )
        .limit(1)
        .correlate(LedgerEntry)
        .scalar_subquery()
    )
    first = min(months.values(), default=date.max)
    statement = (
        select(LedgerEntry.party_id, LedgerEntry.period_on, sold.label("sold_on"), LedgerEntry.amount_fen.label("fen"))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause == Cause.SPLIT_PAID,
            LedgerEntry.period_on > first,
        )
    )  # fmt: skip
    rows = [
        row
        for row in await db.execute(statement)
        if row.sold_on is not None and row.sold_on <= months.get(PartyId(row.party_id), date.min)
    ]
    return _after(rows, months)


async def _coming(db: Reading, months: Mapping[PartyId, date], *, now: datetime) -> Sums:
    """What splits that are not over owe to parties that receive through the channel, of sales that their statements count.

    Of goods that nobody fetched nothing comes any more once the channel has unfrozen their money: were they fetched later, their split
    would find nothing left. A day is waited for the channel's clock.
    """
    thawed = now - timedelta(days=(await split_policy(db)).freeze_days + 1)
    never = and_(Split.state == SplitStatus.WAITING, Split.paid_at < thawed)
    receives = (
        select(ReceiverRow.id)
        .where(
            ReceiverRow.tenant_id == db.tenant_id,
            ReceiverRow.party_id == LedgerEntry.party_id,
            ReceiverRow.merchant_id == Split.merchant_id,
            ReceiverRow.state == ReceiverState.ADDED,
        )
        .correlate(LedgerEntry, Split)
        .exists()
    )
    statement = (
        select(
            LedgerEntry.party_id, LedgerEntry.order_id, func.min(LedgerEntry.period_on).label("sold_on"),
            func.sum(signed_amount()).label("fen"),
        )
        .join(LedgerAccount, credited_account(db))
        .join(Split, and_(Split.tenant_id == LedgerEntry.tenant_id, Split.order_id == LedgerEntry.order_id))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, Split.tenant_id == db.tenant_id, Split.state.not_in(OVER),
            ~never, LedgerEntry.cause.in_((*ENTITLEMENT, *SPLITS)), receives,
        )
        .group_by(LedgerEntry.party_id, LedgerEntry.order_id)
    )  # fmt: skip
    found: dict[PartyId, Fen] = {}
    for row in await db.execute(statement):
        party_id = PartyId(row.party_id)
        if row.fen > 0 and row.sold_on <= months.get(party_id, date.min):
            found[party_id] = Fen(found.get(party_id, 0) + int(row.fen))
    return found


async def _under_way(db: Reading) -> Sums:
    """What batches hold or have sent and nobody booked yet."""
    statement = (
        select(PayoutLine.party_id, func.sum(PayoutLine.amount_fen).label("fen"))
        .where(PayoutLine.tenant_id == db.tenant_id, PayoutLine.state.in_(UNDER_WAY))
        .group_by(PayoutLine.party_id)
    )
    return {PartyId(row.party_id): Fen(int(row.fen)) for row in await db.execute(statement)}


async def _payable(db: Reading) -> set[PartyId]:
    """Parties that somebody can be paid for."""
    found = select(Payee.party_id).where(Payee.tenant_id == db.tenant_id, Payee.ended_at.is_(None))
    return {PartyId(party_id) for party_id in (await db.execute(found)).scalars()}


def _after(rows: Any, months: Mapping[PartyId, date]) -> Sums:
    """Add up what lies after each party's month."""
    found: dict[PartyId, Fen] = {}
    for row in rows:
        party_id = PartyId(row.party_id)
        if row.period_on > months.get(party_id, date.max):
            found[party_id] = Fen(found.get(party_id, 0) + int(row.fen))
    return found
