"""What imported history comes to: totals by month, store, status, kind of line and way of payment, for comparing with the files' own.

Reads only. Sums are whole fen; a document over several stores counts once. Months are those of the store's business day.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Numeric, Select, and_, case, cast, func, literal, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from orders.models import Order, OrderLine, Refund, RefundLine, Tender
from orders.states import LineKind, RefundStatus, Source
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading
from tenants.queries import store_codes


class By(StrEnum):
    """What totals are grouped by."""

    ALL = "all"
    """One group, named ''."""
    MONTH = "month"
    """YYYY-MM of the business day."""
    DAY = "day"
    """YYYY-MM-DD of the business day."""
    STORE = "store"
    """The store's code."""
    STATUS = "status"
    """The other system's status."""
    SALE_MONTH = "sale_month"
    """Refunds only: the month of the order, not of the refund."""


class SalesTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sales of one group: documents, lines, and fen by kind of line."""

    documents: int
    lines: int
    goods_lines: int
    units: int
    goods_fen: Fen
    freight_fen: Fen
    other_fen: Fen
    discount_fen: Fen
    settled_fen: Fen
    """What was paid and has terms: the base of statements."""

    @property
    def total_fen(self) -> Fen:
        """All lines, before discounts."""
        return Fen(self.goods_fen + self.freight_fen + self.other_fen)


class RefundTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Finished refunds of one group."""

    refunds: int
    lines: int
    amount_fen: Fen


class TenderTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Payments elsewhere of one group; one that several stores share counts once."""

    payments: int
    amount_fen: Fen


class ClassTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one class: sale or refund, kind of line, with a price or without."""

    group: str
    is_refund: bool
    kind: str
    is_priced: bool
    lines: int
    amount_fen: Fen
    amount_exact: Decimal | None
    """Unrounded, where unit prices were finer than a fen; refunds keep no unit price."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A document whose payments are not what its lines come to."""

    document: str
    total_fen: Fen
    paid_fen: Fen


async def sales_totals(db: Reading, *, source_name: str, by: By = By.ALL) -> dict[str, SalesTotals]:
    """Sales by group, of every state."""
    group = _group(by, day=Order.business_on, store=Order.store_id)
    goods = OrderLine.kind == LineKind.GOODS
    paid = case((OrderLine.terms_id.is_not(None), OrderLine.paid_fen), else_=0)
    statement = (
        select(
            group,
            func.count(func.distinct(_document())).label("documents"),
            func.count().label("lines"),
            func.count().filter(goods).label("goods_lines"),
            _sum(OrderLine.quantity).label("units"),
            *(_sum(case((OrderLine.kind == kind, OrderLine.goods_fen), else_=0)).label(f"{kind}_fen") for kind in LineKind),
            _sum(OrderLine.discount_fen).label("discount_fen"),
            _sum(paid).label("settled_fen"),
        )
        .join(OrderLine, and_(OrderLine.tenant_id == Order.tenant_id, OrderLine.order_id == Order.id))
        .where(OrderLine.tenant_id == db.tenant_id, *_of(Order, db, source_name=source_name))
        .group_by(group)
    )  # fmt: skip
    return {key: SalesTotals(**values) for key, values in await _grouped(db, statement, by=by)}


async def refund_totals(db: Reading, *, source_name: str, by: By = By.ALL) -> dict[str, RefundTotals]:
    """Finished refunds by group, on the day they were made (or, SALE_MONTH, of the sale they took back)."""
    group = _group(by, day=Refund.business_on, store=Refund.store_id)
    statement = (
        select(
            group,
            func.count(func.distinct(Refund.id)).label("refunds"),
            func.count().label("lines"),
            _sum(RefundLine.amount_fen).label("amount_fen"),
        )
        .select_from(Refund)
        .join(RefundLine, and_(RefundLine.tenant_id == Refund.tenant_id, RefundLine.refund_id == Refund.id))
        .where(
            RefundLine.tenant_id == db.tenant_id,
            Refund.state == RefundStatus.DONE,
            *_of(Refund, db, source_name=source_name),
        )
        .group_by(group)
    )
    if by in {By.SALE_MONTH, By.STATUS}:
        sale = and_(Order.tenant_id == Refund.tenant_id, Order.id == Refund.order_id)
        statement = statement.join(Order, sale).where(Order.tenant_id == db.tenant_id)
    return {key: RefundTotals(**values) for key, values in await _grouped(db, statement, by=by)}


async def tender_totals(db: Reading, *, source_name: str, by: By | None = None) -> dict[str, TenderTotals]:
    """Payments by group; without one, by way of payment."""
    group = (
        Tender.method.label("key") if by is None else _group(by, day=Order.business_on, store=Order.store_id)
    )
    statement = (
        select(
            group,
            func.count(func.distinct(func.concat(_document(), "\x1f", Tender.sequence))).label("payments"),
            _sum(Tender.amount_fen).label("amount_fen"),
        )
        .select_from(Tender)
        .join(Order, and_(Order.tenant_id == Tender.tenant_id, Order.id == Tender.order_id))
        .where(Tender.tenant_id == db.tenant_id, *_of(Order, db, source_name=source_name))
        .group_by(group)
    )
    return {key: TenderTotals(**values) for key, values in await _grouped(db, statement, by=by)}


async def class_totals(db: Reading, *, source_name: str, by: By = By.ALL) -> list[ClassTotals]:
    """Every imported line once, by group, sale or refund, kind, and whether it had a price."""
    return [
        *await _sale_classes(db, source_name=source_name, by=by),
        *await _refund_classes(db, source_name=source_name, by=by),
    ]


async def _sale_classes(db: Reading, *, source_name: str, by: By) -> list[ClassTotals]:
    group = _group(by, day=Order.business_on, store=Order.store_id)
    price = OrderLine.evidence["unit_price"].astext
    is_priced = (
        (OrderLine.goods_fen != 0) | (func.coalesce(OrderLine.unit_price_fen, 0) != 0) | price.is_not(None)
    )
    quantity = func.coalesce(cast(OrderLine.evidence["quantity"].astext, Numeric), OrderLine.quantity)
    exact = case(
        (price.is_not(None), quantity * cast(price, Numeric)), else_=OrderLine.goods_fen / Decimal(100)
    )
    statement = (
        select(
            group,
            OrderLine.kind,
            is_priced.label("is_priced"),
            func.count().label("lines"),
            _sum(OrderLine.goods_fen).label("amount_fen"),
            func.sum(exact).label("amount_exact"),
        )
        .join(Order, and_(Order.tenant_id == OrderLine.tenant_id, Order.id == OrderLine.order_id))
        .where(OrderLine.tenant_id == db.tenant_id, *_of(Order, db, source_name=source_name))
        .group_by(group, OrderLine.kind, is_priced)
    )
    rows = await _grouped(db, statement, by=by)
    return [ClassTotals(group=key, is_refund=False, **values) for key, values in rows]


async def _refund_classes(db: Reading, *, source_name: str, by: By) -> list[ClassTotals]:
    group = _group(by, day=Refund.business_on, store=Refund.store_id)
    has_amount = (RefundLine.amount_fen != 0).label("is_priced")
    statement = (
        select(
            group,
            RefundLine.kind,
            has_amount,
            func.count().label("lines"),
            _sum(RefundLine.amount_fen).label("amount_fen"),
        )
        .join(Refund, and_(Refund.tenant_id == RefundLine.tenant_id, Refund.id == RefundLine.refund_id))
        .where(RefundLine.tenant_id == db.tenant_id, *_of(Refund, db, source_name=source_name))
        .group_by(group, RefundLine.kind, has_amount)
    )
    rows = await _grouped(db, statement, by=by)
    return [ClassTotals(group=key, is_refund=True, amount_exact=None, **values) for key, values in rows]


async def payment_differences(db: Reading, *, source_name: str) -> list[Difference]:
    """Documents with payments that are not what their lines come to, by number; documents without any payment are not compared."""
    document = _document().label("document")
    nothing = literal(0, BigInteger)
    totals = select(
        document, Order.total_fen.label("total_fen"), nothing.label("paid_fen"), nothing.label("payments")
    )
    tenders = (
        select(document, nothing, Tender.amount_fen, literal(1, BigInteger))
        .select_from(Tender)
        .join(Order, and_(Order.tenant_id == Tender.tenant_id, Order.id == Tender.order_id))
        .where(Tender.tenant_id == db.tenant_id, *_of(Order, db, source_name=source_name))
    )
    both = union_all(totals.where(*_of(Order, db, source_name=source_name)), tenders).subquery()
    total, paid = _sum(both.c.total_fen), _sum(both.c.paid_fen)
    statement = (
        select(both.c.document, total.label("total_fen"), paid.label("paid_fen"))
        .group_by(both.c.document)
        .having(and_(func.sum(both.c.payments) > 0, total != paid))
        .order_by(both.c.document)
    )
    return [Difference(**row) for row in (await db.execute(statement)).mappings()]


async def documents_paid_several_times(db: Reading, *, source_name: str) -> int:
    """How many documents have more than one payment."""
    document = _document()
    several = (
        select(document.label("document"))
        .select_from(Tender)
        .join(Order, and_(Order.tenant_id == Tender.tenant_id, Order.id == Tender.order_id))
        .where(Tender.tenant_id == db.tenant_id, *_of(Order, db, source_name=source_name))
        .group_by(document)
        .having(func.count(func.distinct(Tender.sequence)) > 1)
        .subquery()
    )
    return int(await db.scalar(select(func.count()).select_from(several)) or 0)


def _document() -> Any:
    return Order.attribution["document"].astext


def _sum(column: Any) -> Any:
    # Sums of bigint are numeric in PostgreSQL and would come back as Decimal.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _of(model: type[Order] | type[Refund], db: Reading, *, source_name: str) -> Sequence[Any]:
    return (
        model.tenant_id == db.tenant_id,
        model.source == Source.HISTORY,
        model.source_name == source_name,
    )


def _group(by: By, *, day: InstrumentedAttribute[Any], store: InstrumentedAttribute[Any]) -> Any:
    match by:
        case By.MONTH:
            return func.to_char(day, "YYYY-MM").label("key")
        case By.DAY:
            return func.to_char(day, "YYYY-MM-DD").label("key")
        case By.STORE:
            return store.label("key")
        case By.STATUS:
            return Order.external_status.label("key")
        case By.SALE_MONTH:
            return func.to_char(Order.business_on, "YYYY-MM").label("key")
        case By.ALL:
            return func.concat("").label("key")


async def _grouped(db: Reading, statement: Select[Any], *, by: By | None) -> list[tuple[str, dict[str, Any]]]:
    rows = [dict(row) for row in (await db.execute(statement)).mappings()]
    keyed = [(row.pop("key"), row) for row in rows]
    if by is By.STORE:
        codes = await store_codes(db, [key for key, _ in keyed])
        keyed = [(codes[key], row) for key, row in keyed]
    return [(key or "", row) for key, row in keyed]
