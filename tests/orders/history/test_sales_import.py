"""The order-history import over every class of dirt, on rows that name nobody: shops 店一 and 店二, articles A to Z."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from guides.import_guides import GuideRow, import_guides
from orders.history.commands import CHANGED, ROUNDED, TOTAL_DIFFERS, OrderRow
from orders.history.documents import Occurrences
from orders.history.sales_import import import_orders
from settlement.agreements.freeze import ContractTerms
from tenants.import_outcomes import RowOutcome, RowState
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.scope import TenantScope

SOLD = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
READ = datetime(2026, 6, 1, tzinfo=UTC)
"""When the files are imported."""
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
            db, rows, source_name="till", now=READ, terms=TERMS, occurrences=occurrences
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


async def test_two_equal_scans_in_one_document_are_two_lines(shops: TenantScope) -> None:
    rows = [row(2), row(3), row(4)]
    await keep(shops, rows)
    assert await ask(shops, "count(*)", "order_lines") == [(3,)]
    assert states(await keep(shops, list(reversed(rows)))) == [UNCHANGED] * 3


async def test_a_document_on_rows_apart_in_several_batches_stays_one_order(shops: TenantScope) -> None:
    run = Occurrences()
    await keep(shops, [row(2), row(3, "D2")], occurrences=run)
    later = [row(4), row(5, sku_code="B", freight="2.00")]
    assert states(await keep(shops, later, occurrences=run)) == [IMPORTED, IMPORTED]
    assert await ask(shops, "external_no, total_fen, freight_fen, paid_fen", "orders") == [
        ("D1", 3200, 200, 3200),
        ("D2", 1000, 0, 1000),
    ]
    assert await ask(shops, "max(line_no)", "order_lines") == [(4,)]
    again = Occurrences()
    assert states(await keep(shops, [row(2), row(3, "D2")], occurrences=again)) == [UNCHANGED] * 2
    assert states(await keep(shops, later, occurrences=again)) == [UNCHANGED] * 2


async def test_a_batch_that_is_tried_again_counts_its_lines_once(shops: TenantScope) -> None:
    run = Occurrences()
    rows = [row(2), row(3)]
    with pytest.raises(RuntimeError):
        async with shops.writing() as db:
            await import_orders(db, rows, source_name="till", now=READ, terms=TERMS, occurrences=run)
            raise RuntimeError("the connection went away before the commit")
    assert states(await keep(shops, rows, occurrences=run)) == [IMPORTED, IMPORTED]
    assert states(await keep(shops, rows)) == [UNCHANGED, UNCHANGED]


async def test_a_document_over_two_stores_is_an_order_at_each(shops: TenantScope) -> None:
    rows = [row(2), row(3, store_code="S2", sku_code="B"), row(4, store_code="S2", sku_code="C")]
    await keep(shops, rows)
    assert await ask(shops, "external_no, total_fen", "orders") == [("D1", 1000), ("D1#S2", 2000)]
    assert states(await keep(shops, list(reversed(rows)))) == [UNCHANGED] * 3


async def test_the_earliest_of_two_moments_is_the_documents(shops: TenantScope) -> None:
    await keep(shops, [row(2), row(3, sold_at=SOLD.replace(hour=3))])
    assert await ask(shops, "placed_at", "orders") == [(SOLD.replace(hour=3),)]


async def test_negative_lines_of_a_document_become_a_refund_without_a_sale(shops: TenantScope) -> None:
    rows = [
        row(2, "C9", quantity="-2", unit_price="4.50"),
        row(3, "C9", quantity="-1", unit_price="0.50", kind="other"),
    ]
    assert states(await keep(shops, rows)) == [IMPORTED, IMPORTED]
    assert await ask(shops, "external_no, order_id, amount_fen, state", "refunds") == [
        ("C9", None, 950, "done")
    ]
    found = await ask(
        shops, "kind, quantity, amount_fen, kept_before_fen, terms_id IS NOT NULL", "refund_lines"
    )
    assert found == [("goods", 2, 900, None, True), ("other", 1, 50, None, True)]
    assert await ask(shops, "count(*)", "orders") == [(0,)]


async def test_stock_that_is_written_off_is_no_sale_and_is_reported(shops: TenantScope) -> None:
    outcomes = await keep(
        shops, [row(2, quantity="-5", unit_price="0"), row(3, quantity="5", unit_price="0")]
    )
    assert states(outcomes) == [REFUSED, IMPORTED]
    assert outcomes[0].findings[0].reason.startswith("STOCK_ADJUSTMENT")
    assert await ask(shops, "quantity, goods_fen", "order_lines") == [(5, 0)]


@pytest.mark.parametrize(
    ("amount", "fen"),
    [("125.43999999999998", 12544), ("2.345", 235), ("2.344999", 234), ("0.005", 1), ("0.0049999999999", 1)],
)
async def test_a_line_is_rounded_half_up_once_and_binary_noise_is_no_amount(
    shops: TenantScope, amount: str, fen: int
) -> None:
    await keep(shops, [row(2, amount=amount)])
    assert await ask(shops, "total_fen", "orders") == [(fen,)]


async def test_a_part_of_a_fen_is_said_and_noise_is_not(shops: TenantScope) -> None:
    outcomes = await keep(
        shops, [row(2, document="D1", amount="1.005"), row(3, document="D2", amount="125.43999999999998")]
    )
    assert [[found.reason for found in each.findings] for each in outcomes] == [[ROUNDED], []]


async def test_a_sale_that_has_not_happened_yet_is_refused(shops: TenantScope) -> None:
    outcomes = await keep(shops, [row(2, sold_at=READ + timedelta(days=2))])
    assert states(outcomes) == [RowState.REFUSED]


async def test_what_cannot_be_a_sale_is_refused_naming_the_reason(shops: TenantScope) -> None:
    outcomes = await keep(
        shops,
        [
            row(2, store_code="S9"),
            row(3, quantity="-1", unit_price="-1.00"),
            row(4, unit_price=None, quantity="1"),
            row(5, discount="11.00"),
            row(6, amount="9" * 20),
        ],
    )
    assert states(outcomes) == [REFUSED] * 5
    assert [outcome.findings[0].column for outcome in outcomes] == [
        "store_code", "quantity", "amount", "discount", "amount",
    ]  # fmt: skip
    assert await ask(shops, "count(*)", "orders") == [(0,)]


async def test_an_unknown_guide_leaves_the_sale_with_its_store(shops: TenantScope, now: datetime) -> None:
    async with shops.writing() as db:
        await import_guides(db, [GuideRow(number=1, code="G1", name="导购一", store_code="S1")], now=now)
    outcomes = await keep(shops, [row(2, guide_code="G1"), row(3, "D2", guide_code="G9")])
    assert states(outcomes) == [IMPORTED, IMPORTED]
    assert [finding.column for finding in outcomes[1].findings] == ["guide_code"]
    assert await ask(shops, "external_no, guide_id IS NOT NULL", "orders") == [("D1", True), ("D2", False)]


async def test_a_header_without_lines_is_kept_by_its_total_or_reported(shops: TenantScope) -> None:
    heads = [head(2, "H1", total="10.27"), head(3, "H2")]
    outcomes = await keep(shops, heads)
    assert states(outcomes) == [IMPORTED, REFUSED]
    assert outcomes[1].findings[0].reason.startswith("NO_LINES")
    assert await ask(shops, "external_no, other_fen, total_fen", "orders") == [("H1", 1027, 1027)]
    assert states(await keep(shops, heads)) == [UNCHANGED, REFUSED]
    late = await keep(shops, [row(2, "H1")])
    assert late[0].findings[0].reason.startswith("HEADER_STANDS")


async def test_a_header_total_that_its_lines_do_not_support_is_reported(shops: TenantScope) -> None:
    await keep(shops, [row(2)])
    outcomes = await keep(shops, [head(2, "D1", total="12.00")])
    assert states(outcomes) == [UNCHANGED]
    assert outcomes[0].findings[0].reason == f"{TOTAL_DIFFERS}: lines 10.00"
    assert await ask(shops, "total_fen", "orders") == [(1000,)]


async def test_a_line_that_comes_again_with_another_amount_is_refused(shops: TenantScope) -> None:
    await keep(shops, [row(2, line_id="1")])
    outcomes = await keep(shops, [row(2, line_id="1", amount="9.00"), row(3, line_id="2")])
    assert states(outcomes) == [REFUSED, IMPORTED]
    assert outcomes[0].findings[0].reason == CHANGED
    assert await ask(shops, "total_fen", "orders") == [(2000,)]


async def test_what_was_never_paid_is_kept_and_never_settled(shops: TenantScope) -> None:
    await keep(shops, [row(2, paid_at=None), row(3, "D2", state="cancelled"), row(4, "D3", paid_at=SOLD)])
    assert await ask(shops, "external_no, state, total_fen, paid_fen, paid_at IS NULL", "orders") == [
        ("D1", "cancelled", 1000, 0, True),
        ("D2", "cancelled", 1000, 0, True),
        ("D3", "collected", 1000, 1000, False),
    ]
    assert await ask(shops, "terms_id IS NULL", "order_lines") == [(False,), (True,), (True,)]


async def test_a_row_may_tell_what_was_refunded_since_and_what_was_paid_net(shops: TenantScope) -> None:
    rows = [
        row(2, amount="30.00", paid_net="20.00", refund_amount="10.00"),
        row(3, "D2", amount="30.00", paid_net="0", refund_amount="30.00"),
        row(4, "D3", amount="30.00", paid_net="0", refund_amount="40.00"),
    ]
    assert states(await keep(shops, rows)) == [IMPORTED, IMPORTED, REFUSED]
    assert await ask(shops, "external_no, state, paid_fen, refunded_fen", "orders") == [
        ("D1", "collected", 3000, 1000),
        ("D2", "refunded", 3000, 3000),
    ]
    assert await ask(shops, "amount_fen", "tenders") == [(3000,), (3000,)]
    assert await ask(shops, "amount_fen, kept_before_fen", "refund_lines") == [(1000, 3000), (3000, 3000)]


async def test_a_documents_discount_is_shared_by_its_goods(shops: TenantScope) -> None:
    rows = [row(2, document_discount="1.00", document_freight="5.00"), row(3), row(4, sku_code="B")]
    await keep(shops, rows)
    assert await ask(shops, "goods_fen, freight_fen, discount_fen, total_fen, paid_fen", "orders") == [
        (3000, 500, 100, 3400, 3400)
    ]
    assert await ask(shops, "kind, discount_fen, paid_fen", "order_lines", order="line_no") == [
        ("goods", 34, 966), ("goods", 33, 967), ("goods", 33, 967), ("freight", 0, 500),
    ]  # fmt: skip


async def test_another_source_may_use_the_same_numbers(shops: TenantScope) -> None:
    await keep(shops, [row(2)])
    async with shops.writing() as db:
        outcomes = await import_orders(db, [row(2)], source_name="other till", now=SOLD, terms=TERMS)
    assert states(outcomes) == [IMPORTED]


async def test_every_batch_that_changes_something_is_published_once(shops: TenantScope) -> None:
    await keep(shops, [row(2)])
    await keep(shops, [row(2)])
    assert await ask(shops, "kind, payload ->> 'source_name'", "outbox") == [("HistoryImported", "till")]


def head(number: int, document: str, *, total: str | None = None) -> OrderRow:
    told: dict[str, Any] = {} if total is None else {"document_total": Decimal(total)}
    return OrderRow(number=number, document=document, store_code="S1", sold_at=SOLD, **told)
