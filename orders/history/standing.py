"""What of a batch's documents was imported before: their orders, refunds and lines. Reads, and holds what it read still.

A document over several stores is several orders. The first keeps the document's number, one at another store adds `#` and that store's code; the first
one's evidence lists these suffixes, so that all are found from the number alone.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Select, and_, func, select, text

from orders.models import Order, OrderLine, Refund, RefundLine
from orders.states import RefundStatus
from tenants.kernel.scope import Reading, Writing

SUFFIX = "#"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a document."""

    id: UUID
    external_no: str
    store_id: UUID
    guide_id: UUID | None
    state: str
    total_fen: int
    before_discount_fen: int
    paid_fen: int
    refunded_fen: int
    placed_at: Any
    paid_at: Any
    business_on: Any
    attribution: dict[str, Any]


class StandingLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is there."""

    id: UUID
    order_id: UUID
    line_no: int
    kind: str
    sku_code: str | None
    title: str | None
    quantity: int
    category_code: str | None
    promotion_code: str | None
    goods_fen: int
    discount_fen: int
    paid_fen: int
    refunded_fen: int
    refunded_quantity: int
    terms_id: UUID | None
    line_id: str | None


_HOLD = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('orders.history:' || tenant_id::text || :source_name, 0))"
    " FROM app.tenants WHERE tenant_id = :tenant_id"
)


async def hold_source(db: Writing, source_name: str) -> None:
    """Let no other import of this source begin a batch until the transaction ends: what a batch reads of its documents stays so.

    Two files at once take turns batch by batch, and come to what one after the other comes to. A dry run holds its source to its end.
    """
    await db.execute(_HOLD, {"tenant_id": db.tenant_id, "source_name": source_name})


async def parts_of(db: Reading, documents: Sequence[str], *, source_name: str) -> dict[str, list[Part]]:
    """Every order of these documents, the one with the bare number first; a document that was never imported is absent."""
    bare = await _parts(db, list(set(documents)), source_name=source_name)
    further = [f"{part.external_no}{suffix}" for part in bare for suffix in part.attribution.get("also", [])]
    found: dict[str, list[Part]] = {part.external_no: [part] for part in bare}
    if further:
        for part in await _parts(db, further, source_name=source_name):
            found[part.attribution["document"]].append(part)
    return found


async def _parts(db: Reading, numbers: list[str], *, source_name: str) -> list[Part]:
    columns = [getattr(Order, name) for name in Part.__struct_fields__ if name != "before_discount_fen"]
    before = (Order.goods_fen + Order.freight_fen + Order.other_fen).label("before_discount_fen")
    statement: Select[Any] = select(*columns, before).where(
        Order.tenant_id == db.tenant_id,
        Order.source_name == source_name,
        Order.external_no == func.any(numbers),
        Order.external_no.is_not(None),
    )
    return [Part(**row._mapping) for row in await db.execute(statement)]  # noqa: SLF001 the row's public mapping


async def lines_of(db: Reading, order_ids: Sequence[UUID]) -> dict[UUID, list[StandingLine]]:
    """The lines of these orders, by order, in line order."""
    if not order_ids:
        return {}
    columns = [getattr(OrderLine, name) for name in StandingLine.__struct_fields__ if name != "line_id"]
    statement = (
        select(*columns, OrderLine.evidence["line"].astext.label("line_id"))
        .where(OrderLine.tenant_id == db.tenant_id, OrderLine.order_id == func.any(list(order_ids)))
        .order_by(OrderLine.order_id, OrderLine.line_no)
    )
    found: dict[UUID, list[StandingLine]] = {}
    for row in await db.execute(statement):
        found.setdefault(row.order_id, []).append(StandingLine(**row._mapping))  # noqa: SLF001
    return found


class StandingRefund(msgspec.Struct, kw_only=True):
    """A refund document that is there, with its lines (line_no, order_line_id, kind, sku_code, title, quantity, amount_fen)."""

    id: UUID
    store_id: UUID
    order_id: UUID | None
    state: str
    requested_at: Any
    amount_fen: int
    lines: list[Any]


async def refunds_of(db: Reading, numbers: Sequence[str], *, source_name: str) -> dict[str, StandingRefund]:
    """The refund documents with these external numbers."""
    if not numbers:
        return {}
    of_line = (
        RefundLine.line_no,
        RefundLine.order_line_id,
        RefundLine.kind,
        RefundLine.sku_code,
        RefundLine.title,
        RefundLine.quantity,
    )
    of_refund = (
        Refund.external_no,
        Refund.id,
        Refund.store_id,
        Refund.order_id,
        Refund.state,
        Refund.requested_at,
        Refund.amount_fen.label("refund_fen"),
    )
    statement = (
        select(*of_refund, *of_line, RefundLine.amount_fen)
        .join(RefundLine, and_(RefundLine.tenant_id == Refund.tenant_id, RefundLine.refund_id == Refund.id))
        .where(
            Refund.tenant_id == db.tenant_id,
            RefundLine.tenant_id == db.tenant_id,
            Refund.source_name == source_name,
            Refund.external_no == func.any(list(numbers)),
            Refund.external_no.is_not(None),
        )
        .order_by(Refund.id, RefundLine.line_no)
    )
    found: dict[str, StandingRefund] = {}
    for row in await db.execute(statement):
        if row.external_no not in found:
            found[row.external_no] = StandingRefund(
                id=row.id,
                store_id=row.store_id,
                order_id=row.order_id,
                state=row.state,
                requested_at=row.requested_at,
                amount_fen=row.refund_fen,
                lines=[],
            )
        found[row.external_no].lines.append(row)
    return found


async def earlier_refunds(db: Reading, documents: Sequence[str], *, source_name: str) -> dict[str, int]:
    """What went back of these documents, in fen, while nobody knew their sales: it stays with the store, and counts in what is left."""
    if not documents:
        return {}
    statement = (
        select(Refund.document, func.sum(Refund.amount_fen).cast(BigInteger).label("fen"))
        .where(
            Refund.tenant_id == db.tenant_id,
            Refund.source_name == source_name,
            Refund.document == func.any(list(set(documents))),
            Refund.document.is_not(None),
            Refund.order_id.is_(None),
            Refund.state == RefundStatus.DONE,
        )
        .group_by(Refund.document)
    )
    return {str(row.document): int(row.fen) for row in await db.execute(statement)}
