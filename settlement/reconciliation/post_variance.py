"""Books what a partner's cashier keeps beyond what was agreed: off the money it owes us, onto the joint variance account, order by order.

The agreed deduction is no variance and is not booked here. An order's variance is what its rows in the current files come to; a corrected
file books the step from what stands to what should. Rows of orders that nobody knows wait until the order is there.
"""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, select, union_all
from sqlalchemy.orm import aliased

from orders.channel_queries import imported_refunds_select, imported_sales_select
from orders.states import Source
from settlement.ledger import Draft, Movement, channel_account, post_drafts, variance_account
from settlement.models import LedgerAccount, LedgerEntry
from settlement.reconciliation.accounts import Account, mine
from settlement.reconciliation.bills import BEIJING
from settlement.reconciliation.cashier_terms import cashier_terms
from settlement.reconciliation.joint import in_force, variance_fen
from settlement.reconciliation.models import BillFile, BillRow
from settlement.reconciliation.states import BillKind, BillState
from settlement.states import AccountKind, Cause
from tenants.kernel.ids import OrderId, StoreId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing


async def post_variances(db: Writing, account: Account, *, day: date, now: datetime) -> int:
    """Bring the variance of every order that a day's file speaks of to what the current files say; returns the entries written."""
    if account.kind is not BillKind.CASHIER:
        return 0
    terms = await cashier_terms(db, account.name)
    if not terms:
        return 0
    due: dict[OrderId, int] = defaultdict(int)
    stores: dict[OrderId, StoreId] = {}
    for row in await db.execute(_rows(db, account, day=day)):
        order_id = OrderId(row.order_id)
        stores[order_id] = StoreId(row.store_id)
        agreed = in_force(terms, row.day)
        due[order_id] += variance_fen(row.cells, agreed) if agreed else 0
    stand = await _standing(db, list(due))
    drafts = [
        _draft(db, order_id, store_id=stores[order_id], step=Fen(due[order_id] - stand[order_id][0]), number=stand[order_id][1], day=day)
        for order_id in sorted(due)
        if due[order_id] != stand[order_id][0]
    ]  # fmt: skip
    return await post_drafts(db, drafts, now=now)


def _draft(db: Reading, order_id: OrderId, *, store_id: StoreId, step: Fen, number: int, day: date) -> Draft:
    """What the partner keeps more (or, below nothing, less) than was booked: the channel owes us less, the variance account holds it."""
    movement = Movement(
        cause=Cause.JOINT_VARIANCE, amount_fen=Fen(-step), against=channel_account(store_id, Source.HISTORY),
        account=variance_account(store_id), store_id=store_id, order_id=order_id, occurred_on=day,
        period_on=day.replace(day=1),
    )  # fmt: skip
    cause_id = derived_id(db.tenant_id, "joint variance", str(order_id), str(number))
    at = datetime.combine(day, datetime.min.time(), BEIJING)
    return Draft(cause=Cause.JOINT_VARIANCE, cause_id=cause_id, occurred_at=at, movements=[movement])


def _rows(db: Reading, account: Account, *, day: date) -> Any:
    """Every current row, on whatever day, of the orders that this day's file speaks of."""
    of = union_all(
        *(each(db.tenant_id, account.name) for each in (imported_sales_select, imported_refunds_select))
    ).subquery("of")
    here, file, here_file = aliased(BillRow), aliased(BillFile), aliased(BillFile)
    key = of.c.kind + ":" + of.c.number
    same = aliased(of, name="same")
    spoken = (
        exists()
        .where(
            here.tenant_id == db.tenant_id, here_file.tenant_id == db.tenant_id, here_file.id == here.bill_id,
            mine(here_file, db=db, account=account), here_file.day == day,
            here.key == same.c.kind + ":" + same.c.number, same.c.order_id == of.c.order_id,
        )
        .correlate(of)
    )  # fmt: skip
    return (
        select(of.c.order_id, of.c.store_id, file.day, BillRow.cells)
        .select_from(of)
        .join(BillRow, and_(BillRow.tenant_id == db.tenant_id, BillRow.key == key))
        .join(file, and_(file.tenant_id == db.tenant_id, file.id == BillRow.bill_id))
        .where(mine(file, db=db, account=account), file.state == BillState.CURRENT, of.c.order_id.is_not(None), spoken)
    )  # fmt: skip


async def _standing(db: Reading, order_ids: list[OrderId]) -> dict[OrderId, tuple[int, int]]:
    """What is booked of each order's variance, and in how many journals."""
    held = LedgerAccount.kind == AccountKind.VARIANCE
    statement = (
        select(
            LedgerEntry.order_id, func.sum(case((held, -LedgerEntry.amount_fen), else_=LedgerEntry.amount_fen)).label("fen"),
            func.count().label("number"),
        )
        .join(LedgerAccount, and_(LedgerAccount.tenant_id == LedgerEntry.tenant_id, LedgerAccount.id == LedgerEntry.credit_account_id))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerAccount.tenant_id == db.tenant_id,
            LedgerEntry.cause == Cause.JOINT_VARIANCE, LedgerEntry.order_id.in_(order_ids),
        )
        .group_by(LedgerEntry.order_id)
    )  # fmt: skip
    found: dict[OrderId, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in await db.execute(statement):
        found[OrderId(row.order_id)] = (int(row.fen), row.number)
    return found
