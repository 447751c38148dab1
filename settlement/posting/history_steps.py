"""Imported history as steps of booking: each line from what was kept before it to what is kept after it. Statements alone; books nothing.

A step is named by its journal's cause and `cause_id`, so that whoever books it a second time meets its own journal.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Float,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.models import Journal
from settlement.posting.split_sql import base_of_kept
from settlement.states import Cause
from tenants.kernel.ids import OrderId, RefundId, StoreId, TenantId, TermsId
from tenants.kernel.money import LARGEST_AMOUNT
from tenants.kernel.scope import Reading

Place = tuple[UUID, int]
"""A document and a line of it: where a walk over the lines stands."""
AFTER_ANY_LINE = 2**31 - 1
MOST_STRETCHES = 1_024
"""Into how many pieces all that waits is divided at most."""
ALONE = 2_000
"""Lines of the first stretch, which is booked alone: a statement that is planned while a table is empty reads all of it for every line,
and the lane beside it is filling it."""
_FRACTIONS = [number / MOST_STRETCHES for number in range(1, MOST_STRETCHES + 1)]


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far a walk over the lines has come: first the sales by order and line, then the refunds by refund and line."""

    order_id: OrderId | None = None
    sales_done: bool = False
    refund_id: RefundId | None = None
    line_no: int = 0

    @property
    def place(self) -> Place | None:
        """The last line that was looked at; None at the beginning of the sales or of the refunds."""
        document = self.refund_id if self.sales_done else self.order_id
        return None if document is None else (document, self.line_no)


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that are booked alike: of one store and source, on the same terms."""

    store_id: StoreId
    source: str
    terms_id: TermsId


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the walk: the lines after one place, up to another; None: from the beginning."""

    after: Place | None
    last: Place


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """The next lines that wait: how many, of which kinds, and where they lie."""

    seen: int
    kinds: Sequence[Kind]
    stretch: Stretch


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """All the lines that wait: how many, of which kinds, in stretches of about the same number after a short first one."""

    lines: int
    kinds: Sequence[Kind]
    stretches: Sequence[Stretch]


def sale_steps(tenant_id: TenantId) -> Subquery:
    """Each imported sale line as a step: nothing kept before, what was paid after."""
    settled = settled_lines_select(tenant_id).subquery("settled")
    return (
        select(
            settled.c.order_id.label("document_id"),
            settled.c.line_no,
            literal(Cause.ORDER_PAID.value).label("cause"),
            settled.c.order_line_id.label("cause_id"),
            settled.c.order_id,
            settled.c.order_line_id,
            cast(null(), PG_UUID).label("refund_id"),
            cast(null(), BigInteger).label("refund_line_no"),
            settled.c.store_id,
            settled.c.source,
            settled.c.source_name,
            settled.c.terms_id,
            literal(0, BigInteger).label("before"),
            settled.c.paid_fen.label("after"),
            settled.c.paid_fen.label("paid"),
            settled.c.discount_fen.label("discount"),
            settled.c.units.label("units_sold"),
            literal(0, BigInteger).label("units_before"),
            settled.c.units.label("units_more"),
            literal(0, BigInteger).label("base_before"),
            base_of_kept(settled.c.paid_fen, paid=settled.c.paid_fen, base=settled.c.base_fen).label(
                "base_after"
            ),
            settled.c.paid_at.label("occurred_at"),
        )
        .where(settled.c.source == Source.HISTORY)
        .subquery("step")
    )


def refund_steps(tenant_id: TenantId) -> Subquery:
    """Each imported refund line as a step: from what was kept to what is kept; without a known sale, from the amount to nothing."""
    undone = reversed_lines_select(tenant_id).subquery("undone")
    known = and_(undone.c.order_line_id.is_not(None), undone.c.kept_before_fen.is_not(None))
    before = case((known, undone.c.kept_before_fen), else_=undone.c.amount_fen)
    after = before - undone.c.amount_fen
    paid = case((known, undone.c.line_paid_fen), else_=undone.c.amount_fen)
    base = case((known, undone.c.line_base_fen), else_=undone.c.base_fen)
    # Inside a CASE: looked up for the few lines of which nothing was paid, for no other.
    booked_units = _units_booked(tenant_id, undone.c.order_line_id)
    return (
        select(
            undone.c.refund_id.label("document_id"),
            undone.c.refund_line_no.label("line_no"),
            case((known, Cause.ORDER_REFUNDED.value), else_=Cause.LOOSE_REFUND.value).label("cause"),
            _cause_id(undone).label("cause_id"),
            undone.c.order_id,
            undone.c.order_line_id,
            undone.c.refund_id,
            undone.c.refund_line_no,
            undone.c.store_id,
            undone.c.source,
            undone.c.source_name,
            undone.c.terms_id,
            before.label("before"),
            after.label("after"),
            undone.c.line_paid_fen.label("paid"),
            case((known, undone.c.line_discount_fen), else_=0).label("discount"),
            undone.c.line_units.label("units_sold"),
            case((undone.c.line_paid_fen == 0, undone.c.line_units - booked_units), else_=0).label(
                "units_before"
            ),
            (-undone.c.units).label("units_more"),
            base_of_kept(before, paid=paid, base=base).label("base_before"),
            base_of_kept(after, paid=paid, base=base).label("base_after"),
            undone.c.refunded_at.label("occurred_at"),
        )
        .where(undone.c.source == Source.HISTORY)
        .subquery("step")
    )


def _cause_id(undone: Subquery) -> Any:
    """The `cause_id` of a refund line's journal."""
    named = func.sha256(
        func.convert_to(func.concat_ws("|", "refund", undone.c.refund_id, undone.c.refund_line_no), "UTF8")
    )
    return cast(func.substr(func.encode(named, "hex"), 1, 32), PG_UUID)


def _units_booked(tenant_id: TenantId, order_line_id: Any) -> Any:
    """The units of a line that booked refunds took back; each one's journal is looked up by its key."""
    other = reversed_lines_select(tenant_id).subquery("other")
    journal = (
        select(Journal.id)
        .where(
            Journal.tenant_id == tenant_id,
            Journal.cause == Cause.ORDER_REFUNDED,
            Journal.cause_id == _cause_id(other),
        )
        .scalar_subquery()
    )
    back = select(cast(func.coalesce(func.sum(other.c.units), 0), BigInteger))
    return back.where(other.c.order_line_id == order_line_id, passing(journal.is_not(None))).scalar_subquery()


def units_ahead(steps: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The steps, each with the units that those before it among them take back of its line."""
    step = steps.selected_columns
    ahead = func.sum(-step.units_more).over(
        partition_by=step.order_line_id, order_by=(step.document_id, step.line_no), rows=(None, -1)
    )
    is_back = step.cause == Cause.ORDER_REFUNDED
    return steps.add_columns(case((is_back, func.coalesce(ahead, 0)), else_=0).label("units_ahead"))


def given_away_and_back(steps: Select[*tuple[Any, ...]]) -> ColumnElement[bool]:
    """Whether a step is a refund of a line of which nothing was paid but a discount given."""
    step = steps.selected_columns
    return and_(step.cause == Cause.ORDER_REFUNDED, step.paid == 0, step.discount > 0)


def waiting_steps(db: Reading, *, refunds: bool, source_name: str | None = None) -> Select[*tuple[Any, ...]]:
    """The steps that nobody has booked yet (of one source, or of all), as a statement to go on from."""
    step = refund_steps(db.tenant_id) if refunds else sale_steps(db.tenant_id)
    # Not EXISTS: a join is planned by what statistics say of journals, which lag behind a large import, and may then compare everything
    # with everything. A value is looked up line by line, by the one key.
    booked = (
        select(Journal.id)
        .where(
            Journal.tenant_id == db.tenant_id,
            Journal.cause == step.c.cause,
            Journal.cause_id == step.c.cause_id,
        )
        .scalar_subquery()
    )
    # An import refuses larger amounts; were one there all the same, a thousand of them would burst a balance and stop every other line.
    sane = (step.c[name] <= LARGEST_AMOUNT for name in ("before", "after", "base_before", "base_after"))
    waiting = select(step).where(passing(and_(booked.is_(None), *sane)))
    return waiting if source_name is None else waiting.where(step.c.source_name == source_name)


def passing(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, told to the planner as one that half of the rows pass.

    It takes IS NULL of a look-up for rare and then joins everything that waits in nested loops; inside a CASE it does not look.
    """
    return case((condition, true()), else_=false())


async def next_chunk(
    db: Reading, waiting: Select[*tuple[Any, ...]], *, cursor: Cursor, at_once: int
) -> Chunk | None:
    """The next lines after the cursor; None when there are none."""
    step = waiting.selected_columns
    chosen = waiting
    if cursor.place is not None:
        chosen = chosen.where(tuple_(step.document_id, step.line_no) > tuple_(*cursor.place))
    walked = chosen.order_by(step.document_id, step.line_no).limit(at_once).cte("walked")
    last = (
        select(walked.c.document_id, walked.c.line_no)
        .order_by(walked.c.document_id.desc(), walked.c.line_no.desc())
        .limit(1)
    ).subquery("last")
    rows = (await db.execute(select(_kinds_of(walked), last).join(last, true()))).all()
    if not rows:
        return None
    stretch = Stretch(after=cursor.place, last=(rows[0].document_id, rows[0].line_no))
    return Chunk(seen=sum(row.lines for row in rows), kinds=[_kind(row) for row in rows], stretch=stretch)


async def survey(db: Reading, *, refunds: bool, at_once: int) -> Survey:
    """All that waits, looked at once: what is found later stays for the next time."""
    step = waiting_steps(db, refunds=refunds).subquery("waiting")
    waiting = select(step.c.document_id, step.c.store_id, step.c.source, step.c.terms_id).cte("walked")
    ends = func.percentile_disc(cast(_FRACTIONS, ARRAY(Float))).within_group(waiting.c.document_id)
    bounds = select(cast(ends, ARRAY(PG_UUID))).select_from(waiting).scalar_subquery()
    rows = (await db.execute(select(_kinds_of(waiting), bounds.label("bounds")))).all()
    if not rows:
        return Survey(lines=0, kinds=[], stretches=[])
    lines = sum(row.lines for row in rows)
    places = [
        (document, AFTER_ANY_LINE) for document in stretch_ends(rows[0].bounds, lines=lines, at_once=at_once)
    ]
    stretches = [
        Stretch(after=after, last=last) for after, last in zip([None, *places], places, strict=False)
    ]
    return Survey(lines=lines, kinds=[_kind(row) for row in rows], stretches=stretches)


async def count_waiting(db: Reading, *, refunds: bool) -> int:
    """How many lines nobody has booked yet."""
    waiting = waiting_steps(db, refunds=refunds).subquery("waiting")
    return (await db.execute(select(func.count()).select_from(waiting))).scalar_one()


def stretch_ends(bounds: Sequence[UUID], *, lines: int, at_once: int) -> list[UUID]:
    """Where stretches end: after a short one, and then after so many lines each, or half of all if that is less."""
    short = min(ALONE, at_once)
    if lines <= short:
        return [bounds[-1]]
    first = max(1, short * MOST_STRETCHES // lines)
    every = max(1, min(at_once * MOST_STRETCHES // lines, MOST_STRETCHES // 2))
    return sorted({*bounds[first - 1 :: every], bounds[-1]})


def _kinds_of(lines: CTE) -> Subquery:
    kind = (lines.c.store_id, lines.c.source, lines.c.terms_id)
    return select(*kind, func.count().label("lines")).group_by(*kind).subquery("kind")


def _kind(row: Any) -> Kind:
    return Kind(store_id=row.store_id, source=row.source, terms_id=row.terms_id)


def steps_of(waiting: Select[*tuple[Any, ...]], stretch: Stretch) -> Select[*tuple[Any, ...]]:
    """The waiting lines of a stretch, in order and numbered."""
    step = waiting.selected_columns
    place = tuple_(step.document_id, step.line_no)
    chosen = waiting.where(place <= tuple_(*stretch.last))
    if stretch.after is not None:
        chosen = chosen.where(place > tuple_(*stretch.after))
    number = func.row_number().over(order_by=(step.document_id, step.line_no)).label("number")
    return chosen.add_columns(number)
