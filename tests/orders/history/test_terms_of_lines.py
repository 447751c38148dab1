"""Imported lines find the rate of their SKU and campaign, and the base of their contract; those nobody rated share their terms."""

from datetime import UTC, datetime

from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.states import PartyKind, RateBase
from tenants.kernel.scope import TenantScope
from tenants.queries import store_ids_by_code
from tests.orders.history.test_sales_import import IMPORTED, READ, ask, keep, row, shops, states
from tests.support.rows import rows

__all__ = ["shops"]
AGENT = NamedParty(kind=PartyKind.AGENT, code="a1")


async def agree(tenant: TenantScope, *rates: ContractRateRow, **said: object) -> None:
    async with tenant.writing() as db:
        command = CreateContract(
            code="agent", name="代理", active_from=datetime(2020, 1, 1, tzinfo=UTC),
            store_ids=list((await store_ids_by_code(db, ["S1"])).values()),
            rates=[ContractRateRow(party=AGENT, rate_bps=1_000), *rates], **said,
        )  # fmt: skip
        await create_contract(db, command, created_by="staff:test", now=READ)


LINES = (
    "SELECT l.sku_code, l.promotion_code, l.base_fen, p.rate_bps FROM app.order_lines l"
    " LEFT JOIN app.terms_portions p ON p.tenant_id = :t AND p.tenant_id = l.tenant_id AND p.terms_id = l.terms_id"
    " WHERE l.tenant_id = :t ORDER BY l.line_no"
)


async def lines(tenant: TenantScope) -> list[tuple[object, ...]]:
    return [tuple(each) for each in await rows(tenant, LINES)]


async def test_a_sku_and_a_campaign_find_their_own_rate(shops: TenantScope) -> None:
    await agree(
        shops, ContractRateRow(party=AGENT, rate_bps=500, sku_code="B"),
        ContractRateRow(party=AGENT, rate_bps=100, promotion_code="P"),
    )  # fmt: skip
    told = [
        row(2),
        row(3, sku_code="B"),
        row(4, sku_code="B", promotion_code="P"),
        row(5, sku_code="C", promotion_code="Q"),
    ]
    assert states(await keep(shops, told)) == [IMPORTED] * 4
    assert await lines(shops) == [
        ("A", None, None, 1_000), ("B", None, None, 500), ("B", "P", None, 100), ("C", "Q", None, 1_000),
    ]  # fmt: skip
    assert len(set(await ask(shops, "terms_id", "order_lines"))) == 3


async def test_the_list_price_is_frozen_as_a_number_and_carriage_is_no_part_of_it(shops: TenantScope) -> None:
    await agree(shops, base=RateBase.LIST_GOODS)
    await keep(shops, [row(2, discount="2.00", freight="5.00")])
    assert await lines(shops) == [("A", None, 1_000, 1_000), (None, None, 0, None)]


async def test_an_order_paid_later_is_settled_on_the_base_as_if_it_had_come_paid(shops: TenantScope) -> None:
    await agree(shops, base=RateBase.EX_TAX, tax_bps=1_300)
    await keep(shops, [row(2, state="awaiting_payment", paid_at=None)])
    assert await lines(shops) == [("A", None, None, None)]
    await keep(shops, [row(2, state="collected")])
    assert await lines(shops) == [("A", None, 884, 1_000)]


async def test_a_refund_without_its_sale_has_the_base_of_its_own_amount(shops: TenantScope) -> None:
    await agree(shops, base=RateBase.EX_TAX, tax_bps=1_300)
    await keep(shops, [row(2, amount="-11.30", quantity="-1")])
    assert await ask(shops, "amount_fen, base_fen", "refund_lines") == [(1_130, 1_000)]
