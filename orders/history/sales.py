"""The sales of a batch: new orders with their lines, their tenders and what their rows say was refunded since.

Store and guide are those of the document, frozen with what it said (`attribution`). An order that was never paid is kept and never settled.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from guides.states import AttributionRule
from orders.errors import HistoryChangedMeanwhile
from orders.history.amounts import exact_fen
from orders.history.batch import HistoryBatch
from orders.history.commands import (
    paid_total,
)
from orders.history.documents import HEADER_LINE, Draft, DraftLine
from orders.history.inserts import (
    IMPORTER,
    NO_SPECS,
    NOTHING,
    as_json,
    insert_lines,
    insert_orders,
    insert_refund_lines,
    insert_refunds,
    insert_tenders,
)
from orders.history.moves import make_moves, without_changed
from orders.history.sale import Sale, line_id, sales_of
from orders.history.terms import Agreed, Asked, Named, asked_category, freeze_terms
from orders.states import OrderState, RefundStatus, Source
from tenants.hours import business_day
from tenants.kernel.ids import derived_id
from tenants.kernel.money import Fen, allocate
from tenants.kernel.scope import Writing

_JOIN = text(
    "UPDATE app.orders AS o SET goods_fen = o.goods_fen + u.goods, freight_fen = o.freight_fen + u.freight,"
    " other_fen = o.other_fen + u.other, discount_fen = o.discount_fen + u.discount,"
    " total_fen = o.total_fen + u.total, paid_fen = o.paid_fen + u.paid"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:stood AS bigint[]), CAST(:goods AS bigint[]), CAST(:freight AS bigint[]),"
    " CAST(:other AS bigint[]), CAST(:discount AS bigint[]), CAST(:total AS bigint[]), CAST(:paid AS bigint[]))"
    " AS u(id, stood, goods, freight, other, discount, total, paid)"
    " WHERE o.tenant_id = :tenant_id AND o.id = u.id AND o.total_fen = u.stood"
)
_ALSO = text(
    "UPDATE app.orders AS o SET attribution = jsonb_set(o.attribution, '{also}',"
    " coalesce(o.attribution -> 'also', '[]'::jsonb) || CAST(u.codes AS jsonb))"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:codes AS text[])) AS u(id, codes)"
    " WHERE o.tenant_id = :tenant_id AND o.id = u.id"
)


Said = tuple[str, str | None, str | None, str | None]
"""What terms depend on of a line: its kind, category, SKU and promotion."""


def _said(line: DraftLine, named: Named) -> Said:
    return line.kind, line.row.category_code, *named.of(line.row.sku_code, line.row.promotion_code)


def _asked(sale: Sale, named: Named) -> dict[Said, Asked]:
    """The sale's questions by what terms depend on of a line: one for many lines."""
    found = {}
    for said in dict.fromkeys(_said(line, named) for line in sale.new):
        kind, category, sku_code, promotion_code = said
        found[said] = Asked(
            sale.draft.store, asked_category(kind, category), sale.guide_id, sale.terms_at, kind, sku_code,
            promotion_code,
        )  # fmt: skip
    return found


async def keep_sales(db: Writing, drafts: Sequence[Draft], *, batch: HistoryBatch) -> int:
    """Write what is new of these documents; returns how many orders were made, added to or moved on."""
    sales = [sale for sale in sales_of(db, drafts, batch=batch) if sale.new]
    moves = without_changed(batch.moves, report=batch.report)
    sales = [sale for sale in sales if sale.id in moves or sale.id not in batch.moves]
    asked = [asked for sale in sales if sale.paid_at for asked in _asked(sale, batch.named).values()]
    frozen = await freeze_terms(db, asked, terms=batch.terms)
    made = [sale for sale in sales if sale.stands is None]
    if await insert_orders(db, [_order(sale, batch) for sale in made]) != len(made):
        raise HistoryChangedMeanwhile
    moved = list(moves.values())
    await make_moves(db, moved, lines=batch.lines, stores=batch.stores, terms=batch.terms)
    await _join(db, [sale for sale in sales if sale.stands is not None])
    rows = [row for sale in sales for row in _lines(sale, frozen, batch=batch)]
    if await insert_lines(db, rows) != len(rows):
        raise HistoryChangedMeanwhile
    await _name_further_orders(db, made, batch=batch)
    await insert_tenders(
        db,
        [
            _tender(sale)
            for sale in made
            if sale.is_first and sale.paid_at and paid_total(sale.draft.first) is not None
        ],
    )
    await _keep_inline_refunds(db, [sale for sale in made if sale.refund_fen], frozen=frozen, batch=batch)
    for sale in sales:
        for line in sale.new:
            batch.report.imported(line.number)
    for move in moved:
        for number in move.numbers:
            batch.report.imported(number)
    return len(sales) + len(moved)


def _order(sale: Sale, batch: HistoryBatch) -> tuple[Any, ...]:
    draft, row, sums = sale.draft, sale.draft.first, sale.sums()
    said: dict[str, Any] = {"document": draft.document, "store_code": draft.store.code}
    if draft.guide_code:
        said["guide_code"] = draft.guide_code
    if sale.also:
        said["also"] = sale.also
    if row.line_id == HEADER_LINE:
        said["from_header"] = True
    if row.document_total is not None:
        said["document_total_fen"] = exact_fen(row.document_total)
    state = sale.state
    if sale.refund_fen and sale.refund_fen == sums["paid"]:
        state = OrderState.REFUNDED.value
    return (
        sale.id, f"{batch.source_name}:{sale.external_no}", Source.HISTORY.value, batch.source_name, sale.external_no,
        row.status, state, row.scene_or_default(), draft.store.id, sale.guide_id, AttributionRule.IMPORTED.value,
        as_json(said), False, draft.business_on, sums["goods"], sums["freight"], sums["other"], sums["discount"],
        sums["total"], sums["paid"], sale.refund_fen, 0, draft.sold_at, sale.paid_at,
    )  # fmt: skip


def _lines(sale: Sale, frozen: dict[Asked, Agreed], *, batch: HistoryBatch) -> list[tuple[Any, ...]]:
    asked = _asked(sale, batch.named) if sale.paid_at else {}
    terms = {said: frozen[each] for said, each in asked.items()}
    after = last_line_no(sale, batch)
    refunded = _refunded(sale)
    rows = []
    for place, line in enumerate(sale.new):
        row, amounts = line.row, line.amounts
        is_goods_row = line.kind == row.kind
        category = row.category_code if is_goods_row else None
        agreed = terms.get(_said(line, batch.named))
        base = agreed and agreed.base_of(goods_fen=amounts.goods_fen, paid_fen=sale.paid_of(place))
        evidence = NOTHING
        if row.line_id or amounts.exact:
            evidence = as_json({**({"line": row.line_id} if row.line_id else {}), **(amounts.exact or {})})
        rows.append(
            (
                line_id(sale, line.key), sale.id, after + place + 1, line.kind,
                row.sku_code if is_goods_row else None, row.title if is_goods_row else None, NO_SPECS, category,
                row.promotion_code if is_goods_row else None, amounts.quantity, amounts.unit_price_fen, amounts.goods_fen,
                amounts.discount_fen + sale.discounts[place], sale.paid_of(place), refunded[place],
                amounts.quantity if refunded[place] and refunded[place] == sale.paid_of(place) else 0, base,
                agreed and agreed.terms_id, evidence,
            )
        )  # fmt: skip
    return rows


def _refunded(sale: Sale) -> list[Fen]:
    if not sale.refund_fen:
        return [Fen(0)] * len(sale.new)
    return allocate(sale.refund_fen, weights=[sale.paid_of(place) for place in range(len(sale.new))])


def _tender(sale: Sale) -> tuple[Any, ...]:
    row = sale.draft.first
    return sale.id, 1, row.tender_method or "paid", exact_fen(paid_total(row) or Decimal(0))


def last_line_no(sale: Sale, batch: HistoryBatch) -> int:
    """The last line number that the order has by now."""
    return max((line.line_no for line in batch.lines.get(sale.id, [])), default=0)


async def _join(db: Writing, sales: Sequence[Sale]) -> None:
    """Add later lines to the totals of their order; an order that changed since it was read is another import's."""
    if not sales:
        return
    sums = [sale.sums() for sale in sales]
    names = ("goods", "freight", "other", "discount", "total", "paid")
    columns = {name: [each[name] for each in sums] for name in names}
    stood = [sale.stands.total_fen for sale in sales if sale.stands]
    values = {"tenant_id": db.tenant_id, "ids": [sale.id for sale in sales], "stood": stood, **columns}
    result: Any = await db.execute(_JOIN, values)
    if result.rowcount != len(sales):
        raise HistoryChangedMeanwhile


async def _name_further_orders(db: Writing, sales: Sequence[Sale], *, batch: HistoryBatch) -> None:
    """Tell the order with the bare number, where it stood before, which further orders its document has."""
    further: dict[UUID, list[str]] = {}
    for sale in sales:
        parts = batch.standing.get(sale.draft.document)
        if parts:
            further.setdefault(parts[0].id, []).append(sale.suffix)
    if further:
        values = {"ids": list(further), "codes": [as_json(codes) for codes in further.values()]}
        await db.execute(_ALSO, {"tenant_id": db.tenant_id, **values})


def _refund_day(sale: Sale) -> date:
    at, store = sale.draft.first.refunded_at, sale.draft.store
    if at is None:
        return sale.draft.business_on
    return business_day(at, time_zone=store.time_zone, starts=store.day_starts)


async def _keep_inline_refunds(
    db: Writing, sales: Sequence[Sale], *, frozen: dict[Asked, Agreed], batch: HistoryBatch
) -> None:
    """Refunds that stand in the sale's own row, on the day the row names, else the day it was paid."""
    refunds, lines = [], []
    for sale in sales:
        row = sale.draft.first
        number = f"{sale.external_no}/refund"
        refund_id = derived_id(sale.id, "refund")
        at = row.refunded_at or sale.paid_at
        refunds.append(
            (
                refund_id, f"{batch.source_name}:{number}", Source.HISTORY.value, batch.source_name, number, None, sale.id,
                sale.draft.store.id, sale.guide_id, RefundStatus.DONE.value, sale.refund_fen, None, IMPORTER,
                _refund_day(sale), at, at,
            )
        )  # fmt: skip
        asked = _asked(sale, batch.named)
        for place, (line, amount) in enumerate(zip(sale.new, _refunded(sale), strict=True)):
            if amount:
                lines.append(
                    (
                        refund_id, place + 1, line_id(sale, line.key), line.kind, line.row.sku_code, line.row.title,
                        line.amounts.quantity if amount == sale.paid_of(place) else 0, amount, sale.paid_of(place),
                        None, frozen[asked[_said(line, batch.named)]].terms_id,
                    )
                )  # fmt: skip
    await insert_refunds(db, refunds)
    await insert_refund_lines(db, lines)
