"""Orders and refunds that only a partner's statement knows, made from its lines as any imported history, so that figures and statements count them.

An order has one line without a product, at the store that was agreed for such sales, and says where it comes from. A refund waits (it stays an open
difference) until the order that it names is known, whichever of the two the partner tells first.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from orders.history.commands import OrderRow, RefundRow
from orders.history.refunds import import_refunds
from orders.history.sales_import import import_orders
from orders.states import OrderState
from settlement.agreements.freeze import ContractTerms
from settlement.patience import patiently
from settlement.reconciliation.accounts import Account
from settlement.reconciliation.cashier_terms import cashier_terms
from settlement.reconciliation.commands import StatementLine
from settlement.reconciliation.compare_day import compare_day
from settlement.reconciliation.joint import CashierTerms, in_force
from settlement.reconciliation.queries import missing_lines
from tenants.import_outcomes import RowOutcome, RowState
from tenants.kernel.ids import StoreId
from tenants.kernel.scope import TenantScope, Writing
from tenants.queries import store_codes

STATEMENT = "statement"
"""What such an order says of its status there, and how it was paid."""
NOON = time(12)
BEIJING = ZoneInfo("Asia/Shanghai")
FEN = Decimal(100)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a statement's unknown lines; `waiting` ones are refunds whose order nobody knows yet, `refused` says why the others were not."""

    orders: int
    refunds: int
    waiting: list[str]
    refused: list[str]


async def make_missing(
    tenant: TenantScope, account: Account, *, first: date, last: date, now: datetime, dry_run: bool = False
) -> Made:
    """Make what the current statements of these days list and we do not know, and compare those days again. Again, it makes nothing."""

    async def step(db: Writing) -> Made:
        lines = await missing_lines(db, account.name, first=first, last=last)
        terms = await cashier_terms(db, account.name)
        stores = await store_codes(db, [each.store_id for each in terms])
        made = await _make(db, lines, terms=terms, stores=stores, account=account, now=now)
        for day in sorted({line.business_on for line in lines}):
            await compare_day(db, account, day=day, now=now)
        if dry_run:
            await db.rollback()
        return made

    return await patiently(tenant, step)


async def _make(
    db: Writing, lines: Sequence[StatementLine], *, terms: list[CashierTerms], stores: dict[StoreId, str],
    account: Account, now: datetime,
) -> Made:  # fmt: skip
    placed = [(line, in_force(terms, line.business_on)) for line in lines]
    refused = [
        f"{line.kind} {line.external_no}: no terms of {account.name} say whose sales of {line.business_on} are (未设联合收银约定)"
        for line, agreed in placed
        if agreed is None
    ]
    known = [(line, stores[agreed.store_id]) for line, agreed in placed if agreed is not None]
    orders = [
        _order(number, line, store) for number, (line, store) in enumerate(known, 1) if line.kind == "order"
    ]
    refunds = [
        _refund(number, line)
        for number, (line, _) in enumerate(known, 1)
        if line.kind == "refund" and line.refund_of
    ]
    how: dict[str, Any] = {"source_name": account.name, "now": now, "terms": ContractTerms()}
    sold = await import_orders(db, orders, **how)
    back = await import_refunds(db, refunds, refuse_unknown=True, **how)
    waiting = [line.external_no for line, _ in known if line.kind == "refund" and not line.refund_of]
    waiting += [each.refund_no or "" for each, told in zip(refunds, back, strict=True) if not _is_in(told)]
    refused += [
        f"order {each.document}: {_why(told)}"
        for each, told in zip(orders, sold, strict=True)
        if not _is_in(told)
    ]
    return Made(
        orders=sum(map(_is_in, sold)), refunds=sum(map(_is_in, back)), waiting=sorted(waiting), refused=refused
    )  # fmt: skip


def _order(number: int, line: StatementLine, store_code: str) -> OrderRow:
    at = line.at or datetime.combine(line.business_on, NOON, BEIJING).astimezone(UTC)
    return OrderRow(
        number=number, document=line.external_no, store_code=store_code, sold_at=at, business_on=line.business_on,
        status=STATEMENT, state=OrderState.COLLECTED.value, paid_at=at, title="联合收银对账单", document_total=line.gross_fen / FEN,
        paid_total=line.gross_fen / FEN, tender_method=STATEMENT,
    )  # fmt: skip


def _refund(number: int, line: StatementLine) -> RefundRow:
    at = line.at or datetime.combine(line.business_on, NOON, BEIJING).astimezone(UTC)
    return RefundRow(
        number=number, refund_no=line.external_no, document=line.refund_of, refunded_at=at, business_on=line.business_on,
        amount=line.gross_fen / FEN, reason="联合收银对账单",
    )  # fmt: skip


def _is_in(told: RowOutcome) -> bool:
    return told.state is not RowState.REFUSED


def _why(told: RowOutcome) -> str:
    return "; ".join(found.reason for found in told.findings) or told.state.value
