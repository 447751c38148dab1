"""The tax within a statement line: prices include it, so net = amount x 10000 / (10000 + rate), rounded half away from zero. Pure.

Computed line by line and added up, because invoices are issued for lines; what the sum's own tax would be differs by a few fen, and that
difference is shown, never hidden.
"""

from collections.abc import Iterable

import msgspec

from settlement.agreements.agreed import Invoice
from tenants.kernel.ids import ContractId
from tenants.kernel.money import WHOLE, Bps, Fen


class TaxTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract says of tax: the rate within amounts, and who invoices."""

    rate_bps: Bps
    invoice: Invoice


class TaxedAmount(msgspec.Struct, frozen=True, kw_only=True):
    """An amount, apart."""

    gross_fen: Fen
    net_fen: Fen
    tax_fen: Fen


class TaxTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The tax of all lines of one kind: added up line by line, and what the tax of their sum would be."""

    contract_id: ContractId | None
    terms: TaxTerms
    lines: int
    gross_fen: Fen
    net_fen: Fen
    tax_fen: Fen

    @property
    def rounding_fen(self) -> Fen:
        """What adding up line by line gives beyond the tax of the sum."""
        return Fen(self.tax_fen - taxed(self.gross_fen, self.terms.rate_bps).tax_fen)


def taxed(gross: Fen, rate: Bps) -> TaxedAmount:
    """Take an amount (fen, signed) apart; net and tax always add up to it."""
    whole = WHOLE + rate
    # Half away from zero in whole numbers: (2ab + c) // 2c.
    net = (2 * abs(gross) * WHOLE + whole) // (2 * whole)
    net = net if gross >= 0 else -net
    return TaxedAmount(gross_fen=gross, net_fen=Fen(net), tax_fen=Fen(gross - net))


def tax_totals(amounts: Iterable[tuple[ContractId | None, TaxTerms, Fen]]) -> list[TaxTotal]:
    """Add up the lines of each contract, in the order in which contracts first appear."""
    found: dict[tuple[ContractId | None, TaxTerms], list[int]] = {}
    for contract_id, terms, gross in amounts:
        part = taxed(gross, terms.rate_bps)
        counted = found.setdefault((contract_id, terms), [0, 0, 0, 0])
        for place, each in enumerate((1, part.gross_fen, part.net_fen, part.tax_fen)):
            counted[place] += each
    return [
        TaxTotal(
            contract_id=contract_id, terms=terms, lines=lines, gross_fen=Fen(gross), net_fen=Fen(net), tax_fen=Fen(tax)
        )
        for (contract_id, terms), (lines, gross, net, tax) in found.items()
    ]  # fmt: skip
