"""What a later file tells of orders and refunds that stand: a status that moved on is carried out, any other change is said."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orders.history.commands import OrderRow, RefundRow
from orders.history.refunds import import_refunds
from settlement.posting.pending import post_pending
from settlement.verify import verify_books
from tenants.import_outcomes import RowOutcome
from tenants.kernel.scope import TenantScope
from tests.orders.history.test_sales_import import (
    IMPORTED,
    READ,
    REFUSED,
    TERMS,
    UNCHANGED,
    ask,
    head,
    keep,
    row,
    shops,
    states,
)
from tests.support.books import balances
from tests.support.rows import events

__all__ = ["shops"]

PAID = datetime(2026, 3, 9, 4, 30, tzinfo=UTC)
COLUMNS = "external_no, state, total_fen, paid_fen, paid_at"


def unpaid(number: int = 2, document: str = "D1", **told: Any) -> OrderRow:
    return row(
        number, document, **({"state": "awaiting_payment", "status": "新建", "amount": "10.00"} | told)
    )


def settled(number: int = 2, document: str = "D1", **told: Any) -> OrderRow:
    base: dict[str, Any] = {"state": "collected", "status": "完成", "amount": "10.00", "paid_at": PAID}
    return row(number, document, **(base | told))


async def give_back(tenant: TenantScope, *refunds: RefundRow) -> list[RowOutcome]:
    async with tenant.writing() as db:
        return await import_refunds(db, refunds, source_name="till", now=READ, terms=TERMS)


async def assert_books_hold(tenant: TenantScope, kept_fen: int) -> None:
    await post_pending(tenant, now=PAID)
    async with tenant.writing() as db:
        assert (await verify_books(db)).sound
        assert sum((await balances(db)).values()) == kept_fen


async def test_an_order_first_seen_unpaid_and_later_paid_is_settled_as_if_it_had_come_paid(
    shops: TenantScope,
) -> None:
    first = [unpaid(2, document_discount="3.00"), unpaid(3, sku_code="B", amount="20.00")]
    later = [settled(2, document_discount="3.00"), settled(3, sku_code="B", amount="20.00")]
    await keep(shops, first)
    assert states(await keep(shops, later)) == [IMPORTED, IMPORTED]
    assert await ask(shops, COLUMNS, "orders") == [("D1", "collected", 2700, 2700, PAID)]
    assert await ask(shops, "external_status", "orders") == [("完成",)]
    assert await ask(shops, "paid_fen, discount_fen, terms_id IS NOT NULL", "order_lines") == [
        (900, 100, True), (1800, 200, True),
    ]  # fmt: skip
    assert len(await events(shops, "HistoryImported")) == 2
    assert states(await keep(shops, later)) == [UNCHANGED, UNCHANGED]
    assert len(await events(shops, "HistoryImported")) == 2


async def test_a_line_that_comes_with_the_payment_is_paid_too(shops: TenantScope) -> None:
    await keep(shops, [unpaid()])
    assert states(await keep(shops, [settled(), settled(3, sku_code="B")])) == [IMPORTED, IMPORTED]
    assert await ask(shops, COLUMNS, "orders") == [("D1", "collected", 2000, 2000, PAID)]
    assert await ask(shops, "paid_fen, terms_id IS NOT NULL", "order_lines") == [(1000, True), (1000, True)]


async def test_a_document_over_two_stores_becomes_paid_at_both_and_what_was_paid_is_kept_once(
    shops: TenantScope,
) -> None:
    rows = [unpaid(2, paid_total="20.00"), unpaid(3, store_code="S2", paid_total="20.00")]
    await keep(shops, rows)
    later = [settled(2, paid_total="20.00"), settled(3, store_code="S2", paid_total="20.00")]
    assert states(await keep(shops, later)) == [IMPORTED, IMPORTED]
    assert await ask(shops, "external_no, paid_fen", "orders") == [("D1", 1000), ("D1#S2", 1000)]
    assert await ask(shops, "amount_fen", "tenders") == [(2000,)]


async def test_a_header_alone_moves_the_order_whose_lines_stand(shops: TenantScope) -> None:
    await keep(shops, [unpaid()])
    told = msgspec.structs.replace(head(2, "D1", total="10.00"), state="paid")
    assert states(await keep(shops, [told])) == [IMPORTED]
    assert await ask(shops, "state, paid_fen", "orders") == [("paid", 1000)]


async def test_an_unpaid_order_is_cancelled_and_a_paid_one_collected(shops: TenantScope) -> None:
    await keep(shops, [unpaid(2), settled(3, "D2", state="paid")])
    later = [unpaid(2, state="cancelled"), settled(3, "D2")]
    assert states(await keep(shops, later)) == [IMPORTED, IMPORTED]
    assert await ask(shops, COLUMNS, "orders") == [
        ("D1", "cancelled", 1000, 0, None),
        ("D2", "collected", 1000, 1000, PAID),
    ]


@pytest.mark.parametrize(("stood", "told"), [("cancelled", "collected"), ("collected", "cancelled")])
async def test_a_move_that_orders_do_not_know_is_refused_and_said(
    shops: TenantScope, stood: str, told: str
) -> None:
    await keep(shops, [settled(state=stood)])
    outcomes = await keep(shops, [settled(state=told)])
    assert states(outcomes) == [REFUSED]
    assert outcomes[0].findings[0].reason.startswith("STATUS_CHANGED")
    assert await ask(shops, "state", "orders") == [(stood,)]


async def test_an_older_file_takes_nothing_back_and_is_said(shops: TenantScope) -> None:
    await keep(shops, [settled()])
    outcomes = await keep(shops, [unpaid()])
    assert states(outcomes) == [UNCHANGED]
    assert outcomes[0].findings[0].reason.startswith("STATUS_CHANGED")
    assert await ask(shops, "state, paid_fen", "orders") == [("collected", 1000)]


async def test_an_order_that_was_changed_before_it_was_paid_is_not_settled_on_its_old_amounts(
    shops: TenantScope,
) -> None:
    await keep(shops, [unpaid(line_id="1")])
    outcomes = await keep(shops, [settled(line_id="1", amount="12.00"), settled(3, line_id="2")])
    assert states(outcomes) == [REFUSED, REFUSED]
    assert await ask(shops, COLUMNS, "orders") == [("D1", "awaiting_payment", 1000, 0, None)]


async def test_a_file_that_tells_no_status_moves_nothing(shops: TenantScope) -> None:
    await keep(shops, [unpaid()])
    assert states(await keep(shops, [row(2, amount="10.00")])) == [UNCHANGED]
    assert await ask(shops, "state", "orders") == [("awaiting_payment",)]


async def test_more_that_went_back_of_a_standing_document_is_said(shops: TenantScope) -> None:
    await keep(shops, [settled(refund_amount="1.00")])
    assert (await keep(shops, [settled(refund_amount="1.00")]))[0].findings == ()
    (outcome,) = await keep(shops, [settled(refund_amount="4.00")])
    assert outcome.findings[0].reason.startswith("REFUND_CHANGED")


def refund(state: str, number: int = 2, **told: Any) -> RefundRow:
    base: dict[str, Any] = {
        "refund_no": "R1",
        "document": "D1",
        "amount": Decimal("5.00"),
        "refunded_at": PAID,
    }
    return RefundRow(number=number, state=state, **(base | told))


async def test_a_refund_first_seen_pending_and_later_done_takes_back_its_lines(shops: TenantScope) -> None:
    await keep(shops, [settled(), settled(3, sku_code="B", amount="30.00")])
    await give_back(shops, refund("pending", refunded_at=None))
    assert states(await give_back(shops, refund("done"))) == [IMPORTED]
    assert await ask(shops, "state, refunded_fen", "orders") == [("collected", 500)]
    assert await ask(shops, "state, refunded_at", "refunds") == [("done", PAID)]
    assert await ask(shops, "amount_fen, kept_before_fen", "refund_lines") == [(125, 1000), (375, 3000)]
    assert len(await events(shops, "HistoryImported")) == 3
    assert states(await give_back(shops, refund("done"))) == [UNCHANGED]
    assert await ask(shops, "refunded_fen", "orders") == [(500,)]
    await assert_books_hold(shops, 3500)


async def test_a_finished_refund_does_not_fail_any_more_and_a_failed_one_is_not_done(
    shops: TenantScope,
) -> None:
    await keep(shops, [settled()])
    await give_back(shops, refund("done"), refund("failed", 3, refund_no="R2"))
    outcomes = await give_back(shops, refund("failed"), refund("done", 3, refund_no="R2"))
    assert states(outcomes) == [REFUSED, REFUSED]
    assert {each.findings[0].reason.split(":")[0] for each in outcomes} == {"STATUS_CHANGED"}
    assert await ask(shops, "refunded_fen", "orders") == [(500,)]


async def test_a_refund_document_that_was_cancelled_and_counts_later_is_said(shops: TenantScope) -> None:
    await keep(shops, [settled(state="cancelled", amount="-10.00")])
    outcomes = await keep(shops, [settled(amount="-10.00")])
    assert states(outcomes) == [REFUSED]
    assert outcomes[0].findings[0].reason.startswith("STATUS_CHANGED")
    assert states(await keep(shops, [settled(state="cancelled", amount="-10.00")])) == [UNCHANGED]
    assert await ask(shops, "state, amount_fen", "refunds") == [("failed", 1000)]


async def test_an_older_file_of_refunds_takes_nothing_back(shops: TenantScope) -> None:
    await keep(shops, [settled()])
    await give_back(shops, refund("done"))
    outcomes = await give_back(shops, refund("pending"))
    assert (states(outcomes), len(outcomes[0].findings)) == ([UNCHANGED], 1)
    assert await ask(shops, "refunded_fen", "orders") == [(500,)]


async def test_a_pending_refund_is_not_done_when_nothing_is_left_for_it(shops: TenantScope) -> None:
    await keep(shops, [settled()])
    await give_back(shops, refund("pending"), refund("done", 3, refund_no="R2", amount=Decimal("6.00")))
    outcomes = await give_back(shops, refund("done"))
    assert states(outcomes) == [REFUSED]
    assert outcomes[0].findings[0].reason.startswith("OVER_REFUND")


async def test_a_pending_refund_without_a_known_sale_is_done_later(shops: TenantScope) -> None:
    loose: dict[str, Any] = {"document": "GONE", "store_code": "S1"}
    await give_back(shops, refund("pending", **loose))
    assert states(await give_back(shops, refund("done", **loose))) == [IMPORTED]
    assert await ask(shops, "state, amount_fen", "refunds") == [("done", 500)]


async def test_a_refund_over_two_stores_comes_again_unchanged_and_is_done_at_both(shops: TenantScope) -> None:
    await keep(shops, [settled(), settled(3, store_code="S2")])
    assert states(await give_back(shops, refund("pending"))) == [IMPORTED]
    assert states(await give_back(shops, refund("pending"))) == [UNCHANGED]
    assert states(await give_back(shops, refund("done"))) == [IMPORTED]
    assert states(await give_back(shops, refund("done"))) == [UNCHANGED]
    assert await ask(shops, "external_no, refunded_fen", "orders") == [("D1", 250), ("D1#S2", 250)]
