"""What people do with differences: assign, resolve; what a later comparison may and may not undo."""

from datetime import timedelta

import pytest

from settlement.reconciliation.commands import AssignDifference, ResolveDifference
from settlement.reconciliation.differences import assign_difference, resolve_difference
from settlement.reconciliation.errors import DifferenceEnded, DifferenceNotFound
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.queries import Wanted, differences, find_difference, reconciled_days
from settlement.reconciliation.states import DifferenceState
from tenants.kernel.ids import DifferenceId, new_id
from tests.support.bills import FIRST, NOW, a_day, account_of_tenant, file_of, rows_of, take_in, write_books
from tests.support.rows import rows

FENS = [1_000, 2_000, 3_000]


@pytest.fixture
async def day(tenant):
    sold = a_day(FIRST, len(FENS), fens=FENS)
    async with tenant.writing() as db:
        account = await account_of_tenant(db)
        await write_books(db, sold, day=FIRST, merchant_id=account.merchant_id)
    return account, rows_of(sold, account.name)


async def listed(tenant, **wanted):
    async with tenant.reading() as db:
        return (await differences(db, Wanted(**wanted), now=NOW + timedelta(days=3))).differences


async def resolve(tenant, found, reason="渠道已确认"):
    async with tenant.writing() as db:
        return await resolve_difference(
            db, ResolveDifference(reason=reason), difference_id=found.id, now=NOW, actor="staff:lin"
        )


async def test_a_difference_shows_both_sides_its_age_and_its_owner(tenant, day):
    account, honest = day
    wrong = [honest[0] | {"订单金额": "11.00"}, *honest[1:]]
    await take_in(tenant, file_of(wrong), day=FIRST, account=account)
    (found,) = await listed(tenant)
    assert (found.kind, found.amount_fen, found.days_open, found.state) == (
        MatchClass.AMOUNT,
        100,
        3,
        DifferenceState.OPEN,
    )
    assert (found.ours["amountFen"], found.theirs["amountFen"]) == (1_000, 1_100)
    async with tenant.writing() as db:
        owned = await assign_difference(
            db, AssignDifference(owner=" 林会计 "), difference_id=found.id, now=NOW, actor="staff:lin"
        )
    assert owned.owner == "林会计"
    assert [each.id for each in await listed(tenant, owner="林会计")] == [found.id]
    assert await listed(tenant, owner="王会计") == []


async def test_what_a_person_resolved_stays_resolved_until_its_facts_change(tenant, day):
    account, honest = day
    await take_in(tenant, file_of(honest[1:]), day=FIRST, account=account)
    (found,) = await listed(tenant)
    done = await resolve(tenant, found)
    assert (done.state, done.reason, done.resolved_by) == (
        DifferenceState.RESOLVED,
        "渠道已确认",
        "staff:lin",
    )
    await take_in(tenant, file_of(honest[1:]), day=FIRST, account=account)
    assert [each.state for each in await listed(tenant)] == [DifferenceState.RESOLVED]
    other_amount = [honest[0] | {"订单金额": "10.01"}, *honest[1:]]
    await take_in(tenant, file_of(other_amount), day=FIRST, account=account)
    (again,) = await listed(tenant)
    assert (again.id, again.state, again.kind, again.resolved_by) == (
        found.id,
        DifferenceState.OPEN,
        MatchClass.AMOUNT,
        None,
    )
    assert "facts have changed" in again.note
    deeds = await rows(
        tenant,
        "SELECT action, reason FROM app.audit_log WHERE tenant_id = :t AND subject_id = :d",
        d=str(found.id),
    )
    assert deeds == [("resolve_difference", "渠道已确认")]


async def test_what_goes_and_comes_back_is_open_again(tenant, day):
    account, honest = day
    for file, states in ((honest[1:], ["open"]), (honest, ["gone"]), (honest[1:], ["open"])):
        await take_in(tenant, file_of(file), day=FIRST, account=account)
        assert [each.state for each in await listed(tenant)] == states


async def test_a_closed_difference_is_neither_assigned_nor_resolved(tenant, day):
    account, honest = day
    await take_in(tenant, file_of(honest[1:]), day=FIRST, account=account)
    (found,) = await listed(tenant)
    await resolve(tenant, found)
    with pytest.raises(DifferenceEnded):
        await resolve(tenant, found, "再次")
    async with tenant.writing() as db:
        with pytest.raises(DifferenceEnded):
            await assign_difference(
                db, AssignDifference(owner="x"), difference_id=found.id, now=NOW, actor="a"
            )
        with pytest.raises(DifferenceNotFound):
            await find_difference(db, DifferenceId(new_id()), now=NOW)


async def test_lists_go_on_where_they_ended(tenant, day):
    account, honest = day
    await take_in(tenant, file_of([]), day=FIRST, account=account)
    await take_in(tenant, file_of([]), day=FIRST + timedelta(days=1), account=account)
    assert len(honest) == 3
    seen, cursor = [], None
    async with tenant.reading() as db:
        while True:
            page = await differences(db, Wanted(), now=NOW, cursor=cursor, limit=2)
            seen += [each.key for each in page.differences]
            cursor = page.next_cursor
            if cursor is None:
                break
        first = await reconciled_days(db, Wanted(), limit=1)
        second = await reconciled_days(db, Wanted(), limit=1, cursor=first.next_cursor)
    assert len(seen) == len(set(seen)) == 3
    assert [each.day for page in (first, second) for each in page.days] == [FIRST + timedelta(days=1), FIRST]
    assert (second.days[0].classes[0].kind, second.days[0].classes[0].count) == (MatchClass.MISSING_THERE, 3)
    assert second.next_cursor is None
