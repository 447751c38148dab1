"""Two people, whichever doors they use: a run that names nobody counts and prepares, and is never the first of two."""

import pytest

from settlement.errors import PersonNeeded, SecondPersonNeeded
from settlement.payouts import release as releasing
from settlement.payouts.states import PayoutState
from settlement.payouts.views import PayoutView
from settlement.signing.persons import STAFF, is_person
from settlement.signing.standing import agree_to_statement
from storefront.tokens import Audience, Principal
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import SessionId, new_id
from tenants.kernel.scope import TenantScope
from tenants.states import StaffRole
from tests.support.books import MallStore, open_mall_store, sell
from tests.support.statements import (
    AFTER,
    NOBODY,
    SECOND,
    SOLD,
    THIRD,
    agree,
    approve,
    ask,
    close,
    give_account,
    prepare,
    release,
    stated,
)


@pytest.fixture
async def shop(tenant: TenantScope, keys: KeyRing) -> MallStore:
    """The mall is owed 15.00 by an October that a run closed which names nobody."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=SOLD)
    await close(tenant, by=NOBODY)
    await give_account(tenant, (await stated(tenant)).party.id, keys)
    return shop


async def prepared(tenant: TenantScope, by: str = NOBODY) -> PayoutView:
    found = (await prepare(tenant, by=by)).payout
    assert found is not None
    return found


@pytest.mark.parametrize("actor", ["cli:root", "system:payouts", "operator:1", "worker", ""])
def test_only_staff_are_persons(actor: str) -> None:
    assert (is_person(actor), is_person(SECOND)) == (False, True)


def test_a_person_is_named_as_tokens_name_staff() -> None:
    subject = new_id()
    principal = Principal(
        audience=Audience.STAFF, subject=subject, session_id=SessionId(new_id()), role=StaffRole.FINANCE
    )
    assert principal.actor() == f"{STAFF}{subject}"


async def test_a_run_that_names_nobody_signs_corrects_agrees_and_releases_nothing(shop: MallStore) -> None:
    tenant = shop.tenant
    statement = await stated(tenant)
    with pytest.raises(PersonNeeded):
        await approve(tenant, by=NOBODY)
    with pytest.raises(PersonNeeded):
        await ask(tenant, -5, by=NOBODY)
    asked = await ask(tenant, -5)
    with pytest.raises(PersonNeeded):
        await agree(tenant, asked, by=NOBODY)
    await agree(tenant, asked, agrees=False)
    with pytest.raises(PersonNeeded):
        async with tenant.writing() as db:
            await agree_to_statement(db, statement.id, agreed_by=NOBODY, now=AFTER)
    await approve(tenant)
    payout = await prepared(tenant)
    with pytest.raises(PersonNeeded):
        await release(tenant, payout, by=NOBODY)


async def test_who_signed_does_not_release_what_nobody_in_particular_prepared(shop: MallStore) -> None:
    await approve(shop.tenant, by=SECOND)
    payout = await prepared(shop.tenant)
    with pytest.raises(SecondPersonNeeded) as refused:
        await release(shop.tenant, payout, by=SECOND)
    assert "you approved a statement" in refused.value.details["payoutNo"]
    assert (await release(shop.tenant, payout, by=THIRD)).state is PayoutState.RELEASED


async def test_who_signed_releases_what_another_person_prepared(shop: MallStore) -> None:
    await approve(shop.tenant, by=SECOND)
    assert (await release(shop.tenant, await prepared(shop.tenant, THIRD), by=SECOND)).released_by == SECOND


async def test_control_a_timer_taken_for_a_person_would_let_one_person_pay(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await approve(shop.tenant, by=SECOND)
    payout = await prepared(shop.tenant)
    monkeypatch.setattr(releasing, "is_person", bool)
    assert (await release(shop.tenant, payout, by=SECOND)).state is PayoutState.RELEASED
