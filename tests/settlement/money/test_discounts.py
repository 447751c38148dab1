"""Who pays for a discount stands in the order's waterfall, line by line, and list price less discounts is what was paid."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from settlement.money.views import StepKind, Waterfall
from settlement.money.waterfall import order_waterfall
from settlement.posting.pending import post_pending
from settlement.states import FunderRole
from tenants.kernel.scope import TenantScope
from tests.settlement.agreements.test_promotions import promote
from tests.support.books import OCTOBER, Sale, open_mall_store, sell

AFTER = OCTOBER + timedelta(days=30)


async def seen(tenant: TenantScope, sale: Sale) -> Waterfall:
    await post_pending(tenant, now=AFTER)
    async with tenant.reading() as db:
        return await order_waterfall(db, sale.id, now=AFTER)


def sums(found: Waterfall, kind: StepKind) -> int:
    return sum(step.amount_fen for step in found.steps if step.kind is kind)


def by_funder(found: Waterfall) -> list[tuple[int | None, str | None, int]]:
    return [
        (step.line_no, step.party.kind.value if step.party else None, step.amount_fen)
        for step in found.steps
        if step.kind is StepKind.DISCOUNT
    ]


@pytest.mark.parametrize(
    "in_price", [True, False], ids=["taken off the list price", "a discount of the line"]
)
async def test_a_discount_is_shown_by_line_and_by_who_pays_for_it(
    tenant: TenantScope, in_price: bool
) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await promote(db, "half", (FunderRole.MALL, 5_000))
        sale = await sell(db, shop.store_id, 7_999, 3_333, discount=2_001, promotion="half")
        if (
            in_price
        ):  # as our own lines hold it: the price is already the promotion's, and staff took another yuan off
            moved = (
                "UPDATE app.order_lines SET promotion_fen = 2001, goods_fen = paid_fen + 100, discount_fen = 100"
                " WHERE tenant_id = :t AND order_id = :o"
            )
            await db.execute(text(moved), {"t": db.tenant_id, "o": sale.id})
    found = await seen(tenant, sale)
    own = [(None, -100)] if in_price else []
    assert by_funder(found) == [
        (number, kind, amount)
        for number in (1, 2)
        for kind, amount in (("mall", -1_000), ("brand", -1_001), *own)
    ]
    assert sums(found, StepKind.LIST) + sums(found, StepKind.DISCOUNT) == sums(found, StepKind.PAID) == 11_332
    booked = [
        step.amount_fen
        for step in found.steps
        if step.cause == "funded" and step.party and step.party.kind == "mall"
    ]
    assert sum(booked) == sum(amount for _, kind, amount in by_funder(found) if kind == "mall")
    assert all(step.evidence[0] == "half" for step in found.steps if step.kind is StepKind.DISCOUNT)


async def test_every_step_of_a_party_names_line_posting_and_terms(tenant: TenantScope) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 1_000, 2_000)
    found = await seen(tenant, sale)
    portions = [step for step in found.steps if step.kind is StepKind.PORTION]
    assert {step.order_line_id for step in portions} == set(sale.lines)
    assert {step.terms_id for step in portions} == {sale.terms_id}
    assert all(step.journal_id and step.contract_id for step in portions)
