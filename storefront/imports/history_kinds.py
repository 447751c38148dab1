"""Order history as kinds of import: the fields of orders, refunds and payments, and the verb of a run, which remembers the lines it met.

Amounts and quantities stay exact decimals until the line is worked out, and a clock time is read in its zone with the doubtful hours said.
"""

import re
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from guides.states import Scene
from orders.history.commands import (
    IMPORTED_STATES,
    REFUND,
    REFUND_STATES,
    SALE,
    OrderRow,
    PaymentRow,
    RefundRow,
)
from orders.history.documents import Occurrences
from orders.history.payments import import_payments
from orders.history.refunds import import_refunds
from orders.history.sales_import import import_orders
from orders.history.times import moment_of
from orders.states import LineKind
from settlement.agreements.freeze import ContractTerms
from storefront.imports.fields import (
    AMOUNT,
    Cell,
    Doubtful,
    FieldSpec,
    choice,
    code,
    day,
    moment_as_written,
    plain_text,
    quantity,
)
from storefront.imports.mapping import Mapping, NotReadable

Verb = Callable[..., Any]
BATCH = 5_000
PLAIN = re.compile(r"[-+]?\d{1,18}(?:\.\d{0,18})?")
SCIENTIFIC = re.compile(r"[-+]?\d(?:\.\d{1,17})?[eE][-+]?\d{1,2}")
IN_BRACKETS = re.compile(r"\((.+)\)|(.+)-")
"""Bookkeepers write a negative amount in brackets or with the sign behind."""


def exact(cell: Cell) -> Decimal:
    """A number as exactly as it was written; "fen" amounts become yuan."""
    text = cell.text
    found = _number(text)
    if found is None:
        negative = IN_BRACKETS.fullmatch(text)
        inside = _number((negative[1] or negative[2]).strip()) if negative else None
        if inside is None or inside < 0:
            raise NotReadable("is not a number (不是数字)")
        found = -inside
    return found / 100 if cell.rule.unit == "fen" else found


def _number(text: str) -> Decimal | None:
    if PLAIN.fullmatch(text) or SCIENTIFIC.fullmatch(text):
        return Decimal(text)
    if not AMOUNT.fullmatch(text) or not any(sign.isdigit() for sign in text):
        return None
    return Decimal(re.sub(r"[¥￥$£€,，元\s]", "", text))


def local_moment(cell: Cell) -> datetime | Doubtful:
    """A point in time in UTC; a clock time without a zone is meant in the mapping's, and a doubtful hour is said."""
    written = None if cell.rule.date_format or cell.from_workbook else _iso(cell.text)
    moment, doubt = _moment(written or moment_as_written(cell), cell.zone)
    return Doubtful(moment, doubt) if doubt else moment


@lru_cache(maxsize=4096)
def _iso(text: str) -> datetime | None:
    # Most files write ISO, and a file's rows repeat their moment: asked first, it saves seven attempts a row.
    if not text[:4].isdigit() or text[4:5] != "-":
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _moment(written: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    moment, doubt = moment_of(written, zone)
    return moment.astimezone(UTC), doubt


def _fields(read: Callable[..., Any], *names: str, **options: Any) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(name=name, read=read, **options) for name in names)


def _kinds() -> tuple[FieldSpec, ...]:
    return _fields(choice, "kind", choices=tuple(kind.value for kind in LineKind))


ORDER_FIELDS = (
    *_fields(code, "document", required=True),
    *_fields(local_moment, "sold_at", required=True),
    *_fields(code, "store_code", "guide_code", "line_id", "sku_code", "category_code", "promotion_code"),
    *_fields(day, "business_on"),
    *_fields(choice, "document_kind", choices=(SALE, REFUND)),
    *_fields(plain_text, "status", "title", "tender_method"),
    *_fields(choice, "state", choices=IMPORTED_STATES),
    *_fields(choice, "scene", choices=tuple(scene.value for scene in Scene)),
    *_fields(local_moment, "paid_at", "refunded_at"),
    *_kinds(),
    *_fields(exact, "quantity", "unit_price", "amount", "discount", "freight"),
    *_fields(exact, "document_total", "document_discount", "document_freight", "paid_total", "paid_net"),
    *_fields(exact, "refund_amount"),
)
REFUND_FIELDS = (
    *_fields(
        code, "refund_no", "document", "store_code", "line_id", "sku_code", "category_code", "guide_code"
    ),
    *_fields(local_moment, "refunded_at"),
    *_fields(day, "business_on"),
    *_fields(plain_text, "title", "reason"),
    *_kinds(),
    *_fields(exact, "quantity", "amount"),
    *_fields(choice, "state", choices=REFUND_STATES),
)
PAYMENT_FIELDS = (
    *_fields(code, "document", required=True),
    *_fields(code, "store_code"),
    *_fields(quantity, "sequence", lowest=0, highest=1_000_000),
    *_fields(plain_text, "method", required=True),
    *_fields(exact, "amount", required=True),
)
EMPTY_SAYS = frozenset({"quantity", "unit_price", "amount", "paid_at"})
"""Fields whose empty cell means something other than a file without them."""


def build(row_type: type[msgspec.Struct]) -> Callable[[int, dict[str, Any]], Any]:
    """Make rows of this type; an empty cell leaves the field at its default."""

    def made(number: int, values: dict[str, Any]) -> Any:
        told = {name: value for name, value in values.items() if value is not None or name in EMPTY_SAYS}
        return row_type(number=number, **told)

    return made


def document_of(row: OrderRow | RefundRow | PaymentRow) -> Hashable:
    """What rows of one document have in common."""
    return row.document


def begin_orders(mapping: Mapping) -> Verb:
    """The order import of one run."""
    return partial(
        import_orders, source_name=mapping.source_name, terms=ContractTerms(), occurrences=Occurrences()
    )


def begin_refunds(mapping: Mapping) -> Verb:
    """The refund import of one run."""
    return partial(
        import_refunds, source_name=mapping.source_name, terms=ContractTerms(), occurrences=Occurrences(),
        refuse_unknown=mapping.unknown_orders == "refuse",
    )  # fmt: skip


def begin_payments(mapping: Mapping) -> Verb:
    """The payment import of one run."""
    return partial(import_payments, source_name=mapping.source_name, occurrences=Occurrences())
