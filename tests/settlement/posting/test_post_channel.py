"""What the channel did beside the sales: its fee, who bears it, and money that no order wanted, until it has gone back."""

from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text

from orders.events import RefundRequested
from settlement.agreements.agreed import Bearer
from settlement.commands import NamedParty
from settlement.money.queries import expected_fees, in_suspense
from settlement.posting.fees import fee_on
from settlement.posting.pending import post_pending
from settlement.posting.post import post_order_paid
from settlement.posting.post_refunds import post_refund
from settlement.react import book_unwanted_payment
from settlement.states import AccountKind, PartyKind
from settlement.verify import verify_books
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import TenantScope, Writing
from tests.support.books import (
    OCTOBER,
    MallStore,
    add_mall,
    add_store,
    balances,
    give_back,
    mall_contract,
    open_mall_store,
    sell,
)
from tests.support.channel_rows import (
    cancelled,
    finish,
    give_back_unwanted,
    paid_sale,
    pay,
    through_channel,
)

RATE = Bps(60)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


async def held(db: Writing) -> dict[str, int]:
    rows = await db.execute(
        text("SELECT kind, sum(balance_fen) AS fen FROM app.ledger_accounts WHERE tenant_id = :t GROUP BY kind"),
        {"t": db.tenant_id},
    )  # fmt: skip
    return {row.kind: int(row.fen) for row in rows}


async def broken(tenant: TenantScope) -> list[str]:
    async with tenant.reading() as db:
        return [finding.law for finding in (await verify_books(db)).findings if finding.broken]


async def test_the_fee_is_charged_with_the_sale_and_comes_back_with_its_refunds(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 8_999, 250)
        payment = await paid_sale(db, sale)
        await post_order_paid(db, sale.id, now=OCTOBER)
        fee = fee_on(Fen(9_249), RATE)
        assert await held(db) == {"channel": fee - 9_249, "fee": -fee, "payable": 9_249}
        for amounts in ({0: 4_001}, {0: 998, 1: 1}):
            refund = await give_back(db, sale, amounts)
            await through_channel(db, refund, payment_id=payment)
            await post_refund(db, refund, now=OCTOBER)
            assert (await held(db))["fee"] == -fee_on(Fen(sum(sale.kept)), RATE)
        last = await give_back(db, sale, dict(enumerate(sale.kept)))
        await through_channel(db, last, payment_id=payment)
        await post_refund(db, last, now=OCTOBER)
        assert await post_refund(db, last, now=OCTOBER) == 0
        assert set((await held(db)).values()) == {0}
        found = await expected_fees(
            db, first=OCTOBER.date().replace(day=1), after=OCTOBER.date() + timedelta(days=1)
        )
    (day,) = found.fees
    assert (day.charged_fen, day.returned_fen, day.payments, day.refunds) == (fee, fee, 1, 3)
    assert await broken(shop.tenant) == []


async def test_a_second_payment_stands_in_suspense_until_it_has_gone_back(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        sale = await sell(db, shop.store_id, 10_000)
        await paid_sale(db, sale)
        second = await pay(db, sale.id, amount=10_000, at=OCTOBER + timedelta(minutes=1))
        refund = await give_back_unwanted(db, second, order_id=sale.id, store_id=shop.store_id, amount=10_000)
        await post_order_paid(db, sale.id, now=OCTOBER)
        for _ in range(2):
            await book_unwanted_payment(db, RefundRequested(refund_id=refund), now=OCTOBER)
        assert await held(db) == {"channel": 120 - 20_000, "fee": -120, "payable": 10_000, "suspense": 10_000}
        waiting = await in_suspense(db, now=OCTOBER + timedelta(days=3, hours=1))
        assert waiting.total_fen == 10_000
        assert [(each.payment_id, each.amount_fen, each.days) for each in waiting.payments] == [
            (second, 10_000, 3)
        ]
    assert await broken(shop.tenant) == []
    async with shop.tenant.writing() as db:
        await finish(db, refund)
        await post_refund(db, refund, now=OCTOBER)
        assert await held(db) == {"channel": 60 - 10_000, "fee": -60, "payable": 10_000, "suspense": 0}
        assert (await in_suspense(db, now=OCTOBER)).payments == []
        assert await balances(db) == {"mall": 1_500, "brand": 8_500}
    assert await broken(shop.tenant) == []


async def test_a_payment_after_the_end_is_found_and_booked_by_what_closing_begins_with(
    shop: MallStore,
) -> None:
    async with shop.tenant.writing() as db:
        order = await cancelled(db, shop.store_id, amount=5_000)
        payment = await pay(db, order, amount=5_000)
        refund = await give_back_unwanted(db, payment, order_id=order, store_id=shop.store_id, amount=5_000)
    # The control: money that nobody journaled breaks the law of suspense, and the fee's.
    assert len(await broken(shop.tenant)) == 2
    await post_pending(shop.tenant, now=OCTOBER)
    assert await broken(shop.tenant) == []
    async with shop.tenant.writing() as db:
        assert (await held(db))[AccountKind.SUSPENSE] == 5_000
        await finish(db, refund)
    assert len(await broken(shop.tenant)) == 2
    await post_pending(shop.tenant, now=OCTOBER)
    async with shop.tenant.writing() as db:
        assert set((await held(db)).values()) == {0}
    assert await broken(shop.tenant) == []


@pytest.mark.parametrize(
    ("said", "after_sale", "after_half"),
    [
        ({"channel_fee_by": Bearer.RESIDUAL}, 1_500, 750),
        ({"channel_fee_by": Bearer.PARTY, "channel_fee_party": True}, 1_500 - 60, 750 - 30),
        ({"channel_fee_by": Bearer.SHARED}, 1_500 - 9, 750 - 4),
    ],
)
async def test_a_party_that_bears_the_fee_owes_it_to_the_residual_party(
    tenant: TenantScope, said: dict[str, object], after_sale: int, after_half: int
) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        mall = NamedParty(kind=PartyKind.MALL, mall_id=mall_id)
        terms = {key: mall if value is True else value for key, value in said.items()}
        await mall_contract(db, mall_id, [store_id], **terms)
        sale = await sell(db, store_id, 10_000)
        payment = await paid_sale(db, sale)
        await post_order_paid(db, sale.id, now=OCTOBER)
        assert await held_by_party(db) == {"mall": after_sale, "brand": 10_000 - after_sale}
        for amount, expected in ((5_000, after_half), (5_000, 0)):
            refund = await give_back(db, sale, {0: amount})
            await through_channel(db, refund, payment_id=payment)
            await post_refund(db, refund, now=OCTOBER)
            assert (await held_by_party(db))["mall"] == expected
        assert set((await held(db)).values()) == {0}
    assert await broken(tenant) == []


async def held_by_party(db: Writing) -> dict[str, int]:
    rows = await db.execute(
        text(
            "SELECT p.code, sum(a.balance_fen) AS fen FROM app.ledger_accounts a JOIN app.parties p ON p.tenant_id = a.tenant_id"
            " AND p.id = a.party_id WHERE a.tenant_id = :t AND p.tenant_id = :t AND a.kind = 'payable' GROUP BY p.code"
        ),
        {"t": db.tenant_id},
    )
    return {row.code.split(":")[0]: int(row.fen) for row in rows}


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("UPDATE app.ledger_entries SET journal_id = gen_random_uuid() WHERE tenant_id = $1 AND cause = 'order_paid'",
         "every entry stands in a journal of its own cause"),
        ("UPDATE app.ledger_entries SET credit_account_id = gen_random_uuid() WHERE tenant_id = $1 AND cause = 'fee_charged'",
         "every entry moves between the accounts its cause names, of its own store and party"),
        ("DELETE FROM app.ledger_entries WHERE tenant_id = $1 AND cause = 'fee_shared' AND amount_fen = 9",
         "nothing stays on clearing: each journal passes on what it takes"),
    ],
)  # fmt: skip
async def test_control_what_foreign_keys_would_have_refused_is_found_by_the_laws(
    tenant: TenantScope, owner: asyncpg.Connection, change: str, law: str
) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        store_id = await add_store(db, mall_id=mall_id)
        await mall_contract(db, mall_id, [store_id], channel_fee_by=Bearer.SHARED)
        for _ in range(2):
            sale = await sell(db, store_id, 10_000)
            await paid_sale(db, sale)
            await post_order_paid(db, sale.id, now=OCTOBER)
    assert await broken(tenant) == []
    if "fee_shared" in change:
        change = change.replace(
            "amount_fen = 9",
            "party_id = (SELECT residual_party_id FROM app.contracts WHERE tenant_id = $1 LIMIT 1)",
        )
    await owner.execute(change, tenant.tenant_id)
    assert law in await broken(tenant)
