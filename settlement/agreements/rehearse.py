"""试算: what a contract would have done to a month's real orders at its stores, beside what was done to them. Writes nothing.

Both sides are reckoned the same way, from the lines that were paid in the month and what refunds took back of them in it, so that the
difference is the contract's alone. Of a quarter's or a year's terms (guarantee, cap, tiers) the month has its part by days.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from orders.bases import base_of_line
from orders.funding import funded_by_kind
from orders.month_lines import SoldLine, sold_lines
from settlement.agreements.agreed import TermLength
from settlement.agreements.checks import Agreement, check_contract
from settlement.agreements.views import Reckoned, RehearsalView, RehearsedParty
from settlement.calendar import ONE_DAY, Span, days_of, overlap_days, period_ends, period_starts, term_of
from settlement.commands import CreateContract, RehearseContract, month_from_text
from settlement.parties import new_party_id
from settlement.posting.post_terms import BookedTerms, booked_terms
from settlement.queries import parties
from settlement.split import LineBase, SplitTerms, split_line
from settlement.states import PartyKind
from settlement.terms import HOUSE, ContractVersion, LineSplit, Rate, line_split
from settlement.true_ups.period_terms import PeriodRules, period_due
from settlement.true_ups.post import agreed_versions
from settlement.true_ups.stretches import stretches_of
from settlement.views import PartyView
from tenants.kernel.ids import ContractId, MerchantId, OrderId, PartyId, TermsId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading


class Side(msgspec.Struct):
    """What one set of terms gives: by contract version, each party's part and the turnover."""

    parts: dict[ContractId, dict[PartyId, int]] = msgspec.field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )
    turnover: dict[ContractId, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    true_ups: dict[PartyId, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    reckoned: dict[PartyId, list[Reckoned]] = msgspec.field(default_factory=lambda: defaultdict(list))

    def take(self, kept: Fen, contract_id: ContractId, *, terms: SplitTerms, base: LineBase) -> None:
        """Add a line."""
        for party_id, amount in split_line(kept, terms, base=base).items():
            self.parts[contract_id][party_id] += amount
        self.turnover[contract_id] += base.of(kept)

    def of(self, party_id: PartyId, contracts: Collection[ContractId] | None = None) -> Fen:
        """A party's part under these versions, or under all."""
        chosen = self.parts if contracts is None else {each: self.parts[each] for each in contracts}
        return Fen(sum(parts.get(party_id, 0) for parts in chosen.values()))

    def settle(
        self,
        rules: PeriodRules,
        *,
        contracts: Sequence[ContractId],
        party_id: PartyId,
        residual: PartyId,
        in_force: Span,
        of_days: int,
        versions: list[int],
    ) -> None:
        """Add what the month's part of the terms comes to beside the sales."""
        by_days = rules.length is not TermLength.MONTH or rules.prorated_tiers
        due = period_due(
            msgspec.structs.replace(rules, prorated_tiers=by_days),
            turnover_fen=Fen(sum(self.turnover[each] for each in contracts)),
            provisional_fen=self.of(party_id, contracts), days_in_force=(in_force[1] - in_force[0]).days,
            days_in_period=of_days,
        )  # fmt: skip
        self.true_ups[party_id] += due.true_up_fen
        self.true_ups[residual] -= due.true_up_fen
        told = Reckoned(
            versions=versions, first_day=in_force[0], last_day=in_force[1] - ONE_DAY, rules=rules, due=due
        )
        self.reckoned[party_id].append(told)


class Rehearsal(msgspec.Struct, kw_only=True):
    """A rehearsal under way."""

    version: ContractVersion
    people: Mapping[PartyId, PartyView]
    was: Side = msgspec.field(default_factory=Side)
    would: Side = msgspec.field(default_factory=Side)
    orders: set[OrderId] = msgspec.field(default_factory=set)
    lines: int = 0
    kept_fen: int = 0
    decided: dict[object, LineSplit] = msgspec.field(default_factory=dict)

    def take(self, line: SoldLine, terms: BookedTerms) -> None:
        """Divide a line on the terms it was sold on, and on those of the contract."""
        self.orders.add(line.order_id)
        self.lines += 1
        self.kept_fen += line.kept_fen
        self.was.take(
            line.kept_fen, terms.contract_id, terms=terms, base=LineBase(line.paid_fen, line.base_fen)
        )  # fmt: skip
        rule = self.version.base_rule(line.kind)
        funded = funded_by_kind(line.promoted_fen, funding=terms.funding)
        base = base_of_line(rule, goods_fen=line.goods_fen, paid_fen=line.paid_fen, funded=funded)
        self.would.take(
            line.kept_fen, self.version.contract_id, terms=self._split(line, terms),
            base=LineBase(line.paid_fen, base),
        )  # fmt: skip

    def _split(self, line: SoldLine, terms: BookedTerms) -> LineSplit:
        """The contract's terms for the line; commission and the platform's fee are those it was sold with."""
        seen = self.version.rated(
            at=line.placed_at, category_code=line.category_code, sku_code=line.sku_code,
            promotion_code=line.promotion_code,
        )  # fmt: skip
        key = (seen, line.kind, terms.terms_id)
        if key not in self.decided:
            extra = {
                self.people[each.party_id].kind: Rate(
                    party_id=each.party_id, kind=self.people[each.party_id].kind, rate_bps=each.rate_bps
                )
                for each in terms.portions
            }
            # Who sold it then sells it still: a franchisee, or the brand.
            rest = terms.residual_party_id
            seller = rest if self.people[rest].kind is PartyKind.FRANCHISEE else None
            self.decided[key] = line_split(
                self.version.sold_by(seller), line=seen, kind=line.kind, platform=extra.get(PartyKind.PLATFORM),
                guide=extra.get(PartyKind.GUIDE),
            )  # fmt: skip
        return self.decided[key]


async def rehearse_contract(
    db: Reading, command: RehearseContract, *, ratios: Mapping[MerchantId, Bps] | None = None
) -> RehearsalView:
    """Run the contract on the orders of the month, as if it had been in force all through it; refuses what could not be saved."""
    month = month_from_text(command.month)
    agreed = await check_contract(db, command, ratios=ratios or {})
    days = period_starts(month, cut_off=command.cut_off_day), period_ends(month, cut_off=command.cut_off_day)
    people = await parties(db) | {
        party_id: PartyView(id=party_id, kind=party.kind, code=party.code, name=party.name)
        for party in agreed.parties
        for party_id in [new_party_id(db, party)]
    }
    rehearsal = Rehearsal(version=agreed.version(command), people=people)
    await _run(db, rehearsal, command, days=days, time_zone=agreed.time_zone)
    await _settle_as_it_was(db, rehearsal.was, month=month, days=days)
    _settle_as_it_would_be(rehearsal, agreed, command, month=month, days=days)
    return _view(rehearsal, month=command.month)


async def _run(
    db: Reading, rehearsal: Rehearsal, command: CreateContract, *, days: Span, time_zone: str
) -> None:
    first, after = (datetime.combine(day, time(0), ZoneInfo(time_zone)) for day in days)
    book: dict[TermsId, BookedTerms] = {}
    stores = None if command.code == HOUSE else command.store_ids
    async for line in sold_lines(db, stores, first=first, after=after):
        if line.terms_id not in book:
            book |= await booked_terms(db, {line.terms_id})
        terms = book[line.terms_id]
        if stores is not None or terms.contract_code == HOUSE:
            rehearsal.take(line, terms)


async def _settle_as_it_was(db: Reading, was: Side, *, month: date, days: Span) -> None:
    """What the contracts that the month was sold under came to beside the sales, for their part of the month."""
    for versions in (await agreed_versions(db)).values():
        if not any(version.contract_id in was.parts for version in versions):
            continue
        for party_id in {party for version in versions for party in version.rules}:
            for stretch in stretches_of(versions, party_id):
                term = stretch.within(month)
                counted = overlap_days(stretch.spans, days)
                if term is not None and counted:
                    first = max(days[0], term.first_day)
                    was.settle(
                        stretch.rules, contracts=stretch.contract_ids, party_id=party_id,
                        residual=stretch.last.residual_party_id, in_force=(first, first + ONE_DAY * counted),
                        of_days=term.days_in_period, versions=[each.version for each in stretch.versions],
                    )  # fmt: skip


def _settle_as_it_would_be(
    rehearsal: Rehearsal, agreed: Agreement, command: CreateContract, *, month: date, days: Span
) -> None:
    for party_id, rules in agreed.period_rules.items():
        first, after = days_of(term_of(month, rules.length), cut_off=command.cut_off_day)
        rehearsal.would.settle(
            rules, contracts=[rehearsal.version.contract_id], party_id=party_id,
            residual=agreed.residual_party_id, in_force=days, of_days=(after - first).days, versions=[],
        )  # fmt: skip


def _view(rehearsal: Rehearsal, *, month: str) -> RehearsalView:
    was, would = rehearsal.was, rehearsal.would
    sides = [parts for side in (was, would) for parts in side.parts.values()]
    ids = {party for parts in sides for party in parts} | was.true_ups.keys() | would.true_ups.keys()
    found = [
        RehearsedParty(
            party=rehearsal.people[party_id], was_fen=was.of(party_id),
            was_true_up_fen=Fen(was.true_ups.get(party_id, 0)), would_fen=would.of(party_id),
            would_true_up_fen=Fen(would.true_ups.get(party_id, 0)),
            difference_fen=Fen(
                would.of(party_id) + would.true_ups.get(party_id, 0)
                - was.of(party_id) - was.true_ups.get(party_id, 0)
            ),
            was_reckoned=was.reckoned.get(party_id, []), would_reckoned=would.reckoned.get(party_id, []),
        )
        for party_id in ids
    ]  # fmt: skip
    return RehearsalView(
        month=month, orders=len(rehearsal.orders), lines=rehearsal.lines, kept_fen=Fen(rehearsal.kept_fen),
        parties=sorted(found, key=lambda each: (each.party.kind, each.party.code)),
    )  # fmt: skip
