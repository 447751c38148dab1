"""The order-history import over every class of dirt, on rows that name nobody: shops 店一 and 店二, articles A to Z."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from orders.history import OrderRow
from orders.history_documents import Occurrences
from orders.import_history import import_orders
from settlement.freeze import ContractTerms
from tenants.import_outcomes import RowOutcome, RowState
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.scope import TenantScope, Writing

SOLD = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
TERMS = ContractTerms()
IMPORTED, UNCHANGED, REFUSED = RowState.IMPORTED, RowState.UNCHANGED, RowState.REFUSED


def row(number: int, document: str = "D1", **told: Any) -> OrderRow:
    amounts = {
        name: Decimal(value) for name, value in told.items() if isinstance(value, str) and name in AMOUNTS
    }
    if not {"quantity", "unit_price", "amount", "document_total"} & set(told):
        amounts |= {"quantity": Decimal(1), "unit_price": Decimal("10.00")}
    base: dict[str, Any] = {"store_code": "S1", "sold_at": SOLD, "sku_code": "A"}
    return OrderRow(number=number, document=document, **(base | told | amounts))


AMOUNTS = {
    "quantity", "unit_price", "amount", "discount", "freight", "document_total", "document_discount",
    "document_freight", "paid_total", "paid_net", "refund_amount",
}  # fmt: skip


@pytest.fixture
async def shops(tenant: TenantScope, now: datetime) -> TenantScope:
    async with tenant.writing() as db:
        await import_stores(
            db,
            [StoreRow(number=place, code=f"S{place}", name=f"店{place}") for place in (1, 2)],
            now=now,
        )
    return tenant


async def keep(
    tenant: TenantScope, rows: Sequence[OrderRow], *, occurrences: Occurrences | None = None
) -> list[RowOutcome]:
    async with tenant.writing() as db:
        return await import_orders(
            db, rows, source_name="till", now=SOLD, terms=TERMS, occurrences=occurrences
        )


def states(outcomes: Sequence[RowOutcome]) -> list[RowState]:
    return [outcome.state for outcome in outcomes]


async def ask(tenant: TenantScope, columns: str, table: str, *, order: str = "1") -> list[tuple[Any, ...]]:
    async with tenant.reading() as db:
        found = await db.execute(
            text(f"SELECT {columns} FROM app.{table} WHERE tenant_id = :t ORDER BY {order}"),
            {"t": tenant.tenant_id},
        )
        return [tuple(each) for each in found]


async def test_lines_of_one_document_become_one_order(shops: TenantScope) -> None:
    outcomes = await keep(
        shops, [row(2), row(3, "D2"), row(4, sku_code="B", quantity="3", unit_price="0.335")]
    )
    assert states(outcomes) == [IMPORTED] * 3
    assert await ask(shops, "external_no, total_fen, paid_fen, state", "orders") == [
        ("D1", 1101, 1101, "collected"),
        ("D2", 1000, 1000, "collected"),
    ]
    assert await ask(
        shops, "sku_code, quantity, unit_price_fen, goods_fen, evidence", "order_lines", order="1, 4"
    ) == [
        ("A", 1, 1000, 1000, {}),
        ("A", 1, 1000, 1000, {}),
        ("B", 3, None, 101, {"unit_price": "0.335"}),
    ]


async def test_the_same_rows_again_change_nothing(shops: TenantScope) -> None:
    rows = [
        row(2),
        row(3),
        row(4, "D2", quantity="-1", unit_price="10.00"),
        row(5, freight="3.50", sku_code="C"),
    ]
    assert states(await keep(shops, rows)) == [IMPORTED] * 4
    before = (
        await ask(shops, "*", "orders"),
        await ask(shops, "*", "order_lines"),
        await ask(shops, "*", "refunds"),
    )
    assert states(await keep(shops, rows)) == [UNCHANGED] * 4
    assert before == (
        await ask(shops, "*", "orders"), await ask(shops, "*", "order_lines"), await ask(shops, "*", "refunds"),
    )  # fmt: skip
