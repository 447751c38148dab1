"""Goods given away at a funder's cost and brought back: each funder bears its part of the discount on the units that are kept."""

import asyncio
from random import Random

import pytest
from sqlalchemy import BigInteger, literal

from orders.funding import Funding
from orders.states import Source
from settlement.posting.beside import Discounted, funding_steps
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid
from settlement.posting.post_history import Cursor, post_history
from settlement.posting.post_refunds import post_refund
from settlement.states import FunderRole
from settlement.verify import verify_books
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope
from tests.settlement.agreements.test_promotions import mall_store, promote
from tests.support.books import OCTOBER, Sale, balances, give_back, sell

LAW = "per order line each funder bears exactly its part of the discount on what is kept"
SOURCES = [Source.STOREFRONT, Source.HISTORY]


async def booked(tenant: TenantScope) -> dict[str, int]:
    """What each party holds once all that waits is booked, and no law is broken."""
    await post_pending(tenant, now=OCTOBER)
    async with tenant.writing() as db:
        report = await verify_books(db)
        assert [(each.law, each.examples) for each in report.findings if each.broken] == []
        return await balances(db)


async def given_away(
    tenant: TenantScope, source: Source, *, quantity: int = 1, bps: int = 10_000, gift: int = 5_000
) -> Sale:
    """A paid line, and one of which the mall (and the brand) pay all: 100.00 of which 15 % is the mall's."""
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "P", (FunderRole.MALL, bps))
        return await sell(
            db, store, 10_000, 0, goods=[10_000, gift], promotion="P", quantity=quantity, source=source,
            through_channel=source is Source.STOREFRONT,
        )  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
async def test_all_of_it_given_back_leaves_every_party_at_nothing(
    tenant: TenantScope, source: Source
) -> None:
    sale = await given_away(tenant, source)
    assert await booked(tenant) == {"mall": 1_500 - 5_000, "brand": 8_500 + 5_000}
    async with tenant.writing() as db:
        await give_back(db, sale, {0: 10_000, 1: 0})
    assert await booked(tenant) == {"mall": 0, "brand": 0}


@pytest.mark.parametrize("source", SOURCES)
async def test_units_come_back_one_by_one_with_their_part_of_the_discount(
    tenant: TenantScope, source: Source
) -> None:
    # Three units given away for 50.01, half of it the mall's: of two units 33.34 is kept, 16.67 the mall's; of one 16.67, its part 8.33.
    sale = await given_away(tenant, source, quantity=3, bps=5_000, gift=5_001)
    assert await booked(tenant) == {"mall": 1_500 - 2_500, "brand": 8_500 + 2_500}
    for units, borne in ((1, 1_667), (1, 833), (1, 0)):
        async with tenant.writing() as db:
            await give_back(db, sale, {1: 0}, units={1: units})
        assert await booked(tenant) == {"mall": 1_500 - borne, "brand": 8_500 + borne}


@pytest.mark.parametrize("source", SOURCES)
async def test_a_refund_that_names_no_units_brings_back_all_that_is_left_and_nothing_twice(
    tenant: TenantScope, source: Source
) -> None:
    sale = await given_away(tenant, source, quantity=3)
    async with tenant.writing() as db:
        await give_back(db, sale, {1: 0}, units={1: 1})
        await give_back(db, sale, {1: 0})
        await give_back(db, sale, {1: 0}, units={1: 2})
    assert await booked(tenant) == {"mall": 1_500, "brand": 8_500}


@pytest.mark.parametrize("source", SOURCES)
async def test_what_is_paid_for_follows_what_was_paid_as_it_did(tenant: TenantScope, source: Source) -> None:
    """Units that a refund of a paid line names move nothing: its discount goes with the fen that are kept."""
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "half", (FunderRole.MALL, 5_000))
        sale = await sell(
            db, store, 7_999, discount=2_001, promotion="half", quantity=4, source=source,
            through_channel=source is Source.STOREFRONT,
        )  # fmt: skip
        await give_back(db, sale, {0: 4_000}, units={0: 4})
        await give_back(db, sale, {0: 0}, units={0: 4})
    # 39.99 are kept: 5.99 of it the mall's, and of the 20.01 off floor(2001 * 3999 / 7999) = 10.00 are borne, 5.00 by the mall.
    assert await booked(tenant) == {"mall": 599 - 500, "brand": 3_400 + 500}


async def walk(tenant: TenantScope, *, at_once: int) -> None:
    cursor: Cursor | None = Cursor()
    while cursor is not None:
        async with tenant.writing() as db:
            cursor = (
                await post_history(db, source_name="till", cursor=cursor, now=OCTOBER, at_once=at_once)
            ).cursor


async def test_in_any_order_and_partition_sql_books_the_same_fen_as_one_by_one(
    tenant: TenantScope, other_tenant: TenantScope
) -> None:
    random = Random(23)
    cases = []
    for _ in range(25):
        quantity = random.randint(1, 6)
        back = [random.randint(0, 2) for _ in range(random.randint(0, 4))]
        cases.append((quantity, random.choice([1, 7, 5_001, random.randint(1, 10**6)]), back))
    totals = []
    for scope, source in ((tenant, Source.HISTORY), (other_tenant, Source.STOREFRONT)):
        async with scope.writing() as db:
            store = await mall_store(db)
            await promote(db, "P", (FunderRole.MALL, 3_333), (FunderRole.PLATFORM, 3_333))
        for quantity, gift, back in cases:
            async with scope.writing() as db:
                named = {"promotion": "P", "quantity": quantity, "through_channel": False}
                sale = await sell(db, store, 100, 0, goods=[100, gift], source=source, **named)
                refunds = [await give_back(db, sale, {1: 0}, units={1: units}) for units in back]
                if source is Source.STOREFRONT:
                    await post_order_paid(db, sale.id, now=OCTOBER)
                    Random(quantity).shuffle(refunds)
                    for refund in refunds:
                        await post_refund(db, refund, now=OCTOBER)
        if source is Source.HISTORY:
            await walk(scope, at_once=3)
        totals.append(await booked(scope))
    assert totals[0] == totals[1]


async def test_two_walks_at_once_take_back_each_unit_once(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store = await mall_store(db)
        await promote(db, "P", (FunderRole.MALL, 3_333))
        for _ in range(6):
            named = {"promotion": "P", "quantity": 7, "through_channel": False, "goods": [100, 1_000]}
            sale = await sell(db, store, 100, 0, source=Source.HISTORY, **named)
            for _ in range(6):
                await give_back(db, sale, {1: 0}, units={1: 1})
    await asyncio.gather(walk(tenant, at_once=3), walk(tenant, at_once=4), walk(tenant, at_once=50))
    # Of 10.00 one unit of seven is kept: 1.42, and a third of that is the mall's.
    assert await booked(tenant) == {"mall": 6 * (15 - 47), "brand": 6 * (85 + 47)}


async def test_control_refunds_booked_together_that_do_not_see_each_other_break_the_law(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = await given_away(tenant, Source.HISTORY, quantity=3, gift=5_000)
    async with tenant.writing() as db:
        for _ in range(3):
            await give_back(db, sale, {1: 0}, units={1: 1})
    blind = lambda steps: steps.add_columns(literal(0, BigInteger).label("units_ahead"))  # noqa: E731 the bug
    monkeypatch.setattr("settlement.posting.post_history.units_ahead", blind)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.reading() as db:
        assert LAW in {each.law for each in (await verify_books(db)).findings if each.broken}


def forgetful(line: Discounted | None, *, funding: Funding | None, seller: PartyId) -> dict[PartyId, Fen]:
    """The old formula: a refund of a line of which nothing was paid takes nothing back."""
    free = line is not None and line.before is not None and line.sold == 1
    return {} if free else funding_steps(line, funding=funding, seller=seller)


async def test_old_books_that_kept_the_whole_discount_are_named_and_not_booked_again(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the old formula said that of what was given away all is kept for ever; its books break the law, once mended or not."""
    sale = await given_away(tenant, Source.STOREFRONT)
    async with tenant.writing() as db:
        await give_back(db, sale, {0: 10_000, 1: 0})
    with monkeypatch.context() as old:
        old.setattr("settlement.posting.post_beside.funding_steps", forgetful)
        await post_pending(tenant, now=OCTOBER)
    assert (await post_pending(tenant, now=OCTOBER)).entries == 0
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": -5_000, "brand": 5_000}
        found = {each.law: each for each in (await verify_books(db)).findings if each.broken}
    assert LAW in found
    assert "5000 fen of a promotion" in " ".join(found[LAW].examples)
