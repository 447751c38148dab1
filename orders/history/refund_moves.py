"""Imported refunds that stand, met again: what is done by now, what failed, and what a later file may not change.

A refund that becomes done takes back its lines then and not before, guarded like one that came done at once.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from orders.errors import HistoryChangedMeanwhile
from orders.history.commands import CHANGED, OVER_REFUND, STATUS_CHANGED, RefundRow
from orders.history.refund_choice import DONE, Choice, Taken
from orders.history.standing import StandingRefund
from orders.states import REFUND_MOVES, RefundStatus
from tenants.hours import business_day
from tenants.import_outcomes import refusal, warning
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing
from tenants.store_clocks import StoreClock

_MOVE = text(
    "UPDATE app.refunds AS r SET state = u.state, refunded_at = u.refunded_at,"
    " business_on = coalesce(u.business_on, r.business_on)"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:stood AS text[]), CAST(:states AS text[]),"
    " CAST(:refunded AS timestamptz[]), CAST(:days AS date[])) AS u(id, stood, state, refunded_at, business_on)"
    " WHERE r.tenant_id = :tenant_id AND r.id = u.id AND r.state = u.stood"
)
_KEEP = text(
    "UPDATE app.refund_lines AS l SET kept_before_fen = u.kept"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:places AS int[]), CAST(:kept AS bigint[])) AS u(id, place, kept)"
    " WHERE l.tenant_id = :tenant_id AND l.refund_id = u.id AND l.line_no = u.place AND l.kept_before_fen IS NULL"
)

ONWARD = {**REFUND_MOVES, RefundStatus.FAILED: frozenset[RefundStatus]()}
"""A file's word, unlike the channel's, does not bring a failed refund back: that would be a refund of its own."""


class RefundMove(NamedTuple):
    """One refund that moves on, with what it takes of its lines when it is done."""

    row: RefundRow
    stands: StandingRefund
    taken: list[tuple[int, Taken]]
    """By the number of the refund's line."""


def meet(
    row: RefundRow, *, stands: Sequence[StandingRefund], amount: Fen | None, choice: Choice
) -> list[RefundMove]:
    """The moves that a row makes of the refunds it told before: none when nothing changed or the report says why not."""
    stood, told = RefundStatus(stands[0].state), RefundStatus(row.state)
    if amount is not None and amount != sum(each.amount_fen for each in stands):
        choice.report.refuse(row.number, refusal("amount", str(row.amount), reason=CHANGED))
        return []
    if stood is told:
        return []
    reason = f"{STATUS_CHANGED}: {stood}"
    if told not in ONWARD[stood]:
        if stood in ONWARD[told]:
            choice.report.warn(row.number, warning("state", told, reason=reason))
        else:
            choice.report.refuse(row.number, refusal("state", told, reason=reason))
        return []
    moves = [RefundMove(row, each, _taken(each, choice) if told == DONE else []) for each in stands]
    if told == DONE and not _is_left(moves, choice):
        choice.report.refuse(row.number, refusal("amount", str(row.amount or ""), reason=OVER_REFUND))
        return []
    for move in moves:
        choice.take([taken for _, taken in move.taken])
        if told == DONE and not move.taken:
            choice.count_loose(row.document, move.stands.amount_fen)
    choice.report.imported(row.number)
    return moves


def _taken(stands: StandingRefund, choice: Choice) -> list[tuple[int, Taken]]:
    found = []
    for line in stands.lines:
        sold = choice.line(line.order_line_id)
        if sold is not None:
            taken = Taken(sold, line.quantity, Fen(line.amount_fen), Fen(choice.left_of(sold)))
            found.append((line.line_no, taken))
    return found


def _is_left(moves: Sequence[RefundMove], choice: Choice) -> bool:
    """Whether every line, and the document, still has what goes back."""
    document = moves[0].row.document
    limit = choice.left_of_document(document) if document in choice.standing else None
    if limit is not None and sum(move.stands.amount_fen for move in moves) > limit:
        return False
    return all(taken.amount_fen <= (taken.kept_before_fen or 0) for move in moves for _, taken in move.taken)


async def make_moves(db: Writing, moves: Sequence[RefundMove], *, stores: Mapping[str, StoreClock]) -> None:
    """Write the moves, guarded by the state that was read."""
    if not moves:
        return
    clocks: dict[UUID, StoreClock] = {store.id: store for store in stores.values()}
    at = [_at(move) for move in moves]
    values = {
        "ids": [move.stands.id for move in moves],
        "stood": [move.stands.state for move in moves],
        "states": [move.row.state for move in moves],
        "refunded": at,
        "days": [_day(move, clocks.get(move.stands.store_id)) for move in moves],
    }
    moved: Any = await db.execute(_MOVE, {"tenant_id": db.tenant_id, **values})
    kept = [(move.stands.id, place, taken.kept_before_fen) for move in moves for place, taken in move.taken]
    ids, places, before = zip(*kept, strict=True) if kept else ((), (), ())
    lines: Any = await db.execute(
        _KEEP,
        {"tenant_id": db.tenant_id, "ids": list(ids), "places": list(places), "kept": list(before)},
    )
    if moved.rowcount != len(moves) or lines.rowcount != len(kept):
        raise HistoryChangedMeanwhile


def _at(move: RefundMove) -> datetime | None:
    requested: datetime = move.stands.requested_at
    return (move.row.refunded_at or requested) if move.row.state == DONE else None


def _day(move: RefundMove, store: StoreClock | None) -> date | None:
    """The business day on which it was done, where the row tells; else the day it already has."""
    row = move.row
    if row.business_on is not None or row.refunded_at is None or store is None:
        return row.business_on
    return business_day(row.refunded_at, time_zone=store.time_zone, starts=store.day_starts)
