"""A contract that reaches into closed months: refused where a part of a month, quarter or year would never be settled, taken where nothing is lost."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import msgspec
import pytest
from sqlalchemy import text

from settlement import contracts
from settlement.agreements.agreed import GuaranteeKind, ReturnsCount, TermLength
from settlement.close import close_month
from settlement.commands import NamedParty, PeriodTermsRow
from settlement.errors import ContractBackdated
from settlement.states import PartyKind
from settlement.true_ups import reckon
from tenants.kernel.scope import TenantScope
from tests.settlement.true_ups.test_post import at
from tests.support.books import LONG_AGO, MallStore, add_mall, add_store, balances, mall_contract, sell

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
MID_OCTOBER = datetime(2026, 10, 15, 16, tzinfo=UTC)
FIRST_OF_NOVEMBER = datetime(2026, 10, 31, 16, tzinfo=UTC)


def guaranteed(shop: MallStore, fen: int, length: TermLength = TermLength.QUARTER) -> list[PeriodTermsRow]:
    party = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    return [
        PeriodTermsRow(party=party, period=length, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=fen)
    ]


async def shut(tenant: TenantScope, month: date) -> None:
    now = (
        datetime(2027, 1, 5, tzinfo=UTC)
        if month == DECEMBER
        else datetime(2026, month.month + 1, 2, tzinfo=UTC)
    )
    await close_month(tenant, month, closed_by="staff:closer", now=now)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    """A quarter that guarantees 920.00, and its October closed."""
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        shop = MallStore(tenant, await add_store(db, mall_id=mall_id), mall_id)
        await mall_contract(db, mall_id, [shop.store_id], period_terms=guaranteed(shop, 92_000))
        await sell(db, shop.store_id, 100_000)
    await shut(tenant, OCTOBER)
    return shop


async def again(shop: MallStore, **said: object) -> None:
    async with shop.tenant.writing() as db:
        await mall_contract(db, shop.mall_id, [shop.store_id], **said)


async def quarter(shop: MallStore) -> int:
    """What the mall holds once the quarter is settled."""
    await shut(shop.tenant, NOVEMBER)
    await shut(shop.tenant, DECEMBER)
    async with shop.tenant.writing() as db:
        return (await balances(db))["mall"]


def cases() -> Iterator[tuple[str, object]]:
    yield "other terms", lambda shop: {"active_from": MID_OCTOBER, "period_terms": guaranteed(shop, 184_000)}
    yield (
        "returns counted otherwise",
        lambda shop: {
            "active_from": MID_OCTOBER,
            "period_terms": [
                msgspec.structs.replace(guaranteed(shop, 92_000)[0], returns_count=ReturnsCount.WHEN_SOLD)
            ],
        },
    )
    yield "no terms any more", lambda _: {"active_from": MID_OCTOBER}
    yield (
        "terms of another length",
        lambda shop: {"active_from": MID_OCTOBER, "period_terms": guaranteed(shop, 92_000, TermLength.MONTH)},
    )
    yield (
        "a new contract for a month that is over",
        lambda shop: {
            "code": "late", "active_from": MID_OCTOBER, "active_to": FIRST_OF_NOVEMBER, "rates": [],
            "period_terms": guaranteed(shop, 1_000, TermLength.MONTH),
        },
    )  # fmt: skip


@pytest.mark.parametrize(("name", "said"), list(cases()), ids=[name for name, _ in cases()])
async def test_what_would_leave_part_of_a_term_in_a_closed_month_is_refused_with_the_reason(
    shop: MallStore, name: str, said
) -> None:
    with pytest.raises(ContractBackdated) as refused:
        await again(shop, **said(shop))
    told = refused.value.details["activeFrom"]
    assert "2026-10 is closed" in told
    assert "start on 2026-11-01" in told
    async with shop.tenant.reading() as db:
        counted = text("SELECT count(*) FROM app.contracts WHERE tenant_id = :t AND code <> 'house'")
        assert (await db.execute(counted, {"t": db.tenant_id})).scalar_one() == 1
    assert await quarter(shop) == 92_000


async def test_a_version_that_agrees_the_same_may_reach_back_and_the_quarter_is_settled_whole(
    shop: MallStore,
) -> None:
    await again(
        shop, active_from=MID_OCTOBER, period_terms=guaranteed(shop, 92_000), name="第二版", bps=1_000
    )
    assert await quarter(shop) == 92_000


async def test_a_version_from_the_first_open_day_settles_every_day_of_the_quarter_once(
    shop: MallStore,
) -> None:
    await again(shop, active_from=FIRST_OF_NOVEMBER, period_terms=guaranteed(shop, 184_000))
    # 31 of 92 days at 920.00, of which sales gave 150.00; the other 61 days at 1,840.00.
    assert await quarter(shop) == 31_000 + 122_000


async def test_rates_alone_may_reach_back_because_what_was_sold_keeps_its_own(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        shop = MallStore(tenant, await add_store(db, mall_id=mall_id), mall_id)
        await mall_contract(db, mall_id, [shop.store_id])
        await sell(db, shop.store_id, 100_000, at=at(10, 20))
    await shut(tenant, OCTOBER)
    await again(shop, active_from=MID_OCTOBER, bps=3_000)
    assert await quarter(shop) == 15_000


async def test_a_new_contract_whose_year_is_still_open_may_start_before_the_closed_month(
    tenant: TenantScope,
) -> None:
    await shut(tenant, OCTOBER)
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        shop = MallStore(tenant, await add_store(db, mall_id=mall_id), mall_id)
        await mall_contract(
            db, mall_id, [shop.store_id], active_from=datetime(2025, 12, 31, 16, tzinfo=UTC),
            period_terms=guaranteed(shop, 365_000, TermLength.YEAR),
        )  # fmt: skip
        with pytest.raises(ContractBackdated):
            await mall_contract(
                db, mall_id, [await add_store(db, "S2", mall_id=mall_id)], code="older", active_from=LONG_AGO,
                period_terms=guaranteed(shop, 365_000, TermLength.YEAR),
            )  # fmt: skip
    assert await quarter(shop) == 365_000


async def test_control_without_the_check_days_of_a_closed_month_are_settled_wrongly(
    tenant: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that was there: a version reaching into a closed month changes days that were settled, and nobody settles them as it says."""

    async def anything(_db, _command, *, agreed) -> None:
        return None

    monkeypatch.setattr(contracts, "refuse_backdated", anything)
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        shop = MallStore(tenant, await add_store(db, mall_id=mall_id), mall_id)
        await mall_contract(
            db, mall_id, [shop.store_id], period_terms=guaranteed(shop, 31_000, TermLength.MONTH)
        )
    await shut(tenant, OCTOBER)
    await again(shop, active_from=MID_OCTOBER, period_terms=guaranteed(shop, 62_000, TermLength.MONTH))
    with pytest.raises(AssertionError):
        assert await quarter(shop) == 15 * 1_000 + 16 * 2_000 + 60_000 + 62_000


async def test_control_without_looking_back_the_days_before_the_first_open_one_are_never_settled(
    shop: MallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug that was there: what a version cut at the end of a closed month was looked for in that month alone."""

    async def nothing(_db, *, code, month) -> None:
        return None

    monkeypatch.setattr(reckon, "_closed_before", nothing)
    with pytest.raises(AssertionError):
        await test_a_version_from_the_first_open_day_settles_every_day_of_the_quarter_once(shop)


async def test_what_was_settled_when_its_month_was_closed_is_not_settled_again(tenant: TenantScope) -> None:
    async with tenant.writing() as db:
        mall_id = await add_mall(db)
        shop = MallStore(tenant, await add_store(db, mall_id=mall_id), mall_id)
        await mall_contract(db, mall_id, [shop.store_id], period_terms=guaranteed(shop, 92_000))
        await sell(db, shop.store_id, 100_000)
    await again(shop, active_from=FIRST_OF_NOVEMBER, period_terms=guaranteed(shop, 184_000))
    await shut(tenant, OCTOBER)
    async with tenant.writing() as db:
        assert (await balances(db))["mall"] == 31_000
    assert await quarter(shop) == 31_000 + 122_000
