"""Books what orders say: a paid order once, a refund once, each line split by the terms it was sold on.

A refund posts split(kept before) - split(kept after), where what was kept is read from the ledger under the order's lock: refunds of
one line may finish in any order. Imported history is not booked here but set-based by `post_history`; both ways book the same fen.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select, text

from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.errors import RefundExceedsKept
from settlement.ledger import Movement, append, channel_account, open_journal, payable_account
from settlement.models import LedgerAccount, LedgerEntry
from settlement.periods import book_into
from settlement.post_coupons import post_paid_coupons, post_refunded_coupons
from settlement.post_terms import BookedTerms, booked_terms
from settlement.queries import credited_account, signed_amount
from settlement.split import LineBase, reversal, split_line
from settlement.states import ENTITLEMENT, Cause
from tenants.kernel.ids import (
    JournalId,
    OrderId,
    OrderLineId,
    PartyId,
    RefundId,
    StoreId,
    TermsId,
)
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line's step: the amounts kept before and after it."""

    cause: Cause
    before: Fen
    after: Fen
    base: LineBase
    store_id: StoreId
    source: str
    terms_id: TermsId
    order_id: OrderId | None
    order_line_id: OrderLineId | None
    refund_id: RefundId | None = None
    refund_line_no: int | None = None


async def post_order_paid(db: Writing, order_id: OrderId, *, now: datetime) -> int:
    """Book a paid order: every party of every line is credited with its portion. Returns the entries written, 0 when booked already."""
    settled = settled_lines_select(db.tenant_id).subquery()
    found = (
        await db.execute(
            select(settled)
            .where(settled.c.order_id == order_id, settled.c.source == Source.STOREFRONT)
            .order_by(settled.c.line_no)
        )
    ).all()
    if not found:
        return 0
    occurred_at: datetime = found[0].paid_at
    journal_id = await open_journal(db, Cause.ORDER_PAID, cause_id=order_id, occurred_at=occurred_at, now=now)
    if journal_id is None:
        return 0
    lines = [
        _Line(
            cause=Cause.ORDER_PAID, before=Fen(0), after=Fen(row.paid_fen),
            base=LineBase(Fen(row.paid_fen), row.base_fen), store_id=StoreId(row.store_id),
            source=row.source, terms_id=TermsId(row.terms_id), order_id=order_id,
            order_line_id=OrderLineId(row.order_line_id),
        )
        for row in found
    ]  # fmt: skip
    entries = await _book(db, lines, journal_id=journal_id, occurred_at=occurred_at)
    terms = (await booked_terms(db, {lines[0].terms_id}))[lines[0].terms_id]
    await post_paid_coupons(db, order_id, store_id=lines[0].store_id, terms=terms, at=occurred_at, now=now)
    return entries


async def post_refund(db: Writing, refund_id: RefundId, *, now: datetime) -> int:
    """Book a finished refund, after its sale. Returns the entries written, 0 when booked already or not finished."""
    undone = reversed_lines_select(db.tenant_id).subquery()
    found = (
        await db.execute(
            select(undone)
            .where(undone.c.refund_id == refund_id, undone.c.source == Source.STOREFRONT)
            .order_by(undone.c.refund_line_no)
        )
    ).all()
    if not found:
        return 0
    first = found[0]
    cause = Cause.LOOSE_REFUND if first.order_id is None else Cause.ORDER_REFUNDED
    if first.order_id is not None:
        # The negative must never stand without its positive: a message about the refund may overtake the one about the sale.
        await post_order_paid(db, OrderId(first.order_id), now=now)
        await _hold_order(db, OrderId(first.order_id))
    journal_id = await open_journal(db, cause, cause_id=refund_id, occurred_at=first.refunded_at, now=now)
    if journal_id is None:
        return 0
    kept = {} if first.order_id is None else await _kept(db, OrderId(first.order_id))
    lines = [_refunded(row, refund_id, kept=kept) for row in found]
    entries = await _book(db, lines, journal_id=journal_id, occurred_at=first.refunded_at)
    if lines[0].order_id is not None:
        terms = (await booked_terms(db, {lines[0].terms_id}))[lines[0].terms_id]
        await post_refunded_coupons(
            db, refund_id, order_id=lines[0].order_id, store_id=lines[0].store_id, terms=terms,
            at=first.refunded_at, now=now,
        )  # fmt: skip
    return entries


def _refunded(row: Any, refund_id: RefundId, *, kept: dict[OrderLineId, Fen]) -> _Line:
    """A refund line's step; takes the amount off `kept`, because a refund may name a line twice."""
    line_id = OrderLineId(row.order_line_id) if row.order_line_id else None
    before, after, base = Fen(row.amount_fen), Fen(0), LineBase(Fen(row.amount_fen), row.base_fen)
    if line_id is not None:
        base = LineBase(Fen(row.line_paid_fen), row.line_base_fen)
        before = kept.get(line_id, Fen(0))
        after = Fen(before - row.amount_fen)
        if after < 0:
            raise RefundExceedsKept(refund_id=refund_id, order_line_id=line_id, kept_fen=before)
        kept[line_id] = after
    return _Line(
        cause=Cause.LOOSE_REFUND if line_id is None else Cause.ORDER_REFUNDED, before=before, after=after,
        base=base,        store_id=StoreId(row.store_id), source=row.source, terms_id=TermsId(row.terms_id),
        order_id=OrderId(row.order_id) if row.order_id else None, order_line_id=line_id, refund_id=refund_id,
        refund_line_no=row.refund_line_no,
    )  # fmt: skip


async def _hold_order(db: Writing, order_id: OrderId) -> None:
    """Let refunds of one order be booked one after the other."""
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.order:' || :order_id, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id, "order_id": str(order_id)})


async def _kept(db: Reading, order_id: OrderId) -> dict[OrderLineId, Fen]:
    """What the ledger holds of each line of an order."""
    statement = (
        select(LedgerEntry.order_line_id, func.sum(signed_amount()).label("kept_fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
            LedgerEntry.order_line_id.is_not(None), LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .group_by(LedgerEntry.order_line_id)
    )  # fmt: skip
    return {OrderLineId(row.order_line_id): Fen(int(row.kept_fen)) for row in await db.execute(statement)}


async def _book(db: Writing, lines: list[_Line], *, journal_id: JournalId, occurred_at: datetime) -> int:
    """Split each line's step and append it to the journal."""
    book = await booked_terms(db, {line.terms_id for line in lines})
    periods = await book_into(db, {terms.day_and_period(occurred_at)[1] for terms in book.values()})
    movements = []
    for line in lines:
        terms = book[line.terms_id]
        day, period = terms.day_and_period(occurred_at)
        channel = channel_account(line.store_id, line.source)
        for party_id, amount in _steps(line, terms).items():
            movements.append(
                Movement(
                    cause=line.cause, amount_fen=amount, against=channel, party_id=party_id,
                    account=payable_account(party_id, store_id=line.store_id, contract_id=terms.contract_id),
                    contract_id=terms.contract_id, store_id=line.store_id, terms_id=line.terms_id,
                    order_id=line.order_id, order_line_id=line.order_line_id, refund_id=line.refund_id,
                    refund_line_no=line.refund_line_no, occurred_on=day,
                    period_on=periods[period],
                )
            )  # fmt: skip
    return await append(db, movements, journal_id=journal_id)


def _steps(line: _Line, terms: BookedTerms) -> dict[PartyId, Fen]:
    if line.cause is Cause.ORDER_PAID:
        return split_line(line.after, terms, base=line.base)
    back = reversal(line.before, line.after, terms=terms, base=line.base)
    return {party: Fen(-amount) for party, amount in back.items()}
