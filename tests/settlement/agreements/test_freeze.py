"""Freezing terms: interned, complete, in few statements; the platform takes nothing of what never ran through our channel."""

from datetime import timedelta

import pytest
from sqlalchemy import event, text

from orders.ports import TermsQuestion
from settlement.agreements.freeze import ContractTerms, freeze
from settlement.contracts import open_books
from tenants.kernel.ids import StoreId, new_id
from tenants.kernel.money import Bps
from tenants.kernel.scope import Database, TenantScope
from tests.support.books import OCTOBER, MallStore, add_store, mall_contract, open_mall_store

TERMS = ContractTerms()


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


def ask(store_id: StoreId, **said: object) -> TermsQuestion:
    question: dict[str, object] = {
        "store_id": store_id, "sku_id": None, "category_code": None, "guide_id": None, "guide_rate_bps": Bps(0),
        "at": OCTOBER,
    }  # fmt: skip
    return TermsQuestion(**(question | said))


async def rates(tenant: TenantScope, terms_id: object) -> dict[str, int]:
    async with tenant.reading() as db:
        found = await db.execute(
            text(
                "SELECT p.kind, t.rate_bps FROM app.terms_portions t JOIN app.parties p ON p.tenant_id = t.tenant_id"
                " AND p.id = t.party_id WHERE t.tenant_id = :t AND p.tenant_id = :t AND t.terms_id = :id"
            ),
            {"t": tenant.tenant_id, "id": terms_id},
        )
        return {row.kind: row.rate_bps for row in found}


async def test_equal_lines_share_one_row_of_terms(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        first, second = await freeze(
            db, [ask(shop.store_id), ask(shop.store_id, at=OCTOBER + timedelta(days=1))]
        )
        [third] = await freeze(db, [ask(shop.store_id)])
    assert first == second == third


async def test_a_store_without_a_contract_leaves_everything_to_the_brand(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store_id = await add_store(db)
        [terms] = await freeze(db, [ask(store_id)])
    assert await rates(tenant, terms.terms_id) == {}
    assert not terms.profit_sharing


async def test_the_platform_takes_its_fee_of_our_channel_alone(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await db.execute(
            text("UPDATE app.tenants SET platform_fee_bps = 60 WHERE tenant_id = :t"), {"t": db.tenant_id}
        )
        ours, elsewhere = await freeze(db, [ask(shop.store_id), ask(shop.store_id, through_channel=False)])
    assert await rates(shop.tenant, ours.terms_id) == {"mall": 1500, "platform": 60}
    assert await rates(shop.tenant, elsewhere.terms_id) == {"mall": 1500}


async def test_terms_are_those_of_the_moment_of_the_sale(shop: MallStore) -> None:
    starts = OCTOBER + timedelta(days=1)
    async with shop.tenant.writing() as db:
        await mall_contract(
            db, shop.mall_id, [shop.store_id], bps=2_000, active_from=starts, profit_sharing=True
        )
        before, after = await freeze(db, [ask(shop.store_id), ask(shop.store_id, at=starts)])
    assert [await rates(shop.tenant, each.terms_id) for each in (before, after)] == [
        {"mall": 1500},
        {"mall": 2000},
    ]
    assert (before.profit_sharing, after.profit_sharing) == (False, True)
    async with shop.tenant.reading() as db:
        assert await TERMS.foretell(db, [ask(shop.store_id, at=starts)])
        assert not await TERMS.foretell(db, [ask(shop.store_id)])


async def test_a_thousand_questions_cost_as_many_statements_as_one(
    shop: MallStore, database: Database
) -> None:
    sent: list[str] = []

    def note(*given: object) -> None:
        sent.append(str(given[2]))

    event.listen(database.tx.sync_engine, "before_cursor_execute", note)
    counts = []
    for number in (1, 1_000):
        async with shop.tenant.writing() as db:
            questions = [ask(shop.store_id, category_code=f"c{place % 7}") for place in range(number)]
            await freeze(db, questions)
            sent.clear()
            await freeze(db, questions)
            counts.append(len(sent))
    event.remove(database.tx.sync_engine, "before_cursor_execute", note)
    assert counts[0] == counts[1] <= 5


async def test_opening_the_books_twice_changes_nothing(tenant: TenantScope) -> None:
    for _ in range(2):
        async with tenant.writing() as db:
            await open_books(db, now=OCTOBER)
    async with tenant.reading() as db:
        found = await db.execute(
            text("SELECT count(*) FROM app.contracts WHERE tenant_id = :t"), {"t": tenant.tenant_id}
        )
        assert found.scalar_one() == 1


async def test_an_unknown_store_falls_to_the_house_and_is_refused_by_the_order_itself(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        [terms] = await freeze(db, [ask(StoreId(new_id()))])
    assert not terms.profit_sharing
