"""What parties owe: returns that will not come, guides who left with their commission, pop-up stores that ended; carried, never forgiven."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from guides.commands import EmployGuide
from guides.employ import employ_guide, let_guide_go
from orders.states import Source
from settlement.claims import claims
from settlement.close import close_month
from settlement.ledger import Movement, append, bank_account, open_journal, payable_account
from settlement.maturity import frozen_commissions, frozen_through
from settlement.periods import book_into
from settlement.posting.pending import post_pending
from settlement.splitting.states import ReturnStatus
from settlement.states import Cause, ClaimCause, PartyKind
from settlement.terms import guide_party_code, party_id_of
from settlement.views import StatementView
from tenants.kernel.ids import GuideId, StoreId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope, Writing
from tests.support.books import LONG_AGO, add_mall, add_store, balances, give_back, mall_contract, sell
from tests.support.owners import broken_laws
from tests.support.trading import PRICE

JULY, AUGUST, SEPTEMBER = (datetime(2026, month, 12, 4, tzinfo=UTC) for month in (7, 8, 9))
OCTOBER = datetime(2026, 10, 20, 4, tzinfo=UTC)
PART = PRICE * 2_000 // 10_000


async def owing(tenant: TenantScope, now: datetime, **asked: Any) -> dict[str, Any]:
    async with tenant.reading() as db:
        found = await claims(db, now=now, **asked)
    return {each.party.code.partition(":")[0]: each for each in found.parties}


async def closed(tenant: TenantScope, month: date) -> dict[str, StatementView]:
    done = await close_month(tenant, month, closed_by="staff:test", now=OCTOBER, through=True)
    return {view.party.code.partition(":")[0]: view for view in done[-1].statements}


async def test_a_return_that_is_not_allowed_is_a_claim_with_its_reason_until_later_sales_cover_it(
    new_split_shop,
) -> None:
    shop = await new_split_shop(accepts_returns=False)
    await shop.receiver()
    order = await shop.collected()
    await shop.pass_days(8)
    await shop.split_through(order.id)
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=10 * PRICE)
    refund = await shop.refund(order.id, PRICE)
    assert await shop.give_back(order.id) == [ReturnStatus.CLAIMED]
    assert await shop.books_hold() == []
    mall = (await owing(shop.tenant, shop.now + timedelta(days=3)))["mall"]
    [claim] = mall.claims
    assert (mall.balance_fen, mall.owes_fen) == (-PART, PART)
    assert (claim.cause, claim.amount_fen, claim.open_fen) == (ClaimCause.NOT_RETURNED, PART, PART)
    assert (claim.refund_id, claim.order_no, claim.channel_code) == (refund.id, order.order_no, "NO_AUTH")
    assert claim.age_days in {3, 4}
    assert claim.statement_id is None
    await shop.paid()
    assert await shop.books_hold() == []
    covered = (await owing(shop.tenant, shop.now))["mall"]
    assert (covered.owes_fen, covered.claims[0].open_fen) == (0, 0)
    assert (await owing(shop.tenant, shop.now, party_id=shop.party("brand"))) == {}


async def test_a_claim_names_the_statement_that_nets_it(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall)
        await mall_contract(db, mall, [store])
        sale = await sell(db, store, 10_000, at=JULY)
    await post_pending(tenant, now=OCTOBER)
    await pay_out(tenant, f"mall:{mall}", store, 1_500, at=JULY)
    async with tenant.writing() as db:
        refund = await give_back(db, sale, {0: 6_000}, at=AUGUST)
        await sell(db, store, 2_000, at=SEPTEMBER)
    august, september = await closed(tenant, date(2026, 8, 1)), await closed(tenant, date(2026, 9, 1))
    assert (august["mall"].closing_fen, september["mall"].opening_fen) == (-900, -900)
    assert september["mall"].closing_fen == -900 + 300
    found = (await owing(tenant, OCTOBER))["mall"]
    [claim] = found.claims
    assert (found.owes_fen, claim.amount_fen, claim.open_fen) == (600, 900, 600)
    assert (claim.cause, claim.refund_id, claim.statement_id) == (
        ClaimCause.PAID_BEFORE,
        refund,
        august["mall"].id,
    )
    assert await broken_laws(tenant, now=OCTOBER) == []


async def pay_out(tenant: TenantScope, code: str, store: StoreId, fen: int, *, at: datetime) -> None:
    """Pay a party by the bank, as payouts do."""
    async with tenant.writing() as db:
        party = party_id_of(db.tenant_id, code)
        contract = await db.execute(
            text(
                "SELECT c.id, c.code FROM app.ledger_accounts a"
                " JOIN app.contracts c ON c.tenant_id = a.tenant_id AND c.id = a.contract_id"
                " WHERE a.tenant_id = :t AND c.tenant_id = :t AND a.party_id = :p"
            ),
            {"t": db.tenant_id, "p": party},
        )
        [(contract_id, contract_code)] = contract.all()
        month = (contract_code, at.date().replace(day=1))
        period_on = (await book_into(db, [month]))[month]
        journal = await open_journal(db, Cause.PAID_OUT, cause_id=new_id(), occurred_at=at, now=at)
        assert journal is not None
        movement = Movement(
            cause=Cause.PAID_OUT, amount_fen=Fen(-fen), against=bank_account(), party_id=party,
            account=payable_account(party, store_id=store, contract_id=contract_id), store_id=store,
            contract_id=contract_id, occurred_on=at.date(), period_on=period_on,
        )  # fmt: skip
        await append(db, [movement], journal_id=journal)


async def employed(db: Writing, store: StoreId) -> GuideId:
    command = EmployGuide(code="G1", name="小林", store_id=store)
    return (await employ_guide(db, command, now=LONG_AGO)).id


async def test_what_a_guide_was_paid_and_a_refund_takes_back_after_the_guide_left_stays_owed(
    tenant: TenantScope,
) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        guide = await employed(db, store)
        sale = await sell(db, store, 10_000, at=JULY, guide_id=guide, guide_bps=500)
    await post_pending(tenant, now=OCTOBER)
    await pay_out(tenant, guide_party_code(guide), store, 500, at=JULY)
    async with tenant.writing() as db:
        await let_guide_go(db, guide, now=AUGUST)
        await give_back(db, sale, {0: 10_000}, at=SEPTEMBER)
    statement = (await closed(tenant, date(2026, 9, 1)))["guide"]
    assert statement.closing_fen == -500
    found = (await owing(tenant, OCTOBER))["guide"]
    assert (found.balance_fen, found.party.name) == (-500, "小林")
    assert [(claim.cause, claim.open_fen) for claim in found.claims] == [(ClaimCause.PAID_BEFORE, 500)]
    async with tenant.writing() as db:
        assert (await balances(db))["guide"] == -500
    assert await broken_laws(tenant, now=OCTOBER) == []


@pytest.mark.parametrize("source", [Source.STOREFRONT, Source.HISTORY])
async def test_commission_is_frozen_while_the_goods_may_be_brought_back(
    tenant: TenantScope, source: Source
) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        guide = await employed(db, store)
        for at in (JULY, AUGUST):
            sale = await sell(db, store, 10_000, at=at, source=source, guide_id=guide, guide_bps=500)
            if source is Source.STOREFRONT:
                await hand_over(db, sale.id, store, at=at)
        await give_back(db, sale, {0: 2_000}, at=AUGUST)
    await post_pending(tenant, now=OCTOBER)
    party = party_id_of(tenant.tenant_id, guide_party_code(guide))
    frozen = {}
    async with tenant.reading() as db:
        for days in (6, 8):
            now = AUGUST + timedelta(days=days)
            frozen[days] = [
                (each.period_on.month, each.amount_fen) for each in await frozen_commissions(db, now=now)
            ]
        assert frozen == {6: [(8, 400)], 8: []}
        soon = AUGUST + timedelta(days=6)
        assert await frozen_through(db, {party: date(2026, 8, 1)}, now=soon) == {party: 400}
        assert await frozen_through(db, {party: date(2026, 7, 1)}, now=soon) == {}


async def test_commission_on_goods_that_nobody_collected_is_frozen(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        store = await add_store(db)
        await sell(db, store, 10_000, at=JULY, guide_id=await employed(db, store), guide_bps=500)
    await post_pending(tenant, now=OCTOBER)
    async with tenant.reading() as db:
        assert [each.amount_fen for each in await frozen_commissions(db, now=OCTOBER)] == [500]


async def hand_over(db: Writing, order_id: object, store: StoreId, *, at: datetime) -> None:
    statement = (
        "INSERT INTO app.pickups (tenant_id, order_id, store_id, code, state, created_at, redeemed_at)"
        " VALUES (:t, :o, :s, :code, 'redeemed', :at, :at)"
    )
    values = {"t": db.tenant_id, "o": order_id, "s": store, "code": str(order_id)[-12:], "at": at}
    await db.execute(text(statement), values)


async def test_a_guide_never_gets_a_part_through_the_channel(shop) -> None:
    guide = await shop.trading.guide(rate_bps=500)
    order = await shop.trading.place(guide_id=guide, now=shop.now)
    payment = await shop.trading.prepare(order.id)
    await shop.trading.take_money(payment.payment_no)
    await shop.trading.sync(order.id)
    await shop.collect(order.id)
    await shop.pass_days(8)
    found = await shop.split_through(order.id)
    assert [part.party.kind for part in found.parts] == [PartyKind.MALL]
    assert await shop.books_hold() == []
    assert await shop.payable(shop.party(guide_party_code(guide))) == PRICE * 500 // 10_000


async def test_a_popup_store_settles_late_refunds_after_its_contract_ended(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall, active_from=JULY, active_to=AUGUST)
        await mall_contract(db, mall, [store], bps=2_000, active_from=JULY, active_to=AUGUST)
        sale = await sell(db, store, 10_000, at=JULY + timedelta(days=1))
    await post_pending(tenant, now=OCTOBER)
    july = await closed(tenant, date(2026, 7, 1))
    await pay_out(tenant, f"mall:{mall}", store, 2_000, at=AUGUST)
    async with tenant.writing() as db:
        await give_back(db, sale, {0: 7_500}, at=SEPTEMBER)
    september = await closed(tenant, date(2026, 9, 1))
    assert july["mall"].closing_fen == 2_000
    assert (september["mall"].reversed_fen, september["mall"].closing_fen) == (1_500, -1_500)
    assert (await owing(tenant, OCTOBER))["mall"].owes_fen == 1_500
    assert await broken_laws(tenant, now=OCTOBER) == []
