"""The law of rehearsals: the contract that is in force, rehearsed over a real month, gives every party what the books of that month say."""

from collections import defaultdict
from datetime import UTC, date, datetime

import msgspec
import pytest
from sqlalchemy import literal

from orders import month_lines
from orders.ports import CouponParts
from settlement.agreements import rehearse, rehearsed_costs
from settlement.agreements.agreed import Bearer, GuaranteeKind, ReturnsCount, TermLength, TierMode
from settlement.agreements.queries import contracts
from settlement.agreements.rehearse import rehearse_contract
from settlement.agreements.views import ContractView, PeriodTermsView, RehearsedParty
from settlement.commands import ContractRateRow, NamedParty, PeriodTermsRow, RehearseContract
from settlement.states import ADJUSTMENT, COLLECTION, ENTITLEMENT, FunderRole, PartyKind, RateBase
from settlement.true_ups.period_terms import Tier
from settlement.views import PartyView
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope
from tenants.states import Ownership
from tests.settlement.agreements.test_promotions import promote
from tests.settlement.test_all_in_one_month import AFTER_OCTOBER, OCTOBER, Town, at, shut, town
from tests.support.books import (
    LONG_AGO,
    add_store,
    give_back,
    give_back_loose,
    mall_contract,
    sell,
)
from tests.support.channel_rows import pay, through_channel
from tests.support.owners import add_number, own
from tests.support.rows import rows

__all__ = ["town"]
SEPTEMBER = datetime(2026, 9, 10, 4, tzinfo=UTC)
EARLIER = [date(2026, 8, 1), date(2026, 9, 1)]
Books = dict[str, tuple[int, int, int, int]]


def named(party: PartyView) -> NamedParty:
    if party.kind in {PartyKind.BRAND, PartyKind.PLATFORM}:
        return NamedParty(kind=party.kind)
    _, _, code = party.code.partition(":")
    if party.kind is PartyKind.MALL:
        return NamedParty(kind=party.kind, mall_id=code)
    return NamedParty(kind=party.kind, code=code, name=party.name)


def period_row(terms: PeriodTermsView) -> PeriodTermsRow:
    rules = {name: getattr(terms.rules, name) for name in terms.rules.__struct_fields__}
    del rules["ordinary_bps"]
    return PeriodTermsRow(party=named(terms.party), period=rules.pop("length"), **rules)


def as_agreed(made: ContractView, *, month: str) -> RehearseContract:
    """The stored contract, asked about again word for word."""
    names = (
        "code", "name", "active_from", "active_to", "store_ids", "profit_sharing", "time_zone", "base",
        "base_includes_funded_by", "cut_off_day", "payment_days", "tax_bps", "invoice", "channel_fee_by",
        "coupons_by", "over_ratio", "collected_sources",
    )  # fmt: skip
    rates = [
        ContractRateRow(
            party=named(rate.party), rate_bps=rate.rate_bps, category_code=rate.category_code, sku_code=rate.sku_code,
            promotion_code=rate.promotion_code, valid_from_on=rate.valid_from_on, valid_to_on=rate.valid_to_on,
        )
        for rate in made.rates
    ]  # fmt: skip
    return RehearseContract(
        **{name: getattr(made, name) for name in names}, rates=rates, month=month,
        residual_party=None if made.residual_by_owner else named(made.residual_party),
        collected_by=named(made.collected_by) if made.collected_by else None,
        channel_fee_party=named(made.channel_fee_party) if made.channel_fee_party else None,
        coupons_party=named(made.coupons_party) if made.coupons_party else None,
        period_terms=[period_row(each) for each in made.period_terms],
    )  # fmt: skip


async def books(tenant: TenantScope, made: ContractView, month: date) -> Books:
    """What the ledger moved in a month at a contract's stores, by party: earned, true-ups, beside, collected."""
    found = await rows(
        tenant,
        "SELECT p.code, e.cause, sum(CASE WHEN a.kind = 'payable' THEN e.amount_fen ELSE -e.amount_fen END)::bigint AS fen"
        " FROM app.ledger_entries e JOIN app.parties p ON p.tenant_id = e.tenant_id AND p.id = e.party_id"
        " JOIN app.ledger_accounts a ON a.tenant_id = e.tenant_id AND a.id = e.credit_account_id"
        " WHERE e.tenant_id = :t AND e.period_on = :month AND e.store_id = ANY(:stores) GROUP BY p.code, e.cause",
        month=month, stores=made.store_ids,
    )  # fmt: skip
    told: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in found:
        if row.cause in ENTITLEMENT:
            told[row.code][0] += row.fen
        elif row.cause == "true_up":
            told[row.code][1] += row.fen
        elif row.cause in ADJUSTMENT:
            told[row.code][2] += row.fen
        elif row.cause in COLLECTION:
            told[row.code][3] -= row.fen
    return {code: tuple(fen) for code, fen in told.items() if any(fen)}


def side(parties: list[RehearsedParty], name: str) -> Books:
    said = {
        each.party.code: tuple(
            getattr(each, f"{name}{part}_fen") for part in ("", "_true_up", "_beside", "_collected")
        )
        for each in parties
    }
    return {code: fen for code, fen in said.items() if any(fen)}


async def more(town: Town) -> None:
    """What the town's month does not have yet: refunds of September's sales and of unknown ones, owners that change, fees that are shared."""
    tenant = town.tenant
    async with tenant.writing() as db:
        old = await sell(db, town.franchised, 9_999, discount=1_001, promotion="half", at=SEPTEMBER)
        await give_back(db, old, {0: 3_333}, at=at(10, 2))
        await give_back_loose(db, town.direct, 777, 223, at=at(10, 3), through_channel=False)
        await give_back_loose(db, town.popup, 501, at=at(10, 19), through_channel=False)
        fourth, fifth = [await add_store(db, code, mall_id=town.mall_id) for code in ("S4", "S5")]
        number = await add_number(db, "1900002009", owner=f"mall:{town.mall_id}")
        sixth = await add_store(db, "S6", mall_id=town.mall_id, merchant_id=number)
        await own(db, fourth, Ownership.FRANCHISE, LONG_AGO, "F02", owner_name="周记加盟")
        await own(db, fourth, Ownership.AGENT, at(10, 21), "A01", owner_name="何记代理")
        await own(db, fifth, Ownership.FRANCHISE, at(10, 5), "F03", owner_name="吴记加盟")
        await promote(db, "owners", (FunderRole.OWNER, 3_333), (FunderRole.MALL, 3_333))
        mall, agent = NamedParty(kind=PartyKind.MALL, mall_id=town.mall_id), NamedParty(kind=PartyKind.AGENT, code="A01", name="何记代理")  # fmt: skip
        await mall_contract(
            db, town.mall_id, [fourth, fifth, sixth], code="shared", base=RateBase.LIST_GOODS, channel_fee_by=Bearer.SHARED,
            coupons_by=Bearer.SHARED, rates=[ContractRateRow(party=mall, rate_bps=1_233), ContractRateRow(party=agent, rate_bps=777), ContractRateRow(party=mall, rate_bps=333, promotion_code="owners")],
            period_terms=[
                PeriodTermsRow(party=mall, period=TermLength.MONTH, guarantee_kind=GuaranteeKind.SALES, guarantee_fen=77_777),
                PeriodTermsRow(party=agent, period=TermLength.MONTH, cap_fen=999),
            ],
        )  # fmt: skip
        early = await sell(db, fourth, 8_765, discount=1_234, at=SEPTEMBER)
        paid_early = await pay(
            db, early.id, amount=8_765, coupon=500, at=SEPTEMBER,
            paid_for=CouponParts(wechatpay_fen=Fen(300), merchant_fen=Fen(200), other_fen=Fen(0)),
        )  # fmt: skip
        for place, store in enumerate((fourth, fifth, sixth, fifth)):
            sale = await sell(
                db, store, 4_321 + place, 1_001, discount=333, promotion="owners", at=at(10, 3 + 7 * place)
            )
            paid = await pay(
                db,
                sale.id,
                amount=sum(sale.kept),
                merchant_id=number if store == sixth else None,
                coupon=777,
                paid_for=CouponParts(wechatpay_fen=Fen(177), merchant_fen=Fen(600), other_fen=Fen(0)),
            )
            back = await give_back(db, sale, {0: 1_111, 1: 7}, at=at(10, 28))
            await through_channel(db, back, payment_id=paid, coupon=163)
            later = await give_back(db, sale, {0: 99}, at=at(11, 2))
            await through_channel(db, later, payment_id=paid, coupon=14)
        back = await give_back(db, early, {0: 4_321}, at=at(10, 9))
        await through_channel(db, back, payment_id=paid_early, coupon=246)
        for month, day in ((9, 10), (10, 7)):
            gift = {"goods": [4_000, 5_001], "promotion": "half", "quantity": 3}
            with_gift = await sell(db, town.franchised, 4_000, 0, at=at(month, day), **gift)
            await give_back(db, with_gift, {1: 0}, units={1: 1}, at=at(10, 15))
            await give_back(db, with_gift, {0: 1_000, 1: 0}, at=at(11, 4))
    await counted_when_sold(town)


async def counted_when_sold(town: Town) -> None:
    """A contract that takes what comes back off the month of its sale: of September's goods some came back then, some, and all of some, come back now."""
    tiers = [Tier(from_fen=0, to_fen=70_000, rate_bps=1_900), Tier(from_fen=70_000, rate_bps=1_100)]
    mall, agent = NamedParty(kind=PartyKind.MALL, mall_id=town.mall_id), NamedParty(kind=PartyKind.AGENT, code="A02", name="沈记代理")  # fmt: skip
    async with town.tenant.writing() as db:
        stores = [await add_store(db, code, mall_id=town.mall_id) for code in ("S7", "S8", "S9")]
        await own(db, stores[0], Ownership.FRANCHISE, LONG_AGO, "F07", owner_name="郑记加盟")
        await own(db, stores[1], Ownership.FRANCHISE, LONG_AGO, "F08", owner_name="孙记加盟")
        await mall_contract(
            db, town.mall_id, stores, code="sold", base=RateBase.LIST_GOODS, cut_off_day=25,
            rates=[ContractRateRow(party=mall, rate_bps=1_500), ContractRateRow(party=agent, rate_bps=500)],
            period_terms=[
                PeriodTermsRow(party=mall, period=TermLength.MONTH, tiers=tiers, tier_mode=TierMode.WHOLE, returns_count=ReturnsCount.WHEN_SOLD),
                PeriodTermsRow(party=agent, period=TermLength.MONTH, cap_fen=2_000),
            ],
        )  # fmt: skip
        for place, store in enumerate(stores):
            for month, day in ((8, 3), (9, 5), (9, 28), (10, 4)):
                sale = await sell(db, store, 30_007 + place, 9_001, discount=999, at=at(month, day))
                await give_back(db, sale, {0: 1_003}, at=at(max(month, 9), 29))
                await give_back(db, sale, {0: 20_003, 1: 9_001}, at=at(10, 9 + place))
                if place:
                    await give_back(db, sale, {0: sale.kept[0]}, at=at(10, 20))
        await give_back_loose(db, stores[0], 801, at=at(9, 12), through_channel=False)
        await give_back_loose(db, stores[1], 901, at=at(10, 12), through_channel=False)


async def rehearsed(town: Town, made: ContractView) -> list[RehearsedParty]:
    async with town.tenant.reporting() as db:
        return (await rehearse_contract(db, as_agreed(made, month="2026-10"))).parties


async def in_force(town: Town) -> list[ContractView]:
    async with town.tenant.reading() as db:
        return [made for made in await contracts(db) if made.store_ids]


async def test_the_contract_in_force_rehearsed_is_the_books_of_the_month_for_every_party_to_the_fen(
    town: Town,
) -> None:
    await more(town)
    foretold = {made.code: await rehearsed(town, made) for made in await in_force(town)}
    for earlier in EARLIER:
        await shut(town, earlier, AFTER_OCTOBER)
    await shut(town, OCTOBER, AFTER_OCTOBER)
    assert set(foretold) == {"mall", "popup", "shared", "sold"}
    kinds = set()
    for made in await in_force(town):
        said = await books(town.tenant, made, OCTOBER)
        kinds |= {code.partition(":")[0] for code in said}
        for name in ("was", "would"):
            assert (made.code, name, side(foretold[made.code], name)) == (made.code, name, said)
        assert all(each.difference_fen == 0 for each in foretold[made.code])
    assert kinds == {"mall", "brand", "franchisee", "agent"}


async def test_one_store_of_a_contract_rehearsed_keeps_its_part_of_what_is_counted_over_all(
    town: Town,
) -> None:
    await more(town)
    [made] = [each for each in await in_force(town) if each.code == "mall"]
    one = msgspec.structs.replace(as_agreed(made, month="2026-10"), store_ids=[town.direct], code="other")
    async with town.tenant.reporting() as db:
        found = (await rehearse_contract(db, one)).parties
    for earlier in EARLIER:
        await shut(town, earlier, AFTER_OCTOBER)
    await shut(town, OCTOBER, AFTER_OCTOBER)
    alone = msgspec.structs.replace(made, store_ids=[town.direct])
    assert side(found, "was") == await books(town.tenant, alone, OCTOBER)


async def _no_loose(_db, _window):
    for nothing in ():
        yield nothing


async def _never(*_args, **_kwargs) -> list:
    return []


async def _nobody(_db, _version, *, store_ids, last_day) -> dict:
    return {}


def _free(_paid, _back) -> Fen:
    return Fen(0)


@pytest.mark.parametrize(
    ("place", "name", "bug"),
    [
        (month_lines, "_loose", _no_loose),
        (rehearse, "sellers_of", _nobody),
        (rehearse, "reckoned_again", _never),
        (rehearsed_costs, "_coupons", _free),
        (month_lines, "units_back", lambda: literal(0)),
    ],
    ids=[
        "refunds without a known sale left out",
        "the contract's residual party instead of who sells",
        "terms that were over left as they were",
        "coupons that cost nobody anything",
        "what was given away stays away",
    ],
)
async def test_control_a_rehearsal_that_leaves_something_out_is_not_the_books(
    town: Town, monkeypatch: pytest.MonkeyPatch, place, name: str, bug
) -> None:
    """The bugs that were there."""
    monkeypatch.setattr(place, name, bug)
    with pytest.raises(AssertionError):
        await test_the_contract_in_force_rehearsed_is_the_books_of_the_month_for_every_party_to_the_fen(town)
