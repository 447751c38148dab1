"""A contract changes in the middle of a month from splitting to payouts, and what the channel did not bring back is netted by the payout."""

from datetime import date, datetime, timedelta

import pytest

from settlement.agreements.agreed import OverRatio
from settlement.calendar import next_month
from settlement.claims import claims
from settlement.close import close_month
from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.contracts import create_contract
from settlement.payouts.states import LineState
from settlement.posting import lines
from settlement.splitting.states import ReturnStatus
from settlement.states import PartyKind
from tests.support.rows import value
from tests.support.split_shop import SplitShop
from tests.support.statements import CLOSER, approve, give_account, outcome, prepare, release
from tests.support.trading import PRICE

OLD, NEW = PRICE * 2_000 // 10_000, PRICE * 3_000 // 10_000


async def agree_anew(shop: SplitShop) -> None:
    """From now on the mall has 30 % and is paid by payouts alone."""
    mall = NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)
    command = CreateContract(
        code="mall", name="联营合同第二版", active_from=shop.now, store_ids=[shop.trading.store.id],
        rates=[ContractRateRow(party=mall, rate_bps=3_000)], over_ratio=OverRatio.PAYABLE,
    )  # fmt: skip
    async with shop.tenant.writing() as db:
        await create_contract(db, command, created_by=CLOSER, now=shop.now)


async def close_everything(shop: SplitShop) -> tuple[date, datetime]:
    """Close every month up to the shop's own; returns it and the moment."""
    month = shop.now.date().replace(day=1)
    after = datetime.combine(next_month(month) + timedelta(days=3), shop.now.time(), shop.now.tzinfo)
    await close_month(shop.tenant, month, closed_by=CLOSER, now=after, through=True)
    return month, after


async def test_a_claim_from_splitting_is_netted_in_the_payout_of_the_version_that_came_after(
    new_split_shop,
) -> None:
    shop: SplitShop = await new_split_shop(accepts_returns=False)
    await shop.receiver()
    split = await shop.collected()
    kept = await shop.collected()
    await shop.pass_days(8)
    for order in (split, kept):
        await shop.split_through(order.id)
    await agree_anew(shop)
    await shop.pass_days(seconds=60)
    paid = [await shop.collected() for _ in range(2)]
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=10 * PRICE)
    await shop.refund(split.id, PRICE)
    assert await shop.give_back(split.id) == [ReturnStatus.CLAIMED]
    # What was sold before goes back at its own 20 %, after the contract says 30 %.
    await shop.refund(paid[0].id, PRICE // 2)
    half = NEW - (PRICE - PRICE // 2) * 3_000 // 10_000
    owed = 2 * NEW - half - OLD
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == owed
    async with shop.tenant.reading() as db:
        [mall] = (await claims(db, now=shop.now, party_id=shop.mall_party)).parties
    assert [(each.amount_fen, each.open_fen) for each in mall.claims] == [(OLD, 0)]
    month, after = await close_everything(shop)
    signed = await approve(shop.tenant, month=month, now=after)
    assert signed.closing_fen == owed
    await give_account(shop.tenant, shop.mall_party, shop.keys)
    payout = (await prepare(shop.tenant, on=after.date(), now=after)).payout
    assert payout is not None
    assert [(line.party.kind, line.amount_fen) for line in payout.lines] == [(PartyKind.MALL, owed)]
    await release(shop.tenant, payout)
    await outcome(shop.tenant, payout, LineState.PAID, now=after)
    assert await shop.payable(shop.mall_party) == 0
    assert await shop.books_hold() == []
    versions = "SELECT count(DISTINCT contract_id) FROM app.ledger_entries WHERE tenant_id = :t AND party_id = :p AND cause LIKE 'order%'"
    assert await value(shop.tenant, versions, p=shop.mall_party) == 2


async def test_control_reversed_at_todays_rate_the_claim_would_be_another(
    new_split_shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The famous bug: a refund takes back what the contract says today and not what the sale gave."""
    right = lines.reversal

    def todays(before, after, *, terms, base):
        back = right(before, after, terms=terms, base=base)
        if terms.portions and terms.portions[0].rate_bps == 2_000:
            mall, brand = terms.portions[0].party_id, terms.residual_party_id
            back |= {mall: back[mall] * 3 // 2, brand: back[brand] - back[mall] // 2}
        return back

    monkeypatch.setattr(lines, "reversal", todays)
    with pytest.raises(AssertionError):
        await test_a_claim_from_splitting_is_netted_in_the_payout_of_the_version_that_came_after(
            new_split_shop
        )
