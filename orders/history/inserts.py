"""The INSERTs of imported history: whole batches as one array a column, because row-level security refuses COPY.

Rows are plain tuples in the order of their columns: this is the path of a million lines, and a mapping a cell would cost more than the database.
Measured by `scripts/real_sets/orders_pace.py`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import msgspec
from sqlalchemy import CursorResult, Dialect, Table, TextClause, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import dialect as PostgreSQL  # noqa: N812 a dialect is called by its product's name

from orders.models import Order, OrderLine, Refund, RefundLine, Tender
from tenants.kernel.scope import Writing

ORDERS = (
    "id", "order_no", "source", "source_name", "external_no", "external_status", "state", "scene", "store_id",
    "guide_id", "attribution_rule", "attribution", "profit_sharing", "business_on", "goods_fen", "freight_fen",
    "other_fen", "discount_fen", "total_fen", "paid_fen", "refunded_fen", "split_fen", "placed_at", "paid_at",
)  # fmt: skip
LINES = (
    "id", "order_id", "line_no", "kind", "sku_code", "title", "specs", "category_code", "promotion_code",
    "quantity",
    "unit_price_fen", "goods_fen", "discount_fen", "paid_fen", "refunded_fen", "refunded_quantity", "base_fen",
    "terms_id",
    "evidence",
)  # fmt: skip
TENDERS = ("order_id", "sequence", "method", "amount_fen")
REFUNDS = (
    "id", "refund_no", "source", "source_name", "external_no", "document", "order_id", "store_id", "guide_id", "state",
    "amount_fen", "reason", "requested_by", "business_on", "requested_at", "refunded_at",
)  # fmt: skip
REFUND_LINES = (
    "refund_id", "line_no", "order_line_id", "kind", "sku_code", "title", "quantity", "amount_fen",
    "kept_before_fen", "base_fen", "terms_id",
)  # fmt: skip
IMPORTER = "import"
NOTHING = "{}"
NO_SPECS = "[]"
_JSON = msgspec.json.Encoder()
_DIALECT: Dialect = PostgreSQL()  # type: ignore[no-untyped-call]


def as_json(value: Any) -> str:
    """JSON travels as text and is cast on arrival."""
    return _JSON.encode(value).decode()


async def insert_orders(db: Writing, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new orders; returns how many were new."""
    return await _insert(db, rows, table=cast("Table", Order.__table__), columns=ORDERS)


async def insert_lines(db: Writing, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new lines; returns how many were new."""
    return await _insert(db, rows, table=cast("Table", OrderLine.__table__), columns=LINES)


async def insert_tenders(db: Writing, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new tenders; returns how many were new."""
    return await _insert(db, rows, table=cast("Table", Tender.__table__), columns=TENDERS)


async def insert_refunds(db: Writing, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new refunds; returns how many were new."""
    return await _insert(db, rows, table=cast("Table", Refund.__table__), columns=REFUNDS)


async def insert_refund_lines(db: Writing, rows: Sequence[tuple[Any, ...]]) -> int:
    """Write new refund lines; returns how many were new."""
    return await _insert(db, rows, table=cast("Table", RefundLine.__table__), columns=REFUND_LINES)


async def _insert(
    db: Writing, rows: Sequence[tuple[Any, ...]], *, table: Table, columns: tuple[str, ...]
) -> int:
    if not rows:
        return 0
    values: dict[str, Any] = {
        f"c{place}": list(column) for place, column in enumerate(zip(*rows, strict=True))
    }
    result = await db.execute(_statement(table, columns), {"tenant_id": db.tenant_id, **values})
    return cast("CursorResult[Any]", result).rowcount


@cache
def _statement(table: Table, columns: tuple[str, ...]) -> TextClause:
    arrays, taken = [], []
    for place, column in enumerate(columns):
        is_json = isinstance(table.c[column].type, JSONB)
        kind = "text" if is_json else table.c[column].type.compile(dialect=_DIALECT)
        arrays.append(f"CAST(:c{place} AS {kind}[])")
        taken.append(f"u.{column}::jsonb" if is_json else f"u.{column}")
    return text(
        f"INSERT INTO {table.fullname} (tenant_id, {', '.join(columns)})"
        f" SELECT CAST(:tenant_id AS uuid), {', '.join(taken)} FROM unnest({', '.join(arrays)}) AS u({', '.join(columns)})"
        " ON CONFLICT DO NOTHING"
    )
