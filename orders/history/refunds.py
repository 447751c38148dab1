"""Import refunds that somebody else made: of a line, of a whole order, or of a sale that nobody knows any more.

A refund never takes back more than is left of what was paid for its lines, never touches the sale's day, and is settled on the sale's own terms;
one without a known sale is charged to its store on the terms of its own day. What is not finished is kept and counts for nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from guides.queries import guide_ids_by_code
from orders.errors import HistoryChangedMeanwhile
from orders.events import HistoryImported
from orders.history.categories import with_categories
from orders.history.commands import RefundRow
from orders.history.documents import Occurrences
from orders.history.inserts import IMPORTER, insert_refund_lines, insert_refunds
from orders.history.refund_choice import DONE, Choice, Piece, Taken, amount_of, choose, numbers_of
from orders.history.refund_moves import RefundMove, make_moves, meet
from orders.history.report import RowReport
from orders.history.standing import Part, earlier_refunds, hold_source, lines_of, parts_of, refunds_of
from orders.history.terms import Asked, Named, asked_category, freeze_terms, named_in_rates
from orders.ports import Terms
from orders.states import RefundStatus, Source
from tenants.hours import business_day
from tenants.import_outcomes import RowOutcome
from tenants.kernel.ids import derived_id, new_id
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing
from tenants.store_clocks import store_clocks

_TAKE_FROM_LINES = text(
    "UPDATE app.order_lines AS l SET refunded_fen = l.refunded_fen + u.amount,"
    " refunded_quantity = l.refunded_quantity + u.quantity"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS bigint[]), CAST(:quantities AS int[])) AS u(id, amount, quantity)"
    " WHERE l.tenant_id = :tenant_id AND l.id = u.id AND l.paid_fen - l.refunded_fen >= u.amount"
)
_TAKE_FROM_ORDERS = text(
    "UPDATE app.orders AS o SET refunded_fen = o.refunded_fen + u.amount,"
    " state = CASE WHEN o.refunded_fen + u.amount = o.paid_fen THEN 'refunded' ELSE o.state END"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS bigint[])) AS u(id, amount)"
    " WHERE o.tenant_id = :tenant_id AND o.id = u.id AND o.state IN ('paid', 'collected', 'refunded')"
    " AND o.paid_fen - o.refunded_fen >= u.amount"
)


async def import_refunds(
    db: Writing,
    rows: Sequence[RefundRow],
    *,
    source_name: str,
    now: datetime,
    terms: Terms,
    occurrences: Occurrences | None = None,
    refuse_unknown: bool = False,
) -> list[RowOutcome]:
    """Import a batch of refunds; `refuse_unknown` refuses one whose document nobody knows. Raises HistoryChangedMeanwhile when the same lines are refunded at the same moment."""
    if not rows:
        return []
    report = RowReport(rows)
    occurrences = occurrences or Occurrences()
    occurrences.begin(rows[0].number)
    numbers = [_number(row, occurrences) for row in rows]
    rows = await with_categories(db, rows)
    await hold_source(db, source_name)
    standing = await parts_of(db, [row.document for row in rows if row.document], source_name=source_name)
    candidates = [
        numbers_of(row, number, standing=standing) for row, number in zip(rows, numbers, strict=True)
    ]
    there = await refunds_of(db, [each for of_row in candidates for each in of_row], source_name=source_name)
    order_ids = {part.id for parts in standing.values() for part in parts}
    order_ids |= {each.order_id for each in there.values() if each.order_id is not None}
    choice = Choice(
        stores=await store_clocks(db, _store_codes(rows, standing)),
        guides=await guide_ids_by_code(db, sorted({row.guide_code for row in rows if row.guide_code})),
        standing=standing,
        lines=await lines_of(db, list(order_ids)),
        loose=await earlier_refunds(
            db, [row.document for row in rows if row.document], source_name=source_name
        ),
        report=report,
        latest=now + timedelta(days=1),
        refuse_unknown=refuse_unknown,
    )
    pieces: list[Piece] = []
    moves: list[RefundMove] = []
    for row, numbers_here in zip(rows, candidates, strict=True):
        amount, can_be = amount_of(row, choice)
        stands = [there[number] for number in numbers_here if number in there]
        if can_be and stands:
            moves += meet(row, stands=stands, amount=amount, choice=choice)
        elif can_be:
            pieces += choose(row, number=numbers_here[0], amount=amount, choice=choice)
    if pieces or moves:
        await _write(db, pieces, choice=choice, source_name=source_name, terms=terms)
        await make_moves(db, moves, stores=choice.stores)
        taken = [each for piece in pieces if piece.row.state == DONE for each in piece.taken]
        await _take(db, [*taken, *(each for move in moves for _, each in move.taken)])
        await append(db, HistoryImported(source_name=source_name, batch=str(new_id())), now=now)
    return report.outcomes()


def _store_codes(rows: Sequence[RefundRow], standing: Mapping[str, list[Part]]) -> set[str]:
    """The stores that rows name, and those of the orders they refund."""
    named = {row.store_code for row in rows if row.store_code}
    return named | {str(part.attribution["store_code"]) for parts in standing.values() for part in parts}


def _number(row: RefundRow, occurrences: Occurrences) -> str:
    """The refund's own number, or its order's, with the line it names; counted where a file says it again."""
    named = row.line_id or row.sku_code
    if row.refund_no:
        number = f"{row.refund_no}/{named}" if named else row.refund_no
    else:
        number = f"{row.document or row.store_code}/{named or 'refund'}"
    occurrence = occurrences.count(hash(number), row=row.number)
    return number if occurrence == 1 else f"{number}/{occurrence}"


async def _write(
    db: Writing, pieces: Sequence[Piece], *, choice: Choice, source_name: str, terms: Terms
) -> None:
    """The refunds and their lines; what they take of lines and orders comes after, guarded."""
    named = await named_in_rates(db, terms=terms)
    asked = {id(piece): _asked(piece, choice, named=named) for piece in pieces if piece.part is None}
    frozen = await freeze_terms(db, list(asked.values()), terms=terms)
    refunds, lines = [], []
    for piece in pieces:
        refund_id = derived_id(db.tenant_id, "refund", source_name, piece.number)
        refunds.append(_refund(piece, refund_id, choice=choice, source_name=source_name))
        loose = frozen[asked[id(piece)]] if piece.part is None else None
        base = loose and loose.base_of(goods_fen=piece.amount_fen, paid_fen=piece.amount_fen)
        lines += [
            (
                refund_id, place, taken.line.id if taken.line else None,
                taken.line.kind if taken.line else piece.row.kind,
                taken.line.sku_code if taken.line else piece.row.sku_code,
                taken.line.title if taken.line else piece.row.title,
                taken.quantity, taken.amount_fen, taken.kept_before_fen if piece.row.state == DONE else None,
                None if taken.line else base, taken.line.terms_id if taken.line else loose and loose.terms_id,
            )
            for place, taken in enumerate(piece.taken, start=1)
        ]  # fmt: skip
    if await insert_refunds(db, refunds) != len(refunds) or await insert_refund_lines(db, lines) != len(
        lines
    ):
        raise HistoryChangedMeanwhile


def _asked(piece: Piece, choice: Choice, *, named: Named) -> Asked:
    row = piece.row
    if row.refunded_at is None:
        raise ValueError("a loose refund has its day")
    guide_id = choice.guides.get(row.guide_code or "")
    category = asked_category(row.kind, row.category_code)
    sku_code, _ = named.of(row.sku_code, None)
    return Asked(choice.stores[row.store_code or ""], category, guide_id, row.refunded_at, row.kind, sku_code)


def _refund(piece: Piece, refund_id: UUID, *, choice: Choice, source_name: str) -> tuple[Any, ...]:
    row, part = piece.row, piece.part
    if part is not None:
        store_id, guide_id = part.store_id, part.guide_id
        at = row.refunded_at or part.paid_at or part.placed_at
    else:
        store_id = choice.stores[row.store_code or ""].id
        guide_id, at = choice.guides.get(row.guide_code or ""), row.refunded_at
    return (
        refund_id, f"{source_name}:{piece.number}", Source.HISTORY.value, source_name, piece.number,
        None if part else row.document, part.id if part else None, store_id, guide_id, RefundStatus(row.state).value, piece.amount_fen, row.reason,
        IMPORTER, _day(piece, at, choice=choice), at, at if row.state == DONE else None,
    )  # fmt: skip


def _day(piece: Piece, at: datetime, *, choice: Choice) -> date:
    """The store's business day of the refund; without a time of its own, the sale's."""
    row, part = piece.row, piece.part
    if row.business_on is not None:
        return row.business_on
    if row.refunded_at is None and part is not None:
        day: date = part.business_on
        return day
    code = str(part.attribution.get("store_code")) if part else row.store_code or ""
    store = choice.stores[code]
    return business_day(at, time_zone=store.time_zone, starts=store.day_starts)


async def _take(db: Writing, taken: Sequence[Taken]) -> None:
    """Take it back of lines and orders, guarded: nobody may take the same fen meanwhile."""
    amounts: Counter[UUID] = Counter()
    units: Counter[UUID] = Counter()
    orders: Counter[UUID] = Counter()
    for each in taken:
        if each.line is not None:
            amounts[each.line.id] += each.amount_fen
            units[each.line.id] += each.quantity
            orders[each.line.order_id] += each.amount_fen
    if not amounts:
        return
    of_lines = {
        "ids": list(amounts),
        "amounts": list(amounts.values()),
        "quantities": [units[key] for key in amounts],
    }
    of_orders = {"ids": list(orders), "amounts": list(orders.values())}
    lines: Any = await db.execute(_TAKE_FROM_LINES, {"tenant_id": db.tenant_id, **of_lines})
    taken_orders: Any = await db.execute(_TAKE_FROM_ORDERS, {"tenant_id": db.tenant_id, **of_orders})
    if lines.rowcount != len(amounts) or taken_orders.rowcount != len(orders):
        raise HistoryChangedMeanwhile
