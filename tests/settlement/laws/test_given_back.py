"""The law of orders given back whole names whoever still holds or owes something of one, by any cause of the sale, and nobody else."""

import asyncpg
import pytest
from sqlalchemy import BigInteger, literal, text

from orders.states import Source
from settlement.posting.pending import post_pending
from settlement.states import FunderRole
from settlement.verify import verify_books
from tenants.kernel.scope import TenantScope
from tests.settlement.agreements.test_promotions import mall_store, promote
from tests.support.books import OCTOBER, Sale, give_back, sell

LAW = "of an order given back whole every party stands at nothing"
SOURCES = [Source.STOREFRONT, Source.HISTORY]


async def broken(tenant: TenantScope) -> dict[str, list[str]]:
    async with tenant.reading() as db:
        findings = (await verify_books(db)).findings
    assert LAW in {each.law for each in findings}
    return {each.law: each.examples for each in findings if each.broken}


async def given_back(tenant: TenantScope, source: Source) -> list[Sale]:
    """Three orders with goods given away: one given back whole in parts, one but for a unit given away, one but for a fen."""
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "P", (FunderRole.MALL, 6_667))
        sales = [
            await sell(
                db, store, 9_999, 0, goods=[10_998, 5_001], promotion="P", quantity=3, source=source,
                through_channel=source is Source.STOREFRONT,
            )
            for _ in range(3)
        ]  # fmt: skip
        for sale, amount, units in zip(sales, (6_666, 6_666, 6_665), (2, 1, 2), strict=True):
            await give_back(db, sale, {0: 3_333, 1: 0}, units={1: 1})
            await give_back(db, sale, {0: amount, 1: 0}, units={1: units})
    return sales


@pytest.mark.parametrize("source", SOURCES)
async def test_all_given_back_in_parts_is_nothing_for_everybody(tenant: TenantScope, source: Source) -> None:
    whole, *_ = await given_back(tenant, source)
    await post_pending(tenant, now=OCTOBER)
    assert await broken(tenant) == {}
    left = (
        "SELECT count(*) FILTER (WHERE order_id = :o), count(*) FROM app.ledger_entries WHERE tenant_id = :t"
    )
    async with tenant.reading() as db:
        of_whole, of_all = (await db.execute(text(left), {"t": tenant.tenant_id, "o": whole.id})).one()
    assert of_whole > 0
    assert of_all > of_whole


@pytest.mark.parametrize("source", SOURCES)
async def test_control_the_old_formula_leaves_the_funder_with_it_and_the_law_names_that_order_alone(
    tenant: TenantScope, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old formula: of a line of which nothing was paid all of the discount is borne for ever, in the books and in the law of funders."""
    whole, *_ = await given_back(tenant, source)
    with monkeypatch.context() as old:
        old.setattr("orders.queries.units_back", lambda: literal(0, BigInteger))
        await post_pending(tenant, now=OCTOBER)
        found = await broken(tenant)
    assert list(found) == [LAW]
    assert len(found[LAW]) == 2
    async with tenant.reading() as db:
        number = "SELECT order_no FROM app.orders WHERE tenant_id = :t AND id = :o"
        told = (await db.execute(text(number), {"t": tenant.tenant_id, "o": whole.id})).scalar_one()
    assert all(f"order {told} " in each for each in found[LAW])
    assert {each.rsplit(" ", 2)[1] for each in found[LAW]} == {"-3334", "3334"}


@pytest.mark.parametrize("cause", ["order_refunded", "funding_reversed"])
async def test_a_fen_that_stayed_behind_breaks_it(
    tenant: TenantScope, owner: asyncpg.Connection, cause: str
) -> None:
    whole, *_ = await given_back(tenant, Source.STOREFRONT)
    await post_pending(tenant, now=OCTOBER)
    changed = (
        "UPDATE app.ledger_entries SET amount_fen = amount_fen + 1 WHERE tenant_id = $1 AND id ="
        " (SELECT id FROM app.ledger_entries WHERE tenant_id = $1 AND order_id = $2 AND cause = $3 ORDER BY id LIMIT 1)"
    )
    await owner.execute(changed, tenant.tenant_id, whole.id, cause)
    assert LAW in await broken(tenant)
