"""Law of statements: each says what its entries say, and opens with what the one before closed with."""

from typing import Any

from sqlalchemy import and_, case, func, not_, select

from settlement.laws.rows import Rows, told
from settlement.models import LedgerAccount, LedgerEntry, Statement
from settlement.queries import credited_account, signed_amount
from settlement.states import ADJUSTMENT, COLLECTION, ENTITLEMENT, PAYMENT, Cause
from tenants.kernel.scope import Reading

STATED: dict[str, tuple[tuple[Cause, ...], int]] = {
    "earned": ((Cause.ORDER_PAID,), 1), "reversed": ((Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND), -1),
    "adjusted": (ADJUSTMENT, 1), "collected": (COLLECTION, -1), "paid": (PAYMENT, -1),
}  # fmt: skip
"""The figures of a statement: which causes they count, and as whose gain."""


def statements_off(db: Reading) -> Rows:
    """Statements, in any version, that say something else than their entries or do not open with what the month before closed with."""
    moved, chained = _moved_by_version(db), _chained(db)
    counted = {name: func.coalesce(func.sum(moved.c[name]), 0) for name in (*STATED, "lines")}
    sound = and_(
        Statement.opening_fen == chained.c.opens_with,
        *(getattr(Statement, f"{name}_fen") == counted[name] for name in STATED),
        Statement.lines == counted["lines"],
    )
    return (
        select(told("statement", Statement.id))
        .join(
            chained,
            and_(chained.c.party_id == Statement.party_id, chained.c.period_on == Statement.period_on),
        )
        .outerjoin(
            moved,
            and_(
                moved.c.party_id == Statement.party_id, moved.c.period_on == Statement.period_on,
                moved.c.version <= Statement.version,
            ),
        )
        .where(Statement.tenant_id == db.tenant_id)
        .group_by(Statement.tenant_id, Statement.id, chained.c.opens_with)
        .having(not_(sound))
    )  # fmt: skip


def _moved_by_version(db: Reading) -> Any:
    """What entries say of each party's month, by the version of the statement that they came with."""
    return (
        select(
            LedgerEntry.party_id, LedgerEntry.period_on, LedgerEntry.statement_version.label("version"),
            *(
                func.sum(case((LedgerEntry.cause.in_(causes), sign * signed_amount()), else_=0)).label(name)
                for name, (causes, sign) in STATED.items()
            ),
            func.count().filter(LedgerEntry.cause.in_(ENTITLEMENT)).label("lines"),
        )
        .join(LedgerAccount, credited_account(db))
        .where(LedgerEntry.tenant_id == db.tenant_id)
        .group_by(LedgerEntry.party_id, LedgerEntry.period_on, LedgerEntry.statement_version)
    ).subquery("moved")  # fmt: skip


def _chained(db: Reading) -> Any:
    """For each party's month, what the last version of the month before closed with."""
    newest = func.max(Statement.version).over(partition_by=(Statement.party_id, Statement.period_on))
    versions = (
        select(Statement.party_id, Statement.period_on, Statement.closing_fen, Statement.version, newest.label("newest"))
        .where(Statement.tenant_id == db.tenant_id)
        .subquery("versions")
    )  # fmt: skip
    before = func.lag(versions.c.closing_fen, 1, 0).over(
        partition_by=versions.c.party_id, order_by=versions.c.period_on
    )
    return (
        select(versions.c.party_id, versions.c.period_on, before.label("opens_with"))
        .where(versions.c.version == versions.c.newest)
        .subquery("chained")
    )
