"""A month in which everything meets: collectors, funded promotions, guarantees, corrections, payouts, a cut-off day, a pop-up that ended."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from orders.states import Source
from settlement.agreements.agreed import GuaranteeKind, TermLength
from settlement.close import close_month
from settlement.commands import ContractRateRow, NamedParty, PeriodTermsRow
from settlement.payouts.states import LineState
from settlement.queries import statements
from settlement.signing.adjust import decide_adjustment, propose_adjustment
from settlement.signing.commands import DecideAdjustment, ProposeAdjustment
from settlement.states import FunderRole, PartyKind
from settlement.verify import verify_books
from settlement.views import ClosingView, StatementView
from storefront.statements.files import write_files
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import MallId, StoreId
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership
from tests.settlement.agreements.test_promotions import promote
from tests.support.books import LONG_AGO, Sale, add_mall, add_store, give_back, mall_contract, sell
from tests.support.owners import add_number, own
from tests.support.rows import value
from tests.support.statements import (
    CLOSER,
    SECOND,
    THIRD,
    approve,
    contract_of,
    give_account,
    outcome,
    prepare,
    release,
    stated,
)

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
AFTER_OCTOBER = datetime(2026, 11, 1, 1, tzinfo=UTC)
AFTER_NOVEMBER = datetime(2026, 12, 1, 1, tzinfo=UTC)
AFTER_DECEMBER = datetime(2027, 1, 2, 1, tzinfo=UTC)
LAST_SECOND = datetime(2026, 10, 25, 15, 59, 59, 999_999, tzinfo=UTC)
FIRST_SECOND = datetime(2026, 10, 25, 16, tzinfo=UTC)


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 4, tzinfo=UTC)


class Town:
    """One mall, three stores: a franchisee's with its own number, the brand's with the mall's till, a pop-up until 20 October."""

    def __init__(self, tenant: TenantScope) -> None:
        self.tenant = tenant
        self.mall_id: MallId
        self.franchised: StoreId
        self.direct: StoreId
        self.popup: StoreId
        self.promoted: Sale
        self.gone: Sale


@pytest.fixture
async def town(tenant: TenantScope) -> Town:
    town = Town(tenant)
    async with tenant.writing() as db:
        town.mall_id = await add_mall(db)
        town.franchised, town.direct, town.popup = [
            await add_store(db, code, mall_id=town.mall_id) for code in ("S1", "S2", "S3")
        ]
        mall = NamedParty(kind=PartyKind.MALL, mall_id=town.mall_id)
        number = await add_number(db, "1900002001", owner="franchisee:F01")
        await own(
            db,
            town.franchised,
            Ownership.FRANCHISE,
            LONG_AGO,
            "F01",
            owner_name="林记加盟",
            merchant_id=number,
        )
        guaranteed = PeriodTermsRow(
            party=mall, period=TermLength.MONTH, guarantee_kind=GuaranteeKind.AMOUNT, guarantee_fen=5_000
        )
        await mall_contract(
            db, town.mall_id, [town.franchised, town.direct], cut_off_day=25, collected_by=mall,
            period_terms=[guaranteed],
        )  # fmt: skip
        popup = [ContractRateRow(party=mall, rate_bps=2_000)]
        await mall_contract(
            db, town.mall_id, [town.popup], code="popup", rates=popup,
            active_to=datetime(2026, 10, 20, 16, tzinfo=UTC),
        )  # fmt: skip
        await promote(db, "half", (FunderRole.MALL, 5_000))
        town.promoted = await sell(
            db, town.franchised, 7_999, 3_333, discount=2_001, promotion="half", at=at(10, 12)
        )
        await sell(
            db, town.direct, 4_444, discount=556, promotion="half", source=Source.HISTORY, through_channel=False,
            source_name="till", at=LAST_SECOND,
        )  # fmt: skip
        await sell(db, town.direct, 1_000, at=FIRST_SECOND)
        town.gone = await sell(db, town.popup, 6_000, at=at(10, 19))
    return town


async def shut(town: Town, month: date, now: datetime) -> ClosingView:
    """Close a month and hold everything that can be counted twice against itself."""
    closing = (await close_month(town.tenant, month, closed_by=CLOSER, now=now))[-1]
    totals = closing.totals
    assert totals.orders_fen == totals.ledger_fen == totals.statements_fen
    assert totals.carried_fen == totals.openings_fen
    again = (await close_month(town.tenant, month, closed_by=CLOSER, now=now))[-1]
    assert (again.already_closed, again.statements, again.totals) == (True, closing.statements, totals)
    async with town.tenant.reading() as db:
        report = await verify_books(db)
    assert [finding for finding in report.findings if finding.broken] == []
    return closing


async def of(town: Town, month: date) -> dict[str, StatementView]:
    async with town.tenant.reading() as db:
        return {each.party.kind.value: each for each in await statements(db, month=month)}


async def files_agree(town: Town, month: date, out: Path) -> None:
    for statement in (await of(town, month)).values():
        written = await write_files(town.tenant, statement, out=out / month.isoformat())
        assert [check for check in written.checks if not check.agrees] == []


async def restated(town: Town, amount: int) -> None:
    """A correction into the closed month itself: a second version."""
    statement = await stated(town.tenant)
    asked = ProposeAdjustment(
        party_id=statement.party.id, contract_id=await contract_of(town.tenant), amount_fen=amount,
        reason="漏记一笔", statement_id=statement.id, restates=True,
    )  # fmt: skip
    async with town.tenant.writing() as db:
        proposed = await propose_adjustment(db, asked, proposed_by=CLOSER, now=AFTER_OCTOBER)
        await decide_adjustment(
            db, DecideAdjustment(agrees=True), adjustment_id=proposed.id, decided_by=SECOND, now=AFTER_OCTOBER
        )


async def test_everything_at_once_ties_month_by_month(town: Town, keys: KeyRing, tmp_path: Path) -> None:
    await shut(town, OCTOBER, AFTER_OCTOBER)
    october = await of(town, OCTOBER)
    # Franchisee's store: 11,332 paid, 15 % each line floored 1,199 + 499; of twice 20.01 off the mall funds 1,000 + 1,000.
    # The mall's own till took 4,444 (portion 666, funded 278) before midnight of the cut-off; the second after is November's.
    # Provisional 1,199 + 499 + 666 = 2,364 of the guaranteed 5,000; the pop-up is a contract of its own: 1,200.
    mall = october["mall"]
    assert mall.earned_fen == 2_364 + 1_200
    assert mall.collected_fen == 4_444
    assert mall.adjusted_fen == (5_000 - 2_364) - 1_000 - 1_000 - 278
    assert mall.closing_fen == 3_564 + 358 - 4_444
    franchisee = october["franchisee"]
    # Both halves of the discounts come to it (the brand's too); of the missing 2,636 its store bears what it sold: 11,332 of 15,776.
    assert franchisee.adjusted_fen == 2 * 2_001 - 1_893
    assert (franchisee.earned_fen, franchisee.collected_fen) == (11_332 - 1_698, 11_332)
    await restated(town, 10_000)
    await files_agree(town, OCTOBER, tmp_path)
    assert (await of(town, OCTOBER))["mall"].version == 2
    paid = await approve(town.tenant, by=THIRD, now=AFTER_OCTOBER)
    assert paid.closing_fen == 3_564 + 358 - 4_444 + 10_000
    await give_account(town.tenant, paid.party.id, keys)
    payout = (await prepare(town.tenant, on=date(2026, 12, 1), now=AFTER_OCTOBER)).payout
    assert payout is not None
    assert payout.total_fen == paid.closing_fen
    await release(town.tenant, payout)
    await outcome(town.tenant, payout, LineState.PAID, now=AFTER_OCTOBER)
    async with town.tenant.writing() as db:
        await give_back(db, town.promoted, {0: 7_999, 1: 1_111}, at=at(11, 3))
        await give_back(db, town.gone, {0: 6_000}, at=at(11, 5))
    await shut(town, NOVEMBER, AFTER_NOVEMBER)
    await files_agree(town, NOVEMBER, tmp_path)
    november = (await of(town, NOVEMBER))["mall"]
    assert (november.opening_fen, november.paid_fen) == (paid.closing_fen, paid.closing_fen)
    assert november.closing_fen == november.earned_fen - november.reversed_fen + november.adjusted_fen
    assert november.reversed_fen == 1_199 + (499 - 333) + 1_200
    await shut(town, DECEMBER, AFTER_DECEMBER)
    await files_agree(town, DECEMBER, tmp_path)
    balance = (
        "SELECT sum(balance_fen)::bigint FROM app.ledger_accounts WHERE tenant_id = :t AND kind = 'payable'"
    )
    closings = sum(each.closing_fen for each in (await of(town, DECEMBER)).values())
    assert await value(town.tenant, balance) == closings
