"""The chain of days: whatever an owner or a superuser changes in a sealed day is found, and the day is named."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text

from settlement.days import GRACE, posting_moment, seal_days
from settlement.posting.post import post_order_paid
from settlement.verify import verify_books
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tests.support.books import OCTOBER, MallStore, open_mall_store, sell

FIRST = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
SECOND = FIRST + timedelta(days=1)
LATER = FIRST + timedelta(days=9)
LAW = "every sealed day is what it was when it was sealed"


async def post(shop: MallStore, *moments: datetime) -> None:
    for moment in moments:
        async with shop.tenant.writing() as db:
            sale = await sell(db, shop.store_id, 899, 250)
            await post_order_paid(db, sale.id, now=moment)


async def broken(tenant: TenantScope) -> list[str]:
    async with tenant.reading() as db:
        findings = (await verify_books(db)).findings
    return next(finding.examples for finding in findings if finding.law == LAW)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """A store with two sealed days of postings."""
    opened = await open_mall_store(tenant)
    await post(opened, FIRST, FIRST, SECOND)
    sealed = await seal_days(tenant, now=LATER)
    assert [(each.day, each.entries) for each in sealed] == [(FIRST.date(), 8), (SECOND.date(), 4)]
    assert await broken(tenant) == []
    return opened


ENTRY = "(SELECT e.id FROM app.ledger_entries e JOIN app.journals j ON j.tenant_id = e.tenant_id AND j.id = e.journal_id WHERE e.tenant_id = $1 AND j.posted_at::date = $2 ORDER BY e.id LIMIT 1)"
OTHER_ACCOUNT = "(SELECT a.id FROM app.ledger_accounts a WHERE a.tenant_id = $1 AND a.id NOT IN (debit_account_id, credit_account_id) LIMIT 1)"
CHANGES = {
    "an amount": f"UPDATE app.ledger_entries SET amount_fen = amount_fen + 1 WHERE tenant_id = $1 AND id = {ENTRY}",
    "an account": f"UPDATE app.ledger_entries SET debit_account_id = {OTHER_ACCOUNT} WHERE tenant_id = $1 AND id = {ENTRY}",
    "a row": f"DELETE FROM app.ledger_entries WHERE tenant_id = $1 AND id = {ENTRY}",
    "a period": f"UPDATE app.ledger_entries SET period_on = '2026-11-01' WHERE tenant_id = $1 AND id = {ENTRY}",
    "a journal's moment": "UPDATE app.journals SET occurred_at = occurred_at + interval '1 microsecond' WHERE tenant_id = $1 AND posted_at::date = $2",
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("day", [FIRST.date(), SECOND.date()])
async def test_what_a_superuser_changes_in_a_sealed_day_is_found(
    shop: MallStore, owner: asyncpg.Connection, change: str, day: date
) -> None:
    await owner.execute(CHANGES[change], shop.tenant.tenant_id, day)
    (found,) = await broken(shop.tenant)
    assert f"day {day}" in found


async def test_what_a_superuser_slips_into_an_old_day_is_found(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    columns = "cause, debit_account_id, credit_account_id, amount_fen, party_id, contract_id, store_id, terms_id, order_id, occurred_on, period_on"
    await owner.execute(
        f"INSERT INTO app.ledger_entries (tenant_id, id, journal_id, {columns}) SELECT tenant_id, gen_random_uuid(), journal_id, {columns}"
        f" FROM app.ledger_entries WHERE tenant_id = $1 AND id = {ENTRY}",
        shop.tenant.tenant_id, FIRST.date(),
    )  # fmt: skip
    (found,) = await broken(shop.tenant)
    assert f"day {FIRST.date()} was sealed with 8 entries and has 9" in found


async def test_a_whole_day_that_a_superuser_makes_up_is_found(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    tenant_id, journal_id, day = shop.tenant.tenant_id, new_id(), FIRST.date() - timedelta(days=3)
    columns = "cause, debit_account_id, credit_account_id, amount_fen, party_id, contract_id, store_id, terms_id, order_id, occurred_on, period_on"
    await owner.execute(
        "INSERT INTO app.journals (tenant_id, id, cause, cause_id, occurred_at, posted_at) VALUES ($1, $2, 'order_paid', $2, $3, $3)",
        tenant_id, journal_id, FIRST - timedelta(days=3),
    )  # fmt: skip
    await owner.execute(
        f"INSERT INTO app.ledger_entries (tenant_id, id, journal_id, {columns}) SELECT tenant_id, gen_random_uuid(), $3, {columns}"
        f" FROM app.ledger_entries WHERE tenant_id = $1 AND id = {ENTRY}",
        tenant_id, FIRST.date(), journal_id,
    )  # fmt: skip
    (found,) = await broken(shop.tenant)
    assert f"day {day} was sealed with 0" in found


async def test_a_seal_that_is_replaced_breaks_the_chain_after_it(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    # Whoever changes an entry and seals its day anew changes what the next day is chained to.
    await owner.execute(CHANGES["an amount"], shop.tenant.tenant_id, FIRST.date())
    await owner.execute(
        "UPDATE app.ledger_days SET chain_sha256 = repeat('0', 64) WHERE tenant_id = $1 AND day = $2",
        shop.tenant.tenant_id, FIRST.date(),
    )  # fmt: skip
    assert len(await broken(shop.tenant)) == 2


async def test_control_balances_and_laws_alone_would_not_see_a_changed_moment(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    await owner.execute(CHANGES["a journal's moment"], shop.tenant.tenant_id, FIRST.date())
    async with shop.tenant.reading() as db:
        findings = (await verify_books(db)).findings
    assert [finding.law for finding in findings if finding.broken] == [LAW]


async def test_nothing_is_posted_into_a_sealed_day_however_late_a_clock_is(shop: MallStore) -> None:
    await post(shop, FIRST)
    assert await broken(shop.tenant) == []
    async with shop.tenant.writing() as db:
        assert await posting_moment(db, FIRST) == datetime(2026, 10, 14, tzinfo=UTC)
        posted = await db.execute(
            text("SELECT max(posted_at) FROM app.journals WHERE tenant_id = :t"), {"t": db.tenant_id}
        )
        assert posted.scalar_one() == datetime(2026, 10, 14, tzinfo=UTC)


async def test_a_day_is_sealed_once_it_is_over_and_not_before(tenant: TenantScope) -> None:
    opened = await open_mall_store(tenant)
    await post(opened, FIRST)
    end = datetime(2026, 10, 13, tzinfo=UTC)
    assert await seal_days(tenant, now=end + GRACE - timedelta(seconds=1)) == []
    assert len(await seal_days(tenant, now=end + GRACE)) == 1
    assert await seal_days(tenant, now=end + GRACE) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE app.ledger_days SET entries = 0", "DELETE FROM app.ledger_days"]
)
async def test_no_role_of_ours_may_change_a_seal(shop: MallStore, statement: str) -> None:
    async with shop.tenant.writing() as db:
        with pytest.raises(Exception, match="permission denied"):
            await db.execute(text(statement).execution_options(crosses_tenants=True))
        await db.rollback()


async def test_two_that_seal_at_once_seal_once(tenant: TenantScope) -> None:
    opened = await open_mall_store(tenant)
    await post(opened, OCTOBER)
    sealed = await asyncio.gather(seal_days(tenant, now=LATER), seal_days(tenant, now=LATER))
    assert sorted(len(each) for each in sealed) == [0, 1]
