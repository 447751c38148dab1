"""Corrections: asked for by one person, booked by another, naming what they correct; into a new version, or into the open period."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import text

from settlement import statements as counting
from settlement.close import close_month
from settlement.digests import content_digest
from settlement.errors import (
    AdjustmentDecided,
    AdjustmentWrong,
    SecondPersonNeeded,
    StatementDiffers,
    StatementSealed,
)
from settlement.queries import find_statement, statements
from settlement.sheets.lines import statement_adjustments
from settlement.sheets.names import names_of
from settlement.signing import adjust
from settlement.signing.adjust import propose_adjustment
from settlement.signing.commands import ProposeAdjustment
from settlement.signing.standing import move_statement
from settlement.statements import party_month
from settlement.views import StatementView
from tenants.commands import EmployStaff
from tenants.employ import employ_staff
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership, StaffRole
from tests.support.books import LONG_AGO, MallStore, open_mall_store, sell
from tests.support.owners import own
from tests.support.rows import value
from tests.support.statements import (
    AFTER,
    CLOSER,
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    SECOND,
    SOLD,
    THIRD,
    agree,
    approve,
    ask,
    close,
    contract_of,
    sound,
    stated,
)  # fmt: skip


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=SOLD)
    await close(tenant)
    return shop


def figures(statement: StatementView) -> tuple[int, ...]:
    return (statement.version, statement.earned_fen, statement.adjusted_fen, statement.closing_fen)


async def test_nothing_is_booked_before_a_second_person_agrees(shop: MallStore) -> None:
    asked = await ask(shop.tenant, 200)
    assert (
        await value(
            shop.tenant, "SELECT count(*) FROM app.ledger_entries WHERE tenant_id = :t AND cause = 'adjusted'"
        )
        == 0
    )
    with pytest.raises(SecondPersonNeeded):
        await agree(shop.tenant, asked, by=CLOSER)
    booked = await agree(shop.tenant, asked)
    assert (booked.state, booked.decided_by, booked.period_on) == ("booked", SECOND, NOVEMBER)
    with pytest.raises(AdjustmentDecided):
        await agree(shop.tenant, asked, by=THIRD)
    assert await sound(shop.tenant)


async def test_a_statement_names_those_who_asked_and_agreed_by_their_log_in(shop: MallStore) -> None:
    async with shop.tenant.writing() as db:
        said = {"name": "会计", "password": "correct horse battery", "role": StaffRole.FINANCE}
        people = [
            await employ_staff(db, EmployStaff(login=login, **said), password_hash="-", now=AFTER)
            for login in ("finance", "hq")
        ]
    asked = await ask(shop.tenant, 200, by=f"staff:{people[0].id}")
    await agree(shop.tenant, asked, by=f"staff:{people[1].id}")
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    statement = await stated(shop.tenant, month=NOVEMBER)
    async with shop.tenant.reading() as db:
        [line] = await statement_adjustments(
            db,
            statement.party.id,
            month=NOVEMBER,
            version=1,
            stores=(await names_of(db, statement.id)).stores,
        )
    assert [step.value for step in line.steps][-2:] == ["finance", "hq"]


async def test_of_two_who_agree_at_once_one_books_it(shop: MallStore) -> None:
    asked = await ask(shop.tenant, 200)
    found = await asyncio.gather(
        *(agree(shop.tenant, asked, by=by) for by in (SECOND, THIRD)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in found) == ["AdjustmentDecided", "AdjustmentView"]
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert (await stated(shop.tenant, month=NOVEMBER)).adjusted_fen == 200


async def test_a_refused_one_books_nothing(shop: MallStore) -> None:
    assert (await agree(shop.tenant, await ask(shop.tenant, 200), agrees=False)).state == "refused"
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert (await stated(shop.tenant, month=NOVEMBER)).adjusted_fen == 0


async def test_an_unsigned_statement_is_restated_and_its_first_version_stays(shop: MallStore) -> None:
    first = await stated(shop.tenant)
    await agree(shop.tenant, await ask(shop.tenant, -300, restates=True))
    second, brand = await stated(shop.tenant), await stated(shop.tenant, "brand")
    assert figures(first) == (1, 1_500, 0, 1_500)
    assert figures(second) == (2, 1_500, -300, 1_200)
    assert figures(brand) == (2, 8_500, 300, 8_800)
    assert second.restated_for == "漏记一笔"
    async with shop.tenant.reading() as db:
        kept = await find_statement(db, first.id)
        assert (kept.state, figures(kept), kept.content_sha256) == (
            "superseded",
            figures(first),
            first.content_sha256,
        )
        again = await party_month(db, first.party.id, month=OCTOBER, version=1)
        stored = await value(
            shop.tenant, "SELECT names FROM app.statements WHERE tenant_id = :t AND id = :i", i=first.id
        )
        assert await content_digest(db, again, month=OCTOBER, names=stored) == first.content_sha256
        assert (await names_of(db, first.id)).party == "望江天地"
        assert len(await statements(db, month=OCTOBER)) == 2
        assert len(await statements(db, month=OCTOBER, versions=True)) == 4
    assert (await close(shop.tenant)).already_closed
    november = await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert {each.party.kind: each.opening_fen for each in november.statements} == {
        "mall": 1_200,
        "brand": 8_800,
    }
    assert await sound(shop.tenant)


async def test_control_a_version_counted_from_all_entries_is_not_the_one_that_stood(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await agree(shop.tenant, await ask(shop.tenant, -300, restates=True))
    real = counting._moved

    async def forgetful(db, month, *, party_id=None, version=None):
        return await real(db, month, party_id=party_id)

    monkeypatch.setattr(counting, "_moved", forgetful)
    with pytest.raises(StatementDiffers):
        await close(shop.tenant)


async def test_who_wrote_the_new_version_cannot_sign_it_nor_can_who_closed_the_month(shop: MallStore) -> None:
    await agree(shop.tenant, await ask(shop.tenant, 1, restates=True, by=THIRD))
    for by in (SECOND, CLOSER):
        with pytest.raises(SecondPersonNeeded):
            await approve(shop.tenant, by=by)
    assert (await approve(shop.tenant, by="staff:fourth")).version == 2


async def test_once_it_is_signed_a_correction_falls_into_the_open_period(shop: MallStore) -> None:
    waiting = await ask(shop.tenant, 10, restates=True)
    await agree(shop.tenant, waiting, agrees=False)
    signed = await approve(shop.tenant)
    with pytest.raises(StatementSealed):
        await ask(shop.tenant, 10, restates=True)
    assert (await agree(shop.tenant, await ask(shop.tenant, 10))).period_on == NOVEMBER
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    assert figures(await stated(shop.tenant, month=NOVEMBER))[2] == 10
    assert await stated(shop.tenant) == signed
    assert await sound(shop.tenant)


async def test_a_signature_on_the_other_party_seals_both(shop: MallStore) -> None:
    asked = await ask(shop.tenant, 10, restates=True)
    await approve(shop.tenant, "brand")
    with pytest.raises(StatementSealed):
        await agree(shop.tenant, asked)
    assert (await stated(shop.tenant)).version == 1


async def test_a_restatement_is_not_even_asked_for_where_the_other_partys_statement_is_signed(
    shop: MallStore,
) -> None:
    await approve(shop.tenant, "brand")
    with pytest.raises(StatementSealed) as refused:
        await ask(shop.tenant, 10, restates=True)
    told = refused.value.details["counterpartyId"]
    assert str((await stated(shop.tenant, "brand")).id) in told
    assert "without restating, it falls into the open period" in told
    assert (await agree(shop.tenant, await ask(shop.tenant, 10))).period_on == NOVEMBER
    assert await sound(shop.tenant)


async def test_control_looking_at_the_named_statement_alone_asks_for_what_can_never_be_booked(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that was there: a second person was asked to agree to what is refused once he does."""

    async def nobody(_db, _statement, *, party_id) -> None:
        return None

    monkeypatch.setattr(adjust, "other_sealed", nobody)
    await approve(shop.tenant, "brand")
    asked = await ask(shop.tenant, 10, restates=True)
    with pytest.raises(StatementSealed):
        await agree(shop.tenant, asked)


async def test_a_month_with_a_later_one_closed_is_not_restated(shop: MallStore) -> None:
    asked = await ask(shop.tenant, 10, restates=True)
    await close(shop.tenant, NOVEMBER, now=DECEMBER)
    with pytest.raises(StatementSealed):
        await agree(shop.tenant, asked)
    with pytest.raises(StatementSealed):
        await ask(shop.tenant, 10, restates=True)
    assert await sound(shop.tenant)


async def test_signing_and_restating_at_once_end_in_one_of_the_two(shop: MallStore) -> None:
    asked = await ask(shop.tenant, 10, restates=True)

    async def sign() -> StatementView:
        async with shop.tenant.writing() as db:
            await db.execute(text("SELECT pg_sleep(0.02)"))
            await move_statement(
                db, (await statement_of(db)).id, to="approved", approved_at=AFTER, approved_by=THIRD
            )
        return await stated(shop.tenant)

    async def statement_of(db) -> StatementView:
        return next(each for each in await statements(db, month=OCTOBER) if each.party.kind == "mall")

    one, other = await asyncio.gather(sign(), agree(shop.tenant, asked), return_exceptions=True)
    assert isinstance(one, Exception) != isinstance(other, Exception), (one, other)
    now = await stated(shop.tenant)
    assert (now.version, now.state) in {(1, "approved"), (2, "closed")}
    assert await sound(shop.tenant)


async def test_what_a_proposal_is_refused_for(shop: MallStore, other_tenant: TenantScope) -> None:
    mall, brand = await stated(shop.tenant), await stated(shop.tenant, "brand")
    contract_id = await contract_of(shop.tenant)
    said = {"party_id": mall.party.id, "contract_id": contract_id, "amount_fen": 5, "reason": "漏记"}
    wrong = {
        "amountFen": said | {"amount_fen": 0, "statement_id": mall.id},
        "statementId": said,
        "counterpartyId": said | {"party_id": brand.party.id, "statement_id": brand.id},
    }
    for place, command in wrong.items():
        async with shop.tenant.writing() as db:
            with pytest.raises(AdjustmentWrong) as refused:
                await propose_adjustment(db, ProposeAdjustment(**command), proposed_by=CLOSER, now=AFTER)
        assert place in refused.value.details
    async with shop.tenant.writing() as db:
        with pytest.raises(AdjustmentWrong):
            await propose_adjustment(
                db, ProposeAdjustment(**said | {"statement_id": brand.id}), proposed_by=CLOSER, now=AFTER
            )


async def test_a_negative_balance_after_an_adjustment_is_carried_forward_and_never_clamped(
    shop: MallStore,
) -> None:
    await agree(shop.tenant, await ask(shop.tenant, -2_000, restates=True))
    assert (await stated(shop.tenant)).closing_fen == -500
    november = await close_month(shop.tenant, NOVEMBER, closed_by=CLOSER, now=DECEMBER)
    assert next(each for each in november[-1].statements if each.party.kind == "mall").opening_fen == -500


async def test_what_is_corrected_at_a_franchisees_store_is_between_the_mall_and_the_franchisee(
    tenant: TenantScope,
) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await own(db, shop.store_id, Ownership.FRANCHISE, LONG_AGO, "F01", owner_name="林记加盟")
        # November's owner answers for November; October's statement was the franchisee's.
        await own(db, shop.store_id, Ownership.DIRECT, datetime(2026, 10, 31, 16, tzinfo=UTC))
        await sell(db, shop.store_id, 10_000, at=SOLD)
    await close(tenant)
    statement = await stated(tenant)
    asked = ProposeAdjustment(
        party_id=statement.party.id, contract_id=await contract_of(tenant), amount_fen=100, reason="漏记一笔",
        statement_id=statement.id, store_id=shop.store_id, restates=True,
    )  # fmt: skip
    async with tenant.writing() as db:
        proposed = await propose_adjustment(db, asked, proposed_by=CLOSER, now=AFTER)
    assert proposed.counterparty.code == "franchisee:F01"
    await agree(tenant, proposed)
    assert (await stated(tenant, "franchisee")).closing_fen == 8_400
    assert await sound(tenant)
    own_side = msgspec.structs.replace(
        asked, party_id=proposed.counterparty.id, statement_id=(await stated(tenant, "franchisee")).id
    )
    async with tenant.writing() as db:
        assert (
            await propose_adjustment(db, own_side, proposed_by=CLOSER, now=AFTER)
        ).counterparty.code == "brand"
