"""What a statement's files are made of: its figures, the names it was written with, adjustments, payments, and what its lines add up to.

The lines themselves stream by; `Tally` keeps their sums and, for print, the first few hundred. Every total is proved: `checks`.
"""

from collections.abc import Iterable

import msgspec

from settlement.sheets.lines import statement_adjustments, statement_payments
from settlement.sheets.names import StatementNames, names_of, tax_terms
from settlement.sheets.tax import TaxTerms, TaxTotal, tax_totals
from settlement.views import AdjustmentLine, PaymentLine, StatementLine, StatementView
from storefront.statements.columns import Taxes, is_collection, tax_of
from tenants.kernel.ids import ContractId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import TenantScope

PRINTED_LINES = 300
"""More than ten pages of lines nobody signs: beyond this a printed statement shows days, and the lines stand in its other files."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A statement without its lines."""

    statement: StatementView
    names: StatementNames
    adjustments: list[AdjustmentLine]
    payments: list[PaymentLine]
    taxes: Taxes

    def tax(self, contract_id: ContractId | None) -> TaxTerms:
        """The tax terms of a line under this contract."""
        return tax_of(self.statement, contract_id, taxes=self.taxes)

    @property
    def paid(self) -> list[PaymentLine]:
        """How the party was paid."""
        return [line for line in self.payments if not is_collection(line)]

    @property
    def collected(self) -> list[PaymentLine]:
        """What it took itself."""
        return [line for line in self.payments if is_collection(line)]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One total counted twice: as the statement says it, and from the rows of the file."""

    zh: str
    en: str
    stated_fen: Fen
    counted_fen: Fen

    @property
    def agrees(self) -> bool:
        """Whether they are equal."""
        return self.stated_fen == self.counted_fen


class Group(msgspec.Struct):
    """Lines of one kind, added up."""

    lines: int = 0
    paid_fen: Fen = Fen(0)
    base_fen: Fen = Fen(0)
    portion_fen: Fen = Fen(0)

    def add(self, line: StatementLine) -> None:
        """Count a line."""
        self.lines += 1
        self.paid_fen = Fen(self.paid_fen + line.paid_fen)
        self.base_fen = Fen(self.base_fen + line.base_fen)
        self.portion_fen = Fen(self.portion_fen + line.portion_fen)


StoreKey = tuple[str, str]
RateKey = tuple[str, int, int]
"""Contract code, its version, and the rate; -1 for the residual party."""


class Tally:
    """The sums of the lines that have streamed by."""

    def __init__(self, content: Content) -> None:
        """Begin at nothing."""
        self.content = content
        self.all = Group()
        self.stores: dict[StoreKey, Group] = {}
        self.rates: dict[RateKey, Group] = {}
        self.days: dict[str, Group] = {}
        self.printed: list[StatementLine] = []
        self.contracts: dict[ContractId | None, str] = {
            line.contract_id: f"{line.contract_code} v{line.contract_version}"
            for line in content.adjustments
            if line.contract_code
        }
        """What each contract is called."""
        self._taxes: dict[tuple[ContractId | None, TaxTerms], TaxTotal] = {}

    def add(self, lines: Iterable[StatementLine]) -> None:
        """Count a day's lines."""
        several = list(lines)
        for line in several:
            rate: Bps | int = -1 if line.rate_bps is None else line.rate_bps
            self.contracts[line.contract_id] = f"{line.contract_code} v{line.contract_version}"
            self.all.add(line)
            self.stores.setdefault((line.store_code, line.store_name), Group()).add(line)
            self.rates.setdefault((line.contract_code, line.contract_version, rate), Group()).add(line)
            self.days.setdefault(line.occurred_on.isoformat(), Group()).add(line)
        self.printed += several[: PRINTED_LINES + 1 - len(self.printed)]
        self._add_tax(
            (line.contract_id, self.content.tax(line.contract_id), line.portion_fen) for line in several
        )

    def taxes(self) -> list[TaxTotal]:
        """The tax of lines and adjustments together, by contract."""
        taxed = Tally(self.content)
        taxed._taxes = dict(self._taxes)
        taxed._add_tax(
            (line.contract_id, self.content.tax(line.contract_id), line.amount_fen)
            for line in self.content.adjustments
        )
        return list(taxed._taxes.values())

    def checks(self) -> list[Check]:
        """Every total of the statement against the rows of the file."""
        told = self.content.statement
        adjusted = sum(line.amount_fen for line in self.content.adjustments)
        paid = sum(line.amount_fen for line in self.content.paid)
        collected = sum(line.amount_fen for line in self.content.collected)
        closing = told.opening_fen + self.all.portion_fen + adjusted - collected - paid
        taxes = self.taxes()
        rows = (
            ("应得减冲回 = 明细合计", "earned - reversed = lines", told.earned_fen - told.reversed_fen, self.all.portion_fen),
            ("明细行数", "number of lines", told.lines, self.all.lines),
            ("调整 = 调整表合计", "adjusted = adjustments", told.adjusted_fen, adjusted),
            ("自收 = 自收合计", "collected = collections", told.collected_fen, collected),
            ("已付 = 付款合计", "paid = payments", told.paid_fen, paid),
            ("不含税 + 税额 = 应税合计", "net + tax = taxed lines", sum(each.gross_fen for each in taxes),
             sum(each.net_fen + each.tax_fen for each in taxes)),
            ("期末 = 期初 + 本期变动", "closing = opening + movements", told.closing_fen, closing),
        )  # fmt: skip
        return [
            Check(zh=zh, en=en, stated_fen=Fen(stated), counted_fen=Fen(counted))
            for zh, en, stated, counted in rows
        ]

    def _add_tax(self, amounts: Iterable[tuple[ContractId | None, TaxTerms, Fen]]) -> None:
        for each in tax_totals(amounts):
            key = (each.contract_id, each.terms)
            before = self._taxes.get(key)
            self._taxes[key] = each if before is None else _joined(before, each)


def _joined(one: TaxTotal, other: TaxTotal) -> TaxTotal:
    return msgspec.structs.replace(
        one,
        lines=one.lines + other.lines,
        gross_fen=Fen(one.gross_fen + other.gross_fen),
        net_fen=Fen(one.net_fen + other.net_fen),
        tax_fen=Fen(one.tax_fen + other.tax_fen),
    )


async def read_content(tenant: TenantScope, statement: StatementView) -> Content:
    """Everything of a statement but its lines."""
    party, month, version = statement.party.id, statement.period_on, statement.version
    async with tenant.reporting() as db:
        names = await names_of(db, statement.id)
        return Content(
            statement=statement, names=names, taxes=await tax_terms(db),
            adjustments=await statement_adjustments(db, party, month=month, version=version, stores=names.stores),
            payments=await statement_payments(db, party, month=month, version=version),
        )  # fmt: skip
