"""The laws about what is missing: money that the books cannot see, and statements that nobody wrote.

The other laws compare what stands with what stands; a line that was never offered for booking and a month without statements would
satisfy them all.
"""

from sqlalchemy import String, and_, cast, exists, func, select, union_all

from orders.unsettled_queries import lines_without_terms_select
from settlement.laws.rows import Rows
from settlement.models import LedgerEntry, Period, Statement
from settlement.states import OWED, PeriodState
from settlement.terms import HOUSE
from tenants.kernel.scope import Reading


def lines_without_terms(db: Reading) -> Rows:
    """Lines that moved money and were sold on no terms: nobody is ever credited for them."""
    lines = lines_without_terms_select(db.tenant_id).subquery("lines")
    return select(func.concat_ws(" ", lines.c.kind, lines.c.number, "has no terms").label("what"))


def missing_statements(db: Reading) -> Rows:
    """Closed months whose statements were never written, and parties with entries in a closed month and no statement of it."""
    closed = and_(
        Period.tenant_id == db.tenant_id,
        Period.contract_code == HOUSE,
        Period.state == PeriodState.CLOSED,
    )
    month = cast(Period.starts_on, String)
    unstated = select(func.concat_ws(" ", "month", month, "was closed without statements").label("what"))
    stated = exists().where(
        Statement.tenant_id == db.tenant_id,
        Statement.party_id == LedgerEntry.party_id,
        Statement.period_on == LedgerEntry.period_on,
    )
    forgotten = (
        select(func.concat_ws(" ", "party", LedgerEntry.party_id, "has no statement of", month))
        .select_from(LedgerEntry)
        .join(Period, and_(closed, Period.starts_on == LedgerEntry.period_on, Period.stated_at.is_not(None)))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.cause.in_(OWED),
            ~stated,
        )
        .distinct()
    )
    return union_all(unstated.where(closed, Period.stated_at.is_(None)), forgotten)
