"""The lines of a statement stand in one order, whatever order the database keeps them in."""

from datetime import UTC, date, datetime

from sqlalchemy import text

from orders.states import Source
from settlement.close import close_month
from settlement.sheets.lines import statement_lines
from settlement.sheets.names import names_of
from settlement.states import PartyKind, RateBase
from tenants.kernel.scope import TenantScope
from tests.support.books import (
    add_guide,
    add_mall,
    add_store,
    give_back,
    give_back_loose,
    mall_contract,
    sell,
)

OCTOBER, DAY = date(2026, 10, 1), date(2026, 10, 12)
SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


async def test_two_tills_with_one_number_and_one_amount_stand_in_the_order_of_their_stores(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        stores = [await add_store(db, code, mall_id=mall) for code in ("S3", "S1", "S2")]
        await mall_contract(db, mall, stores)
        for till, store in enumerate(stores):
            refund = await give_back_loose(db, store, 100, at=SOLD)
            await db.execute(
                text(
                    "UPDATE app.refunds SET external_no = 'R-0001', source_name = :till WHERE tenant_id = :t AND id = :id"
                ),
                {"till": f"till-{till}", "t": db.tenant_id, "id": refund},
            )
    [closed] = await close_month(tenant, OCTOBER, closed_by="staff:test", now=AFTER)
    async with tenant.reading() as db:
        for statement in closed.statements:
            stores = (await names_of(db, statement.id)).stores
            lines = await statement_lines(db, statement.party.id, month=OCTOBER, day=DAY, stores=stores)
            without_store = {
                (line.order_no, line.line_no, line.reference, line.portion_fen) for line in lines
            }
            assert len(without_store) == 1  # the old order saw three equal lines here
            assert [line.store_code for line in lines] == ["S1", "S2", "S3"]


async def test_a_rate_stands_beside_the_base_it_is_of_and_what_was_paid_beside_that(
    tenant: TenantScope,
) -> None:
    """Without tax in it: 113.00 paid is 100.00 for the mall, and 113.00 for the guide and the rest."""
    async with tenant.writing() as db:
        mall, guide = await add_mall(db), await add_guide(db)
        store = await add_store(db, mall_id=mall)
        await mall_contract(db, mall, [store], bps=1_000, base=RateBase.EX_TAX, tax_bps=1_300)
        sale = await sell(db, store, 11_300, at=SOLD, source=Source.HISTORY, guide_id=guide, guide_bps=300)
        for part in (3_390, 1):
            await give_back(db, sale, {0: part}, at=SOLD)
        await give_back_loose(db, store, 2_260, at=SOLD)
    [closed] = await close_month(tenant, OCTOBER, closed_by="staff:test", now=AFTER)
    found = {}
    async with tenant.reading() as db:
        for statement in closed.statements:
            stores = (await names_of(db, statement.id)).stores
            lines = await statement_lines(db, statement.party.id, month=OCTOBER, day=DAY, stores=stores)
            found[statement.party.kind] = {(line.paid_fen, line.base_fen, line.portion_fen) for line in lines}
    assert found[PartyKind.MALL] == {
        (11_300, 10_000, 1_000), (-3_390, -3_000, -300), (-1, -1, -1), (-2_260, -2_000, -200)
    }  # fmt: skip
    assert found[PartyKind.GUIDE] == {(11_300, 11_300, 339), (-3_390, -3_390, -102)}
    assert {paid == base for paid, base, _ in found[PartyKind.BRAND]} == {True}
