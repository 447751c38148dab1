"""One side of a rehearsal: what a set of terms gives each party of a month, by the same arithmetic as the books'. Pure.

What is shown may be less than what is counted: a guarantee is counted over all stores of its contract, also where only some of them are
rehearsed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

import msgspec

from orders.month_lines import MovedLine
from orders.month_lines import Step as MovedStep
from settlement.agreements.agreed import Bearer, TermLength
from settlement.agreements.views import Reckoned
from settlement.calendar import ONE_DAY, Span
from settlement.posting.beside import Discounted, Units, discounted, funding_steps
from settlement.posting.fees import fee_shares
from settlement.posting.post_terms import BookedTerms
from settlement.split import LineBase, split_line
from settlement.terms import LineSplit
from settlement.true_ups.bearers import Half, halves, spread
from settlement.true_ups.period_terms import PeriodRules, period_due
from settlement.true_ups.turnover import StoreTurnover
from tenants.kernel.ids import ContractId, PartyId, StoreId
from tenants.kernel.money import Fen

Terms = BookedTerms | LineSplit
Held = dict[PartyId, int]


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """A line put on terms, with the base that their rates are of."""

    line: MovedLine
    terms: Terms
    base_fen: Fen | None
    sold_in: date | None = None
    """The period it was sold in, where that was over when the month began."""

    @property
    def base(self) -> LineBase:
        """What its rates are of."""
        return LineBase(self.line.paid_fen, self.base_fen)

    def discounted(self, step: MovedStep) -> Discounted | None:
        """What its promotion took off it, and how much of that a step keeps."""
        line = self.line
        if line.promoted_fen is None:
            return None
        units = Units(sold=line.units, before=step.units_before, after=step.units_after)
        return discounted(
            line.promoted_fen, paid=line.paid_fen, before=step.before, after=step.after, units=units
        )


def held_of(puts: Sequence[Put], *, before: bool) -> dict[PartyId, Fen]:
    """What each party holds of these lines when the month begins, or at its end."""
    held: dict[PartyId, Fen] = defaultdict(lambda: Fen(0))
    for put in puts:
        kept = (put.line.kept_before_fen or Fen(0)) if before else put.line.kept_fen
        for party_id, fen in split_line(kept, put.terms, base=put.base).items():
            held[party_id] = Fen(held[party_id] + fen)
    return held


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """What a cost of an order's payment was when the month began and is at its end; `before` is None where it was paid within."""

    before: Fen | None
    after: Fen


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with an order's payment: the channel's fee, and what coupons cost the merchant."""

    fee: Charged
    coupons: Charged


class CostTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Who bears a cost."""

    by: Bearer
    party_id: PartyId | None
    residual: PartyId
    """Who is charged, and to whom the others owe their parts."""

    def position(self, cost: Fen | None, held: Mapping[PartyId, Fen]) -> dict[PartyId, Fen]:
        """Where parties stand with the cost: what they bear is less owed to them, and more to whoever was charged."""
        if cost is None:
            return {}
        due = fee_shares(cost, by=self.by, party_id=self.party_id, held=held, residual=self.residual)
        return {party: Fen(-part) for party, part in due.items()} | {self.residual: Fen(sum(due.values()))}


class PartsOfTerm(msgspec.Struct, frozen=True, kw_only=True):
    """A party's period terms for the month: which versions they are counted over, for which days, against whom."""

    rules: PeriodRules
    contracts: Sequence[ContractId]
    party_id: PartyId
    residual: PartyId
    sellers: Mapping[StoreId, PartyId]
    unsold: Sequence[StoreId]
    """Where the shortfall falls when nothing was sold anywhere."""
    in_force: Span
    of_days: int
    versions: list[int]
    sold_since: date | None = None
    """Only what was sold in this period or later counts; None: whatever moves."""

    def counts(self, sold_in: date | None) -> bool:
        """Whether what was sold then counts."""
        return self.sold_since is None or sold_in is None or sold_in >= self.sold_since


class Side(msgspec.Struct):
    """What one set of terms gives."""

    earned: Held = msgspec.field(default_factory=lambda: defaultdict(int))
    beside: Held = msgspec.field(default_factory=lambda: defaultdict(int))
    collected: Held = msgspec.field(default_factory=lambda: defaultdict(int))
    true_ups: Held = msgspec.field(default_factory=lambda: defaultdict(int))
    turnover: dict[ContractId, dict[StoreId, dict[date | None, int]]] = msgspec.field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    )
    """By version, store, and the period of its sale where that was earlier."""
    provisional: dict[tuple[ContractId, StoreId, date | None, PartyId], int] = msgspec.field(
        default_factory=lambda: defaultdict(int)
    )
    reckoned: dict[PartyId, list[Reckoned]] = msgspec.field(default_factory=lambda: defaultdict(list))

    def parties(self) -> set[PartyId]:
        """Everybody who got or gave something."""
        return {*self.earned, *self.beside, *self.collected, *self.true_ups}

    def total(self, party_id: PartyId) -> int:
        """What the party is owed for the month, whoever holds the money."""
        return sum(held.get(party_id, 0) for held in (self.earned, self.beside, self.true_ups))

    def take(self, put: Put, *, shown: bool) -> None:
        """Add a line; one at a store that is not shown counts in turnover alone."""
        terms, store_id = put.terms, put.line.store_id
        for step in put.line.steps:
            if not step.before and not step.after:
                continue
            before = {} if step.before is None else split_line(step.before, terms, base=put.base)
            for party_id, fen in split_line(step.after, terms, base=put.base).items():
                gained = fen - before.get(party_id, 0)
                self.provisional[terms.contract_id, store_id, put.sold_in, party_id] += gained
                if shown:
                    self.earned[party_id] += gained
            counted = put.base.of(step.after) - put.base.of(step.before or Fen(0))
            self.turnover[terms.contract_id][store_id][put.sold_in] += counted
        if shown:
            self._beside(put)

    def _beside(self, put: Put) -> None:
        """What the collector took of the line, and who bears its discount."""
        terms, seller = put.terms, put.terms.residual_party_id
        for step in put.line.steps:
            if terms.collector_party_id is not None:
                self.collected[terms.collector_party_id] += step.after - (step.before or 0)
            borne = funding_steps(put.discounted(step), funding=terms.funding, seller=seller)
            for funder, fen in borne.items():
                self.beside[funder] -= fen
                self.beside[seller] += fen

    def charge(self, charged: Charged, terms: CostTerms, *, puts: Sequence[Put]) -> None:
        """Add what parties bear of a cost of an order's payment, by what each holds of the order's lines."""
        if terms.by is Bearer.RESIDUAL:
            return
        stood = terms.position(charged.before, held_of(puts, before=True))
        stands = terms.position(charged.after, held_of(puts, before=False))
        for party_id in stood.keys() | stands.keys():
            self.beside[party_id] += stands.get(party_id, 0) - stood.get(party_id, 0)

    def settle(self, part: PartsOfTerm, *, shown: Collection[StoreId] | None) -> None:
        """Add what the month's part of the terms comes to beside the sales, at the stores that are shown (None: all)."""
        stores = self._turnover(part)
        by_days = part.rules.length is not TermLength.MONTH or part.rules.prorated_tiers
        first, after = part.in_force
        due = period_due(
            msgspec.structs.replace(part.rules, prorated_tiers=by_days),
            turnover_fen=Fen(sum(each.turnover_fen for each in stores.values())),
            provisional_fen=Fen(sum(each.provisional_fen for each in stores.values())),
            days_in_force=(after - first).days, days_in_period=part.of_days,
        )  # fmt: skip
        found = halves(
            due.true_up_fen, spread(due.true_up_fen, stores), party_id=part.party_id, residual=part.residual,
            sellers=part.sellers,
        )  # fmt: skip
        told = Reckoned(
            versions=part.versions, first_day=first, last_day=after - ONE_DAY, rules=part.rules, due=due
        )
        self.add_settled(found, told, party_id=part.party_id, shown=shown)

    def add_settled(
        self, found: Sequence[Half], told: Reckoned, *, party_id: PartyId, shown: Collection[StoreId] | None
    ) -> None:
        """Add a party's true-up and its reckoning, as far as its stores are shown."""
        for half in found:
            if shown is None or half.store_id is None or half.store_id in shown:
                self.true_ups[half.party_id] += half.amount_fen
        self.reckoned[party_id].append(told)

    def sold_before(self, contract_ids: Sequence[ContractId]) -> set[date]:
        """The earlier periods of whose sales under these versions something moved."""
        found = {
            period
            for each in contract_ids
            for sold in self.turnover.get(each, {}).values()
            for period in sold
        }
        return {period for period in found if period is not None}

    def _turnover(self, part: PartsOfTerm) -> dict[StoreId, StoreTurnover]:
        found: dict[StoreId, StoreTurnover] = {}
        for contract_id in part.contracts:
            for store_id, by_period in self.turnover.get(contract_id, {}).items():
                for sold_in, fen in by_period.items():
                    if part.counts(sold_in):
                        store = found.setdefault(store_id, StoreTurnover())
                        store.turnover_fen = Fen(store.turnover_fen + fen)
                        own = self.provisional.get((contract_id, store_id, sold_in, part.party_id), 0)
                        store.provisional_fen = Fen(store.provisional_fen + own)
        return found or {store_id: StoreTurnover() for store_id in part.unsold}
