"""Refunds and payments that somebody else made, against orders imported a moment before."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from orders.history.commands import CHANGED, ROUNDED, UNKNOWN_ORDER, OrderRow, PaymentRow, RefundRow
from orders.history.payments import import_payments
from orders.history.queries import By, payment_differences, refund_totals, tender_totals
from orders.history.refunds import import_refunds
from orders.history.sales_import import import_orders
from settlement.agreements.freeze import ContractTerms
from tenants.import_outcomes import RowOutcome, RowState
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.scope import TenantScope

SOLD = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
BACK = datetime(2026, 4, 5, 4, 30, tzinfo=UTC)
TERMS = ContractTerms()
IMPORTED, UNCHANGED, REFUSED = RowState.IMPORTED, RowState.UNCHANGED, RowState.REFUSED


def sale(number: int, document: str, amount: str, **told: Any) -> OrderRow:
    base: dict[str, Any] = {
        "store_code": "S1",
        "sold_at": SOLD,
        "quantity": Decimal(1),
        "amount": Decimal(amount),
    }
    return OrderRow(number=number, document=document, **(base | told))


@pytest.fixture
async def sold(tenant: TenantScope, now: datetime) -> TenantScope:
    async with tenant.writing() as db:
        await import_stores(db, [StoreRow(number=n, code=f"S{n}", name=f"店{n}") for n in (1, 2)], now=now)
        rows = [
            sale(2, "D1", "30.00", line_id="1", sku_code="A", quantity=Decimal(3)),
            sale(3, "D1", "10.01", line_id="2", sku_code="B"),
            sale(4, "D2", "20.00", sku_code="A"),
            sale(5, "D2", "40.00", sku_code="B", store_code="S2"),
        ]
        await import_orders(db, rows, source_name="till", now=now, terms=TERMS)
    return tenant


async def give_back(tenant: TenantScope, *rows: RefundRow) -> list[RowOutcome]:
    async with tenant.writing() as db:
        return await import_refunds(db, rows, source_name="till", now=BACK, terms=TERMS)


async def pay(tenant: TenantScope, *rows: PaymentRow) -> list[RowOutcome]:
    async with tenant.writing() as db:
        return await import_payments(db, rows, source_name="till", now=BACK)


async def ask(tenant: TenantScope, columns: str, table: str, *, order: str = "1") -> list[tuple[Any, ...]]:
    async with tenant.reading() as db:
        found = await db.execute(
            text(f"SELECT {columns} FROM app.{table} WHERE tenant_id = :t ORDER BY {order}"),
            {"t": tenant.tenant_id},
        )
        return [tuple(each) for each in found]


def states(outcomes: list[RowOutcome]) -> list[RowState]:
    return [outcome.state for outcome in outcomes]


async def test_a_refund_takes_back_its_line_on_its_own_day(sold: TenantScope) -> None:
    refund = RefundRow(
        number=2, refund_no="R1", document="D1", line_id="1", amount=Decimal("12.00"), refunded_at=BACK
    )
    assert states(await give_back(sold, refund)) == [IMPORTED]
    assert await ask(sold, "amount_fen, business_on, state", "refunds") == [(1200, date(2026, 4, 5), "done")]
    assert await ask(sold, "amount_fen, kept_before_fen, sku_code", "refund_lines") == [(1200, 3000, "A")]
    assert await ask(sold, "refunded_fen", "order_lines", order="1 DESC") == [(1200,), (0,), (0,), (0,)]
    async with sold.reading() as db:
        by_refund = await refund_totals(db, source_name="till", by=By.MONTH)
        by_sale = await refund_totals(db, source_name="till", by=By.SALE_MONTH)
    assert (list(by_refund), list(by_sale)) == (["2026-04"], ["2026-03"])


async def test_the_same_refunds_again_change_nothing(sold: TenantScope) -> None:
    rows = [
        RefundRow(number=2, document="D1", line_id="1", amount=Decimal("1.00"), refunded_at=BACK),
        RefundRow(number=3, document="D1", line_id="1", amount=Decimal("1.00"), refunded_at=BACK),
    ]
    assert states(await give_back(sold, *rows)) == [IMPORTED, IMPORTED]
    assert await ask(sold, "kept_before_fen", "refund_lines") == [(2900,), (3000,)]
    assert states(await give_back(sold, *rows)) == [UNCHANGED, UNCHANGED]
    assert await ask(sold, "sum(refunded_fen)::bigint", "orders") == [(200,)]


async def test_without_an_amount_all_that_is_left_goes_back(sold: TenantScope) -> None:
    await give_back(
        sold, RefundRow(number=2, document="D1", line_id="2", amount=Decimal("0.01"), refunded_at=BACK)
    )
    assert states(await give_back(sold, RefundRow(number=2, document="D1"))) == [IMPORTED]
    assert await ask(sold, "external_no, refunded_fen, state", "orders") == [
        ("D1", 4001, "refunded"), ("D2", 0, "collected"), ("D2#S2", 0, "collected"),
    ]  # fmt: skip


async def test_a_whole_document_over_two_stores_is_refunded_at_each(sold: TenantScope) -> None:
    await give_back(sold, RefundRow(number=2, document="D2", amount=Decimal("30.00"), refunded_at=BACK))
    assert await ask(sold, "external_no, refunded_fen", "orders") == [
        ("D1", 0),
        ("D2", 1000),
        ("D2#S2", 2000),
    ]
    assert await ask(sold, "amount_fen", "refunds") == [(1000,), (2000,)]


async def test_more_than_is_left_is_refused_even_within_one_batch(sold: TenantScope) -> None:
    outcomes = await give_back(
        sold,
        RefundRow(number=2, document="D1", line_id="2", amount=Decimal("10.00"), refunded_at=BACK),
        RefundRow(number=3, document="D1", line_id="2", amount=Decimal("0.02"), refunded_at=BACK),
    )
    assert states(outcomes) == [IMPORTED, REFUSED]
    assert outcomes[1].findings[0].reason.startswith("OVER_REFUND")


async def test_a_refund_of_a_sale_nobody_knows_is_charged_to_its_store(sold: TenantScope) -> None:
    outcomes = await give_back(
        sold,
        RefundRow(number=2, document="GONE", store_code="S2", amount=Decimal("5.00"), refunded_at=BACK),
        RefundRow(number=3, document="GONE", amount=Decimal("5.00"), refunded_at=BACK),
    )
    assert states(outcomes) == [IMPORTED, REFUSED]
    assert await ask(sold, "order_id, amount_fen", "refunds") == [(None, 500)]
    assert await ask(sold, "kept_before_fen, terms_id IS NOT NULL", "refund_lines") == [(None, True)]


async def test_a_refund_of_a_sale_nobody_knows_is_refused_where_the_mapping_says_so(
    sold: TenantScope,
) -> None:
    row = RefundRow(
        number=2, refund_no="R9", document="D9", store_code="S1", refunded_at=BACK, amount=Decimal(5)
    )
    async with sold.writing() as db:
        told = await import_refunds(db, [row], source_name="till", now=BACK, terms=TERMS, refuse_unknown=True)
    assert states(told) == [REFUSED]
    assert told[0].findings[0].reason == UNKNOWN_ORDER
    assert await ask(sold, "count(*)", "refunds") == [(0,)]


async def test_a_refund_that_has_not_happened_yet_is_refused(sold: TenantScope) -> None:
    told = await give_back(
        sold, RefundRow(number=2, document="D1", refunded_at=BACK + timedelta(days=2), amount=Decimal(5))
    )
    assert states(told) == [REFUSED]


async def test_a_part_of_a_fen_is_said(sold: TenantScope) -> None:
    told = await give_back(
        sold, RefundRow(number=2, document="D1", refunded_at=BACK, amount=Decimal("5.005"))
    )
    assert states(told) == [IMPORTED]
    assert told[0].findings[0].reason == ROUNDED


async def test_a_refund_that_is_not_finished_takes_nothing(sold: TenantScope) -> None:
    pending = RefundRow(number=2, document="D1", amount=Decimal("5.00"), refunded_at=BACK, state="pending")
    assert states(await give_back(sold, pending)) == [IMPORTED]
    assert await ask(sold, "state, refunded_at", "refunds") == [("pending", None)]
    assert await ask(sold, "sum(refunded_fen)::bigint", "orders") == [(0,)]


async def test_payments_are_kept_beside_the_lines_and_differences_are_said(sold: TenantScope) -> None:
    rows = [
        PaymentRow(number=2, document="D1", sequence=1, method="card", amount=Decimal("40.01")),
        PaymentRow(number=3, document="D2", sequence=1, method="card", amount=Decimal("50.00")),
        PaymentRow(number=4, document="D2", sequence=2, method="voucher", amount=Decimal("9.99")),
        PaymentRow(number=5, document="GONE", sequence=1, method="card", amount=Decimal("1.00")),
    ]
    assert states(await pay(sold, *rows)) == [IMPORTED, IMPORTED, IMPORTED, REFUSED]
    assert states(await pay(sold, *rows)) == [UNCHANGED, UNCHANGED, UNCHANGED, REFUSED]
    async with sold.reading() as db:
        methods = await tender_totals(db, source_name="till")
        differences = await payment_differences(db, source_name="till")
    assert {key: (each.payments, each.amount_fen) for key, each in methods.items()} == {
        "card": (2, 9001), "voucher": (1, 999),
    }  # fmt: skip
    assert [(each.document, each.total_fen, each.paid_fen) for each in differences] == [("D2", 6000, 5999)]


async def test_equal_payments_without_a_number_are_two_payments(sold: TenantScope) -> None:
    rows = [PaymentRow(number=n, document="D1", method="cash", amount=Decimal("20.00")) for n in (2, 3)]
    assert states(await pay(sold, *rows)) == [IMPORTED, IMPORTED]
    assert states(await pay(sold, *rows)) == [UNCHANGED, UNCHANGED]


async def test_a_payment_that_comes_again_with_another_amount_is_refused(sold: TenantScope) -> None:
    await pay(sold, PaymentRow(number=2, document="D1", sequence=1, method="card", amount=Decimal("40.01")))
    again = await pay(
        sold, PaymentRow(number=2, document="D1", sequence=1, method="card", amount=Decimal("41.00"))
    )
    assert [finding.reason for finding in again[0].findings] == [CHANGED]
