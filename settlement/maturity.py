"""冻结佣金: what guides have earned on goods that may still be brought back. Reads only.

A guide is a person: money split to a person can never be taken back, so commission is paid out, and only once the return window of its
sale is over. What was paid all the same and is clawed back later stays on the guide's account below nothing: a claim, whether the guide is
still employed or not.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta

import msgspec
from sqlalchemy import and_, func, select

from orders.return_windows import returnable_orders_select
from settlement.models import LedgerAccount, LedgerEntry, Party
from settlement.queries import credited_account, signed_amount
from settlement.splitting.policy import split_policy
from settlement.states import ENTITLEMENT, PartyKind
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """What one guide earned in a period on goods that may still be brought back."""

    party_id: PartyId
    period_on: date
    amount_fen: Fen


async def frozen_commissions(db: Reading, *, now: datetime) -> list[Frozen]:
    """Guides' commission that is not final yet, by guide and the period it was booked into."""
    window = timedelta(days=(await split_policy(db)).return_days)
    open_orders = returnable_orders_select(db.tenant_id, since=now - window).subquery("returnable")
    statement = (
        select(LedgerEntry.party_id, LedgerEntry.period_on, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .join(Party, and_(Party.tenant_id == db.tenant_id, Party.id == LedgerEntry.party_id))
        .join(open_orders, open_orders.c.order_id == LedgerEntry.order_id)
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(ENTITLEMENT),
            Party.kind == PartyKind.GUIDE,
        )
        .group_by(LedgerEntry.party_id, LedgerEntry.period_on)
        .order_by(LedgerEntry.party_id, LedgerEntry.period_on)
    )  # fmt: skip
    return [
        Frozen(party_id=PartyId(row.party_id), period_on=row.period_on, amount_fen=Fen(int(row.fen)))
        for row in await db.execute(statement)
    ]


async def frozen_through(db: Reading, months: dict[PartyId, date], *, now: datetime) -> dict[PartyId, Fen]:
    """What of each guide's statements up to its month is not final yet: it is not due."""
    found: dict[PartyId, int] = defaultdict(int)
    for each in await frozen_commissions(db, now=now):
        if each.period_on <= months.get(each.party_id, date.min):
            found[each.party_id] += each.amount_fen
    return {party_id: Fen(max(0, fen)) for party_id, fen in found.items()}
