"""The law of coupons finds a fen that a party bears too much or too little, and nothing else."""

import asyncpg
import pytest

from settlement.agreements.agreed import Bearer
from settlement.verify import verify_books
from tenants.kernel.scope import TenantScope
from tests.settlement.posting.test_post_shares import LAW, MOSTLY_THEIRS, Shop


async def broken(tenant: TenantScope) -> list[str]:
    async with tenant.reading() as db:
        return [each.law for each in (await verify_books(db)).findings if each.broken]


@pytest.mark.parametrize("by", [Bearer.PARTY, Bearer.SHARED])
@pytest.mark.parametrize(("cause", "fen"), [("coupons_shared", 1), ("coupons_shared", -1), ("coupons_share_returned", 1)])  # fmt: skip
async def test_a_fen_more_or_less_breaks_it(
    tenant: TenantScope, owner: asyncpg.Connection, by: Bearer, cause: str, fen: int
) -> None:
    shop = await Shop(tenant, by=by).open()
    for parts in (None, MOSTLY_THEIRS):
        sold = await shop.sold(parts)
        await shop.gave_back(sold, 3_333, coupon=1_000)
    assert await broken(tenant) == []
    # Both halves of it, and the balances too: every other law holds.
    await owner.execute(
        "UPDATE app.ledger_entries SET amount_fen = amount_fen + $2 WHERE tenant_id = $1 AND cause = $3",
        tenant.tenant_id, fen, cause,
    )  # fmt: skip
    await owner.execute(
        "UPDATE app.ledger_accounts a SET balance_fen = (SELECT coalesce(sum(CASE WHEN e.credit_account_id = a.id"
        " THEN e.amount_fen ELSE -e.amount_fen END), 0) FROM app.ledger_entries e WHERE e.tenant_id = a.tenant_id"
        " AND a.id IN (e.credit_account_id, e.debit_account_id)) WHERE a.tenant_id = $1",
        tenant.tenant_id,
    )
    assert await broken(tenant) == [LAW]


async def test_a_contract_that_leaves_coupons_to_the_residual_party_has_nothing_to_break(
    tenant: TenantScope, owner: asyncpg.Connection
) -> None:
    shop = await Shop(tenant, by=Bearer.RESIDUAL).open()
    await shop.sold()
    assert await broken(tenant) == []
    # The control: the same books under a contract that says otherwise.
    await owner.execute(
        "UPDATE app.contracts SET coupons_by = 'shared' WHERE tenant_id = $1", tenant.tenant_id
    )
    assert await broken(tenant) == [LAW]
