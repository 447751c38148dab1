"""Refunds that come before their sale: charged to the store on their own day, and counted in what is left once the sale is there."""

from decimal import Decimal
from typing import Any

import pytest

from orders.history.commands import RefundRow
from orders.history.refunds import import_refunds
from tenants.import_outcomes import RowOutcome
from tenants.kernel.scope import TenantScope
from tests.orders.history.test_sales_import import (
    IMPORTED,
    REFUSED,
    SOLD,
    TERMS,
    UNCHANGED,
    ask,
    keep,
    row,
    shops,
    states,
)
from tests.support.rows import value

__all__ = ["shops"]


async def back(tenant: TenantScope, number: str, amount: str | None, **told: Any) -> RowOutcome:
    base: dict[str, Any] = {"document": "D1", "store_code": "S1", "refunded_at": SOLD}
    told = {"amount": Decimal(amount) if amount else None, **told}
    refund = RefundRow(number=2, refund_no=number, **(base | told))
    async with tenant.writing() as db:
        (outcome,) = await import_refunds(db, [refund], source_name="till", now=SOLD, terms=TERMS)
    return outcome


async def given_back(tenant: TenantScope) -> int:
    statement = "SELECT sum(amount_fen)::bigint FROM app.refunds WHERE tenant_id = :t AND state = 'done'"
    return int(await value(tenant, statement))


def reasons(outcome: RowOutcome) -> list[str]:
    return [found.reason.split(":")[0] for found in outcome.findings]


async def test_never_more_goes_back_than_was_paid_although_the_refund_came_before_its_sale(
    shops: TenantScope,
) -> None:
    assert (await back(shops, "R1", "5.00")).state is IMPORTED
    (sold,) = await keep(shops, [row(2, amount="10.00")])
    assert (sold.state, reasons(sold)) == (IMPORTED, ["EARLIER_REFUND"])
    assert (await back(shops, "R1", "5.00")).state is UNCHANGED
    refused = await back(shops, "R2", "10.00")
    assert (refused.state, reasons(refused)) == (REFUSED, ["OVER_REFUND"])
    assert (await back(shops, "R3", "5.00")).state is IMPORTED
    assert await given_back(shops) == 1000


async def test_control_without_the_documents_number_the_same_money_goes_back_twice(
    shops: TenantScope,
) -> None:
    await back(shops, "R1", "5.00", document=None)
    await keep(shops, [row(2, amount="10.00")])
    assert (await back(shops, "R2", "10.00")).state is IMPORTED
    assert await given_back(shops) == 1500


async def test_all_that_is_left_is_what_did_not_go_back_before_the_sale_came(shops: TenantScope) -> None:
    await back(shops, "R1", "4.00")
    await keep(shops, [row(2, amount="10.00"), row(3, store_code="S2", amount="20.00")])
    assert (await back(shops, "R2", None)).state is IMPORTED
    assert await given_back(shops) == 3000
    assert (await back(shops, "R3", None)).state is REFUSED


async def test_more_than_was_paid_that_went_back_before_the_sale_is_said(shops: TenantScope) -> None:
    await back(shops, "R1", "15.00")
    (sold,) = await keep(shops, [row(2, amount="10.00")])
    assert (sold.state, reasons(sold)) == (IMPORTED, ["OVER_REFUND"])
    assert "15.00" in sold.findings[0].reason
    assert (await back(shops, "R2", "0.01")).state is REFUSED


async def test_a_refund_in_the_sales_own_row_does_not_go_back_beside_one_that_came_before(
    shops: TenantScope,
) -> None:
    await back(shops, "R1", "5.00")
    refused = await keep(shops, [row(2, amount="10.00", refund_amount="5.01")])
    assert states(refused) == [REFUSED]
    assert states(await keep(shops, [row(2, amount="10.00", refund_amount="5.00")])) == [IMPORTED]
    assert await given_back(shops) == 1000


@pytest.mark.parametrize(("more", "state"), [("4.00", IMPORTED), ("6.00", REFUSED)])
async def test_an_earlier_refund_that_is_done_after_its_sale_came_takes_only_what_is_left(
    shops: TenantScope, more: str, state: object
) -> None:
    await back(shops, "R1", "5.00", state="pending")
    (sold,) = await keep(shops, [row(2, amount="10.00")])
    assert sold.findings == ()
    await back(shops, "R2", more)
    assert (await back(shops, "R1", "5.00")).state is state
    assert (await back(shops, "R3", "9.00")).state is REFUSED
    assert await ask(shops, "count(*)", "refunds") == [(2,)]
