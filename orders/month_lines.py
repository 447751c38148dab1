"""What moved at stores in a time: lines that were paid, and what refunds took back of these and of earlier ones; the real orders that a rehearsal runs on.

An order comes with all its lines, because what is charged on a payment is shared by the whole of it. Refunds without a known sale come
by themselves.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, true

from catalog.codes import category_codes_of_skus
from orders.history.terms import asked_category
from orders.models import Order, OrderLine, Refund, RefundLine
from orders.queries import promoted, units_back, units_sold
from orders.states import LineKind, RefundStatus, Source
from tenants.kernel.ids import GuideId, OrderId, OrderLineId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

AT_ONCE = 2_000
"""Orders a page."""
NOTHING = Fen(0)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time, half-open, at some stores (None: at all)."""

    stores: Sequence[StoreId] | None
    first: datetime
    after: datetime


class Step(msgspec.Struct, frozen=True):
    """From one amount kept of a line to another; `before` is None where it is sold."""

    before: Fen | None
    after: Fen
    units_before: int | None = None
    units_after: int = 0
    """Of a line of which nothing was paid, what is kept is told by its units alone."""


class MovedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as terms see it, and its steps within the time; a refund without a known sale is a line of its own, without `order_line_id`."""

    order_line_id: OrderLineId | None
    order_id: OrderId | None
    refund_id: RefundId | None = None
    store_id: StoreId
    kind: LineKind
    category_code: str | None
    sku_code: str | None
    promotion_code: str | None
    guide_id: GuideId | None
    through_channel: bool
    source_name: str
    at: datetime
    """The moment whose terms it is on: the order's, or the loose refund's."""
    paid_at: datetime | None = None
    """When it was sold; None where no sale is known."""
    goods_fen: Fen
    paid_fen: Fen
    units: int = 1
    promoted_fen: Fen | None
    """What its promotion took off it; None where no sale is known."""
    base_fen: Fen | None
    terms_id: TermsId
    steps: tuple[Step, ...]
    kept_before_fen: Fen | None
    """What was kept of it when the time began; None where it was sold within."""
    kept_fen: Fen

    @property
    def is_loose(self) -> bool:
        """Whether it is a refund whose sale nobody knows."""
        return self.order_line_id is None

    @property
    def sold_before(self) -> bool:
        """Whether it was sold before the time, on terms that nothing changes any more."""
        return not self.is_loose and self.kept_before_fen is not None


async def moved_lines(db: Reading, window: Window) -> AsyncIterator[list[MovedLine]]:
    """Every order of which something was paid or given back in the time, whole, some orders at a time; then the loose refunds."""
    for chosen in (_paid(db, window), _given_back(db, window)):
        async for lines in _pages(db, chosen, window=window):
            yield lines
    async for loose in _loose(db, window):
        yield loose


async def sold_lines(db: Reading, sold: Window, *, moved: Window) -> AsyncIterator[list[MovedLine]]:
    """Every order that was paid in one time, with what moved of it in another, later one; then the loose refunds of the first."""
    async for lines in _pages(db, _paid(db, sold), window=moved):
        yield lines
    async for loose in _loose(db, sold):
        yield loose


async def _pages(db: Reading, chosen: Any, *, window: Window) -> AsyncIterator[list[MovedLine]]:
    """The lines of these orders, some orders at a time."""
    last: UUID | None = None
    while True:
        page = chosen if last is None else chosen.where(chosen.selected_columns.id > last)
        ids = list((await db.execute(page.order_by(chosen.selected_columns.id).limit(AT_ONCE))).scalars())
        if ids:
            yield await _lines(db, ids, window=window)
            last = ids[-1]
        if len(ids) < AT_ONCE:
            break


def _at_stores(window: Window, column: Any) -> Any:
    return true() if window.stores is None else column.in_(list(window.stores))


def _paid(db: Reading, window: Window) -> Any:
    return select(Order.id).where(
        Order.tenant_id == db.tenant_id, Order.paid_at >= window.first, Order.paid_at < window.after,
        _at_stores(window, Order.store_id),
    )  # fmt: skip


def _given_back(db: Reading, window: Window) -> Any:
    """Orders that were paid earlier, and of which something was given back in the time."""
    return (
        select(Order.id)
        .join(Refund, (Refund.tenant_id == Order.tenant_id) & (Refund.order_id == Order.id))
        .where(
            Order.tenant_id == db.tenant_id, Refund.tenant_id == db.tenant_id, Order.paid_at < window.first,
            Refund.state == RefundStatus.DONE, Refund.refunded_at >= window.first,
            Refund.refunded_at < window.after, _at_stores(window, Order.store_id),
        )
        .distinct()
    )  # fmt: skip


async def _lines(db: Reading, order_ids: Sequence[UUID], *, window: Window) -> list[MovedLine]:
    statement = (
        select(
            OrderLine.id, OrderLine.order_id, Order.store_id, OrderLine.kind, OrderLine.category_code,
            OrderLine.sku_code, OrderLine.promotion_code, Order.guide_id, Order.source, Order.source_name,
            Order.placed_at, Order.paid_at, OrderLine.goods_fen, OrderLine.paid_fen, OrderLine.base_fen,
            OrderLine.terms_id, promoted().label("promoted_fen"), units_sold().label("units"),
        )
        .join(Order, (Order.tenant_id == OrderLine.tenant_id) & (Order.id == OrderLine.order_id))
        .where(
            OrderLine.tenant_id == db.tenant_id, Order.tenant_id == db.tenant_id,
            OrderLine.order_id.in_(order_ids), OrderLine.terms_id.is_not(None), Order.paid_at.is_not(None),
        )
        .order_by(OrderLine.order_id, OrderLine.line_no)
    )  # fmt: skip
    undone = await _undone(db, order_ids, after=window.after)
    rows = (await db.execute(statement)).all()
    return [_line(row, undone[row.id], first=window.first) for row in rows]


async def _undone(db: Reading, order_ids: Sequence[UUID], *, after: datetime) -> dict[UUID, list[Any]]:
    """What refunds took back of these orders' lines, line by line, in the order it happened."""
    statement = (
        select(
            RefundLine.order_line_id, RefundLine.amount_fen, RefundLine.kept_before_fen, Refund.refunded_at,
            units_back().label("units"),
        )
        .join(Refund, (Refund.tenant_id == RefundLine.tenant_id) & (Refund.id == RefundLine.refund_id))
        .join(OrderLine, (OrderLine.tenant_id == RefundLine.tenant_id) & (OrderLine.id == RefundLine.order_line_id))
        .where(
            RefundLine.tenant_id == db.tenant_id, Refund.tenant_id == db.tenant_id, OrderLine.tenant_id == db.tenant_id,
            Refund.order_id.in_(order_ids), Refund.state == RefundStatus.DONE, Refund.refunded_at < after,
            RefundLine.order_line_id.is_not(None),
        )
        .order_by(Refund.refunded_at, func.coalesce(RefundLine.kept_before_fen, 0).desc(), RefundLine.line_no)
    )  # fmt: skip
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in await db.execute(statement):
        found[row.order_line_id].append(row)
    return found


def _line(row: Any, undone: Sequence[Any], *, first: datetime) -> MovedLine:
    kept, units = Fen(row.paid_fen), int(row.units)
    steps = [Step(None, kept, None, units)] if row.paid_at >= first else []
    before = None if steps else kept
    for back in undone:
        kept = Fen(kept - back.amount_fen)
        units_before, units = units, max(units - back.units, 0)
        if back.refunded_at < first:
            before = kept
            continue
        # A document imported late was taken off what was left then: its own word for that is what was booked.
        stood = kept + back.amount_fen if back.kept_before_fen is None else back.kept_before_fen
        steps.append(Step(Fen(stood), Fen(stood - back.amount_fen), units_before, units))
    return MovedLine(
        order_line_id=OrderLineId(row.id), order_id=OrderId(row.order_id), store_id=StoreId(row.store_id),
        kind=LineKind(row.kind), category_code=asked_category(row.kind, row.category_code),
        sku_code=row.sku_code, promotion_code=row.promotion_code,
        guide_id=GuideId(row.guide_id) if row.guide_id else None,
        through_channel=row.source == Source.STOREFRONT, source_name=row.source_name, at=row.placed_at, paid_at=row.paid_at,
        goods_fen=Fen(row.goods_fen), paid_fen=Fen(row.paid_fen), units=row.units, promoted_fen=Fen(row.promoted_fen),
        base_fen=None if row.base_fen is None else Fen(row.base_fen), terms_id=TermsId(row.terms_id),
        steps=tuple(steps), kept_before_fen=before, kept_fen=kept,
    )  # fmt: skip


async def _loose(db: Reading, window: Window) -> AsyncIterator[list[MovedLine]]:
    """Refunds of the time without a known sale, some at a time, by id."""
    statement = (
        select(
            Refund.id, RefundLine.line_no, RefundLine.kind, RefundLine.sku_code, RefundLine.amount_fen,
            RefundLine.base_fen, RefundLine.terms_id, Refund.store_id, Refund.guide_id, Refund.source,
            Refund.source_name, Refund.refunded_at,
        )
        .join(Refund, (Refund.tenant_id == RefundLine.tenant_id) & (Refund.id == RefundLine.refund_id))
        .where(
            RefundLine.tenant_id == db.tenant_id, Refund.tenant_id == db.tenant_id,
            RefundLine.order_line_id.is_(None), RefundLine.terms_id.is_not(None),
            Refund.state == RefundStatus.DONE, Refund.refunded_at >= window.first,
            Refund.refunded_at < window.after, _at_stores(window, Refund.store_id),
        )
        .order_by(Refund.id, RefundLine.line_no)
    )  # fmt: skip
    rows = (await db.execute(statement)).all()
    for start in range(0, len(rows), AT_ONCE):
        page = rows[start : start + AT_ONCE]
        named = sorted({row.sku_code for row in page if row.sku_code and row.kind == LineKind.GOODS})
        categories = await category_codes_of_skus(db, named)
        yield [_loose_line(row, category=categories.get(row.sku_code)) for row in page]


def _loose_line(row: Any, *, category: str | None) -> MovedLine:
    amount = Fen(row.amount_fen)
    return MovedLine(
        order_line_id=None, order_id=None, refund_id=RefundId(row.id), store_id=StoreId(row.store_id),
        kind=LineKind(row.kind), category_code=asked_category(row.kind, category), sku_code=row.sku_code,
        promotion_code=None, guide_id=GuideId(row.guide_id) if row.guide_id else None,
        through_channel=row.source == Source.STOREFRONT, source_name=row.source_name, at=row.refunded_at,
        goods_fen=amount, paid_fen=amount, promoted_fen=None,
        base_fen=None if row.base_fen is None else Fen(row.base_fen), terms_id=TermsId(row.terms_id),
        steps=(Step(amount, NOTHING),), kept_before_fen=amount, kept_fen=NOTHING,
    )  # fmt: skip
