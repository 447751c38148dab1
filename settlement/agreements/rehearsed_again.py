"""What a rehearsed month takes off terms that were over when it began: of goods sold in them, where a contract counts returns when it sold.

Such a term is reckoned twice from its orders, as it stood when the month began and as it stands when it is over; the difference is what the
books settle in the month. Reads only.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, time
from typing import NamedTuple

import msgspec

from orders.month_lines import MovedLine, Window, sold_lines
from settlement.agreements.views import Reckoned, ReckonedBefore
from settlement.calendar import months_after, period_ends, period_starts
from settlement.parties import NewParty, new_party_id
from settlement.posting.post_terms import BookedTerms, booked_terms
from settlement.split import LineBase, split_line
from settlement.true_ups.bearers import Half, halves, sellers_of, spread
from settlement.true_ups.period_terms import PeriodDue, period_due
from settlement.true_ups.stretches import Stretch, Term
from settlement.true_ups.turnover import StoreTurnover
from tenants.kernel.ids import PartyId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class Again(NamedTuple):
    """A term reckoned again: what moves between whom, told step by step."""

    halves: list[Half]
    told: Reckoned
    sellers: Iterable[NewParty]


class Stood(msgspec.Struct):
    """How a party's term stands at a moment, store by store."""

    party_id: PartyId
    stores: dict[StoreId, StoreTurnover] = msgspec.field(default_factory=dict)

    def add(self, line: MovedLine, terms: BookedTerms, *, kept: Fen, sign: int) -> None:
        """Add what is kept of a line, or take off what a loose refund gave back."""
        base = LineBase(line.paid_fen, line.base_fen)
        store = self.stores.setdefault(line.store_id, StoreTurnover())
        own = split_line(kept, terms, base=base).get(self.party_id, Fen(0))
        store.turnover_fen = Fen(store.turnover_fen + sign * base.of(kept))
        store.provisional_fen = Fen(store.provisional_fen + sign * own)

    def due(self, stretch: Stretch, term: Term, *, earlier: int = 0) -> PeriodDue:
        """What the term gives."""
        return period_due(
            stretch.rules,
            turnover_fen=Fen(sum(each.turnover_fen for each in self.stores.values())),
            provisional_fen=Fen(sum(each.provisional_fen for each in self.stores.values())),
            days_in_force=term.days_in_force, days_in_period=term.days_in_period, earlier_fen=Fen(earlier),
        )  # fmt: skip


async def reckoned_again(
    db: Reading, stretch: Stretch, *, party_id: PartyId, sold_in: Collection[date], month: date, moved: Window
) -> list[Again]:
    """The terms of these periods that were over, reckoned again with what `moved` in the month; none where returns count when they come."""
    if not stretch.counts_when_sold:
        return []
    terms = {
        term.first_day: term
        for term in map(stretch.term_of_sales, sold_in)
        if term is not None and term.ends_in < month
    }
    return [
        await _again(db, stretch, term, party_id=party_id, month=month, moved=moved)
        for _, term in sorted(terms.items())
    ]


async def _again(
    db: Reading, stretch: Stretch, term: Term, *, party_id: PartyId, month: date, moved: Window
) -> Again:
    stood, stands = Stood(party_id), Stood(party_id)
    book: dict[TermsId, BookedTerms] = {}
    sold = _sold(stretch, term, month=month, moved=moved)
    async for lines in sold_lines(db, sold, moved=moved):
        book |= await booked_terms(db, {line.terms_id for line in lines} - book.keys())
        for line in lines:
            terms = book[line.terms_id]
            if line.paid_fen and terms.contract_id in stretch.contract_ids:
                sign = -1 if line.is_loose else 1
                before = line.kept_before_fen or Fen(0)
                stood.add(line, terms, kept=before, sign=sign)
                stands.add(line, terms, kept=before if line.is_loose else line.kept_fen, sign=sign)
    return await _difference(db, stretch, term, stood=stood, stands=stands, month=month)


def _sold(stretch: Stretch, term: Term, *, month: date, moved: Window) -> Window:
    """When the term's goods were sold: before the month began."""
    cut_off, zone = stretch.last.cut_off_day, moved.first.tzinfo
    periods = stretch.periods_of_sales(term, through=months_after(month, -1))
    first, after = (
        datetime.combine(day, time(0), zone)
        for day in (period_starts(periods[0], cut_off=cut_off), period_ends(periods[-1], cut_off=cut_off))
    )
    return Window(stores=moved.stores, first=first, after=min(after, moved.first))


async def _difference(
    db: Reading, stretch: Stretch, term: Term, *, stood: Stood, stands: Stood, month: date
) -> Again:
    party_id = stood.party_id
    was = stood.due(stretch, term)
    settled = Fen(was.due_fen - was.provisional_fen)
    due = stands.due(stretch, term, earlier=settled)
    sellers = await sellers_of(db, stretch.last, store_ids=stands.stores, last_day=term.last_day)
    told = Reckoned(
        versions=[each.version for each in stretch.versions], first_day=term.first_day, last_day=term.last_day,
        rules=stretch.rules, due=due,
        before=ReckonedBefore(
            period_on=months_after(month, -1), turnover_fen=was.turnover_fen, provisional_fen=was.provisional_fen,
            due_fen=was.due_fen,
        ),
    )  # fmt: skip
    found = halves(
        due.true_up_fen, _less(spread(Fen(due.due_fen - due.provisional_fen), stands.stores), spread(settled, stood.stores)),
        party_id=party_id, residual=stretch.last.residual_party_id,
        sellers={store_id: new_party_id(db, seller) for store_id, seller in sellers.items()},
    )  # fmt: skip
    return Again(found, told, sellers.values())


def _less(stands: Mapping[StoreId, Fen], stood: Mapping[StoreId, Fen]) -> dict[StoreId, Fen]:
    """Each store's part, less what of it was settled."""
    return {store_id: Fen(fen - stood.get(store_id, 0)) for store_id, fen in stands.items()}
