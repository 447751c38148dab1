"""Import how orders were paid elsewhere: cash, card, voucher. For figures; nothing here moves money or an order's state.

A document over several stores shares each payment in proportion to what its orders come to. Whether the payments come to the order's total is a
question about the whole file, answered by `history_queries.payment_differences`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select

from orders.history.amounts import exact_fen
from orders.history.commands import CHANGED, UNKNOWN_ORDER, UNKNOWN_STORE, PaymentRow
from orders.history.documents import Occurrences
from orders.history.inserts import insert_tenders
from orders.history.report import RowReport
from orders.history.standing import Part, parts_of
from orders.models import Tender
from tenants.import_outcomes import RowOutcome, refusal
from tenants.kernel.money import Fen, NotMoney, allocate
from tenants.kernel.scope import Writing


class Stood(NamedTuple):
    """A payment that is there, summed over its document's orders."""

    method: str
    amount_fen: int


async def import_payments(
    db: Writing,
    rows: Sequence[PaymentRow],
    *,
    source_name: str,
    now: datetime,
    occurrences: Occurrences | None = None,
) -> list[RowOutcome]:
    """Import a batch of payments of imported orders; a payment without a number of its own is known by method, amount and how often."""
    del now  # a tender carries no time
    if not rows:
        return []
    report = RowReport(rows)
    occurrences = occurrences or Occurrences()
    occurrences.begin(rows[0].number)
    standing = await parts_of(db, [row.document for row in rows], source_name=source_name)
    tenders = await _tenders(db, standing)
    fresh: list[tuple[Any, ...]] = []
    for row in rows:
        parts = _parts(row, standing, report=report)
        if not parts:
            continue
        try:
            amount = exact_fen(row.amount)
        except (NotMoney, ArithmeticError):
            report.refuse(row.number, refusal("amount", str(row.amount), reason="is too large (金额过大)"))
            continue
        there = tenders.setdefault(parts[0].id, {})
        said = Stood(row.method, amount)
        if row.sequence is not None and row.sequence in there:
            if there[row.sequence] != said:
                report.refuse(row.number, refusal("amount", str(row.amount), reason=CHANGED))
            continue
        if row.sequence is None:
            occurrence = occurrences.count(hash((row.document, row.store_code, said)))
            if sum(each == said for each in there.values()) >= occurrence:
                continue
        sequence = row.sequence if row.sequence is not None else max(there, default=0) + 1
        there[sequence] = said
        fresh += [
            (part.id, sequence, row.method, share)
            for part, share in zip(parts, _shares(amount, parts), strict=True)
        ]
        report.imported(row.number)
    await insert_tenders(db, fresh)
    return report.outcomes()


def _parts(row: PaymentRow, standing: dict[str, list[Part]], *, report: RowReport) -> list[Part]:
    parts = standing.get(row.document, [])
    if not parts:
        report.refuse(row.number, refusal("document", row.document, reason=UNKNOWN_ORDER))
        return []
    if row.store_code is None:
        return parts
    at_store = [part for part in parts if part.attribution.get("store_code") == row.store_code]
    if not at_store:
        report.refuse(row.number, refusal("store_code", row.store_code, reason=UNKNOWN_STORE))
    return at_store


def _shares(amount: Fen, parts: Sequence[Part]) -> list[Fen]:
    """The payment over the document's orders; what cannot be in proportion (nothing to pay, change given back) is the first one's."""
    weights = [max(part.total_fen, 0) for part in parts]
    if amount < 0 or not sum(weights):
        return [amount, *[Fen(0)] * (len(parts) - 1)]
    return allocate(amount, weights=weights)


async def _tenders(db: Writing, standing: dict[str, list[Part]]) -> dict[UUID, dict[int, Stood]]:
    """The payments that are there, by the document's first order and sequence, shares put together again."""
    first = {part.id: parts[0].id for parts in standing.values() for part in parts}
    if not first:
        return {}
    statement = select(Tender.order_id, Tender.sequence, Tender.method, Tender.amount_fen).where(
        Tender.tenant_id == db.tenant_id, Tender.order_id == func.any(list(first))
    )
    found: dict[UUID, dict[int, Stood]] = {}
    for row in await db.execute(statement):
        of_document = found.setdefault(first[row.order_id], {})
        shared = of_document.get(row.sequence, Stood(row.method, 0))
        of_document[row.sequence] = Stood(row.method, shared.amount_fen + row.amount_fen)
    return found
