"""What a contract may not say, each refused by its own name and field; and which of several rates wins."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from settlement import errors
from settlement.agreements.agreed import Bearer, GuaranteeKind, OverRatio, TermLength
from settlement.agreements.freeze import freeze
from settlement.commands import ContractRateRow, CreateContract, NamedParty, PeriodTermsRow
from settlement.states import PartyKind, RateBase
from settlement.terms import RatedLine, rates_for
from tenants.kernel.scope import TenantScope
from tests.settlement.agreements.test_freeze import ask, rates
from tests.settlement.test_terms import rate
from tests.support.books import MallStore, mall_contract, open_mall_store

NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
DAY = date(2026, 11, 11)


@pytest.fixture
async def shop(tenant: TenantScope) -> MallStore:
    return await open_mall_store(tenant)


def named(shop: MallStore) -> NamedParty:
    return NamedParty(kind=PartyKind.MALL, mall_id=shop.mall_id)


async def agree(shop: MallStore, **said: object) -> object:
    async with shop.tenant.writing() as db:
        return await mall_contract(db, shop.mall_id, [shop.store_id], **({"active_from": NEXT_YEAR} | said))


REFUSED = [
    ("rates of one day twice", lambda s: {"rates": [row(s, 1, sku="A"), row(s, 2, sku="A")]}, errors.RateNamedTwice, "rates"),
    ("days that meet", lambda s: {"rates": [row(s, 1, to=DAY), row(s, 2, begin=DAY)]}, errors.RateNamedTwice, "rates"),
    ("days turned round", lambda s: {"rates": [row(s, 1, begin=DAY, to=date(2026, 1, 1))]}, errors.RateDatesWrong, "rates.validToOn"),
    ("an end before its start", lambda _: {"active_to": NEXT_YEAR - timedelta(days=1)}, errors.ContractDatesWrong, "activeTo"),
    ("an end at its start", lambda _: {"active_to": NEXT_YEAR}, errors.ContractDatesWrong, "activeTo"),
    ("the last year there is", lambda _: {"active_to": datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC)}, errors.ContractDatesWrong, "activeTo"),
    ("over the whole for a promotion", lambda s: {"rates": [row(s, 9_000), brand_agent(2_000, promotion="P")]}, errors.RatesExceedWhole, "rates[P]"),
    ("a guarantee without period", lambda s: {"period_terms": [terms(s, period=None)]}, errors.TermsWithoutPeriod, "periodTerms[0].period"),
    ("a party twice", lambda s: {"period_terms": [terms(s), terms(s)]}, errors.PeriodTermsTwice, "periodTerms[1].party"),
    ("nothing agreed", lambda s: {"period_terms": [terms(s, guarantee_kind=None, guarantee_fen=0)]}, errors.PeriodTermsEmpty, "periodTerms[0]"),
    ("sales without a rate", lambda s: {"rates": [], "period_terms": [terms(s, guarantee_kind=GuaranteeKind.SALES)]}, errors.GuaranteeWithoutRate, "periodTerms[0].guaranteeKind"),
    ("a cap below", lambda s: {"period_terms": [terms(s, cap_fen=99)]}, errors.CapBelowGuarantee, "periodTerms[0].capFen"),
    ("terms of the residual party", lambda s: {"residual_party": named(s), "rates": [], "period_terms": [terms(s)]}, errors.ResidualPartyHasRate, "periodTerms"),
    ("no tax in it", lambda _: {"base": RateBase.EX_TAX}, errors.ExTaxWithoutTax, "taxBps"),
    ("nobody bears", lambda _: {"channel_fee_by": Bearer.PARTY}, errors.BearerWrong, "channelFeeParty"),
    ("one too many bears", lambda s: {"coupons_party": named(s)}, errors.BearerWrong, "couponsParty"),
    ("another calendar within a month", lambda _: {"active_from": datetime(2027, 1, 9, tzinfo=UTC), "cut_off_day": 20}, errors.ContractCalendarChanged, "activeFrom"),
]  # fmt: skip


def row(
    shop: MallStore, bps: int, *, sku: str = "", begin: date | None = None, to: date | None = None
) -> ContractRateRow:
    return ContractRateRow(party=named(shop), rate_bps=bps, sku_code=sku, valid_from_on=begin, valid_to_on=to)


def brand_agent(bps: int, *, promotion: str) -> ContractRateRow:
    return ContractRateRow(
        party=NamedParty(kind=PartyKind.AGENT, code="A1"), rate_bps=bps, promotion_code=promotion
    )


def terms(shop: MallStore, **said: object) -> PeriodTermsRow:
    agreed = {"period": TermLength.MONTH, "guarantee_kind": GuaranteeKind.AMOUNT, "guarantee_fen": 100}
    return PeriodTermsRow(party=named(shop), **(agreed | said))


@pytest.mark.parametrize(("what", "said", "refusal", "place"), REFUSED, ids=[each[0] for each in REFUSED])
async def test_what_cannot_be_agreed_is_refused_by_its_field(
    shop: MallStore, what: str, said: object, refusal: type[Exception], place: str
) -> None:
    with pytest.raises(refusal) as refused:
        await agree(shop, **said(shop))
    assert list(refused.value.details) == [place]


def test_a_moment_without_a_zone_is_no_moment_of_a_contract() -> None:
    told = {"code": "x", "name": "x", "storeIds": [], "rates": []}
    for field in ("activeFrom", "activeTo"):
        zoned = told | {"activeFrom": datetime(2027, 1, 1, tzinfo=UTC), field: datetime(2027, 1, 1)}  # noqa: DTZ001 what it is about
        with pytest.raises(msgspec.ValidationError, match=f"timezone component.*{field}"):
            msgspec.convert(zoned, CreateContract)


async def test_a_calendar_may_change_where_a_month_begins(shop: MallStore) -> None:
    midnight_in_shanghai = datetime(2026, 12, 31, 16, tzinfo=UTC)
    found = await agree(shop, active_from=midnight_in_shanghai, cut_off_day=20)
    assert (found.version, found.cut_off_day) == (2, 20)


async def test_more_than_the_merchant_may_split_off_is_refused_with_the_sum(shop: MallStore) -> None:
    said = {
        "profit_sharing": True,
        "rates": [row(shop, 2_500), row(shop, 2_800, sku="A"), brand_agent(500, promotion="P")],
    }
    with pytest.raises(errors.MaxSplitExceeded) as refused:
        await agree(shop, **said)
    told = refused.value.details["rates"]
    assert told.startswith("agent 500 + mall 2800 = 3300 > 3000 of merchant ")
    assert told.endswith(" (stores S1)")
    assert (await agree(shop, **said, over_ratio=OverRatio.PAYABLE)).over_ratio is OverRatio.PAYABLE


async def test_without_splitting_no_ratio_binds(shop: MallStore) -> None:
    assert (await agree(shop, rates=[row(shop, 9_000)])).version == 2


async def test_the_whole_contract_is_shown_again(shop: MallStore) -> None:
    found = await agree(
        shop, base=RateBase.EX_TAX, tax_bps=1_300, payment_days=30, base_includes_funded_by=[PartyKind.MALL],
        channel_fee_by=Bearer.PARTY, channel_fee_party=named(shop), period_terms=[terms(shop)],
        rates=[row(shop, 1_500), row(shop, 800, sku="A"), row(shop, 500, begin=DAY, to=DAY)],
    )  # fmt: skip
    assert (found.base, found.tax_bps, found.payment_days) == (RateBase.EX_TAX, 1_300, 30)
    assert [(each.sku_code, each.valid_from_on, each.rate_bps) for each in found.rates] == [
        ("", None, 1_500),
        ("", DAY, 500),
        ("A", None, 800),
    ]
    assert found.period_terms[0].rules.guarantee_fen == 100
    assert found.channel_fee_party.kind is PartyKind.MALL


def test_the_more_specific_rate_wins_whatever_else_fits() -> None:
    ladder = [
        rate(1, category=""), rate(2, category="", days=True), rate(3, category="tea"), rate(4, category="tea", days=True),
        rate(5, sku="A"), rate(6, sku="A", days=True), rate(7, sku="A", category="tea"), rate(8, promotion="P"),
        rate(9, promotion="P", category="tea"), rate(10, promotion="P", sku="A"), rate(11, promotion="P", sku="A", category="tea", days=True),
    ]  # fmt: skip
    line = RatedLine(category_code="tea", sku_code="A", promotion_code="P", day=DAY)
    for top in range(1, len(ladder) + 1):
        [won] = rates_for(ladder[:top], line=line).values()
        assert won.rate_bps == top


async def test_a_rate_holds_on_its_days_in_the_contracts_own_time(shop: MallStore) -> None:
    await agree(
        shop,
        active_from=datetime(2026, 11, 1, tzinfo=UTC),
        rates=[row(shop, 1_500), row(shop, 500, begin=DAY, to=DAY)],
    )
    midnight = datetime(2026, 11, 10, 16, tzinfo=UTC)
    moments = [
        midnight.replace(hour=15, minute=59),
        midnight,
        midnight.replace(day=11, hour=15),
        midnight.replace(day=11),
    ]
    async with shop.tenant.writing() as db:
        found = await freeze(db, [ask(shop.store_id, at=at) for at in moments])
    assert [(await rates(shop.tenant, each.terms_id))["mall"] for each in found] == [1_500, 500, 500, 1_500]


async def test_a_promotion_and_a_sku_find_their_rates(shop: MallStore) -> None:
    await agree(
        shop, active_from=datetime(2026, 9, 1, tzinfo=UTC),
        rates=[row(shop, 1_500), row(shop, 800, sku="A"), ContractRateRow(party=named(shop), rate_bps=300, promotion_code="P")],
    )  # fmt: skip
    asked = [{}, {"sku_code": "B"}, {"sku_code": "A"}, {"sku_code": "A", "promotion_code": "P"}]
    async with shop.tenant.writing() as db:
        found = await freeze(db, [ask(shop.store_id, **each) for each in asked])
    assert [(await rates(shop.tenant, each.terms_id))["mall"] for each in found] == [1_500, 1_500, 800, 300]
    assert found[0] == found[1]
