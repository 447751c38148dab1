"""Refunds booked many in a round are booked as one by one: the same fen and journals, whoever else books, dies or asks for too much."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from orders.ports import CouponParts
from settlement.agreements.agreed import Bearer
from settlement.errors import RefundExceedsKept
from settlement.patience import patiently
from settlement.posting import pending
from settlement.posting import post_refunds as refunding
from settlement.posting.pending import post_pending
from settlement.posting.post import post_orders_paid
from settlement.posting.post_refunds import post_refund, post_refunds
from settlement.states import FunderRole
from tenants.kernel.ids import RefundId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope, Writing
from tests.settlement.agreements.test_promotions import promote
from tests.support.books import (
    OCTOBER,
    Sale,
    add_mall,
    add_store,
    balances,
    give_back,
    give_back_loose,
    mall_contract,
    open_mall_store,
    sell,
)
from tests.support.channel_rows import pay, through_channel
from tests.support.owners import broken_laws
from tests.support.rows import rows, value

ENTRIES = (
    "SELECT e.cause, e.amount_fen, e.order_id, e.order_line_id, e.refund_id, e.refund_line_no, e.occurred_on, e.period_on,"
    " j.occurred_at, j.cause_id, split_part(p.code, ':', 1) AS party, d.name AS debit, c.name AS credit"
    " FROM app.ledger_entries e"
    " JOIN app.journals j ON j.tenant_id = e.tenant_id AND j.id = e.journal_id"
    " JOIN app.ledger_accounts d ON d.tenant_id = e.tenant_id AND d.id = e.debit_account_id"
    " JOIN app.ledger_accounts c ON c.tenant_id = e.tenant_id AND c.id = e.credit_account_id"
    " LEFT JOIN app.parties p ON p.tenant_id = e.tenant_id AND p.id = e.party_id WHERE e.tenant_id = :t"
    " AND j.tenant_id = :t AND c.tenant_id = :t AND d.tenant_id = :t"
)
JOURNALS = "SELECT cause, cause_id FROM app.journals WHERE tenant_id = :t"
RETURNED = (
    "SELECT count(*) FROM app.journals WHERE tenant_id = :t AND cause IN ('order_refunded', 'loose_refund')"
)


@dataclass
class Month:
    """Sales and finished refunds, in the order in which they were written; `names` says which row an id is."""

    refunds: list[RefundId] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)

    async def told(self, tenant: TenantScope) -> tuple[Counter[Any], Counter[Any]]:
        """Every journal and every entry, with names instead of ids."""

        found = [
            Counter([tuple(self.names.get(each, each) for each in row) for row in await rows(tenant, asked)])
            for asked in (JOURNALS, ENTRIES)
        ]
        return found[0], found[1]


async def month(tenant: TenantScope, *, seed: int, orders: int = 12) -> Month:
    """Orders with fees and coupons that parties share, promotions, goods given away, and refunds in parts, some of unwanted amounts."""
    chance, written = Random(seed), Month()
    async with tenant.writing() as db:
        mall = await add_mall(db)
        stores = [await add_store(db, code, mall_id=mall) for code in ("S1", "S2")]
        await mall_contract(
            db, mall, stores, bps=3_333, channel_fee_by=Bearer.SHARED, coupons_by=Bearer.SHARED
        )
        await promote(db, "P", (FunderRole.MALL, 3_333), (FunderRole.PLATFORM, 3_333))
    for number in range(orders):
        async with tenant.writing() as db:
            amounts = [chance.randint(1, 99_999), chance.choice([0, 1, chance.randint(1, 999)])]
            named = {
                "promotion": "P",
                "discount": chance.choice([0, 2_001]),
                "quantity": chance.randint(1, 4),
            }
            sale = await sell(db, chance.choice(stores), *amounts, **named)
            written.names |= {sale.id: f"order {number}"}
            written.names |= {line: f"line {number}.{place}" for place, line in enumerate(sale.lines)}
            paid, coupons = None, 0
            if chance.random() < 0.7:
                coupons = sum(amounts) // 3 if chance.random() < 0.6 else 0
                parts = CouponParts(
                    wechatpay_fen=Fen(coupons // 2),
                    merchant_fen=Fen(coupons - coupons // 2),
                    other_fen=Fen(0),
                )
                paid = await pay(db, sale.id, amount=sum(amounts), coupon=coupons, paid_for=parts)
                written.names[paid] = f"payment {number}"
            for part in range(chance.randint(0, 3)):
                back = {0: chance.randint(0, sale.kept[0])}
                back |= {1: sale.kept[1]} if chance.random() < 0.5 else {}
                refund = await give_back(db, sale, back, units={1: chance.randint(0, 2)})
                if paid is not None:
                    coupon = min(coupons, sum(back.values()) // 3)
                    coupons -= coupon
                    await through_channel(db, refund, payment_id=paid, coupon=coupon)
                written.refunds.append(refund)
                written.names[refund] = f"refund {number}.{part}"
    async with tenant.writing() as db:
        written.refunds.append(await give_back_loose(db, stores[0], 777, source=sale.source))
        written.names[written.refunds[-1]] = "loose"
    return written


async def one_by_one(tenant: TenantScope, refunds: Sequence[RefundId]) -> None:
    for refund in refunds:
        await patiently(tenant, partial(post_refund, refund_id=refund, now=OCTOBER))


async def in_rounds(tenant: TenantScope, refunds: Sequence[RefundId], *, size: int = 5) -> None:
    waiting = list(refunds)
    while waiting:
        batch, waiting = waiting[:size], waiting[size:]
        booked = await patiently(tenant, partial(post_refunds, refund_ids=batch, now=OCTOBER))
        assert booked.refused == ()
        waiting += booked.later


@pytest.mark.parametrize("seed", [1, 2])
async def test_rounds_write_the_journals_and_entries_that_one_by_one_writes(
    tenant: TenantScope, other_tenant: TenantScope, seed: int
) -> None:
    told = []
    for scope, book in ((tenant, one_by_one), (other_tenant, in_rounds)):
        written = await month(scope, seed=seed)
        await book(scope, written.refunds)
        assert await broken_laws(scope, now=OCTOBER) == []
        told.append(await written.told(scope))
    assert told[0] == told[1]
    assert len(told[0][0]) > 40


def raced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both rounds read what is kept before either books."""
    read, both = refunding.standings, asyncio.Barrier(2)

    async def together(db: Writing, order_ids: Any) -> Any:
        found = await read(db, order_ids)
        await asyncio.wait_for(both.wait(), timeout=10)
        return found

    monkeypatch.setattr(refunding, "standings", together)


async def one_line_in_two_parts(tenant: TenantScope) -> list[RefundId]:
    """10 fen at 15 %, of which the mall holds 1; 4 go back twice."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10)
        refunds = [await give_back(db, sale, {0: 4}) for _ in range(2)]
        await post_orders_paid(db, [sale.id], now=OCTOBER)
    return refunds


async def side_by_side(tenant: TenantScope, rounds: Sequence[Sequence[RefundId]]) -> dict[str, int]:
    await asyncio.gather(*(in_rounds(tenant, each) for each in rounds))
    async with tenant.writing() as db:
        return await balances(db)


async def test_two_rounds_that_refund_one_order_book_one_after_the_other(tenant: TenantScope) -> None:
    first, second = await one_line_in_two_parts(tenant)
    assert await side_by_side(tenant, [[first], [second]]) == {"mall": 0, "brand": 2}


async def test_control_without_the_orders_lock_both_take_back_the_same_fen(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheld(_db: Writing, _orders: Any) -> None:
        return None

    first, second = await one_line_in_two_parts(tenant)
    monkeypatch.setattr(refunding, "hold_orders", unheld)
    raced(monkeypatch)
    assert await side_by_side(tenant, [[first], [second]]) == {"mall": -1, "brand": 3}


async def test_a_round_takes_one_refund_an_order_and_none_is_forgotten(tenant: TenantScope) -> None:
    first, second = await one_line_in_two_parts(tenant)
    async with tenant.writing() as db:
        booked = await post_refunds(db, [first, second, first], now=OCTOBER)
    assert booked.later == (second,)
    async with tenant.writing() as db:
        assert (await post_refunds(db, [first, second], now=OCTOBER)).later == (second,)
        assert (await post_refunds(db, [second], now=OCTOBER)).entries == 1
        assert await balances(db) == {"mall": 0, "brand": 2}


async def test_two_catch_ups_and_a_worker_at_once_book_nothing_twice(
    tenant: TenantScope, other_tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ROUND", 7)
    alone, crowded = await month(other_tenant, seed=4), await month(tenant, seed=4)
    await post_pending(other_tenant, now=OCTOBER)
    shuffled = Random(4).sample(crowded.refunds, len(crowded.refunds))
    await asyncio.gather(
        post_pending(tenant, now=OCTOBER), post_pending(tenant, now=OCTOBER), one_by_one(tenant, shuffled[:8])
    )
    assert await broken_laws(tenant, now=OCTOBER) == []
    assert (await crowded.told(tenant))[0] == (await alone.told(other_tenant))[0]


async def overtaken(tenant: TenantScope) -> tuple[list[Sale], list[RefundId]]:
    """Six sales with a refund each; of every other one nobody has booked the sale."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sales = [await sell(db, shop.store_id, 899) for _ in range(6)]
        refunds = [await give_back(db, sale, {0: 100}) for sale in sales]
        await post_orders_paid(db, [sale.id for sale in sales[::2]], now=OCTOBER)
    return sales, refunds


BEFORE_THEIR_SALES = (
    "SELECT count(*) FROM app.journals r JOIN app.refunds f ON f.tenant_id = r.tenant_id AND f.id = r.cause_id"
    " WHERE r.tenant_id = :t AND f.tenant_id = :t AND r.cause = 'order_refunded' AND NOT EXISTS (SELECT FROM app.journals s"
    " WHERE s.tenant_id = :t AND s.cause = 'order_paid' AND s.cause_id = f.order_id)"
)


async def test_sales_that_nobody_booked_are_booked_first_and_their_refunds_alone_follow(
    tenant: TenantScope,
) -> None:
    _, refunds = await overtaken(tenant)
    async with tenant.writing() as db:
        booked = await post_refunds(db, refunds, now=OCTOBER)
    assert booked.later == tuple(refunds[::2])
    assert await value(tenant, RETURNED) == 3
    assert await value(tenant, BEFORE_THEIR_SALES) == 0
    await in_rounds(tenant, booked.later)
    async with tenant.writing() as db:
        assert await balances(db) == {"mall": 6 * 119, "brand": 6 * 680}


class Killed(Exception):
    """The process is gone."""


@dataclass(frozen=True, slots=True)
class Mortal(TenantScope):
    """A tenant's door whose process dies in the n-th large transaction, before its commit."""

    dies_in: int = 0
    opened: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def writing_much(self) -> AsyncIterator[Writing]:
        """Open a transaction that may not live to see its end."""
        self.opened.append(1)
        async with TenantScope.writing_much(self) as db:
            yield db
            if len(self.opened) == self.dies_in:
                raise Killed


async def test_killed_in_the_third_round_the_books_are_true_and_the_next_catch_up_ends_them(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "ROUND", 2)
    _, refunds = await overtaken(tenant)
    # The first transaction books the sales that wait.
    mortal = Mortal(tenant.tenant_id, tenant.database, dies_in=4)
    with pytest.raises(Killed):
        await post_pending(mortal, now=OCTOBER)
    assert await value(tenant, RETURNED) == 4
    assert await value(tenant, BEFORE_THEIR_SALES) == 0
    assert (await post_pending(tenant, now=OCTOBER)).refunds == len(refunds) - 4
    assert await broken_laws(tenant, now=OCTOBER) == []


async def some_ask_for_too_much(tenant: TenantScope, *places: int) -> list[RefundId]:
    """Six refunds, of which those at these places say one fen more than their line ever had."""
    _, refunds = await overtaken(tenant)
    asking = [refunds[place] for place in places]
    async with tenant.writing() as db:
        wrong = text(
            "UPDATE app.refund_lines SET amount_fen = 900 WHERE tenant_id = :t AND refund_id = ANY(:r)"
        )
        await db.execute(wrong, {"t": db.tenant_id, "r": asking})
    return asking


async def test_a_refund_of_more_than_was_kept_is_said_and_sinks_no_other(tenant: TenantScope) -> None:
    [wrong] = await some_ask_for_too_much(tenant, 1)
    for _ in range(2):
        with pytest.raises(RefundExceedsKept) as refusal:
            await post_pending(tenant, now=OCTOBER)
        assert refusal.value.fields["refund_id"] == wrong
        assert await value(tenant, RETURNED) == 5


async def test_several_that_take_too_much_are_all_named(tenant: TenantScope) -> None:
    wrong = await some_ask_for_too_much(tenant, 1, 4)
    with pytest.raises(RefundExceedsKept) as refusal:
        await post_pending(tenant, now=OCTOBER)
    assert refusal.value.details.keys() == {str(each) for each in wrong}
    assert "keeps 899 fen" in refusal.value.details[str(wrong[1])]


async def test_where_a_fee_has_to_be_booked_first_the_refund_follows_in_the_next_transaction(
    tenant: TenantScope,
) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        sale = await sell(db, shop.store_id, 899)
        await post_orders_paid(db, [sale.id], now=OCTOBER)
        payment = await pay(db, sale.id, amount=899)
        refund = await give_back(db, sale, {0: 100})
        await through_channel(db, refund, payment_id=payment)
    async with tenant.writing() as db:
        assert (await post_refunds(db, [refund], now=OCTOBER)).later == (refund,)
    async with tenant.writing() as db:
        booked = await post_refunds(db, [refund], now=OCTOBER)
    assert (booked.later, await value(tenant, RETURNED)) == ((), 1)


async def test_control_a_round_that_raises_books_none_of_its_refunds(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The famous batch: one bad row, and nobody has anything."""
    right: Callable[..., Any] = refunding.post_refunds

    async def all_or_nothing(db: Writing, refund_ids: Sequence[RefundId], *, now: Any) -> Any:
        booked = await right(db, refund_ids, now=now)
        for refusal in booked.refused:
            raise refusal
        return booked

    await some_ask_for_too_much(tenant, 1)
    monkeypatch.setattr(pending, "post_refunds", all_or_nothing)
    with pytest.raises(RefundExceedsKept):
        await post_pending(tenant, now=OCTOBER)
    assert await value(tenant, RETURNED) == 0
