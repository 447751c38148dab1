"""The law of the channel's fee finds a fen too much or too little, charged or given back, and nothing else."""

import random

import asyncpg
import pytest

from settlement.posting.pending import post_pending
from settlement.verify import verify_books
from tenants.kernel.scope import TenantScope
from tests.support.books import OCTOBER, MallStore, give_back, open_mall_store, sell
from tests.support.channel_rows import pay, through_channel

LAW = "every fee is its merchant's rate of the payment, and what is left of it that of what is kept"
WRONG = [("fee_charged", 1), ("fee_returned", 1), ("fee_returned", -1)]


async def broken(tenant: TenantScope) -> list[str]:
    async with tenant.reading() as db:
        findings = (await verify_books(db)).findings
    assert LAW in {each.law for each in findings}
    return [each.law for each in findings if each.broken]


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """Three dozen payments of all sizes, two in three given back in up to four parts."""
    shop = await open_mall_store(tenant)
    chance = random.Random(7)
    async with tenant.writing() as db:
        for number in range(36):
            amount = chance.choice([1, 2, 82, 83, 84, 249, 250, 251, chance.randrange(1, 10**7)])
            sale = await sell(db, shop.store_id, amount)
            payment = await pay(
                db, sale.id, amount=amount, coupon=chance.randrange(amount) if number % 5 == 0 else 0
            )
            for _ in range(number % 3 * 2):
                left = sale.kept[0]
                part = chance.randrange(1, left + 1) if left else 0
                if part:
                    refund = await give_back(db, sale, {0: part})
                    await through_channel(db, refund, payment_id=payment)
    await post_pending(tenant, now=OCTOBER)
    return shop


async def test_fees_of_payments_and_refunds_in_any_parts_hold_the_law_and_a_fen_more_or_less_breaks_it(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    assert await broken(shop.tenant) == []
    one = "SELECT id FROM app.ledger_entries WHERE tenant_id = $1 AND cause = $2 AND amount_fen > 9 ORDER BY id LIMIT 1"
    changed = "UPDATE app.ledger_entries SET amount_fen = amount_fen + $2 WHERE tenant_id = $1 AND id = $3"
    for cause, fen in WRONG:
        entry = await owner.fetchval(one, shop.tenant.tenant_id, cause)
        await owner.execute(changed, shop.tenant.tenant_id, fen, entry)
        assert LAW in await broken(shop.tenant), (cause, fen)
        await owner.execute(changed, shop.tenant.tenant_id, -fen, entry)
    assert await broken(shop.tenant) == []


async def test_control_the_law_of_wholes_alone_does_not_see_a_wrong_rate(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    """Books that charged 0.59 % satisfy every other law: each payment has its fee, and nothing is left of what went back whole."""
    await owner.execute("UPDATE app.merchants SET fee_bps = 61 WHERE tenant_id = $1", shop.tenant.tenant_id)
    assert await broken(shop.tenant) == [LAW]
