"""Since when what a party earned is payable: from the day that its contract names (T+N) on, once a statement that counts it is approved.

Balances are carried forward, so an approved statement makes the months before it payable too; a disputed one makes nothing payable.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, false, func, or_, select

from settlement.calendar import local_day, period_ends
from settlement.models import Contract, LedgerAccount, LedgerEntry, Statement
from settlement.queries import standing_of_statement
from settlement.signing.models import StatementStanding
from settlement.signing.states import StatementState
from settlement.states import AccountKind
from tenants.kernel.ids import ContractId, PartyId
from tenants.kernel.scope import Reading

Through = Mapping[ContractId, date]
"""By contract, the last period that is payable."""


async def payable_through(
    db: Reading, party_ids: Collection[PartyId], *, now: datetime
) -> dict[PartyId, Through]:
    """For each party and contract of it, the last period whose sales are payable at that moment; contracts without one are absent."""
    approved = await _approved(db, party_ids)
    statement = (
        select(
            LedgerAccount.party_id, Contract.id, Contract.time_zone, Contract.cut_off_day, Contract.payment_days
        )
        .join(Contract, and_(Contract.tenant_id == LedgerAccount.tenant_id, Contract.id == LedgerAccount.contract_id))
        .where(
            LedgerAccount.tenant_id == db.tenant_id, Contract.tenant_id == db.tenant_id,
            LedgerAccount.kind == AccountKind.PAYABLE, LedgerAccount.party_id.in_(list(party_ids)),
        )
        .distinct()
    )  # fmt: skip
    found: dict[PartyId, dict[ContractId, date]] = defaultdict(dict)
    for row in await db.execute(statement):
        today = local_day(now, time_zone=row.time_zone)
        waits = timedelta(days=row.payment_days)
        due = [
            month
            for month in approved[PartyId(row.party_id)]
            if period_ends(month, cut_off=row.cut_off_day) + waits <= today
        ]
        if due:
            found[PartyId(row.party_id)][ContractId(row.id)] = max(due)
    return {party_id: found[party_id] for party_id in party_ids}


def is_payable(through: Through) -> Any:
    """Whether an entry of the party stands in what is payable."""
    contracts: dict[date, list[ContractId]] = defaultdict(list)
    for contract_id, month in through.items():
        contracts[month].append(contract_id)
    known = [
        and_(LedgerEntry.contract_id.in_(ids), LedgerEntry.period_on <= month)
        for month, ids in sorted(contracts.items())
    ]
    return func.coalesce(or_(*known), false()) if known else false()


async def _approved(db: Reading, party_ids: Collection[PartyId]) -> dict[PartyId, list[date]]:
    """The months of which each party has an approved statement that nobody disputes."""
    statement = (
        select(Statement.party_id, Statement.period_on)
        .join(StatementStanding, standing_of_statement(db))
        .where(
            Statement.tenant_id == db.tenant_id, Statement.party_id.in_(list(party_ids)),
            StatementStanding.state == StatementState.APPROVED,
        )
    )  # fmt: skip
    found: dict[PartyId, list[date]] = defaultdict(list)
    for row in await db.execute(statement):
        found[PartyId(row.party_id)].append(row.period_on)
    return found
