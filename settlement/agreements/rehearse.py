"""试算: what a contract would have done to a month at its stores, beside what was done to it. Writes nothing.

Both sides are reckoned the same way, from what was paid in the month and what refunds took back in it, so that the difference is the
contract's alone. What was sold in the month is put on the contract's terms; what was sold earlier goes back on its own, as it would; where its term is over and takes it off, that is reckoned again.
Of a quarter's or a year's terms (guarantee, cap, tiers) the month has its part by days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from orders.bases import base_of_line
from orders.funding import funded_by_kind
from orders.month_lines import MovedLine, Window, moved_lines
from orders.ports import TermsQuestion
from settlement.agreements.checks import Agreement, check_contract
from settlement.agreements.commissions import refuse_without_room
from settlement.agreements.queries import stores_of_versions
from settlement.agreements.rehearsed import Costs, CostTerms, PartsOfTerm, Put, Side, Terms
from settlement.agreements.rehearsed_again import reckoned_again
from settlement.agreements.rehearsed_costs import costs_of_orders
from settlement.agreements.sides import SideBook, read_sides
from settlement.agreements.views import RehearsalView, RehearsedParty
from settlement.calendar import ONE_DAY, Span, days_of, overlap_days, period_ends, period_starts, term_of
from settlement.commands import RehearseContract, month_from_text
from settlement.parties import NewParty, new_party_id
from settlement.posting.post_terms import BookedTerms, booked_terms
from settlement.queries import parties
from settlement.states import PartyKind
from settlement.terms import HOUSE, Behind, ContractVersion, LineSplit, Rate, line_split
from settlement.true_ups.bearers import sellers_of
from settlement.true_ups.post import agreed_versions
from settlement.true_ups.stretches import AgreedVersion, Stretch, stretches_of
from settlement.views import PartyView
from tenants.kernel.ids import ContractId, MerchantId, OrderId, PartyId, StoreId, TermsId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading
from tenants.queries import find_tenant

NOTHING = Fen(0)


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """The contracts that agree something on periods and cover one of the rehearsed stores, with every store that each version names."""

    by_code: dict[str, list[AgreedVersion]]
    stores: dict[ContractId, list[StoreId]]

    def everywhere(self) -> set[StoreId]:
        """The stores over which they are counted."""
        return {store_id for ids in self.stores.values() for store_id in ids}


class Rehearsal(msgspec.Struct, kw_only=True):
    """A rehearsal under way."""

    command: RehearseContract
    agreed: Agreement
    version: ContractVersion
    kinds: dict[PartyId, PartyKind]
    days: Span
    shown: frozenset[StoreId] | None
    """The rehearsed stores; None: all that no other contract names."""
    was: Side = msgspec.field(default_factory=Side)
    would: Side = msgspec.field(default_factory=Side)
    orders: int = 0
    lines: int = 0
    kept_fen: int = 0
    decided: dict[object, LineSplit] = msgspec.field(default_factory=dict)
    new: dict[PartyId, NewParty] = msgspec.field(default_factory=dict)

    @property
    def last_day(self) -> date:
        """The month's last day."""
        return self.days[1] - ONE_DAY

    @property
    def left_to_seller(self) -> bool:
        """Whether what is left of a sale is whoever's who sells at the store."""
        return self.version.residual_by_owner or self.version.code == HOUSE

    def window(self, stores: Sequence[StoreId] | None) -> Window:
        """The month at some stores."""
        first, after = (datetime.combine(day, time(0), ZoneInfo(self.agreed.time_zone)) for day in self.days)
        return Window(stores=stores, first=first, after=after)

    def shows(self, line: MovedLine, terms: BookedTerms) -> bool:
        """Whether the line is at a rehearsed store."""
        return terms.contract_code == HOUSE if self.shown is None else line.store_id in self.shown

    def take(self, line: MovedLine, terms: BookedTerms, *, sides: SideBook) -> tuple[Put, Put]:
        """Divide a line on the terms it was sold on, and on those of the contract."""
        was = would = Put(line=line, terms=terms, base_fen=line.base_fen, sold_in=_sold_in(line, terms))
        shown = self.shows(line, terms)
        self.was.take(was, shown=shown)
        if shown:
            if not line.sold_before:
                would = self._put(line, terms, sides=sides)
            self.would.take(would, shown=True)
            self.lines += bool(line.steps)
            self.kept_fen += sum(step.after - (step.before or 0) for step in line.steps)
        return was, would

    def _put(self, line: MovedLine, terms: BookedTerms, *, sides: SideBook) -> Put:
        """The line as the contract would have had it."""
        funded = funded_by_kind(line.promoted_fen or NOTHING, funding=terms.funding)
        base = base_of_line(
            self.version.base_rule(line.kind), goods_fen=line.goods_fen, paid_fen=line.paid_fen, funded=funded
        )
        return Put(line=line, terms=self._split(line, terms, sides=sides), base_fen=base)

    def _split(self, line: MovedLine, terms: BookedTerms, *, sides: SideBook) -> LineSplit:
        """The contract's terms for the line; who sells and who takes the money is looked up for its day, commission, the platform's fee and who funds its discount are those it was sold with."""
        found = sides.of(_question(line))
        seen = self.version.rated(
            at=line.at, category_code=line.category_code, sku_code=line.sku_code,
            promotion_code=line.promotion_code,
        )  # fmt: skip
        collector = self.version.collector(
            through_channel=line.through_channel, payee=found.payee, source=line.source_name
        )
        key = (seen, line.kind, terms.terms_id, found.seller, collector)
        if key not in self.decided:
            extra = {
                self.kinds[each.party_id]: Rate(
                    party_id=each.party_id, kind=self.kinds[each.party_id], rate_bps=each.rate_bps
                )
                for each in terms.portions
            }
            self.decided[key] = line_split(
                self.version.sold_by(found.seller), line=seen, kind=line.kind,
                platform=extra.get(PartyKind.PLATFORM), guide=extra.get(PartyKind.GUIDE),
                behind=Behind(collector=collector, funding=terms.funding),
            )  # fmt: skip
        return self.decided[key]


async def rehearse_contract(
    db: Reading, command: RehearseContract, *, ratios: Mapping[MerchantId, Bps] | None = None
) -> RehearsalView:
    """Run the contract on what moved in the month, as if it had been in force all through it; refuses what could not be saved."""
    month = month_from_text(command.month)
    agreed = await check_contract(db, command, ratios=ratios or {})
    await refuse_without_room(db, command, rates=agreed.rates)
    people = await parties(db)
    rehearsal = Rehearsal(
        command=command, agreed=agreed, version=agreed.version(command),
        kinds={party_id: party.kind for party_id, party in people.items()},
        days=(period_starts(month, cut_off=command.cut_off_day), period_ends(month, cut_off=command.cut_off_day)),
        shown=None if command.code == HOUSE else frozenset(command.store_ids),
    )  # fmt: skip
    _meet(rehearsal, db, agreed.parties)
    versions = await _versions(db, rehearsal)
    await _run(db, rehearsal, versions)
    await _settle_as_it_was(db, rehearsal, versions, month=month)
    await _settle_as_it_would_be(db, rehearsal, versions, month=month)
    await _settle_again(db, rehearsal, versions, month=month)
    return _view(rehearsal, people)


def _meet(rehearsal: Rehearsal, db: Reading, met: Iterable[NewParty]) -> None:
    """Remember parties that may have no row yet."""
    for party in met:
        rehearsal.new[new_party_id(db, party)] = party
        rehearsal.kinds[new_party_id(db, party)] = party.kind


async def _versions(db: Reading, rehearsal: Rehearsal) -> Versions:
    """What is counted over periods at the rehearsed stores, and over which others with them."""
    agreed = await agreed_versions(db)
    ids = [each.contract_id for versions in agreed.values() for each in versions]
    stores = await stores_of_versions(db, ids)
    shown = rehearsal.shown or frozenset()
    codes = {
        code for code, versions in agreed.items()
        if code in {HOUSE, rehearsal.command.code} or any(shown & set(stores[each.contract_id]) for each in versions)
    }  # fmt: skip
    return Versions(by_code={code: agreed[code] for code in sorted(codes)}, stores=stores)


async def _run(db: Reading, rehearsal: Rehearsal, versions: Versions) -> None:
    at_all = rehearsal.shown is None or HOUSE in versions.by_code
    everywhere = None if at_all else sorted((rehearsal.shown or frozenset()) | versions.everywhere())
    brand_name = (await find_tenant(db)).name
    book: dict[TermsId, BookedTerms] = {}
    window = rehearsal.window(everywhere)
    async for lines in moved_lines(db, window):
        book |= await booked_terms(db, {line.terms_id for line in lines} - book.keys())
        questions = [_question(line) for line in lines]
        moments = [each.at for each in questions]
        sides = await read_sides(
            db, questions, first=min(moments), last=max(moments), brand_name=brand_name
        )  # fmt: skip
        orders: dict[OrderId, list[tuple[Put, Put]]] = defaultdict(list)
        for line in lines:
            terms = book[line.terms_id]
            put = rehearsal.take(line, terms, sides=sides)
            if line.order_id is not None and rehearsal.shows(line, terms):
                orders[line.order_id].append(put)
        rehearsal.orders += len(orders)
        _meet(rehearsal, db, sides.parties.values())
        costs = await costs_of_orders(db, orders.keys(), first=window.first, after=window.after)
        for order_id, charged in costs.items():
            _charge(rehearsal, charged, orders[order_id])


def _sold_in(line: MovedLine, terms: BookedTerms) -> date | None:
    """The period of a line that was sold before the month."""
    if line.paid_at is None or not line.sold_before:
        return None
    _, (_, period) = terms.day_and_period(line.paid_at)
    return period


def _question(line: MovedLine) -> TermsQuestion:
    """The line as the ground floor is asked about it: where and when."""
    return TermsQuestion(
        store_id=line.store_id, sku_id=None, category_code=None, guide_id=None, guide_rate_bps=Bps(0), at=line.at
    )  # fmt: skip


def _charge(rehearsal: Rehearsal, costs: Costs, puts: Sequence[tuple[Put, Put]]) -> None:
    """Share what came with an order's payment on both sides; of one that was paid earlier as it was agreed then."""
    was, would = [put for put, _ in puts], [put for _, put in puts]
    booked, command, agreed = was[0].terms, rehearsal.command, rehearsal.agreed
    if not isinstance(booked, BookedTerms):
        return
    shared = (
        (costs.fee, booked.channel_fee_by, booked.channel_fee_party_id, command.channel_fee_by, agreed.channel_fee_party_id),
        (costs.coupons, booked.coupons_by, booked.coupons_party_id, command.coupons_by, agreed.coupons_party_id),
    )  # fmt: skip
    for charged, by, party_id, would_by, would_party_id in shared:
        terms = CostTerms(by=by, party_id=party_id, residual=_charged_party(booked))
        rehearsal.was.charge(charged, terms, puts=was)
        if not was[0].line.sold_before:
            terms = CostTerms(by=would_by, party_id=would_party_id, residual=_charged_party(would[0].terms))
        rehearsal.would.charge(charged, terms, puts=would)


def _charged_party(terms: Terms) -> PartyId:
    """Who is charged what comes with a payment: whoever collects by a merchant number of his own, or whoever has the rest."""
    return terms.collector_party_id or terms.residual_party_id


async def _settle_as_it_was(db: Reading, rehearsal: Rehearsal, versions: Versions, *, month: date) -> None:
    """What the contracts that covered these stores came to beside the sales, for their part of the month."""
    for code, agreed in versions.by_code.items():
        if code == HOUSE and not any(each.contract_id in rehearsal.was.turnover for each in agreed):
            continue
        for party_id in sorted({party for version in agreed for party in version.rules}):
            for stretch in stretches_of(agreed, party_id):
                term = stretch.within(month)
                counted = overlap_days(stretch.spans, rehearsal.days)
                if term is None or not counted:
                    continue
                first = max(rehearsal.days[0], term.first_day)
                await _settle(
                    db, rehearsal, rehearsal.was, stretch=stretch, party_id=party_id,
                    unsold=versions.stores[stretch.last.contract_id], in_force=(first, first + ONE_DAY * counted),
                    last_day=min(term.last_day, rehearsal.last_day), of_days=term.days_in_period,
                    told=[each.version for each in stretch.versions], term_starts=term.first_period,
                )  # fmt: skip


async def _settle_as_it_would_be(
    db: Reading, rehearsal: Rehearsal, versions: Versions, *, month: date
) -> None:
    """What the contract would come to, in force all through the month; earlier versions that agreed the same go on in it."""
    command, agreed = rehearsal.command, rehearsal.agreed
    starts = datetime.combine(rehearsal.days[0], time(0), ZoneInfo(agreed.time_zone))
    proposed = AgreedVersion(
        contract_id=rehearsal.version.contract_id, version=0, residual_party_id=agreed.residual_party_id,
        left_to_seller=rehearsal.left_to_seller, time_zone=agreed.time_zone, cut_off_day=command.cut_off_day,
        active_from=starts, active_to=None, rules=agreed.period_rules,
    )  # fmt: skip
    before = [
        msgspec.structs.replace(each, active_to=starts)
        for each in versions.by_code.get(command.code, [])
        if each.active_from < starts and (each.active_to is None or each.active_to >= starts)
    ]
    earlier = [
        each for each in versions.by_code.get(command.code, [])
        if each.active_to is not None and each.active_to < starts
    ]  # fmt: skip
    for party_id, rules in agreed.period_rules.items():
        stretch = stretches_of([*earlier, *before, proposed], party_id)[-1]
        term = term_of(month, rules.length)
        first, after = days_of(term, cut_off=command.cut_off_day)
        await _settle(
            db, rehearsal, rehearsal.would, stretch=stretch, party_id=party_id, unsold=command.store_ids,
            in_force=rehearsal.days, last_day=rehearsal.last_day, of_days=(after - first).days, told=[],
            term_starts=term[0],
        )  # fmt: skip


async def _settle_again(db: Reading, rehearsal: Rehearsal, versions: Versions, *, month: date) -> None:
    """What the month took off terms that were over: the same on both sides, because what was sold earlier stays on its own terms."""
    for code, agreed in versions.by_code.items():
        for party_id in sorted({party for version in agreed for party in version.rules}):
            for stretch in stretches_of(agreed, party_id):
                sold_in = rehearsal.was.sold_before(stretch.contract_ids)
                stores = {store_id for each in stretch.contract_ids for store_id in versions.stores[each]}
                moved = rehearsal.window(None if code == HOUSE else sorted(stores))
                found = await reckoned_again(
                    db, stretch, party_id=party_id, sold_in=sold_in, month=month, moved=moved
                )
                for again in found:
                    _meet(rehearsal, db, again.sellers)
                    for side in (rehearsal.was, rehearsal.would):
                        side.add_settled(again.halves, again.told, party_id=party_id, shown=rehearsal.shown)


async def _settle(
    db: Reading,
    rehearsal: Rehearsal,
    side: Side,
    *,
    stretch: Stretch,
    party_id: PartyId,
    unsold: Sequence[StoreId],
    in_force: Span,
    last_day: date,
    of_days: int,
    told: list[int],
    term_starts: date,
) -> None:
    sold = {store_id for each in stretch.contract_ids for store_id in side.turnover.get(each, ())}
    sellers = await sellers_of(db, stretch.last, store_ids=sold.union(unsold), last_day=last_day)
    _meet(rehearsal, db, sellers.values())
    part = PartsOfTerm(
        rules=stretch.rules, contracts=stretch.contract_ids, party_id=party_id,
        residual=stretch.last.residual_party_id, in_force=in_force, of_days=of_days, versions=told,
        sellers={store_id: new_party_id(db, seller) for store_id, seller in sellers.items()},
        unsold=unsold if stretch.last.left_to_seller else [],
        sold_since=term_starts if stretch.counts_when_sold else None,
    )  # fmt: skip
    side.settle(part, shown=rehearsal.shown)


def _view(rehearsal: Rehearsal, people: Mapping[PartyId, PartyView]) -> RehearsalView:
    was, would = rehearsal.was, rehearsal.would
    known = {
        party_id: PartyView(id=party_id, kind=party.kind, code=party.code, name=party.name)
        for party_id, party in rehearsal.new.items()
    } | dict(people)
    found = [
        RehearsedParty(
            party=known[party_id], was_fen=Fen(was.earned[party_id]), was_true_up_fen=Fen(was.true_ups[party_id]),
            was_beside_fen=Fen(was.beside[party_id]), was_collected_fen=Fen(was.collected[party_id]),
            would_fen=Fen(would.earned[party_id]), would_true_up_fen=Fen(would.true_ups[party_id]),
            would_beside_fen=Fen(would.beside[party_id]), would_collected_fen=Fen(would.collected[party_id]),
            difference_fen=Fen(would.total(party_id) - was.total(party_id)),
            was_reckoned=was.reckoned.get(party_id, []), would_reckoned=would.reckoned.get(party_id, []),
        )
        for party_id in was.parties() | would.parties()
    ]  # fmt: skip
    return RehearsalView(
        month=rehearsal.command.month, orders=rehearsal.orders, lines=rehearsal.lines,
        kept_fen=Fen(rehearsal.kept_fen),
        parties=sorted(found, key=lambda each: (each.party.kind, each.party.code)),
    )  # fmt: skip
