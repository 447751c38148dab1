"""Laws of accounts: what each holds is what its entries say, and each entry moves between the accounts its cause names."""

from typing import Any

from sqlalchemy import and_, case, false, func, or_, select, true, union_all
from sqlalchemy.orm import aliased

from settlement.laws.rows import Rows, told
from settlement.models import LedgerAccount, LedgerEntry
from settlement.states import (
    ADJUSTMENT,
    COLLECTION,
    COUPONS,
    ENTITLEMENT,
    FEES,
    JOINT,
    SPLITS,
    UNWANTED,
    AccountKind,
    Cause,
)
from tenants.kernel.scope import Reading

SIDES = (
    ((*ENTITLEMENT, *SPLITS, *COLLECTION), AccountKind.CHANNEL, AccountKind.PAYABLE),
    (ADJUSTMENT, AccountKind.CLEARING, AccountKind.PAYABLE),
    ((Cause.PAID_OUT, Cause.PAYOUT_RETURNED), AccountKind.PAYABLE, AccountKind.BANK),
    (COUPONS, AccountKind.CHANNEL, AccountKind.COUPON),
    (FEES, AccountKind.CHANNEL, AccountKind.FEE),
    (UNWANTED, AccountKind.CHANNEL, AccountKind.SUSPENSE),
    (JOINT, AccountKind.CHANNEL, AccountKind.VARIANCE),
)
"""Between which kinds of account each cause moves money."""


def balances_off(db: Reading) -> Rows:
    """Accounts whose stored balance is not the sum of their entries."""
    sides = union_all(
        select(
            LedgerEntry.debit_account_id.label("account_id"), (-LedgerEntry.amount_fen).label("fen")
        ).where(LedgerEntry.tenant_id == db.tenant_id),
        select(LedgerEntry.credit_account_id, LedgerEntry.amount_fen).where(
            LedgerEntry.tenant_id == db.tenant_id
        ),
    ).subquery()
    moved = (
        select(sides.c.account_id, func.sum(sides.c.fen).label("fen")).group_by(sides.c.account_id).subquery()
    )
    recounted = func.coalesce(moved.c.fen, 0)
    return (
        select(told("account", LedgerAccount.id, "holds", LedgerAccount.balance_fen, "not", recounted))
        .outerjoin(moved, moved.c.account_id == LedgerAccount.id)
        .where(LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.balance_fen != recounted)
    )


def wrong_sides(db: Reading) -> Rows:
    """Entries whose two accounts are not of the kinds that their cause moves between, or not of their own store and party."""
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)

    def owns(account: Any) -> Any:
        """Whether the account is of the entry's own store, and a party's account of its own party and contract."""
        partys = and_(
            account.party_id == LedgerEntry.party_id,
            account.contract_id.is_not_distinct_from(LedgerEntry.contract_id),
            account.store_id.is_not_distinct_from(LedgerEntry.store_id),
        )
        stores = account.store_id.is_not_distinct_from(LedgerEntry.store_id)
        return case(
            (account.kind == AccountKind.PAYABLE, partys),
            (account.kind == AccountKind.BANK, true()),
            else_=stores,
        )

    def between(kind: AccountKind, other: AccountKind) -> Any:
        either = or_(
            and_(debit.kind == kind, credit.kind == other), and_(debit.kind == other, credit.kind == kind)
        )
        return and_(either, owns(debit), owns(credit))

    sound = case(
        *((LedgerEntry.cause.in_(causes), between(kind, other)) for causes, kind, other in SIDES),
        else_=false(),
    )
    return (
        select(told("entry", LedgerEntry.id))
        .outerjoin(debit, and_(debit.tenant_id == db.tenant_id, debit.id == LedgerEntry.debit_account_id))
        .outerjoin(credit, and_(credit.tenant_id == db.tenant_id, credit.id == LedgerEntry.credit_account_id))
        .where(LedgerEntry.tenant_id == db.tenant_id, sound.is_not(true()))
    )
