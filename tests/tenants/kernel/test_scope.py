"""A tenant's sessions: what they see, what they may, and how long their statements may take."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tenants.kernel.scope import Database, TenantScope, Writing

WHO = text("SELECT current_setting('app.tenant_id', true)")
TIMEOUT = text("SELECT current_setting('statement_timeout')")


async def test_every_transaction_of_a_session_is_bound(tenant: TenantScope) -> None:
    session = Writing(tenant.database.tx, info={"tenant_id": tenant.tenant_id})
    async with session:
        for _ in range(2):
            async with session.begin():
                assert (await session.execute(WHO)).scalar_one() == str(tenant.tenant_id)


async def test_a_failed_savepoint_leaves_the_binding(db: Writing) -> None:
    with pytest.raises(DBAPIError):
        async with db.begin_nested():
            await db.execute(text("SELECT 1 / 0"))
    assert (await db.execute(WHO)).scalar_one() == str(db.tenant_id)


async def test_a_transaction_of_nobody_is_bound_to_nobody(database: Database) -> None:
    async with database.platform() as db:
        assert (await db.execute(WHO)).scalar_one() in {None, ""}
        with pytest.raises(LookupError):
            _ = db.tenant_id


async def test_a_reading_session_cannot_write(tenant: TenantScope) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with tenant.reading() as db:
            await db.execute(
                text("UPDATE app.tenants SET name = 'x' WHERE tenant_id = :t"), {"t": db.tenant_id}
            )


async def test_only_finance_may_take_minutes(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        assert (await db.execute(TIMEOUT)).scalar_one() == "10s"
    async with tenant.writing_much() as db:
        assert (await db.execute(TIMEOUT)).scalar_one() == "5min"
    async with tenant.reporting() as db:
        assert (await db.execute(TIMEOUT)).scalar_one() == "5min"
    async with tenant.writing() as db:
        assert (await db.execute(TIMEOUT)).scalar_one() == "10s"


async def test_text_never_becomes_a_tenant(database: Database) -> None:
    with pytest.raises(TypeError, match=r"uuid\.UUID"):
        async with database.tenant("' OR true --").reading() as db:  # type: ignore[arg-type]
            await db.execute(WHO)
