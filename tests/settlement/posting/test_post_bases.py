"""Lines with a base of their own: booked one by one, in SQL and recounted, to the same fen as the pure arithmetic."""

from random import Random

import pytest
from sqlalchemy import text

from orders.states import LineKind, Source
from settlement.posting.post import post_order_paid, post_refund
from settlement.posting.post_history import Cursor, post_history
from settlement.split import LineBase, Portion, split_line
from settlement.states import RateBase
from settlement.terms import LineSplit
from settlement.verify import verify_books
from tenants.kernel.ids import ContractId, PartyId, new_id
from tenants.kernel.money import LARGEST_AMOUNT, WHOLE, Bps, Fen
from tenants.kernel.scope import TenantScope
from tests.support.books import (
    OCTOBER,
    MallStore,
    add_guide,
    add_mall,
    add_store,
    balances,
    give_back,
    give_back_loose,
    mall_contract,
    sell,
)

MALL_BPS, GUIDE_BPS, TAX = 3_333, 777, 1_300
MALL, BRAND, GUIDE = PartyId(new_id()), PartyId(new_id()), PartyId(new_id())
TERMS = LineSplit(
    contract_id=ContractId(new_id()), residual_party_id=BRAND,
    portions=(Portion(MALL, Bps(MALL_BPS)), Portion(GUIDE, Bps(GUIDE_BPS), of_paid=True)), profit_sharing=False,
)  # fmt: skip


async def open_based(tenant: TenantScope, base: RateBase) -> MallStore:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await mall_contract(db, mall_id, [store_id], bps=MALL_BPS, base=base, tax_bps=TAX)
    return MallStore(tenant, store_id, mall_id)


async def walk(tenant: TenantScope) -> None:
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        async with tenant.writing() as db:
            cursor = (
                await post_history(db, source_name="till", cursor=cursor, now=OCTOBER, at_once=7)
            ).cursor


def expected(base: RateBase, goods: int, paid: int, kept: int) -> dict[str, int]:
    number = {RateBase.LIST_GOODS: goods, RateBase.EX_TAX: paid * WHOLE // (WHOLE + TAX)}.get(base)
    parts = split_line(Fen(kept), TERMS, base=LineBase(Fen(paid), None if number is None else Fen(number)))
    return {"mall": parts[MALL], "brand": parts[BRAND], "guide": parts[GUIDE]}


@pytest.mark.parametrize("base", list(RateBase))
async def test_history_in_sql_and_one_by_one_book_what_the_arithmetic_says(
    tenant: TenantScope, other_tenant: TenantScope, base: RateBase
) -> None:
    random = Random(base)
    cases = []
    for _ in range(20):
        paid = random.choice([0, 1, 99, random.randint(1, 10**6), LARGEST_AMOUNT - 10**6])
        cuts, left = [], paid
        for _ in range(random.randrange(3)):
            cuts.append(random.randint(0, left))
            left -= cuts[-1]
        cases.append((paid + random.choice([0, 1, random.randint(0, 10**6)]), paid, cuts))
    for scope, source in ((tenant, Source.HISTORY), (other_tenant, Source.STOREFRONT)):
        shop, due = await open_based(scope, base), {"mall": 0, "brand": 0, "guide": 0}
        async with scope.writing() as db:
            guide = await add_guide(db)
        for goods, paid, cuts in cases:
            async with scope.writing() as db:
                sale = await sell(
                    db, shop.store_id, paid, goods=[goods], source=source, guide_id=guide, guide_bps=GUIDE_BPS
                )
                refunds = [await give_back(db, sale, {0: cut}) for cut in cuts]
                if source is Source.STOREFRONT:
                    await post_order_paid(db, sale.id, now=OCTOBER)
                    for refund in random.sample(refunds, len(refunds)):
                        await post_refund(db, refund, now=OCTOBER)
            for party, amount in expected(base, goods, paid, paid - sum(cuts)).items():
                due[party] += amount
        await walk(scope)
        async with scope.writing() as db:
            assert await balances(db) == due
        async with scope.reading() as db:
            report = await verify_books(db)
        assert report.sound, [finding for finding in report.findings if finding.broken]


async def test_a_guides_commission_read_on_the_contracts_base_is_found_by_the_laws(
    tenant: TenantScope, owner
) -> None:
    """The plan says 3 % of what was paid: of 50.00 for goods of 100.00 that is 1.50."""
    shop = await open_based(tenant, RateBase.LIST_GOODS)
    async with tenant.writing() as db:
        guide = await add_guide(db)
        sale = await sell(db, shop.store_id, 5_000, goods=[10_000], guide_id=guide, guide_bps=300)
        await post_order_paid(db, sale.id, now=OCTOBER)
        assert (await balances(db))["guide"] == 150
    async with tenant.reading() as db:
        assert (await verify_books(db)).sound
    await owner.execute(
        "UPDATE app.terms_portions SET of_paid = false WHERE tenant_id = $1", tenant.tenant_id
    )
    async with tenant.reading() as db:
        broken = [finding.law for finding in (await verify_books(db)).findings if finding.broken]
    assert broken == ["per order line each party holds exactly its part of split(kept)"]


async def test_a_loose_refund_takes_back_the_rate_of_its_own_base(tenant: TenantScope) -> None:
    shop = await open_based(tenant, RateBase.EX_TAX)
    async with tenant.writing() as db:
        await give_back_loose(db, shop.store_id, 11_300)
    await walk(tenant)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": -3_333, "brand": -(11_300 - 3_333)}
    async with tenant.reading() as db:
        assert (await verify_books(db)).sound


@pytest.mark.parametrize(
    ("base", "mall"), [(RateBase.PAID_GOODS, 0), (RateBase.PAID_TOTAL, 333), (RateBase.LIST_GOODS, 0)]
)
async def test_carriage_is_no_part_of_a_base_of_goods(tenant: TenantScope, base: RateBase, mall: int) -> None:
    shop = await open_based(tenant, base)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 1_000, kind=LineKind.FREIGHT, category="freight")
        await post_order_paid(db, sale.id, now=OCTOBER)
        assert (await balances(db)).get("mall", 0) == mall


async def test_a_base_that_is_lost_is_found_by_the_laws(tenant: TenantScope, owner) -> None:
    shop = await open_based(tenant, RateBase.LIST_GOODS)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 9_000, goods=[10_000])
        await post_order_paid(db, sale.id, now=OCTOBER)
    await owner.execute("UPDATE app.order_lines SET base_fen = NULL WHERE tenant_id = $1", tenant.tenant_id)
    async with tenant.reading() as db:
        broken = [finding.law for finding in (await verify_books(db)).findings if finding.broken]
    assert broken == ["per order line each party holds exactly its part of split(kept)"]


async def test_the_largest_amounts_do_not_overflow(tenant: TenantScope) -> None:
    shop = await open_based(tenant, RateBase.LIST_GOODS)
    async with tenant.writing() as db:
        sale = await sell(
            db, shop.store_id, LARGEST_AMOUNT - 1, goods=[LARGEST_AMOUNT], source=Source.HISTORY
        )
        await give_back(db, sale, {0: 1})
    await walk(tenant)
    kept = LARGEST_AMOUNT - 2
    mall = (kept * LARGEST_AMOUNT // (LARGEST_AMOUNT - 1)) * MALL_BPS // WHOLE
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": mall, "brand": kept - mall}
        stored = await db.execute(
            text("SELECT sum(balance_fen) FROM app.ledger_accounts WHERE tenant_id = :t"), {"t": db.tenant_id}
        )
        assert stored.scalar_one() == 0
