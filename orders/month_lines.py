"""The lines that stores sold in a time, with what refunds took back of them in it: the real orders that a rehearsal runs on."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select, true

from orders.models import Order, OrderLine, Refund, RefundLine
from orders.states import LineKind, RefundStatus, Source
from tenants.kernel.ids import GuideId, OrderId, OrderLineId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

AT_ONCE = 5_000


class SoldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A paid line as terms see it, and what is kept of it at the end of the time."""

    order_line_id: OrderLineId
    order_id: OrderId
    store_id: StoreId
    kind: LineKind
    category_code: str | None
    sku_code: str | None
    promotion_code: str | None
    guide_id: GuideId | None
    through_channel: bool
    placed_at: datetime
    paid_at: datetime
    goods_fen: Fen
    paid_fen: Fen
    base_fen: Fen | None
    kept_fen: Fen
    terms_id: TermsId


async def sold_lines(
    db: Reading, stores: Sequence[StoreId] | None, *, first: datetime, after: datetime
) -> AsyncIterator[SoldLine]:
    """Every line paid in the time (half-open) at these stores (None: at all), some at a time, by id."""
    last: UUID | None = None
    while True:
        rows = (await db.execute(_lines(db, stores, first=first, after=after, last=last))).all()
        for row in rows:
            yield _line(row)
        if len(rows) < AT_ONCE:
            return
        last = rows[-1].id


def _lines(
    db: Reading, stores: Sequence[StoreId] | None, *, first: datetime, after: datetime, last: UUID | None
) -> Any:
    back = (
        select(func.coalesce(func.sum(RefundLine.amount_fen), 0))
        .join(Refund, (Refund.tenant_id == RefundLine.tenant_id) & (Refund.id == RefundLine.refund_id))
        .where(
            RefundLine.tenant_id == db.tenant_id, Refund.tenant_id == db.tenant_id,
            RefundLine.order_line_id == OrderLine.id, Refund.state == RefundStatus.DONE,
            Refund.refunded_at < after,
        )
        .correlate(OrderLine)
        .scalar_subquery()
    )  # fmt: skip
    return (
        select(
            OrderLine.id, OrderLine.order_id, Order.store_id, OrderLine.kind, OrderLine.category_code,
            OrderLine.sku_code, OrderLine.promotion_code, Order.guide_id, Order.source, Order.placed_at,
            Order.paid_at, OrderLine.goods_fen, OrderLine.paid_fen, OrderLine.base_fen, OrderLine.terms_id,
            back.label("back_fen"),
        )
        .join(Order, (Order.tenant_id == OrderLine.tenant_id) & (Order.id == OrderLine.order_id))
        .where(
            OrderLine.tenant_id == db.tenant_id, Order.tenant_id == db.tenant_id,
            OrderLine.terms_id.is_not(None), Order.paid_at >= first, Order.paid_at < after,
            true() if stores is None else Order.store_id.in_(list(stores)),
            true() if last is None else OrderLine.id > last,
        )
        .order_by(OrderLine.id)
        .limit(AT_ONCE)
    )  # fmt: skip


def _line(row: Any) -> SoldLine:
    return SoldLine(
        order_line_id=OrderLineId(row.id), order_id=OrderId(row.order_id), store_id=StoreId(row.store_id),
        kind=LineKind(row.kind), category_code=row.category_code, sku_code=row.sku_code,
        promotion_code=row.promotion_code, guide_id=GuideId(row.guide_id) if row.guide_id else None,
        through_channel=row.source == Source.STOREFRONT, placed_at=row.placed_at, paid_at=row.paid_at,
        goods_fen=Fen(row.goods_fen), paid_fen=Fen(row.paid_fen),
        base_fen=None if row.base_fen is None else Fen(row.base_fen),
        kept_fen=Fen(row.paid_fen - int(row.back_fen)), terms_id=TermsId(row.terms_id),
    )  # fmt: skip
