"""Orders whose status moved on between two files: exported unpaid, settled since. What a later file tells of them, and writing it.

Only forward, by the moves of `orders.states`, and only when the lines are still the same: an order that becomes paid is settled on the terms of
its own day, as if it had come paid at once. Everything else a file tells otherwise is said, and changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from sqlalchemy import text

from orders.errors import HistoryChangedMeanwhile
from orders.history.amounts import exact_fen
from orders.history.commands import REFUND, STATUS_CHANGED, OrderRow, paid_total
from orders.history.documents import payment_of
from orders.history.inserts import insert_tenders
from orders.history.report import RowReport
from orders.history.standing import Part, StandingLine
from orders.history.terms import Asked, Named, asked_category, freeze_terms, named_in_rates
from orders.ports import Terms
from orders.states import ORDER_MOVES, OrderState
from tenants.import_outcomes import RowState, refusal, warning
from tenants.kernel.ids import GuideId
from tenants.kernel.scope import Writing
from tenants.store_clocks import StoreClock

_MOVE = text(
    "UPDATE app.orders AS o SET state = u.state, external_status = coalesce(u.status, o.external_status),"
    " paid_at = coalesce(o.paid_at, u.paid_at),"
    " paid_fen = CASE WHEN o.paid_at IS NULL AND u.paid_at IS NOT NULL THEN o.total_fen ELSE o.paid_fen END"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:stood AS text[]), CAST(:states AS text[]), CAST(:statuses AS text[]),"
    " CAST(:paid AS timestamptz[])) AS u(id, stood, state, status, paid_at)"
    " WHERE o.tenant_id = :tenant_id AND o.id = u.id AND o.state = u.stood"
)
_SETTLE_LINES = text(
    "UPDATE app.order_lines AS l SET terms_id = u.terms_id, base_fen = u.base_fen, paid_fen = l.goods_fen - l.discount_fen"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:terms AS uuid[]), CAST(:bases AS bigint[])) AS u(id, terms_id, base_fen)"
    " WHERE l.tenant_id = :tenant_id AND l.id = u.id AND l.terms_id IS NULL AND l.paid_fen = 0"
)


@dataclass(slots=True, eq=False)
class Move:
    """One order that a file tells another status of."""

    part: Part
    row: OrderRow
    """The first row that tells it."""
    state: str
    paid_at: datetime | None
    numbers: list[int] = field(default_factory=list)
    """Every row that speaks of the order."""

    @property
    def pays(self) -> bool:
        """Whether the order was not paid before."""
        return self.part.paid_at is None and self.paid_at is not None


def moves_of(
    rows: Sequence[OrderRow], *, standing: Mapping[str, Sequence[Part]], report: RowReport
) -> dict[UUID, Move]:
    """The orders that these rows move on, by order; what may not move is in the report. Rows that tell no status move nothing."""
    told: dict[UUID, Move] = {}
    for row in rows if standing else ():
        if row.document_kind == REFUND or (row.state is None and row.paid_at is UNSET):
            continue
        for part in standing.get(row.document, ()):
            if row.store_code is not None and row.store_code != part.attribution.get("store_code"):
                continue
            if part.id not in told:
                state, paid_at = payment_of(row, sold_at=part.placed_at)
                told[part.id] = Move(part, row, state, paid_at)
            told[part.id].numbers.append(row.number)
    return {move.part.id: move for move in told.values() if _is_forward(move, report=report)}


def _is_forward(move: Move, *, report: RowReport) -> bool:
    stood, state = OrderState(move.part.state), OrderState(move.state)
    if stood is state or stood is OrderState.REFUNDED:
        return False
    if _leads(stood, state):
        return True
    told = move.row.status or move.state
    if _leads(state, stood):
        report.warn(move.row.number, warning("state", told, reason=f"{STATUS_CHANGED}: {stood}"))
    else:
        for number in move.numbers:
            report.refuse(number, refusal("state", told, reason=f"{STATUS_CHANGED}: {stood}"))
    return False


def _leads(stood: OrderState, state: OrderState) -> bool:
    """Whether an order gets from one state to the other, over others that no file has told of.

    A cancelled one goes nowhere: only late money of our own channel brings one back, and a file is not that.
    """
    if stood is OrderState.CANCELLED:
        return False
    return any(step is state or _leads(step, state) for step in ORDER_MOVES[stood])


def without_changed(moves: Mapping[UUID, Move], *, report: RowReport) -> dict[UUID, Move]:
    """The moves whose lines come as they stand: what was changed before it was paid is not settled on its old amounts."""
    kept = {}
    for order_id, move in moves.items():
        if any(report.state_of(number) is RowState.REFUSED for number in move.numbers):
            told = refusal(
                "state", move.row.status or move.state, reason=f"{STATUS_CHANGED}: {move.part.state}"
            )
            for number in move.numbers:
                report.refuse(number, told)
        else:
            kept[order_id] = move
    return kept


async def make_moves(
    db: Writing,
    moves: Sequence[Move],
    *,
    lines: Mapping[UUID, Sequence[StandingLine]],
    stores: Mapping[str, StoreClock],
    terms: Terms,
) -> None:
    """Write the moves, guarded by the state that was read; settle the lines of what was paid."""
    if not moves:
        return
    values = {
        "ids": [move.part.id for move in moves],
        "stood": [move.part.state for move in moves],
        "states": [move.state for move in moves],
        "statuses": [move.row.status for move in moves],
        "paid": [move.paid_at if move.pays else None for move in moves],
    }
    moved: Any = await db.execute(_MOVE, {"tenant_id": db.tenant_id, **values})
    if moved.rowcount != len(moves):
        raise HistoryChangedMeanwhile
    paid = [move for move in moves if move.pays]
    named = await named_in_rates(db, terms=terms)
    settling = [(move.part, line) for move in paid for line in lines.get(move.part.id, ())]
    asked = {line.id: _asked(part, line, stores=stores, named=named) for part, line in settling}
    frozen = await freeze_terms(db, list(asked.values()), terms=terms)
    settled = {
        "ids": list(asked),
        "terms": [frozen[each].terms_id for each in asked.values()],
        "bases": [
            frozen[asked[line.id]].base_of(
                goods_fen=line.goods_fen, paid_fen=line.goods_fen - line.discount_fen
            )
            for _, line in settling
        ],
    }
    written: Any = await db.execute(_SETTLE_LINES, {"tenant_id": db.tenant_id, **settled})
    if written.rowcount != len(asked):
        raise HistoryChangedMeanwhile
    tenders = [
        (move.part.id, 1, move.row.tender_method or "paid", exact_fen(total))
        for move in paid
        if move.part.external_no == move.row.document and (total := paid_total(move.row)) is not None
    ]
    await insert_tenders(db, tenders)


def _asked(part: Part, line: StandingLine, *, stores: Mapping[str, StoreClock], named: Named) -> Asked:
    store = stores[str(part.attribution["store_code"])]
    guide_id = GuideId(part.guide_id) if part.guide_id else None
    category = asked_category(line.kind, line.category_code)
    sku_code, promotion_code = named.of(line.sku_code, line.promotion_code)
    return Asked(store, category, guide_id, part.placed_at, line.kind, sku_code, promotion_code)
