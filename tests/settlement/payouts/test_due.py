"""When and how parties are paid: T+N of their contracts, guides by payroll number, and a debt that no clamp may hide."""

from datetime import UTC, date, datetime

import pytest

from guides.commands import EmployGuide
from guides.employ import employ_guide
from settlement.payouts.due import due_parties
from settlement.payouts.states import PayeeKind, SkipReason
from settlement.statements import PartyMonth
from storefront.payouts.files import PayoutFile, payout_file
from tenants.kernel.encryption import KeyRing
from tenants.kernel.scope import TenantScope
from tests.support.books import add_mall, add_store, give_back_loose, mall_contract, open_mall_store, sell
from tests.support.rows import value
from tests.support.statements import SOLD, approve, close, give_account, prepare, stated

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def test_a_party_is_paid_n_days_after_its_period(tenant: TenantScope, keys: KeyRing) -> None:
    async with tenant.writing() as db:
        mall = await add_mall(db)
        store = await add_store(db, mall_id=mall)
        await mall_contract(db, mall, [store], payment_days=15)
        await sell(db, store, 10_000, at=SOLD)
    await close(tenant)
    await give_account(tenant, (await stated(tenant)).party.id, keys)
    await approve(tenant)
    for day, expected in ((date(2026, 11, 15), SkipReason.NOT_YET), (date(2026, 11, 16), None)):
        async with tenant.reading() as db:
            [mall_due] = await due_parties(db, on=day)
        assert (mall_due.due_on, mall_due.skipped) == (date(2026, 11, 16), expected)


async def test_guides_are_paid_by_their_number_in_a_file_of_their_own(
    tenant: TenantScope, keys: KeyRing
) -> None:
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        guide = await employ_guide(
            db,
            EmployGuide(code="G-017", name="小林", store_id=shop.store_id, phone="13800138000"),
            now=LONG_AGO,
        )
        await sell(db, shop.store_id, 10_000, at=SOLD, guide_id=guide.id, guide_bps=500)
    await close(tenant)
    await approve(tenant, "guide")
    prepared = await prepare(tenant)
    assert prepared.payout is not None
    [line] = prepared.payout.lines
    assert (line.payee.kind, line.payee.payroll_no, line.amount_fen) == (PayeeKind.PAYROLL, "G-017", 500)
    payroll = (await payout_file(tenant, prepared.payout, kind=PayoutFile.PAYROLL, keys=keys)).decode(
        "utf-8-sig"
    )
    assert payroll.splitlines()[1].split(",")[:5] == ["1", line.line_no, "G-017", "小林", "5.00"]
    assert payroll.splitlines()[2].split(",")[:5] == ["合计", "1 笔", "", "", "5.00"]
    companies = await payout_file(tenant, prepared.payout, kind=PayoutFile.COMPANIES, keys=keys)
    assert companies.decode("utf-8-sig").splitlines()[1].startswith("合计,0 笔")


async def test_control_a_closing_clamped_at_nothing_is_refused_by_the_table(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The famous clamp: refunds above sales disappear instead of being owed."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        await give_back_loose(db, shop.store_id, 10_000, at=SOLD)
    honest = PartyMonth.closing_fen.fget
    monkeypatch.setattr(PartyMonth, "closing_fen", property(lambda counted: max(0, honest(counted))))
    with pytest.raises(Exception, match="statements_ck_closing"):
        await close(tenant)
    monkeypatch.undo()
    await close(tenant)
    assert (await stated(tenant)).closing_fen == -1_500
    assert (
        await value(tenant, "SELECT max(payable_fen) FROM app.statement_standings WHERE tenant_id = :t") == 0
    )
