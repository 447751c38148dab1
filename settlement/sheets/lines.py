"""The lines of a statement: sales and refunds one by one, adjustments with their evidence, payments by the day. Reads only.

What is shown of a line was frozen with the sale; what a store was called, with the statement.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import and_, case, func, null, or_, select

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.models import Contract, Journal, LedgerAccount, LedgerEntry, TermsPortion
from settlement.posting.split_sql import base_of_kept
from settlement.queries import credited_account, signed_amount
from settlement.sheets.evidence import booked_here, evidence_of
from settlement.statements import in_statement
from settlement.states import ADJUSTMENT, COLLECTION, ENTITLEMENT, PAYMENT, Cause
from settlement.views import AdjustmentLine, PaymentLine, StatementLine, Step
from tenants.kernel.ids import (
    ContractId,
    JournalId,
    OrderId,
    OrderLineId,
    PartyId,
    RefundId,
    StoreId,
    TermsId,
)
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading

Stores = Mapping[StoreId, tuple[str, str]]
ONE_BY_ONE = (Cause.TRUE_UP, Cause.ADJUSTED)
"""Adjustments that are few and have a story each; the others come with sales and are added up by the day."""


async def statement_days(
    db: Reading, party_id: PartyId, *, month: date, version: int | None = None
) -> list[date]:
    """The days that a party's month has lines of; days before the month are late events."""
    statement = (
        select(LedgerEntry.occurred_on)
        .where(*in_statement(db, party_id, month=month, version=version), LedgerEntry.cause.in_(ENTITLEMENT))
        .distinct()
    )
    return sorted((await db.execute(statement)).scalars())


async def statement_lines(
    db: Reading,
    party_id: PartyId,
    *,
    month: date,
    day: date,
    stores: Stores,
    version: int | None = None,
) -> list[StatementLine]:
    """One day's lines of a party's statement, sales before refunds, by number; `stores` as they were called when it was written."""
    chosen = in_statement(db, party_id, month=month, version=version)
    found = (await db.execute(_lines_select(db, chosen, day=day))).all()
    rows = sorted(found, key=lambda row: place_of(row, stores[StoreId(row.store_id)][0]))
    return [
        StatementLine(
            occurred_on=row.occurred_on, cause=Cause(row.cause), order_no=row.order_no,
            line_no=row.refund_line_no if row.line_no is None else row.line_no, sku_code=row.sku_code,
            store_code=stores[StoreId(row.store_id)][0], store_name=stores[StoreId(row.store_id)][1],
            paid_fen=Fen(row.paid_fen), base_fen=Fen(row.base_fen), rate_bps=None if row.rate_bps is None else Bps(row.rate_bps),
            portion_fen=Fen(row.portion_fen), contract_id=ContractId(row.contract_id), contract_code=row.code,
            contract_version=row.version, terms_id=TermsId(row.terms_id), reference=row.reference,
            journal_id=JournalId(row.journal_id), order_id=OrderId(row.order_id) if row.order_id else None,
            order_line_id=OrderLineId(row.order_line_id) if row.order_line_id else None,
            refund_id=RefundId(row.refund_id) if row.refund_id else None, refund_line_no=row.refund_line_no,
        )
        for row in rows
    ]  # fmt: skip


async def statement_adjustments(
    db: Reading, party_id: PartyId, *, month: date, version: int, stores: Stores
) -> list[AdjustmentLine]:
    """What was adjusted in the month, with evidence: true-ups and corrections one by one, parts of fees and promotions by the day."""
    told = LedgerEntry.cause.in_(ONE_BY_ONE)
    thing = case((told, Journal.cause_id), else_=null()).label("thing")
    rows = (
        await db.execute(
            select(
                LedgerEntry.occurred_on, LedgerEntry.cause, LedgerEntry.contract_id, LedgerEntry.store_id, thing,
                func.sum(signed_amount()).label("fen"), func.count().label("entries"), Contract.code, Contract.version,
            )
            .join(LedgerAccount, credited_account(db))
            .join(Journal, and_(Journal.tenant_id == db.tenant_id, Journal.id == LedgerEntry.journal_id))
            .outerjoin(Contract, and_(Contract.tenant_id == db.tenant_id, Contract.id == LedgerEntry.contract_id))
            .where(
                *in_statement(db, party_id, month=month, version=version), LedgerEntry.cause.in_(ADJUSTMENT)
            )
            .group_by(
                LedgerEntry.occurred_on, LedgerEntry.cause, LedgerEntry.contract_id, LedgerEntry.store_id, thing,
                Contract.code, Contract.version,
            )
        )
    ).all()  # fmt: skip
    evidence = await evidence_of(db, {row.thing for row in rows if row.thing is not None})
    lines = sorted((_adjustment(row, stores=stores) for row in rows), key=_adjustment_place)
    booked: dict[str, int] = defaultdict(int)
    for line in lines:
        booked[line.reference] += line.amount_fen
    return [_with_evidence(line, evidence, booked=Fen(booked[line.reference])) for line in lines]


def _with_evidence(line: AdjustmentLine, evidence: dict[UUID, list[Step]], *, booked: Fen) -> AdjustmentLine:
    """The line with its story; what was spread over several stores is told once, at the first of them."""
    steps = evidence.pop(UUID(line.reference), []) if line.reference else []
    if steps and line.cause is Cause.TRUE_UP:
        steps = [*steps, booked_here(booked)]
    return msgspec.structs.replace(line, steps=steps)


def _adjustment_place(line: AdjustmentLine) -> tuple[Any, ...]:
    return (
        line.occurred_on, line.cause, line.contract_code or "", line.contract_version or 0, line.reference,
        line.store_code or "", line.amount_fen,
    )  # fmt: skip


def _adjustment(row: Any, *, stores: Stores) -> AdjustmentLine:
    return AdjustmentLine(
        occurred_on=row.occurred_on, cause=Cause(row.cause), amount_fen=Fen(int(row.fen)), entries=row.entries,
        contract_id=ContractId(row.contract_id) if row.contract_id else None, contract_code=row.code,
        contract_version=row.version, store_code=stores[StoreId(row.store_id)][0] if row.store_id else None,
        reference=str(row.thing) if row.thing else "",
        steps=[],
    )  # fmt: skip


async def statement_payments(
    db: Reading, party_id: PartyId, *, month: date, version: int
) -> list[PaymentLine]:
    """How the party was paid in the month, and what it collected itself, by the day and cause; positive what it received."""
    received = func.sum(-signed_amount()).label("fen")
    statement = (
        select(LedgerEntry.occurred_on, LedgerEntry.cause, received, func.count().label("entries"))
        .join(LedgerAccount, credited_account(db))
        .where(
            *in_statement(db, party_id, month=month, version=version),
            LedgerEntry.cause.in_((*PAYMENT, *COLLECTION)),
        )
        .group_by(LedgerEntry.occurred_on, LedgerEntry.cause)
        .order_by(LedgerEntry.occurred_on, LedgerEntry.cause)
    )
    return [
        PaymentLine(
            occurred_on=row.occurred_on,
            cause=Cause(row.cause),
            amount_fen=Fen(int(row.fen)),
            entries=row.entries,
        )
        for row in await db.execute(statement)
    ]


def place_of(row: Any, store_code: str) -> tuple[Any, ...]:
    """Where a line stands in its day: by what it shows, then by the ids of what it is about, so that no two share a place."""
    number = row.refund_line_no if row.line_no is None else row.line_no
    shown = (
        row.cause != Cause.ORDER_PAID, row.order_no or "", number or 0, row.reference, row.paid_fen,
        row.portion_fen, store_code, row.sku_code or "",
    )  # fmt: skip
    about = (row.terms_id, row.order_line_id, row.refund_id, row.refund_line_no)
    return shown + tuple(str(each or "") for each in about)


def _paid(sold: Any, undone: Any) -> Any:
    return func.coalesce(-undone.c.amount_fen, sold.c.paid_fen)


def _base(sold: Any, undone: Any) -> Any:
    """What the rate of a line is of; of a refund what the base is less after it than before."""
    amount, before = undone.c.amount_fen, undone.c.kept_before_fen
    paid, base = undone.c.line_paid_fen, undone.c.line_base_fen
    after = base_of_kept(before - amount, paid=paid, base=base)
    return case(
        (or_(TermsPortion.rate_bps.is_(None), TermsPortion.of_paid), _paid(sold, undone)),
        (amount.is_(None), func.coalesce(sold.c.base_fen, sold.c.paid_fen)),
        (before.is_(None), -func.coalesce(undone.c.base_fen, amount)),
        else_=after - base_of_kept(before, paid=paid, base=base),
    )


def _lines_select(db: Reading, chosen: list[Any], *, day: date) -> Any:
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    is_refund = LedgerEntry.refund_id.is_not(None)
    return (
        select(
            LedgerEntry.occurred_on, LedgerEntry.cause, LedgerEntry.store_id, LedgerEntry.terms_id,
            LedgerEntry.order_id, LedgerEntry.order_line_id, LedgerEntry.refund_id, LedgerEntry.refund_line_no,
            LedgerEntry.journal_id, signed_amount().label("portion_fen"), TermsPortion.rate_bps, LedgerEntry.contract_id,
            Contract.code, Contract.version, sold.c.order_no, sold.c.line_no,
            func.coalesce(undone.c.sku_code, sold.c.sku_code).label("sku_code"),
            _paid(sold, undone).label("paid_fen"), _base(sold, undone).label("base_fen"),
            func.coalesce(undone.c.external_no, undone.c.refund_no, sold.c.external_no, sold.c.order_no).label("reference"),
        )
        .join(LedgerAccount, credited_account(db))
        .join(Contract, and_(Contract.tenant_id == db.tenant_id, Contract.id == LedgerEntry.contract_id))
        .outerjoin(
            TermsPortion,
            and_(
                TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id == LedgerEntry.terms_id,
                TermsPortion.party_id == LedgerEntry.party_id,
            ),
        )
        .outerjoin(sold, sold.c.order_line_id == LedgerEntry.order_line_id)
        .outerjoin(
            undone,
            and_(
                is_refund, undone.c.refund_id == LedgerEntry.refund_id,
                undone.c.refund_line_no == LedgerEntry.refund_line_no,
            ),
        )
        .where(*chosen, LedgerEntry.occurred_on == day, LedgerEntry.cause.in_(ENTITLEMENT))
    )  # fmt: skip
