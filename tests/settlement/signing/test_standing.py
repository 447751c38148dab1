"""A statement is signed by a second person, agreed to by its party, and moves on no other way, whoever tries at the same time."""

import asyncio

import pytest
from sqlalchemy import text

from settlement.disputes.answer import resolve_dispute
from settlement.disputes.commands import OpenDispute, ResolveDispute
from settlement.disputes.open import open_dispute
from settlement.errors import (
    AdjustmentUndecided,
    InvoiceNumberTaken,
    InvoiceWrong,
    SecondPersonNeeded,
    StatementNotFound,
    StatementStandsOtherwise,
)
from settlement.signing.commands import RecordInvoice
from settlement.signing.invoices import record_invoice
from settlement.signing.standing import agree_to_statement, move_statement
from settlement.signing.states import STATEMENT_MOVES, StatementState
from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tests.support.books import MallStore, open_mall_store, sell
from tests.support.rows import rows
from tests.support.statements import AFTER, CLOSER, OCTOBER, SECOND, SOLD, THIRD, approve, ask, close, stated


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=SOLD)
    await close(tenant)
    return shop


async def test_who_closed_the_month_cannot_sign_its_statements_and_a_second_person_can(
    shop: MallStore,
) -> None:
    with pytest.raises(SecondPersonNeeded):
        await approve(shop.tenant, by=CLOSER)
    signed = await approve(shop.tenant)
    assert (signed.state, signed.approved_by, signed.approved_at) == ("approved", SECOND, AFTER)
    deeds = await rows(
        shop.tenant, "SELECT actor FROM app.audit_log WHERE tenant_id = :t AND action = 'approve_statement'"
    )
    assert [row.actor for row in deeds] == [SECOND]


async def test_of_two_who_sign_at_once_one_does(shop: MallStore) -> None:
    found = await asyncio.gather(
        *(approve(shop.tenant, by=by) for by in (SECOND, THIRD)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in found) == ["StatementStandsOtherwise", "StatementView"]


async def test_every_forbidden_move_is_refused_in_the_database_too(shop: MallStore) -> None:
    for state in StatementState:
        for target in StatementState:
            statement = await stated(shop.tenant, "brand")
            async with shop.tenant.writing() as db:
                await db.execute(
                    text(
                        "UPDATE app.statement_standings SET state = :s, approved_at = :a, approved_by = :b WHERE tenant_id = :t AND statement_id = :i"
                    ),
                    {"s": state.value, "a": AFTER, "b": SECOND, "t": db.tenant_id, "i": statement.id},
                )
                if target in STATEMENT_MOVES[state]:
                    await move_statement(db, statement.id, to=target)
                else:
                    with pytest.raises(StatementStandsOtherwise):
                        await move_statement(db, statement.id, to=target)
                await db.rollback()


async def test_a_statement_with_a_correction_that_waits_is_not_signed(shop: MallStore) -> None:
    await ask(shop.tenant, 5)
    with pytest.raises(AdjustmentUndecided):
        await approve(shop.tenant)


async def test_a_party_agrees_once_and_another_mall_finds_nothing(shop: MallStore) -> None:
    statement = await stated(shop.tenant)
    async with shop.tenant.writing() as db:
        agreed = await agree_to_statement(
            db, statement.id, agreed_by="staff:mall", now=AFTER, mall_id=shop.mall_id
        )
        again = await agree_to_statement(db, statement.id, agreed_by="staff:other", now=AFTER)
    assert (agreed.agreed_by, again.agreed_by) == ("staff:mall", "staff:mall")
    async with shop.tenant.writing() as db:
        with pytest.raises(StatementNotFound):
            await agree_to_statement(db, statement.id, agreed_by="staff:x", now=AFTER, mall_id=new_id())


async def test_a_signed_statement_can_be_disputed_and_is_signed_again_once_it_is_resolved(
    shop: MallStore,
) -> None:
    signed = await approve(shop.tenant)
    async with shop.tenant.writing() as db:
        dispute = await open_dispute(
            db, OpenDispute(reason="金额不符"), statement_id=signed.id, opened_by="staff:mall", now=AFTER
        )
    with pytest.raises(StatementStandsOtherwise):
        await approve(shop.tenant, by=THIRD)
    async with shop.tenant.writing() as db:
        await resolve_dispute(
            db, ResolveDispute(resolution="已核对"), dispute_id=dispute.id, resolved_by=SECOND, now=AFTER
        )
    assert (await approve(shop.tenant, by=THIRD)).approved_by == THIRD


async def test_an_invoice_is_noted_once_and_must_be_possible(shop: MallStore) -> None:
    statement = await stated(shop.tenant)

    async def note(number: str, amount: int, tax: int) -> int:
        command = RecordInvoice(invoice_no=number, issued_on=OCTOBER, amount_fen=amount, tax_fen=tax)
        async with shop.tenant.writing() as db:
            noted = await record_invoice(
                db, command, statement_id=statement.id, recorded_by=SECOND, now=AFTER
            )
        return len(noted.invoices)

    assert await note("24312000", 1_500, 85) == 1
    assert await note("24312001", -1_500, -85) == 2
    with pytest.raises(InvoiceNumberTaken):
        await note("24312000", 1, 0)
    for amount, tax in ((0, 0), (100, 100), (100, -1)):
        with pytest.raises(InvoiceWrong):
            await note("24312002", amount, tax)


async def test_the_figures_of_a_statement_cannot_be_written_by_the_application(shop: MallStore) -> None:
    for column in ("closing_fen = 1", "version = 2", "names = '{}'", "content_sha256 = ''"):
        with pytest.raises(Exception, match="permission denied"):
            async with shop.tenant.writing() as db:
                await db.execute(
                    text(f"UPDATE app.statements SET {column} WHERE tenant_id = :t"), {"t": db.tenant_id}
                )


async def test_a_statement_from_before_anybody_could_sign_is_closed_and_can_be_signed(
    shop: MallStore, owner
) -> None:
    await owner.execute("DELETE FROM app.statement_standings WHERE tenant_id = $1", shop.tenant.tenant_id)
    assert (await stated(shop.tenant)).state == "closed"
    assert (await approve(shop.tenant)).state == "approved"
    found = await rows(shop.tenant, "SELECT payable_fen FROM app.statement_standings WHERE tenant_id = :t")
    assert [row.payable_fen for row in found] == [1_500]
