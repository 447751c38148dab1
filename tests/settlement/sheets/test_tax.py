"""The tax within amounts: net and tax add up, a refund takes back what a sale gave, and what rounding line by line gives is told."""

import random
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from settlement.agreements.agreed import Invoice
from settlement.sheets.tax import TaxTerms, tax_totals, taxed
from storefront.statements.capital import capital_yuan
from tenants.kernel.ids import ContractId, new_id
from tenants.kernel.money import Bps, Fen

amounts = st.integers(-(10**12), 10**12).map(Fen)
rates = st.sampled_from([0, 100, 300, 600, 900, 1300]).map(Bps)


@given(amounts, rates)
def test_net_and_tax_add_up_within_half_a_fen_of_exact_and_a_refund_mirrors_a_sale(
    gross: Fen, rate: Bps
) -> None:
    part = taxed(gross, rate)
    assert part.net_fen + part.tax_fen == gross
    assert abs(part.net_fen - Fraction(gross * 10_000, 10_000 + rate)) <= Fraction(1, 2)
    back = taxed(Fen(-gross), rate)
    assert (back.net_fen, back.tax_fen) == (-part.net_fen, -part.tax_fen)


def test_known_amounts() -> None:
    assert [(taxed(Fen(each), Bps(600)).net_fen, taxed(Fen(each), Bps(600)).tax_fen) for each in (106, 10_000, 1, 53)] == [
        (100, 6), (9_434, 566), (1, 0), (50, 3)
    ]  # fmt: skip


def test_lines_are_taxed_one_by_one_and_the_rounding_is_told() -> None:
    chance, contract = random.Random(7), ContractId(new_id())
    terms = TaxTerms(rate_bps=Bps(600), invoice=Invoice.THEY_ISSUE)
    lines = [Fen(chance.randrange(-9_999, 99_999)) for _ in range(2_000)]
    [total] = tax_totals((contract, terms, each) for each in lines)
    assert (total.lines, total.gross_fen) == (2_000, sum(lines))
    assert total.tax_fen == sum(taxed(each, Bps(600)).tax_fen for each in lines)
    assert total.net_fen + total.tax_fen == total.gross_fen
    assert total.tax_fen - total.rounding_fen == taxed(Fen(sum(lines)), Bps(600)).tax_fen
    assert total.rounding_fen != 0


def test_capital_figures() -> None:
    told = {
        0: "零元整", 5: "伍分", 50: "伍角整", 105: "壹元零伍分", 12_345: "壹佰贰拾叁元肆角伍分", 100_000: "壹仟元整",
        1_000_500: "壹万零伍元整", 10_010_000: "壹拾万零壹佰元整", 1_000_000_000: "壹仟万元整", 10_000_000_001: "壹亿元零壹分",
        -1_500: "负壹拾伍元整", 123_456_789_012: "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元壹角贰分", 2_000_300_00: "贰佰万零叁佰元整",
    }  # fmt: skip
    assert {amount: capital_yuan(Fen(amount)) for amount in told} == told
