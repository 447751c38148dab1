"""What contracts show: structs that go out. Amounts are whole fen, rates basis points."""

from datetime import date, datetime

import msgspec

from settlement.agreements.agreed import Bearer, Invoice, OverRatio
from settlement.states import PartyKind, RateBase
from settlement.true_ups.period_terms import PeriodDue, PeriodRules
from settlement.views import PartyView
from tenants.kernel.ids import ContractId, StoreId
from tenants.kernel.money import Bps, Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class RateView(_View, frozen=True):
    """One party's rate in a contract; an empty code names nothing, and without names it is the rate for everything."""

    party: PartyView
    category_code: str
    rate_bps: Bps
    sku_code: str = ""
    promotion_code: str = ""
    valid_from_on: date | None = None
    valid_to_on: date | None = None


class PeriodTermsView(_View, frozen=True):
    """What a party's month, quarter or year gives it."""

    party: PartyView
    rules: PeriodRules


class ContractView(_View, frozen=True):
    """One version of a contract."""

    id: ContractId
    code: str
    version: int
    name: str
    residual_party: PartyView
    rates: list[RateView]
    period_terms: list[PeriodTermsView]
    store_ids: list[StoreId]
    base: RateBase
    base_includes_funded_by: list[PartyKind]
    profit_sharing: bool
    over_ratio: OverRatio
    time_zone: str
    cut_off_day: int | None
    payment_days: int
    tax_bps: Bps
    invoice: Invoice
    channel_fee_by: Bearer
    channel_fee_party: PartyView | None
    coupons_by: Bearer
    coupons_party: PartyView | None
    active_from: datetime
    active_to: datetime | None
    residual_by_owner: bool = False
    """The rest is a store's franchisee's, where it has one."""
    collected_by: PartyView | None = None
    """Whose till or cashier takes the money of sales that do not run through our channel."""
    collected_sources: list[str] = []


class ContractList(_View, frozen=True):
    """Contracts by code and version."""

    contracts: list[ContractView]


class ReckonedBefore(_View, frozen=True):
    """What a term came to when it was reckoned last, where it is reckoned again: something moved since, or the contract went on."""

    period_on: date
    """The period whose closing reckoned it."""
    turnover_fen: Fen
    provisional_fen: Fen
    due_fen: Fen


class Reckoned(_View, frozen=True):
    """The reckoning of one stretch of a term: versions of a contract that agree the same with a party."""

    versions: list[int]
    first_day: date
    last_day: date
    rules: PeriodRules
    due: PeriodDue
    before: ReckonedBefore | None = None
    """None: it was reckoned for the first time."""


class TrueUpView(_View, frozen=True):
    """What a party's month, quarter or year came to beside its sales, and every step of how."""

    contract_code: str
    party: PartyView
    term_starts_on: date
    period_on: date
    amount_fen: Fen
    reckoning: list[Reckoned]


class RehearsedParty(_View, frozen=True):
    """What one party got of a month and what it would have got."""

    party: PartyView
    was_fen: Fen
    """By sales, net of what refunds took back in the month, of whatever sale."""
    was_true_up_fen: Fen
    would_fen: Fen
    would_true_up_fen: Fen
    difference_fen: Fen
    """What it would have been owed more, whoever holds the money."""
    was_beside_fen: Fen = Fen(0)
    """Its part of promotions' costs and of the channel's fee; below zero it bears them."""
    was_collected_fen: Fen = Fen(0)
    """What it took of the money itself."""
    would_beside_fen: Fen = Fen(0)
    would_collected_fen: Fen = Fen(0)
    was_reckoned: list[Reckoned] = []
    would_reckoned: list[Reckoned] = []


class RehearsalView(_View, frozen=True):
    """What a contract would have done to a month at its stores: what was sold in it, and what refunds took back in it. Nothing was written."""

    month: str
    orders: int
    lines: int
    kept_fen: Fen
    parties: list[RehearsedParty]
