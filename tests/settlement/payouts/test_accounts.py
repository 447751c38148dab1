"""The accounts of a batch stay in their envelopes until a second person has released it."""

import pytest

from settlement.payouts import accounts
from settlement.payouts.accounts import bank_accounts
from settlement.payouts.errors import PayoutNotReleased
from settlement.payouts.release import withdraw_payout
from settlement.payouts.states import LineState, PayoutState
from settlement.payouts.views import PayoutView
from storefront.payouts.files import PayoutFile, payout_file
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import TenantScope
from tests.support.books import open_mall_store, sell
from tests.support.statements import (
    AFTER,
    CLOSER,
    SOLD,
    approve,
    close,
    give_account,
    outcome,
    prepare,
    release,
    stated,
)


@pytest.fixture
async def payout(tenant: TenantScope, keys: KeyRing) -> PayoutView:
    """A prepared batch of 15.00 for a mall."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await sell(db, shop.store_id, 10_000, at=SOLD)
    await close(tenant)
    await give_account(tenant, (await stated(tenant)).party.id, keys)
    await approve(tenant)
    found = (await prepare(tenant)).payout
    assert found is not None
    return found


async def opened(tenant: TenantScope, payout: PayoutView, keys: KeyRing) -> list[str]:
    async with tenant.reading() as db:
        return [each.account_no for each in (await bank_accounts(db, payout.id, keys=keys)).values()]


async def file_of(tenant: TenantScope, payout: PayoutView, keys: KeyRing) -> bytes:
    return (await payout_file(tenant, payout.id, kind=PayoutFile.COMPANIES, keys=keys))[1]


async def test_a_batch_has_files_from_its_release_on_and_keeps_them(
    tenant: TenantScope, payout: PayoutView, keys: KeyRing
) -> None:
    for kind in PayoutFile:
        with pytest.raises(PayoutNotReleased) as refused:
            await payout_file(tenant, payout.id, kind=kind, keys=keys)
        assert refused.value.details == {payout.payout_no: "is prepared"}
    with pytest.raises(PayoutNotReleased):
        await opened(tenant, payout, keys)
    await release(tenant, payout)
    assert await opened(tenant, payout, keys) == ["6222021001122334455"]
    released = await file_of(tenant, payout, keys)
    assert (await outcome(tenant, payout, LineState.PAID)).state is PayoutState.DONE
    assert await file_of(tenant, payout, keys) == released


async def test_a_batch_that_was_withdrawn_never_has_files(
    tenant: TenantScope, payout: PayoutView, keys: KeyRing
) -> None:
    async with tenant.writing() as db:
        await withdraw_payout(db, payout.id, withdrawn_by=CLOSER, now=AFTER)
    with pytest.raises(PayoutNotReleased, match="second person"):
        await file_of(tenant, payout, keys)


async def test_control_files_of_prepared_batches_would_show_accounts_to_one_person(
    tenant: TenantScope, payout: PayoutView, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "WITH_FILES", tuple(PayoutState))
    assert "6222021001122334455" in (await file_of(tenant, payout, keys)).decode()
