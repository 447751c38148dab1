"""What the books cannot see is counted as broken: lines without terms, and lines larger than a line may be."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from orders.states import Source
from settlement.close import close_month
from settlement.errors import BalanceTooLarge
from settlement.posting import history_steps
from settlement.verify import verify_books
from tenants.kernel.money import LARGEST, LARGEST_AMOUNT
from tenants.kernel.scope import TenantScope
from tests.support.books import MallStore, Sale, give_back, open_mall_store, sell

SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
TOO_MANY = 1_100
"""Lines of the largest integer that together do not fit in a bigint."""


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant, bps=1_000)


async def broken(tenant: TenantScope) -> dict[str, int]:
    async with tenant.reading() as db:
        return {each.law: each.broken for each in (await verify_books(db)).findings if each.broken}


async def close(tenant: TenantScope) -> list[int]:
    """What the parties are owed at October's end."""
    [closed] = await close_month(tenant, date(2026, 10, 1), closed_by="staff:test", now=AFTER)
    assert closed.totals.agree
    return sorted(statement.closing_fen for statement in closed.statements)


async def swell(tenant: TenantScope, sale: Sale) -> None:
    """Give a document a thousand lines that no import would let in."""
    async with tenant.writing() as db:
        await db.execute(
            text(
                "INSERT INTO app.order_lines (tenant_id, id, order_id, line_no, kind, quantity, goods_fen, discount_fen, paid_fen,"
                " refunded_fen, refunded_quantity, terms_id, evidence, specs) SELECT :t, gen_random_uuid(), :order, n + 1, 'goods', 1,"
                " :fen, 0, :fen, 0, 0, :terms, '{}', '[]' FROM generate_series(1, :many) AS n"
            ),
            {"t": db.tenant_id, "order": sale.id, "fen": LARGEST, "terms": sale.terms_id, "many": TOO_MANY},
        )


@pytest.mark.parametrize("source", Source)
async def test_a_paid_line_without_terms_and_its_refund_are_counted_as_broken(
    shop: MallStore, source: Source
) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 1_000, 0, at=SOLD, source=source)
        await give_back(db, sale, {0: 100}, at=SOLD)
    await close(shop.tenant)
    assert await broken(shop.tenant) == {}
    async with shop.tenant.writing() as db:
        unseen = await sell(db, shop.store_id, 1_000, 0, at=SOLD, source=source)
        await give_back(db, unseen, {0: 100}, at=SOLD)
        for table, key in (("order_lines", "order_id"), ("refund_lines", "order_line_id")):
            about = [unseen.id] if key == "order_id" else unseen.lines
            await db.execute(
                text(f"UPDATE app.{table} SET terms_id = NULL WHERE tenant_id = :t AND {key} = ANY(:about)"),
                {"t": db.tenant_id, "about": about},
            )
    assert await broken(shop.tenant) == {"every line that moved money has frozen terms": 2}


async def test_a_thousand_absurd_lines_stop_no_other_line_from_being_booked(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 1_000, at=SOLD, source=Source.HISTORY)
        await sell(db, shop.store_id, LARGEST_AMOUNT, at=SOLD, source=Source.HISTORY)
    await swell(shop.tenant, sale)
    assert await close(shop.tenant) == [100 + LARGEST_AMOUNT // 10, 900 + LARGEST_AMOUNT // 10 * 9]
    assert await broken(shop.tenant) == {
        "per order line the ledger holds what was paid less what was refunded": TOO_MANY
    }


async def test_control_without_the_bound_they_burst_a_balance_and_the_refusal_says_so(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_steps, "LARGEST_AMOUNT", LARGEST)
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 1_000, at=SOLD, source=Source.HISTORY)
    await swell(shop.tenant, sale)
    with pytest.raises(BalanceTooLarge):
        await close(shop.tenant)
