"""A closing that is killed, overtaken or repeated ends in the statements of one that was not; the checks that see when it would not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from settlement import close as closing
from settlement import statements as counting
from settlement.close import close_month, write_statements
from settlement.contracts import open_books
from settlement.errors import StatementDiffers
from settlement.posting.pending import post_pending
from settlement.verify import verify_books
from settlement.views import ClosingView, StatementView
from tenants.kernel.scope import Reading, TenantScope, Writing
from tests.support.books import MallStore, open_mall_store, sell

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
SOLD = datetime(2026, 10, 12, 4, 0, tzinfo=UTC)
LATER = datetime(2027, 1, 2, 1, 0, tzinfo=UTC)
OCTOBER_IS_SHUT = 3
"""The transaction of a closing of both months that finds October shut; November may then be closed before October is repaired."""
NEVER_WRITTEN = "every closed month has its statements"


class Killed(Exception):
    """The process is gone."""


class Rehearsed(Exception):
    """Nothing of this is to stay."""


@dataclass(frozen=True, slots=True)
class Mortal(TenantScope):
    """A tenant's door whose process dies in the n-th large transaction, before its first statement or before its commit."""

    dies_in: int = 0
    at_the_end: bool = False
    opened: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def writing_much(self) -> AsyncIterator[Writing]:
        """Open a transaction that may not live to see its end."""
        self.opened.append(1)
        dying = len(self.opened) == self.dies_in
        if dying and not self.at_the_end:
            raise Killed
        async with TenantScope.writing_much(self) as db:
            yield db
            if dying:
                raise Killed


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """A store that sold for 10,000 fen in October and 1,000 in November; of that the mall is owed 15 %."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=SOLD)
        await sell(db, shop.store_id, 1_000, at=SOLD + timedelta(days=30))
    return shop


async def close(tenant: TenantScope, month: date) -> ClosingView:
    return (await close_month(tenant, month, closed_by="staff:test", now=LATER))[-1]


async def shut_and_die(tenant: TenantScope, month: date = OCTOBER) -> None:
    """What a closing leaves that died between its two transactions."""
    await post_pending(tenant, now=LATER)
    async with tenant.writing() as db:
        await open_books(db, now=LATER)
        await closing._shut(db, month=month, closed_by="staff:test", now=LATER, early=False)


async def rehearsal(tenant: TenantScope) -> list[list[StatementView]]:
    """The statements of a closing of both months that nobody disturbed, rolled back."""
    await post_pending(tenant, now=LATER)
    written = []
    with pytest.raises(Rehearsed):
        async with tenant.writing() as db:
            await open_books(db, now=LATER)
            for month in (OCTOBER, NOVEMBER):
                await closing._shut(db, month=month, closed_by="staff:test", now=LATER, early=False)
                written.append(await write_statements(db, month, now=LATER))
            raise Rehearsed
    return written


def owed(views: list[StatementView]) -> tuple[int, int]:
    """The mall's opening and closing."""
    mall = next(view for view in views if view.party.kind == "mall")
    return mall.opening_fen, mall.closing_fen


async def broken(tenant: TenantScope) -> set[str]:
    async with tenant.reading() as db:
        return {finding.law for finding in (await verify_books(db)).findings if finding.broken}


def put_back_forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bug: statements owed from earlier months are written by nobody but a closing of their own month."""

    async def only_this(db: Reading, *, through: date) -> dict[date, tuple[datetime, str]]:
        found = await unstated(db, through=through)
        return {month: at for month, at in found.items() if month == through}

    unstated = closing.unstated_months
    monkeypatch.setattr(closing, "unstated_months", only_this)


@pytest.mark.parametrize("at_the_end", [False, True], ids=["before its first statement", "before its commit"])
@pytest.mark.parametrize("dies_in", range(1, 7))
async def test_a_closing_killed_in_any_transaction_and_repeated_ends_like_one_that_was_not(
    shop: MallStore, dies_in: int, at_the_end: bool
) -> None:
    expected = await rehearsal(shop.tenant)
    mortal = Mortal(shop.tenant.tenant_id, shop.tenant.database, dies_in=dies_in, at_the_end=at_the_end)
    with pytest.raises(Killed):
        await close(mortal, OCTOBER)
        await close(mortal, NOVEMBER)
    november = await close(shop.tenant, NOVEMBER) if dies_in >= OCTOBER_IS_SHUT else None
    october = await close(shop.tenant, OCTOBER)
    november = november or await close(shop.tenant, NOVEMBER)
    assert [october.statements, november.statements] == expected
    assert owed(november.statements) == (1_500, 1_650)
    assert october.totals.agree
    assert november.totals.agree
    assert await broken(shop.tenant) == set()


async def test_a_month_whose_closing_died_is_written_before_the_next_one_opens(shop: MallStore) -> None:
    await shut_and_die(shop.tenant)
    assert await broken(shop.tenant) == {NEVER_WRITTEN}
    november = await close(shop.tenant, NOVEMBER)
    assert owed(november.statements) == (1_500, 1_650)
    assert owed((await close(shop.tenant, OCTOBER)).statements) == (0, 1_500)
    assert (await close(shop.tenant, NOVEMBER)).statements == november.statements
    assert await broken(shop.tenant) == set()


async def test_several_owed_months_are_written_in_order(shop: MallStore) -> None:
    await shut_and_die(shop.tenant, OCTOBER)
    await shut_and_die(shop.tenant, NOVEMBER)
    assert owed((await close(shop.tenant, DECEMBER)).statements) == (1_650, 1_650)
    assert await broken(shop.tenant) == set()


async def test_where_owed_months_are_forgotten_the_ledger_refuses_the_opening(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shut_and_die(shop.tenant)
    put_back_forgetting(monkeypatch)
    with pytest.raises(StatementDiffers):
        await close(shop.tenant, NOVEMBER)


async def test_control_without_that_look_a_wrong_opening_is_frozen_and_only_the_totals_see_it(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shut_and_die(shop.tenant)
    put_back_forgetting(monkeypatch)
    monkeypatch.setattr(counting, "_carried", counting._stated)
    november = await close(shop.tenant, NOVEMBER)
    assert owed(november.statements) == (0, 150)
    assert november.totals.orders_fen == november.totals.ledger_fen == november.totals.statements_fen
    assert not november.totals.agree


async def test_a_closer_of_november_that_overtakes_octobers_writes_october_first(shop: MallStore) -> None:
    await shut_and_die(shop.tenant)
    slow, fast = await asyncio.gather(close(shop.tenant, OCTOBER), close(shop.tenant, NOVEMBER))
    assert owed(slow.statements) == (0, 1_500)
    assert owed(fast.statements) == (1_500, 1_650)


async def test_a_party_without_its_statement_of_a_closed_month_is_counted_as_broken(
    shop: MallStore, owner: asyncpg.Connection
) -> None:
    october = await close(shop.tenant, OCTOBER)
    assert await broken(shop.tenant) == set()
    await owner.execute(
        "DELETE FROM app.statement_standings WHERE tenant_id = $1 AND statement_id = $2",
        shop.tenant.tenant_id, october.statements[0].id,
    )  # fmt: skip
    await owner.execute(
        "DELETE FROM app.statements WHERE tenant_id = $1 AND id = $2",
        shop.tenant.tenant_id, october.statements[0].id,
    )  # fmt: skip
    assert await broken(shop.tenant) == {NEVER_WRITTEN}
    with pytest.raises(StatementDiffers):
        await close(shop.tenant, NOVEMBER)
