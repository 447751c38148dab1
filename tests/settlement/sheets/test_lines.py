"""The lines of a statement stand in one order, whatever order the database keeps them in."""

from datetime import UTC, date, datetime

from sqlalchemy import text

from settlement.close import close_month
from settlement.sheets.lines import statement_lines
from settlement.sheets.names import names_of
from tenants.kernel.scope import TenantScope
from tests.support.books import add_mall, add_store, give_back_loose, mall_contract

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
