"""Which stretch of a contract's versions a party's period terms are counted over, and on how many days of the term. Pure.

Versions one after the other that agree the same with a party are one stretch: adding a store in June must not start a year's tiers
anew. A version that agrees something else ends the stretch: each is counted for itself, its guarantee by its own days.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from settlement.agreements.agreed import ReturnsCount
from settlement.calendar import (
    ONE_DAY,
    Span,
    days_in_force,
    days_of,
    months_through,
    overlap_days,
    period_of,
    term_of,
)
from settlement.true_ups.period_terms import PeriodRules
from tenants.kernel.ids import ContractId, PartyId


class AgreedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version, as far as its periods need it."""

    contract_id: ContractId
    version: int
    residual_party_id: PartyId
    left_to_seller: bool = False
    """What is left of a sale is the franchisee's, where one sells for itself; so what is settled beside its sales is too."""
    time_zone: str
    cut_off_day: int | None
    active_from: datetime
    active_to: datetime | None
    rules: dict[PartyId, PeriodRules]


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Versions that agree the same with one party, and the days they count."""

    versions: tuple[AgreedVersion, ...]
    rules: PeriodRules
    spans: tuple[Span, ...]

    @property
    def last(self) -> AgreedVersion:
        """The newest version of the stretch: what is settled is booked under it."""
        return self.versions[-1]

    @property
    def counts_when_sold(self) -> bool:
        """Whether what comes back is taken off the term its goods were sold in."""
        return self.rules.returns_count is ReturnsCount.WHEN_SOLD

    @property
    def last_term(self) -> "Term | None":
        """The term that its last day is in; None while it has no end."""
        after = max(after for _, after in self.spans)
        if after == date.max:
            return None
        return self.within(period_of(after - ONE_DAY, cut_off=self.last.cut_off_day))

    @property
    def contract_ids(self) -> list[ContractId]:
        """All its versions."""
        return [each.contract_id for each in self.versions]

    def within(self, period: date) -> "Term | None":
        """The term that this period is in, as far as the stretch was in force then; None when it was not for a single day."""
        cut_off = self.last.cut_off_day
        term = term_of(period, self.rules.length)
        days = days_of(term, cut_off=cut_off)
        first = max(days[0], min(first for first, _ in self.spans))
        after = min(days[1], max(after for _, after in self.spans))
        counted = overlap_days(self.spans, days)
        if counted == 0:
            return None
        return Term(
            first_period=term[0], first_day=first, last_day=after - ONE_DAY, days_in_force=counted,
            days_in_period=(days[1] - days[0]).days, ends_in=period_of(after - ONE_DAY, cut_off=cut_off),
        )  # fmt: skip

    def term_of_sales(self, period: date) -> "Term | None":
        """The term that counts what was sold in this period: that of a period in which nothing was in force is the one before it."""
        term = self.within(period)
        if term is not None:
            return term
        cut_off = self.last.cut_off_day
        over = [after - ONE_DAY for _, after in self.spans if after != date.max]
        before = [each for each in over if period_of(each, cut_off=cut_off) < period]
        return self.within(period_of(max(before), cut_off=cut_off)) if before else None

    def periods_of_sales(self, term: "Term", *, through: date) -> list[date]:
        """The periods up to `through` whose sales the term counts."""
        months = months_through(term.first_period, through)
        return [each for each in months if self.term_of_sales(each) == term]

    def cut_in(self, period: date) -> "Term | None":
        """The term, where the stretch ends in this period before the term is over."""
        term = self.within(period)
        if term is None or term.ends_in != period:
            return None
        over = days_of(term_of(period, self.rules.length), cut_off=self.last.cut_off_day)[1] - ONE_DAY
        return term if term.last_day < over else None

    def covers(self, told: "Told", term: "Term") -> bool:
        """Whether what was reckoned is of this stretch and term."""
        versions = {each.version for each in self.versions}
        return (
            versions.issuperset(told.versions)
            and term.first_day <= told.first_day <= told.last_day <= term.last_day
        )


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What moved in a period."""

    contract_ids: frozenset[UUID]
    """Under which versions."""
    sold_in: Mapping[UUID, Collection[date]]
    """Of versions that count returns when the goods were sold: in which periods these were."""

    def reaches(self, stretch: Stretch) -> bool:
        """Whether it was under one of the stretch's versions."""
        return not self.contract_ids.isdisjoint(stretch.contract_ids)

    def sales_of(self, stretch: Stretch) -> set[date]:
        """The periods whose sales moved under one of them."""
        return {period for each in stretch.contract_ids for period in self.sold_in.get(each, ())}


class Told(Protocol):
    """What says of which versions and days it is."""

    @property
    def versions(self) -> Sequence[int]:
        """The versions."""
        ...

    @property
    def first_day(self) -> date:
        """The first day."""
        ...

    @property
    def last_day(self) -> date:
        """The last day."""
        ...


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """A month, quarter or year, as far as a stretch was in force in it."""

    first_period: date
    first_day: date
    last_day: date
    days_in_force: int
    days_in_period: int
    ends_in: date
    """The period whose closing settles it."""


def stretches_of(versions: Sequence[AgreedVersion], party_id: PartyId) -> list[Stretch]:
    """The stretches of one contract code (versions in order) for one party."""
    found: list[Stretch] = []
    open_to_next = False
    for number, version in enumerate(versions):
        after = versions[number + 1] if number + 1 < len(versions) else None
        span = days_in_force(
            version.active_from, version.active_to, time_zone=version.time_zone,
            goes_on=after is not None and after.active_from == version.active_to,
        )  # fmt: skip
        agreed = version.rules.get(party_id)
        if agreed is None:
            open_to_next = False
            continue
        rules = agreed.as_counted()
        if open_to_next and found[-1].rules == rules and found[-1].last.cut_off_day == version.cut_off_day:
            before = found[-1]
            found[-1] = Stretch(
                versions=(*before.versions, version), rules=rules, spans=(*before.spans, span)
            )
        else:
            found.append(Stretch(versions=(version,), rules=rules, spans=(span,)))
        open_to_next = True
    return found
