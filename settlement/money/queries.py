"""The channel's expected fees by day and merchant, and what stands in suspense."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, case, func, select, union_all

from orders.channel_money import given_back_select, taken_select
from orders.order_facts import unwanted_left
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.money.views import FeeDay, FeeList, InSuspense, SuspenseList
from settlement.states import FEES, AccountKind, Cause
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading
from tenants.queries import merchants


async def expected_fees(db: Reading, *, first: date, after: date) -> FeeList:
    """What the channel is expected to keep and give back on the days from `first` on, before `after`, by day and merchant.

    A bill tells fees with five decimals of a yuan and in the end keeps whole fen: reconciliation compares it with these.
    """
    taken = taken_select(db.tenant_id).subquery("taken")
    back = given_back_select(db.tenant_id).subquery("back")
    payee = union_all(
        select(taken.c.payment_id.label("id"), taken.c.merchant_id),
        select(back.c.refund_id, back.c.merchant_id),
    ).subquery("payee")
    is_charge = Journal.cause == Cause.FEE_CHARGED

    def total(chosen: Any) -> Any:
        return func.coalesce(func.sum(case((chosen, LedgerEntry.amount_fen), else_=0)), 0)

    statement = (
        select(
            LedgerEntry.occurred_on, payee.c.merchant_id, total(is_charge).label("charged"), total(~is_charge).label("returned"),
            func.count().filter(is_charge).label("payments"), func.count().filter(~is_charge).label("refunds"),
        )
        .select_from(LedgerEntry)
        .join(Journal, and_(Journal.tenant_id == LedgerEntry.tenant_id, Journal.id == LedgerEntry.journal_id))
        .join(payee, payee.c.id == Journal.cause_id)
        .where(
            LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id, LedgerEntry.cause.in_(FEES),
            LedgerEntry.occurred_on >= first, LedgerEntry.occurred_on < after, LedgerEntry.period_on >= first.replace(day=1),
            LedgerEntry.period_on < after,
        )
        .group_by(LedgerEntry.occurred_on, payee.c.merchant_id)
        .order_by(LedgerEntry.occurred_on, payee.c.merchant_id)
    )  # fmt: skip
    known = {merchant.id: merchant for merchant in await merchants(db)}
    return FeeList(
        fees=[
            FeeDay(
                merchant_id=MerchantId(row.merchant_id), merchant_no=known[MerchantId(row.merchant_id)].merchant_no, day=row.occurred_on,
                charged_fen=Fen(int(row.charged)), returned_fen=Fen(int(row.returned)), payments=row.payments,
                refunds=row.refunds, borne_by=known[MerchantId(row.merchant_id)].owner_party_code,
            )
            for row in await db.execute(statement)
        ]
    )  # fmt: skip


async def in_suspense(db: Reading, *, now: datetime) -> SuspenseList:
    """Money that no order wanted and that has not gone back, with its age; the total is what the accounts hold."""
    held = select(func.coalesce(func.sum(LedgerAccount.balance_fen), 0)).where(
        LedgerAccount.tenant_id == db.tenant_id, LedgerAccount.kind == AccountKind.SUSPENSE
    )
    return SuspenseList(
        total_fen=Fen(int((await db.execute(held)).scalar_one())),
        payments=[
            InSuspense(
                payment_id=payment_id, payment_no=payment_no, order_id=order_id, order_no=order_no,
                amount_fen=amount, since=since, days=(now - since).days,
            )
            for payment_id, payment_no, order_id, order_no, amount, since in await unwanted_left(db)
        ],
    )  # fmt: skip
