"""When and how parties are paid: T+N of their contracts, guides by payroll number, and a debt that no clamp may hide."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert

from guides.commands import EmployGuide
from guides.employ import employ_guide
from orders.models import Pickup
from orders.states import PickupState, Source
from settlement.payouts import due
from settlement.payouts.due import due_parties
from settlement.payouts.states import LineState, PayeeKind, SkipReason
from settlement.statements import PartyMonth
from storefront.payouts.files import PayoutFile, payout_file
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope
from tests.support.books import (
    Sale,
    add_mall,
    add_store,
    give_back_loose,
    mall_contract,
    open_mall_store,
    sell,
)
from tests.support.rows import value
from tests.support.statements import (
    AFTER,
    SOLD,
    approve,
    close,
    give_account,
    outcome,
    prepare,
    release,
    stated,
)

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
            [mall_due] = await due_parties(db, on=day, now=AFTER)
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
        await sell(
            db, shop.store_id, 10_000, at=SOLD, guide_id=guide.id, guide_bps=500, source=Source.HISTORY
        )
    await close(tenant)
    await approve(tenant, "guide")
    prepared = await prepare(tenant)
    assert prepared.payout is not None
    [line] = prepared.payout.lines
    assert (line.payee.kind, line.payee.payroll_no, line.amount_fen) == (PayeeKind.PAYROLL, "G-017", 500)
    await release(tenant, prepared.payout)
    told = {
        kind: (await payout_file(tenant, prepared.payout.id, kind=kind, keys=keys))[1].decode("utf-8-sig").splitlines()
        for kind in PayoutFile
    }  # fmt: skip
    payroll = told[PayoutFile.PAYROLL]
    assert payroll[1].split(",")[:5] == ["1", line.line_no, "G-017", "小林", "5.00"]
    assert payroll[2].split(",")[:5] == ["合计", "1 笔", "", "", "5.00"]
    assert told[PayoutFile.COMPANIES][1].startswith("合计,0 笔")


async def guide_with_one_open_sale(tenant: TenantScope) -> Sale:
    """A guide whose signed October has 5.00 of a till's sale long kept, and 3.00 of goods that nobody has fetched yet."""
    shop = await open_mall_store(tenant)
    async with tenant.writing() as db:
        employed = EmployGuide(code="G-017", name="小林", store_id=shop.store_id, phone="13800138000")
        guide = await employ_guide(db, employed, now=LONG_AGO)
        earned = {"at": SOLD, "guide_id": guide.id, "guide_bps": 500}
        await sell(db, shop.store_id, 10_000, source=Source.HISTORY, **earned)
        waiting = await sell(db, shop.store_id, 6_000, **earned)
    await close(tenant)
    await approve(tenant, "guide")
    return waiting


async def fetched(tenant: TenantScope, sale: Sale, *, at: datetime) -> None:
    """The goods are handed over."""
    async with tenant.writing() as db:
        row = {
            "tenant_id": tenant.tenant_id, "order_id": sale.id, "store_id": sale.store_id,
            "code": "12345678", "state": PickupState.REDEEMED, "created_at": SOLD, "redeemed_at": at,
        }  # fmt: skip
        await db.execute(insert(Pickup).values(row))


async def test_commission_that_may_still_be_clawed_back_is_due_when_its_return_window_is_over(
    tenant: TenantScope,
) -> None:
    sale = await guide_with_one_open_sale(tenant)
    first = (await prepare(tenant, on=date(2030, 1, 1))).payout
    assert first is not None
    assert first.total_fen == 500
    await release(tenant, first)
    await outcome(tenant, first, LineState.PAID)
    async with tenant.reading() as db:
        waiting = next(
            each
            for each in await due_parties(db, on=date(2030, 1, 1), now=AFTER)
            if each.party.kind == "guide"
        )
    assert (waiting.frozen_fen, waiting.amount_fen, waiting.skipped) == (300, 0, SkipReason.RETURNABLE)
    await fetched(tenant, sale, at=AFTER)
    rest = (await prepare(tenant, now=AFTER + timedelta(days=30))).payout
    assert rest is not None
    assert (rest.id != first.id, rest.total_fen) == (True, 300)
    assert (await prepare(tenant, now=AFTER + timedelta(days=30))).payout == rest


async def test_control_who_looks_at_statements_alone_pays_commission_that_is_not_final(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The famous bug: a person is paid for goods that come back the day after."""

    async def nothing_is_open(_db, _months, *, now) -> dict[PartyId, Fen]:
        return {}

    await guide_with_one_open_sale(tenant)
    monkeypatch.setattr(due, "frozen_through", nothing_is_open)
    found = (await prepare(tenant)).payout
    assert found is not None
    assert found.total_fen == 800


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
