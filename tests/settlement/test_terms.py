"""Which contract and which rates a line is sold on."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from orders.states import LineKind
from settlement.errors import NoTermsInForce, RatesExceedWhole
from settlement.split import Portion
from settlement.states import PartyKind, RateBase
from settlement.terms import ContractVersion, Rate, RatedLine, contract_for, line_split
from tenants.kernel.ids import ContractId, PartyId, StoreId, TenantId
from tenants.kernel.money import Bps

BRAND, MALL, PLATFORM, GUIDE = (PartyId(UUID(int=number)) for number in range(1, 5))
IN_MALL, STREET = StoreId(UUID(int=11)), StoreId(UUID(int=12))
OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


def contract(code: str, *, number: int = 1, rates: tuple[Rate, ...] = (), **said: object) -> ContractVersion:
    terms: dict[str, object] = {
        "contract_id": ContractId(UUID(int=100 + number)), "code": code, "version": number, "residual_party_id": BRAND,
        "profit_sharing": True, "active_from": OCTOBER, "active_to": None, "store_ids": frozenset(), "rates": rates,
    }  # fmt: skip
    return ContractVersion(**(terms | said))


def rate(
    bps: int,
    *,
    party: PartyId = MALL,
    kind: PartyKind = PartyKind.MALL,
    category: str = "",
    sku: str = "",
    promotion: str = "",
    days: bool = False,
) -> Rate:
    return Rate(
        party_id=party, kind=kind, category_code=category, sku_code=sku, promotion_code=promotion,
        valid_from_on=date(2026, 11, 1) if days else None, rate_bps=Bps(bps),
    )  # fmt: skip


HOUSE = contract("house", number=9)


def test_the_contract_that_names_the_store_wins_over_the_house() -> None:
    mall = contract("mall", store_ids=frozenset({IN_MALL}))
    assert contract_for([HOUSE, mall], store_id=IN_MALL, at=NOVEMBER) is mall
    assert contract_for([HOUSE, mall], store_id=STREET, at=NOVEMBER) is HOUSE


def test_a_version_covers_its_first_moment_and_not_its_last() -> None:
    first = contract("mall", active_to=NOVEMBER, store_ids=frozenset({IN_MALL}))
    second = contract("mall", number=2, active_from=NOVEMBER, store_ids=frozenset({IN_MALL}))
    assert contract_for([first, second], store_id=IN_MALL, at=OCTOBER) is first
    assert contract_for([first, second], store_id=IN_MALL, at=NOVEMBER) is second


def test_without_any_contract_in_force_nothing_can_be_sold() -> None:
    with pytest.raises(NoTermsInForce):
        contract_for([contract("house", active_from=NOVEMBER)], store_id=STREET, at=OCTOBER)


def test_a_rate_for_the_category_wins_over_the_rate_for_everything() -> None:
    mall = contract("mall", rates=(rate(1500), rate(800, category="tea")))
    assert line_split(mall, line=RatedLine(category_code="tea"), platform=None, guide=None).portions == (
        Portion(MALL, Bps(800)),
    )
    assert line_split(mall, line=RatedLine(category_code="shoes"), platform=None, guide=None).portions == (
        Portion(MALL, Bps(1500)),
    )


def test_platform_fee_and_commission_join_the_contracts_rates() -> None:
    fee = rate(60, party=PLATFORM, kind=PartyKind.PLATFORM)
    commission = rate(300, party=GUIDE, kind=PartyKind.GUIDE)
    split = line_split(
        contract("mall", rates=(rate(1500),)), line=RatedLine(), platform=fee, guide=commission
    )
    assert split.portions == (Portion(MALL, Bps(1500)), Portion(PLATFORM, Bps(60)), Portion(GUIDE, Bps(300)))


@pytest.mark.parametrize("base", [RateBase.LIST_GOODS, RateBase.EX_TAX])
def test_what_the_brand_agreed_with_others_is_of_what_was_paid_whatever_the_contracts_base(
    base: RateBase,
) -> None:
    fee = rate(60, party=PLATFORM, kind=PartyKind.PLATFORM)
    commission = rate(300, party=GUIDE, kind=PartyKind.GUIDE)
    agreed = contract("mall", rates=(rate(1500),), base=base, tax_bps=Bps(1300))
    split = line_split(agreed, line=RatedLine(), platform=fee, guide=commission)
    assert split.portions == (
        Portion(MALL, Bps(1500)), Portion(PLATFORM, Bps(60), of_paid=True), Portion(GUIDE, Bps(300), of_paid=True)
    )  # fmt: skip
    named = contract("mall", rates=(rate(20, party=PLATFORM, kind=PartyKind.PLATFORM),), base=base)
    assert line_split(named, line=RatedLine(), platform=fee).portions == (Portion(PLATFORM, Bps(20)),)


@pytest.mark.parametrize("base", list(RateBase))
def test_of_carriage_guide_and_platform_have_nothing_whether_the_mall_has_a_rate_for_it_or_not(
    base: RateBase,
) -> None:
    fee = rate(60, party=PLATFORM, kind=PartyKind.PLATFORM)
    commission = rate(300, party=GUIDE, kind=PartyKind.GUIDE)
    for rates in ((rate(1500),), (rate(1500), rate(1, category="freight"))):
        split = line_split(
            contract("mall", rates=rates, base=base), line=RatedLine(category_code="freight"),
            kind=LineKind.FREIGHT, platform=fee, guide=commission,
        )  # fmt: skip
        assert {each.party_id for each in split.portions} <= {MALL}


def test_terms_without_a_base_of_their_own_keep_the_id_they_always_had() -> None:
    guide = rate(300, party=GUIDE, kind=PartyKind.GUIDE)
    split = line_split(contract("mall", rates=(rate(1500),)), line=RatedLine(), guide=guide)
    assert [set(each) for each in split.content()["portions"]] == [{"party_id", "rate_bps"}] * 2


def test_a_platform_rate_in_the_contract_wins_over_the_tenants_fee() -> None:
    agreed = contract("mall", rates=(rate(20, party=PLATFORM, kind=PartyKind.PLATFORM),))
    split = line_split(
        agreed, line=RatedLine(), platform=rate(60, party=PLATFORM, kind=PartyKind.PLATFORM), guide=None
    )
    assert split.portions == (Portion(PLATFORM, Bps(20)),)


def test_rates_over_the_whole_are_refused_with_the_sum() -> None:
    with pytest.raises(RatesExceedWhole) as refused:
        line_split(
            contract("mall", rates=(rate(9800),)), line=RatedLine(), platform=None,
            guide=rate(201, party=GUIDE, kind=PartyKind.GUIDE),
        )  # fmt: skip
    assert refused.value.details == {"rates": "guide 201 + mall 9800 = 10001 > 10000"}


def test_a_rate_of_nothing_is_no_portion() -> None:
    assert (
        line_split(contract("mall", rates=(rate(0),)), line=RatedLine(), platform=None, guide=None).portions
        == ()
    )


def test_commission_alone_never_marks_a_payment_for_splitting() -> None:
    guide = rate(300, party=GUIDE, kind=PartyKind.GUIDE)
    assert not line_split(contract("house"), line=RatedLine(), platform=None, guide=guide).profit_sharing
    assert line_split(
        contract("mall", rates=(rate(1),)), line=RatedLine(), platform=None, guide=guide
    ).profit_sharing


def test_equal_terms_have_one_id_and_different_tenants_have_their_own() -> None:
    agreed = contract("mall", rates=(rate(1500), rate(60, party=PLATFORM, kind=PartyKind.PLATFORM)))
    turned = contract("mall", rates=(rate(60, party=PLATFORM, kind=PartyKind.PLATFORM), rate(1500)))
    one, other = (line_split(each, line=RatedLine(), platform=None, guide=None) for each in (agreed, turned))
    tenant, stranger = TenantId(UUID(int=1)), TenantId(UUID(int=2))
    assert one.terms_id(tenant) == other.terms_id(tenant)
    assert one.terms_id(tenant) != one.terms_id(stranger)
