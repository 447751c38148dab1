"""Books refunds paid through us, many in one round, each after its sale, those of one order one after the other.

A refund posts split(kept before) - split(kept after), where what was kept is read from the ledger under the order's lock: refunds of
one line may finish in any order. A round books one refund an order and takes all balances in one statement; who has more waits for the next.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, any_, cast, select
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from orders.channel_money import GivenBack, given_back
from orders.queries import reversed_lines_select
from orders.states import Source
from settlement.errors import RefundExceedsKept
from settlement.ledger import Draft, post_drafts
from settlement.models import Journal
from settlement.posting.beside import Units, discounted, units_left
from settlement.posting.lines import Book, Line, held_by
from settlement.posting.post import hold_orders, post_orders_paid, post_payments, unbooked
from settlement.posting.post_channel import drafts_of_refunds
from settlement.posting.post_shares import SoldOn
from settlement.posting.standing import UNBOOKED, OrderStanding, standings, units_kept
from settlement.split import LineBase
from settlement.states import Cause
from tenants.kernel.ids import OrderId, OrderLineId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

OF_LINES = (Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND)
OF_REFUNDS = (*OF_LINES, Cause.FEE_RETURNED)


class RefundsBooked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a round."""

    entries: int
    refused: tuple[RefundExceedsKept, ...] = ()
    """Of these nothing is booked; the others are."""
    later: tuple[RefundId, ...] = ()
    """Not looked at: their order had its turn, or sales had to be booked first. For the next transaction."""


class _Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A finished refund: its lines with terms, and what went back through the channel."""

    refund_id: RefundId
    lines: Sequence[Any]
    back: GivenBack | None

    @property
    def order_id(self) -> OrderId | None:
        """The order of the sale; None where nobody knows it."""
        if self.back is not None:
            return self.back.order_id
        return next((OrderId(row.order_id) for row in self.lines if row.order_id), None)


async def post_refund(db: Writing, refund_id: RefundId, *, now: datetime) -> int:
    """Book a finished refund, after its sale. Returns the entries written, 0 when booked already or not finished; raises RefundExceedsKept."""
    waiting, entries = [refund_id], 0
    while waiting:
        booked = await post_refunds(db, waiting, now=now)
        refuse_exceeding(booked.refused)
        waiting, entries = list(booked.later), entries + booked.entries
    return entries


def refuse_exceeding(refused: Sequence[RefundExceedsKept]) -> None:
    """Raise what these refunds were refused for, naming every one of them."""
    if refused:
        raise RefundExceedsKept(
            details={str(each.fields["refund_id"]): _exceeds(each) for each in refused}, **refused[0].fields
        )


def _exceeds(refusal: RefundExceedsKept) -> str:
    return f"order line {refusal.fields['order_line_id']} keeps {refusal.fields['kept_fen']} fen"


async def post_refunds(db: Writing, refund_ids: Sequence[RefundId], *, now: datetime) -> RefundsBooked:
    """Book a round of finished refunds, one an order; those booked already or not finished are left out."""
    found, later = _one_an_order(await _finished(db, refund_ids))
    # Before anything is booked: whoever waits here holds no account that another waits for.
    await hold_orders(db, [each.order_id for each in found if each.order_id is not None])
    found, behind = await _after_their_sales(db, found, now=now)
    drafts, refused = await _drafts(db, found)
    return RefundsBooked(
        entries=await post_drafts(db, drafts, now=now), refused=tuple(refused), later=(*behind, *later)
    )


async def _finished(db: Reading, refund_ids: Sequence[RefundId]) -> list[_Finished]:
    """Those of these refunds that are done, as they were named."""
    undone = reversed_lines_select(db.tenant_id).subquery()
    of_these = undone.c.refund_id == any_(cast(list(refund_ids), ARRAY(PG_UUID)))
    statement = select(undone).where(of_these, undone.c.source == Source.STOREFRONT)
    lines: dict[RefundId, list[Any]] = {}
    for row in await db.execute(statement.order_by(undone.c.refund_id, undone.c.refund_line_no)):
        lines.setdefault(RefundId(row.refund_id), []).append(row)
    backs = {back.refund_id: back for back in await given_back(db, refund_ids)}
    return [
        _Finished(refund_id=each, lines=lines.get(each, ()), back=backs.get(each))
        for each in dict.fromkeys(refund_ids)
        if each in lines or each in backs
    ]


def _one_an_order(found: Sequence[_Finished]) -> tuple[list[_Finished], list[RefundId]]:
    """The first refund of each order, and those that come after it."""
    chosen: dict[OrderId | RefundId, _Finished] = {}
    later = [
        each.refund_id
        for each in found
        if chosen.setdefault(each.order_id or each.refund_id, each) is not each
    ]
    return list(chosen.values()), later


async def _after_their_sales(
    db: Writing, found: list[_Finished], *, now: datetime
) -> tuple[list[_Finished], list[RefundId]]:
    """The refunds whose turn it is, with their sales booked, and those that wait for the next round.

    The negative must never stand without its positive: a message about the refund may overtake the one about the sale. Where a sale
    moved balances already, only refunds of these sales follow: they meet no account that is not held, and so nobody's deadlock.
    """
    orders = [each.order_id for each in found if each.order_id is not None]
    payments = [each.back.payment_id for each in found if each.back is not None]
    unsold = set(await unbooked(db, orders, cause=Cause.ORDER_PAID))
    sold = await post_orders_paid(db, sorted(unsold), now=now)
    untaken = set(await unbooked(db, payments, cause=Cause.FEE_CHARGED))
    if sold:
        behind = {
            each.refund_id
            for each in found
            if each.order_id not in unsold or (each.back is not None and each.back.payment_id in untaken)
        }
    else:
        taken = await post_payments(db, sorted(untaken), now=now)
        behind = {each.refund_id for each in found} if taken else set()
    first = [each for each in found if each.refund_id not in behind]
    return first, [each.refund_id for each in found if each.refund_id in behind]


async def _drafts(db: Writing, found: Sequence[_Finished]) -> tuple[list[Draft], list[RefundExceedsKept]]:
    """What these refunds book by the books as they stand, and those that take more than was kept."""
    booked = await _booked(db, [each.refund_id for each in found])
    before = await standings(db, {each.order_id for each in found if each.order_id is not None})
    units = await units_kept(db, _given_away(found))
    refused: dict[RefundId, RefundExceedsKept] = {}
    steps: list[tuple[_Finished, list[Line]]] = []
    for each in found:
        if not each.lines or any((cause, each.refund_id) in booked for cause in OF_LINES):
            continue
        standing = before[each.order_id] if each.order_id is not None else UNBOOKED
        try:
            steps.append((each, _steps(each, standing=standing, units=units)))
        except RefundExceedsKept as refusal:
            refused[each.refund_id] = refusal
    drafts, sold = await _line_drafts(db, steps, before=before)
    through = [each for each in found if (Cause.FEE_RETURNED, each.refund_id) not in booked]
    backs = [each.back for each in through if each.back is not None and each.refund_id not in refused]
    return drafts + await drafts_of_refunds(db, backs, sold=sold), list(refused.values())


def _given_away(found: Sequence[_Finished]) -> dict[OrderLineId, int]:
    """The lines among these of which nothing was paid, with the units sold."""
    rows = [row for each in found for row in each.lines]
    return {OrderLineId(row.order_line_id): row.line_units for row in rows if row.line_paid_fen == 0}


async def _line_drafts(
    db: Writing, steps: Sequence[tuple[_Finished, list[Line]]], *, before: Mapping[OrderId, OrderStanding]
) -> tuple[list[Draft], dict[RefundId, SoldOn]]:
    """The journals of the refunds' lines, and what their orders were sold on."""
    if not steps:
        return [], {}
    book = await Book.read(db, [(line, each.lines[0].refunded_at) for each, lines in steps for line in lines])
    drafts, sold = [], {}
    for each, lines in steps:
        at = each.lines[0].refunded_at
        movements = book.movements(lines, at=at)
        drafts.append(
            Draft(cause=lines[0].cause, cause_id=each.refund_id, occurred_at=at, movements=movements)
        )
        if each.order_id is not None:
            standing = before[each.order_id]
            sold[each.refund_id] = SoldOn(
                terms=book.terms[lines[0].terms_id], held=standing.held_after(held_by(movements)), before=standing
            )  # fmt: skip
    return drafts, sold


async def _booked(db: Reading, refund_ids: Sequence[RefundId]) -> set[tuple[Cause, RefundId]]:
    """Which journals these refunds have."""
    statement = select(Journal.cause, Journal.cause_id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause.in_(OF_REFUNDS),
        Journal.cause_id == any_(cast(list(refund_ids), ARRAY(PG_UUID))),
    )  # fmt: skip
    return {(Cause(row.cause), RefundId(row.cause_id)) for row in await db.execute(statement)}


def _steps(refund: _Finished, *, standing: OrderStanding, units: Mapping[OrderLineId, int]) -> list[Line]:
    """A refund's steps, line by line; raises RefundExceedsKept."""
    # What is left is counted down here, because a refund may name a line twice.
    kept, units_left_of = dict(standing.kept), dict(units)
    return [_step(row, refund.refund_id, kept=kept, units=units_left_of) for row in refund.lines]


def _step(
    row: Any, refund_id: RefundId, *, kept: dict[OrderLineId, Fen], units: dict[OrderLineId, int]
) -> Line:
    """A refund line's step; takes it off `kept` and `units`."""
    line_id = OrderLineId(row.order_line_id) if row.order_line_id else None
    before, after, base = Fen(row.amount_fen), Fen(0), LineBase(Fen(row.amount_fen), row.base_fen)
    line = None
    if line_id is not None:
        base = LineBase(Fen(row.line_paid_fen), row.line_base_fen)
        before = kept.get(line_id, Fen(0))
        after = Fen(before - row.amount_fen)
        if after < 0:
            raise RefundExceedsKept(refund_id=refund_id, order_line_id=line_id, kept_fen=before)
        kept[line_id] = after
        counted = units.get(line_id, row.line_units)
        units[line_id] = units_left(counted, row.units)
        line = discounted(
            Fen(row.line_discount_fen), paid=Fen(row.line_paid_fen), before=before, after=after,
            units=Units(sold=row.line_units, before=counted, after=units[line_id]),
        )  # fmt: skip
    return Line(
        cause=Cause.LOOSE_REFUND if line_id is None else Cause.ORDER_REFUNDED, before=before, after=after,
        base=base, store_id=StoreId(row.store_id), source=row.source, terms_id=TermsId(row.terms_id),
        order_id=OrderId(row.order_id) if row.order_id else None, order_line_id=line_id, refund_id=refund_id,
        refund_line_no=row.refund_line_no, line=line,
    )  # fmt: skip
