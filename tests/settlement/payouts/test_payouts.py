"""Payouts: what is due once, held once, released by a second person, booked once; twice at once makes one batch."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from settlement.disputes.commands import OpenDispute
from settlement.disputes.open import open_dispute
from settlement.errors import SecondPersonNeeded
from settlement.payouts import guard
from settlement.payouts import prepare as preparing
from settlement.payouts.commands import SetPayee
from settlement.payouts.due import due_parties
from settlement.payouts.errors import PayeeWrong, PayoutStandsOtherwise
from settlement.payouts.payees import set_payee
from settlement.payouts.release import withdraw_payout
from settlement.payouts.states import LineState, PayeeKind, SkipReason
from settlement.payouts.views import PayoutView
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import TenantScope
from tests.support.books import MallStore, give_back_loose, open_mall_store, sell
from tests.support.rows import rows, value
from tests.support.statements import (
    AFTER,
    CLOSER,
    DECEMBER,
    NOVEMBER,
    SECOND,
    SOLD,
    agree,
    approve,
    ask,
    close,
    give_account,
    outcome,
    prepare,
    release,
    sound,
    stated,
)  # fmt: skip


@pytest.fixture
async def shop(tenant: TenantScope, keys: KeyRing) -> MallStore:
    """The mall is owed 1,500 fen by an October that is closed, and has an account."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=SOLD)
    await close(tenant)
    await give_account(tenant, (await stated(tenant)).party.id, keys)
    return shop


async def balance(tenant: TenantScope) -> int:
    found = "SELECT sum(balance_fen)::bigint FROM app.ledger_accounts a JOIN app.parties p ON p.id = a.party_id AND p.tenant_id = a.tenant_id WHERE a.tenant_id = :t AND p.kind = 'mall'"
    return int(await value(tenant, found))


async def prepared(tenant: TenantScope) -> PayoutView:
    found = (await prepare(tenant)).payout
    assert found is not None
    return found


async def why(tenant: TenantScope, on: date = date(2026, 11, 2)) -> dict[str, SkipReason | None]:
    async with tenant.reading() as db:
        return {each.party.kind.value: each.skipped for each in await due_parties(db, on=on, now=AFTER)}


async def test_what_is_signed_and_positive_is_paid_from_release_to_the_books(shop: MallStore) -> None:
    assert await why(shop.tenant) == {"mall": SkipReason.NOT_APPROVED}
    await approve(shop.tenant)
    payout = await prepared(shop.tenant)
    assert (payout.total_fen, payout.line_count, payout.lines[0].payee.account_tail) == (1_500, 1, "4455")
    with pytest.raises(SecondPersonNeeded):
        await release(shop.tenant, payout, by=CLOSER)
    await release(shop.tenant, payout)
    assert await balance(shop.tenant) == 1_500
    done = await outcome(shop.tenant, payout, LineState.PAID)
    assert (done.state, done.lines[0].state) == ("done", "paid")
    assert await balance(shop.tenant) == 0
    assert (await outcome(shop.tenant, payout, LineState.PAID)).state == "done"
    assert await balance(shop.tenant) == 0
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    november = await stated(shop.tenant, month=NOVEMBER)
    assert (november.opening_fen, november.paid_fen, november.closing_fen) == (1_500, 1_500, 0)
    assert await sound(shop.tenant)


async def test_what_the_bank_sends_back_is_owed_again_and_paid_again(shop: MallStore) -> None:
    await approve(shop.tenant)
    payout = await release(shop.tenant, await prepared(shop.tenant))
    await outcome(shop.tenant, payout, LineState.PAID)
    await outcome(shop.tenant, payout, LineState.RETURNED)
    assert await balance(shop.tenant) == 1_500
    again = await prepared(shop.tenant)
    assert (again.id != payout.id, again.total_fen) == (True, 1_500)
    assert again.payout_no == "P2026110202"
    await release(shop.tenant, again)
    await outcome(shop.tenant, again, LineState.PAID)
    assert await balance(shop.tenant) == 0
    assert (await prepare(shop.tenant)).payout is None
    assert await sound(shop.tenant)


async def test_a_failed_line_books_nothing_and_is_due_again(shop: MallStore) -> None:
    await approve(shop.tenant)
    payout = await release(shop.tenant, await prepared(shop.tenant))
    assert (await outcome(shop.tenant, payout, LineState.FAILED)).state == "done"
    with pytest.raises(PayoutStandsOtherwise):
        await outcome(shop.tenant, payout, LineState.PAID)
    assert await balance(shop.tenant) == 1_500
    assert (await prepared(shop.tenant)).total_fen == 1_500


async def test_a_withdrawn_batch_frees_what_it_held_and_a_released_one_is_not_withdrawn(
    shop: MallStore,
) -> None:
    await approve(shop.tenant)
    payout = await prepared(shop.tenant)
    async with shop.tenant.writing() as db:
        await withdraw_payout(db, payout.id, withdrawn_by=CLOSER, now=AFTER)
    again = await release(shop.tenant, await prepared(shop.tenant))
    async with shop.tenant.writing() as db:
        with pytest.raises(PayoutStandsOtherwise):
            await withdraw_payout(db, again.id, withdrawn_by=CLOSER, now=AFTER)


async def test_two_who_prepare_at_once_make_one_batch(shop: MallStore) -> None:
    await approve(shop.tenant)
    found = await asyncio.gather(*(prepare(shop.tenant) for _ in range(4)))
    assert len({each.payout.id for each in found if each.payout}) == 1
    assert sorted(each.already_prepared for each in found) == [False, True, True, True]
    assert await value(shop.tenant, "SELECT count(*) FROM app.payout_lines WHERE tenant_id = :t") == 1


async def test_control_without_lock_and_guard_two_at_once_pay_twice(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The famous bug: look what is due, then write it down."""
    await approve(shop.tenant)
    met = asyncio.Barrier(2)

    async def no_lock(_db) -> None:
        return None

    async def no_guard(_db, _statement_id, *, amount_fen) -> None:
        await met.wait()

    serial = iter(("P1", "P2"))

    async def own_number(_db, _on) -> str:
        return next(serial)

    monkeypatch.setattr(preparing, "hold_payouts", no_lock)
    monkeypatch.setattr(preparing, "take_from", no_guard)
    monkeypatch.setattr(preparing, "_number", own_number)
    found = await asyncio.gather(prepare(shop.tenant), prepare(shop.tenant))
    assert sum(each.payout.total_fen for each in found if each.payout) == 3_000


async def test_the_guard_alone_refuses_a_second_payment_of_one_statement(shop: MallStore) -> None:
    statement = await approve(shop.tenant)
    async with shop.tenant.writing() as db:
        await guard.take_from(db, statement.id, amount_fen=1_500)
        with pytest.raises(guard.PayoutExceedsStatement):
            await guard.take_from(db, statement.id, amount_fen=1)
    with pytest.raises(Exception, match="statement_standings_ck_payout"):
        async with shop.tenant.writing() as db:
            await db.execute(
                text("UPDATE app.statement_standings SET payout_fen = payout_fen + 1 WHERE tenant_id = :t AND statement_id = :i"),
                {"t": db.tenant_id, "i": statement.id},
            )  # fmt: skip


async def test_a_later_statement_that_carries_the_same_money_is_not_paid_on_top(shop: MallStore) -> None:
    await approve(shop.tenant)
    held = await prepared(shop.tenant)
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 1_000, at=AFTER)
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert (await approve(shop.tenant, month=NOVEMBER)).closing_fen == 1_650
    december = (await prepare(shop.tenant, on=date(2026, 12, 2), now=DECEMBER)).payout
    assert december is not None
    assert (december.total_fen, held.total_fen) == (150, 1_500)
    for payout in (held, december):
        await release(shop.tenant, payout)
        await outcome(shop.tenant, payout, LineState.PAID, now=DECEMBER)
    assert await balance(shop.tenant) == 0
    assert (await prepare(shop.tenant, on=date(2026, 12, 3), now=DECEMBER)).payout is None


async def test_a_negative_statement_is_a_claim_and_is_netted_in_the_next(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        await give_back_loose(db, shop.store_id, 40_000, at=AFTER)
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert (await approve(shop.tenant, month=NOVEMBER)).closing_fen == -4_500
    assert await why(shop.tenant, date(2026, 12, 2)) == {"mall": SkipReason.NEGATIVE}


async def test_a_disputed_statement_is_not_paid_and_what_waits_for_its_day_neither(shop: MallStore) -> None:
    await approve(shop.tenant)
    assert await why(shop.tenant, date(2026, 10, 31)) == {"mall": SkipReason.NOT_YET}
    statement = await stated(shop.tenant)
    async with shop.tenant.writing() as db:
        await open_dispute(
            db, OpenDispute(reason="金额不符"), statement_id=statement.id, opened_by="m", now=AFTER
        )
    assert await why(shop.tenant) == {"mall": SkipReason.DISPUTED}


async def test_a_batch_is_not_let_go_on_a_statement_that_was_disputed_after_it_was_prepared(
    shop: MallStore,
) -> None:
    statement = await approve(shop.tenant)
    payout = await prepared(shop.tenant)
    async with shop.tenant.writing() as db:
        await open_dispute(
            db, OpenDispute(reason="金额不符"), statement_id=statement.id, opened_by="m", now=AFTER
        )
    with pytest.raises(PayoutStandsOtherwise) as refused:
        await release(shop.tenant, payout)
    assert refused.value.details == {
        payout.lines[0].line_no: "its statement is disputed: withdraw the batch and prepare it again"
    }
    async with shop.tenant.writing() as db:
        await withdraw_payout(db, payout.id, withdrawn_by=CLOSER, now=AFTER)
    assert (await prepare(shop.tenant)).payout is None


async def test_what_comes_back_after_the_next_statement_waits_for_the_one_after_and_stops_nobody(
    shop: MallStore,
) -> None:
    await approve(shop.tenant)
    payout = await release(shop.tenant, await prepared(shop.tenant))
    await outcome(shop.tenant, payout, LineState.PAID)
    async with shop.tenant.writing() as db:
        await sell(db, shop.store_id, 1_000, at=AFTER)
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert (await approve(shop.tenant, month=NOVEMBER)).closing_fen == 150
    await outcome(shop.tenant, payout, LineState.RETURNED, now=DECEMBER)
    december = (await prepare(shop.tenant, on=date(2026, 12, 2), now=DECEMBER)).payout
    assert december is not None
    # 16.50 is owed, and the signed statement says 1.50: the rest is the next statement's.
    assert december.total_fen == 150
    await release(shop.tenant, december)
    await outcome(shop.tenant, december, LineState.PAID, now=DECEMBER)
    assert (await prepare(shop.tenant, on=date(2026, 12, 2), now=DECEMBER)).payout is None
    await close(shop.tenant, date(2026, 12, 1), now=datetime(2027, 1, 2, tzinfo=UTC))
    assert (await approve(shop.tenant, month=date(2026, 12, 1))).closing_fen == 1_500
    january = (await prepare(shop.tenant, on=date(2027, 1, 2), now=datetime(2027, 1, 2, tzinfo=UTC))).payout
    assert january is not None
    assert january.total_fen == 1_500
    assert await sound(shop.tenant)


@pytest.mark.parametrize(("back", "paid"), [(40_000, None), (2_000, 1_200)])
async def test_a_later_statement_that_says_less_is_owed_holds_the_difference_back_before_anybody_signed_it(
    shop: MallStore, back: int, paid: int | None
) -> None:
    await approve(shop.tenant)
    async with shop.tenant.writing() as db:
        await give_back_loose(db, shop.store_id, back, at=AFTER)
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    found = (await prepare(shop.tenant, on=date(2026, 12, 2), now=DECEMBER)).payout
    assert (found and found.total_fen) == paid
    if paid is None:
        assert await why(shop.tenant, date(2026, 12, 2)) == {"mall": SkipReason.NEGATIVE}


async def test_an_open_correction_after_signing_changes_the_next_statement_not_this_payment(
    shop: MallStore,
) -> None:
    await approve(shop.tenant)
    await agree(shop.tenant, await ask(shop.tenant, -100))
    assert (await prepared(shop.tenant)).total_fen == 1_500


async def test_accounts_are_sealed_and_a_new_one_ends_the_old(shop: MallStore, keys: KeyRing) -> None:
    party = (await stated(shop.tenant)).party.id
    stored = await rows(shop.tenant, "SELECT * FROM app.payees WHERE tenant_id = :t")
    assert "6222021001122334455" not in str(stored)
    new = SetPayee(
        kind=PayeeKind.BANK, account_name="某公司", account_no="6217000000009999", bank_name="某银行"
    )
    async with shop.tenant.writing() as db:
        await set_payee(db, new, party_id=party, keys=keys, actor=SECOND, now=DECEMBER)
    ended = await rows(
        shop.tenant, "SELECT ended_by FROM app.payees WHERE tenant_id = :t ORDER BY created_at"
    )
    assert [row.ended_by for row in ended] == [SECOND, None]
    for wrong in (
        SetPayee(kind=PayeeKind.PAYROLL, payroll_no="G1"), SetPayee(kind=PayeeKind.BANK, account_name="某公司")
    ):  # fmt: skip
        async with shop.tenant.writing() as db:
            with pytest.raises(PayeeWrong):
                await set_payee(db, wrong, party_id=party, keys=keys, actor=SECOND, now=DECEMBER)
