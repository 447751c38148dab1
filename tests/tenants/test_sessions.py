"""Ending a session while it is being refreshed ends it, whoever comes first; refreshing twice at once gives one answer."""

import asyncio
from unittest.mock import patch

import pytest
from sqlalchemy import text

from tenants import sessions
from tenants.kernel.ids import new_id
from tenants.sessions import PLATFORM_BOOK, Use, end, open_platform_session, open_session, rotate, tenant_book
from tenants.states import PrincipalKind
from tests.support.rows import rows

KEY = b"k" * 32
SOON = 0.3


class Kept:
    """One session, where it is kept, and what can be done to it in a transaction that stays open a moment."""

    def __init__(self, writing, book_of, *, grant, now):
        self.writing, self.book_of, self.grant, self.now = writing, book_of, grant, now

    async def refresh(self, token, *, stays=0.0):
        async with self.writing() as db:
            found = await rotate(db, self.book_of(db), token=token, key=KEY, now=self.now)
            await asyncio.sleep(stays)
            return found

    async def end(self, *, stays=0.0):
        async with self.writing() as db:
            await end(db, self.book_of(db), session_id=self.grant.session_id, now=self.now)
            await asyncio.sleep(stays)


async def second(work):
    """`work`, begun while the first one's transaction is open."""
    await asyncio.sleep(SOON / 3)
    return await work


def shoppers(db):
    return tenant_book(db, PrincipalKind.SHOPPER)


@pytest.fixture(params=["a shopper", "an operator"])
async def kept(request, tenant, database, now):
    if request.param == "a shopper":
        async with tenant.writing() as db:
            grant = await open_session(db, PrincipalKind.SHOPPER, principal_id=new_id(), now=now)
        return Kept(tenant.writing, shoppers, grant=grant, now=now)
    async with database.platform() as db:
        grant = await open_platform_session(db, operator_id=await operator(db, now), now=now)
    return Kept(database.platform, lambda _db: PLATFORM_BOOK, grant=grant, now=now)


async def operator(db, now):
    statement = text(
        "INSERT INTO app.platform_users (id, login, name, password_hash, active, created_at)"
        " VALUES (:id, :login, 'Ops', 'x', true, :now)"
    )
    operator_id = new_id()
    await db.execute(statement, {"id": operator_id, "login": f"ops-{operator_id}", "now": now})
    return operator_id


async def refreshed_and_then_ended(kept):
    """What refreshing gives after a log-out that came while the session was being refreshed."""
    (_, grant), _ = await asyncio.gather(
        kept.refresh(kept.grant.refresh_token, stays=SOON), second(kept.end())
    )
    return (await kept.refresh(grant.refresh_token))[0]


async def test_a_session_that_is_ended_while_it_is_refreshed_is_over(kept):
    assert await refreshed_and_then_ended(kept) is Use.UNKNOWN


async def test_a_session_that_is_refreshed_while_it_is_ended_is_over(kept):
    _, (use, grant) = await asyncio.gather(
        kept.end(stays=SOON), second(kept.refresh(kept.grant.refresh_token))
    )
    assert (use, grant) == (Use.UNKNOWN, None)


async def test_control_without_the_familys_lock_the_session_lives_on(kept):
    """The famous bug put back: rotating and ending do not take turns."""

    async def holds_nothing(_db, _book, *, session_id):
        return None

    with patch.object(sessions, "_hold", holds_nothing):
        assert await refreshed_and_then_ended(kept) is Use.ROTATED


async def test_two_tabs_that_refresh_at_once_get_the_same_token_and_leave_one_row(kept):
    (_, one), (_, other) = await asyncio.gather(
        kept.refresh(kept.grant.refresh_token, stays=SOON), second(kept.refresh(kept.grant.refresh_token))
    )
    assert one == other
    assert (await kept.refresh(one.refresh_token))[0] is Use.ROTATED


async def test_a_family_has_one_row_a_rotation(tenant, now):
    async with tenant.writing() as db:
        grant = await open_session(db, PrincipalKind.SHOPPER, principal_id=new_id(), now=now)
    kept = Kept(tenant.writing, shoppers, grant=grant, now=now)
    await asyncio.gather(*(kept.refresh(grant.refresh_token) for _ in range(4)))
    statement = "SELECT id FROM app.access_sessions WHERE tenant_id = :t AND family_id = :family"
    assert len(await rows(tenant, statement, family=grant.session_id)) == 2


async def test_a_session_of_another_one_is_not_held_up(tenant, now):
    async with tenant.writing() as db:
        grants = [
            await open_session(db, PrincipalKind.SHOPPER, principal_id=new_id(), now=now) for _ in range(2)
        ]
    held, free = (Kept(tenant.writing, shoppers, grant=grant, now=now) for grant in grants)
    holding = asyncio.create_task(held.end(stays=SOON))
    await asyncio.sleep(SOON / 3)
    assert (await free.refresh(free.grant.refresh_token))[0] is Use.ROTATED
    assert not holding.done()
    await holding
