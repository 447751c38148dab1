"""What parties owe: balances below nothing, and the refunds that brought them there. Reads only; nothing is ever forgiven here.

A refund lowers what a party is owed at once. Where it was paid already and the money does not come back through the channel (no
permission, time over, account empty for too long), or was paid otherwise, its balance stays below nothing: its next statement
carries that forward and nets it. A claim says which refund it was and why nothing came back; `open_fen` is what no later earning has
covered, the newest refunds first.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Date, Select, and_, cast, func, or_, select

from orders.order_numbers import order_numbers
from settlement.models import LedgerAccount, LedgerEntry, Statement
from settlement.queries import parties
from settlement.splitting.models import SplitReturn
from settlement.splitting.states import ReturnStatus
from settlement.states import AccountKind, Cause, ClaimCause
from settlement.views import ClaimList, ClaimView, PartyClaims
from tenants.kernel.ids import OrderId, PartyId, RefundId, StatementId
from tenants.kernel.money import Fen
from tenants.kernel.paging import page_limit
from tenants.kernel.scope import Reading
from tenants.queries import find_tenant

REVERSALS = (Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND)


async def claims(
    db: Reading, *, now: datetime, party_id: PartyId | None = None, limit: int | None = None
) -> ClaimList:
    """Every party that owes something or gave nothing back for a refund, with at most `limit` claims, the newest first."""
    balances = await _balances(db, party_id)
    found = (await db.execute(_claims(db, party_id).limit(page_limit(limit)))).all()
    numbers = await order_numbers(db, {OrderId(row.order_id) for row in found if row.order_id})
    people = await parties(db)
    today = now.astimezone(ZoneInfo((await find_tenant(db)).time_zone)).date()
    named = {PartyId(row.party_id) for row in found} | {each for each, fen in balances.items() if fen < 0}
    return ClaimList(
        parties=[
            PartyClaims(
                party=people[each], balance_fen=Fen(balances.get(each, 0)),
                owes_fen=Fen(max(0, -balances.get(each, 0))),
                claims=[_view(row, numbers, today=today) for row in found if row.party_id == each],
            )
            for each in sorted(named, key=lambda each: (balances.get(each, 0), people[each].code))
        ]
    )  # fmt: skip


def _view(row: Any, numbers: dict[OrderId, str], *, today: date) -> ClaimView:
    return ClaimView(
        cause=ClaimCause.PAID_BEFORE if row.return_no is None else ClaimCause.NOT_RETURNED,
        order_id=OrderId(row.order_id) if row.order_id else None,
        order_no=numbers.get(OrderId(row.order_id)) if row.order_id else None,
        refund_id=RefundId(row.refund_id), amount_fen=Fen(row.amount_fen), open_fen=Fen(row.open_fen),
        since_on=row.since_on, age_days=(today - row.since_on).days, period_on=row.period_on,
        statement_id=StatementId(row.statement_id) if row.statement_id else None, return_no=row.return_no,
        trouble=row.trouble, channel_code=row.channel_code, channel_message=row.channel_message,
    )  # fmt: skip


async def _balances(db: Reading, party_id: PartyId | None) -> dict[PartyId, int]:
    statement = (
        select(LedgerAccount.party_id, func.sum(LedgerAccount.balance_fen).label("fen"))
        .where(LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.kind == AccountKind.PAYABLE)
        .group_by(LedgerAccount.party_id)
    )
    if party_id is not None:
        statement = statement.where(LedgerAccount.party_id == party_id)
    return {PartyId(row.party_id): int(row.fen) for row in await db.execute(statement)}


def _claims(db: Reading, party_id: PartyId | None) -> Select[*tuple[Any, ...]]:
    """Refunds that took something from a party which owes, as far as it owes, and those whose return will not come."""
    owing = (
        select(LedgerAccount.party_id, (-func.sum(LedgerAccount.balance_fen)).label("fen"))
        .where(LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.kind == AccountKind.PAYABLE)
        .group_by(LedgerAccount.party_id)
        .having(func.sum(LedgerAccount.balance_fen) < 0)
    ).subquery("owing")
    failed = _failed_returns(db)
    taken = _taken(db)
    if party_id is not None:
        taken = taken.where(LedgerEntry.party_id == party_id)
    back = taken.subquery("back")
    up_to = func.sum(back.c.amount_fen).over(
        partition_by=back.c.party_id, order_by=(back.c.since_on.desc(), back.c.refund_id.desc())
    )
    left = func.coalesce(owing.c.fen, 0) - (up_to - back.c.amount_fen)
    stated = (
        select(Statement.id)
        .where(
            Statement.tenant_id == db.tenant_id, Statement.party_id == back.c.party_id,
            Statement.period_on == back.c.period_on,
        )
        .order_by(Statement.closed_at.desc())
        .limit(1)
        .correlate(back)
    )  # fmt: skip
    counted = (
        select(
            back, func.least(func.greatest(left, 0), back.c.amount_fen).label("open_fen"), failed.c.return_no,
            failed.c.trouble, failed.c.channel_code, failed.c.channel_message,
            stated.scalar_subquery().label("statement_id"),
        )
        .outerjoin(owing, owing.c.party_id == back.c.party_id)
        .outerjoin(
            failed, and_(failed.c.party_id == back.c.party_id, failed.c.refund_id == back.c.refund_id)
        )
        .where(or_(owing.c.party_id.is_not(None), failed.c.return_no.is_not(None)))
    ).subquery("counted")  # fmt: skip
    return (
        select(counted)
        .where(or_(counted.c.open_fen > 0, counted.c.return_no.is_not(None)))
        .order_by(counted.c.since_on.desc(), counted.c.refund_id.desc(), counted.c.party_id)
    )


def _taken(db: Reading) -> Select[*tuple[Any, ...]]:
    """What each refund took from each party."""
    debited = and_(
        LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.id == LedgerEntry.debit_account_id,
        LedgerAccount.kind == AccountKind.PAYABLE,
    )  # fmt: skip
    return (
        select(
            LedgerEntry.party_id, LedgerEntry.order_id, LedgerEntry.refund_id,
            func.sum(LedgerEntry.amount_fen).label("amount_fen"),
            cast(func.max(LedgerEntry.occurred_on), Date).label("since_on"),
            cast(func.max(LedgerEntry.period_on), Date).label("period_on"),
        )
        .join(LedgerAccount, debited)
        .where(LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(REVERSALS))
        .group_by(LedgerEntry.party_id, LedgerEntry.order_id, LedgerEntry.refund_id)
    )  # fmt: skip


def _failed_returns(db: Reading) -> Any:
    return (
        select(
            SplitReturn.party_id, SplitReturn.refund_id, SplitReturn.return_no, SplitReturn.trouble,
            SplitReturn.channel_code, SplitReturn.channel_message,
        )
        .where(SplitReturn.tenant_id == db.tenant_id, SplitReturn.state == ReturnStatus.CLAIMED)
    ).subquery("failed")  # fmt: skip
