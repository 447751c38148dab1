"""Import order history: POS day files and other channels, for figures and mall statements. Its money never ran through our channel.

One batch of rows in one transaction: documents are put together, matched with what stands, attributed by the codes they carry, frozen on the
terms of their day and written in a handful of statements. The same rows again change nothing; later lines of a document join its order.
What is refused, and why, is in the outcome of its row: rows read = imported + unchanged + refused.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from guides.queries import guide_ids_by_code
from orders.events import HistoryImported
from orders.history.amounts import (
    OF_DOCUMENT,
    LineAmounts,
    exact_fen,
    line_amounts,
    rounded_column,
    too_large,
)
from orders.history.batch import HistoryBatch
from orders.history.categories import with_categories
from orders.history.commands import (
    IN_FUTURE,
    NO_LINES,
    ROUNDED,
    TOTAL_DIFFERS,
    UNKNOWN_GUIDE,
    UNKNOWN_STORE,
    OrderRow,
)
from orders.history.documents import HEADER_LINE, Occurrences, gather
from orders.history.loose import keep_loose_refunds
from orders.history.moves import moves_of
from orders.history.report import RowReport
from orders.history.sales import keep_sales
from orders.history.standing import Part, earlier_refunds, hold_source, lines_of, parts_of
from orders.history.terms import named_in_rates
from orders.ports import Terms
from orders.states import LineKind
from tenants.import_outcomes import Finding, RowOutcome, refusal, warning
from tenants.kernel.ids import GuideId, new_id
from tenants.kernel.money import yuan_text
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing
from tenants.store_clocks import StoreClock, store_clocks


async def import_orders(
    db: Writing,
    rows: Sequence[OrderRow],
    *,
    source_name: str,
    now: datetime,
    terms: Terms,
    occurrences: Occurrences | None = None,
) -> list[RowOutcome]:
    """Import a batch of rows; `occurrences` is one run's memory of the lines it met. Raises HistoryChangedMeanwhile, NoTermsInForce."""
    if not rows:
        return []
    report = RowReport(rows)
    occurrences = occurrences or Occurrences()
    occurrences.begin(rows[0].number)
    await hold_source(db, source_name)
    standing = await parts_of(db, [row.document for row in rows], source_name=source_name)
    fresh = [row.document for row in rows if row.document not in standing]
    codes = {row.store_code for row in rows if row.store_code}
    codes |= {str(part.attribution["store_code"]) for parts in standing.values() for part in parts}
    stores = await store_clocks(db, codes)
    lines = await lines_of(db, [part.id for parts in standing.values() for part in parts])
    rows = await with_categories(db, rows)
    rows = [row for row in rows if has_happened(row, now=now, report=report)]
    measured = _measured(rows, stores=stores, standing=standing, report=report)
    drafts = gather(measured, stores=stores, occurrences=occurrences)
    batch = HistoryBatch(
        source_name=source_name,
        terms=terms,
        report=report,
        guides=await _guides(db, [row for row, _ in measured], report=report),
        standing=standing,
        lines=lines,
        earlier=await earlier_refunds(db, fresh, source_name=source_name),
        moves=moves_of(rows, standing=standing, report=report),
        stores=stores,
        named=await named_in_rates(db, terms=terms),
    )
    kept = await keep_sales(db, [each for each in drafts if not each.is_refund], batch=batch)
    kept += await keep_loose_refunds(db, [each for each in drafts if each.is_refund], batch=batch)
    if kept:
        await append(db, HistoryImported(source_name=source_name, batch=str(new_id())), now=now)
    return report.outcomes()


def _measured(
    rows: Sequence[OrderRow],
    *,
    stores: Mapping[str, StoreClock],
    standing: Mapping[str, list[Part]],
    report: RowReport,
) -> list[tuple[OrderRow, LineAmounts]]:
    """The rows that are lines, with their figures; a header that stands alone becomes one line of its total."""
    measured = []
    absurd = {row.document: wrong for row in rows if (wrong := too_large(row, OF_DOCUMENT)) is not None}
    for given in rows:
        if given.document in absurd:
            report.refuse(given.number, absurd[given.document])
            continue
        row: OrderRow | None = given
        if given.is_header_only():
            row = _from_header(given, parts=standing.get(given.document, []), report=report)
        if row is None:
            continue
        if row.store_code not in stores:
            report.refuse(row.number, refusal("store_code", row.store_code or "", reason=UNKNOWN_STORE))
            continue
        figures = line_amounts(row)
        if isinstance(figures, Finding):
            report.refuse(row.number, figures)
        else:
            _say_rounding(row, figures, report=report)
            measured.append((row, figures))
    return measured


def has_happened(row: OrderRow, *, now: datetime, report: RowReport) -> bool:
    """Refuse a row with a moment in the future: it would open a month that nobody can close. A day's grace for clocks and zones."""
    latest = now + timedelta(days=1)
    for column in ("sold_at", "paid_at", "refunded_at"):
        moment = getattr(row, column)
        if isinstance(moment, datetime) and moment > latest:
            report.refuse(row.number, refusal(column, moment.isoformat(), reason=IN_FUTURE))
            return False
    return True


def _say_rounding(row: OrderRow, figures: LineAmounts, *, report: RowReport) -> None:
    if figures.rounded:
        given = row.amount if isinstance(row.amount, Decimal) else f"{row.quantity} x {row.unit_price}"
        report.warn(row.number, warning("amount", str(given), reason=ROUNDED))
    elif (column := rounded_column(row)) is not None:
        report.warn(row.number, warning(column, str(getattr(row, column)), reason=ROUNDED))


def _from_header(row: OrderRow, *, parts: Sequence[Part], report: RowReport) -> OrderRow | None:
    """Check a header against the lines that stand, or make its total the document's one line."""
    if row.document_total is None:
        if not parts:
            report.refuse(row.number, refusal("document", row.document, reason=NO_LINES))
        return None
    stands = sum(part.before_discount_fen for part in parts)
    if parts and not any(part.attribution.get("from_header") for part in parts):
        if exact_fen(row.document_total) != stands:
            told = f"{TOTAL_DIFFERS}: lines {yuan_text(stands)}"  # type: ignore[arg-type]
            report.warn(row.number, warning("document_total", str(row.document_total), reason=told))
        return None
    return msgspec.structs.replace(
        row,
        kind=LineKind.OTHER.value,
        line_id=HEADER_LINE,
        sku_code=None,
        title=None,
        quantity=None,
        unit_price=None,
        amount=row.document_total,
    )


async def _guides(db: Writing, rows: Sequence[OrderRow], *, report: RowReport) -> dict[str, GuideId]:
    """The guides behind the codes; an unknown one leaves the sale with its store and is said."""
    codes = {row.guide_code for row in rows if row.guide_code}
    if not codes:
        return {}
    guides = await guide_ids_by_code(db, sorted(codes))
    for row in rows:
        if row.guide_code and row.guide_code not in guides:
            report.warn(row.number, warning("guide_code", row.guide_code, reason=UNKNOWN_GUIDE))
    return guides
