"""Refuses a contract whose start (or end) would change what a closed month settled: that difference would never be settled by itself.

A term (month, quarter, year) is settled when the period is closed that it ends in. A version that starts within closed months may cut
a term there, or bring one with it: its part would end in a period that nobody closes again. Versions that agree the same go on in one
stretch and change nothing; one that starts on the first open day cuts the term before it, whose part the next closing settles. Late rates are not this question: what was sold keeps the terms that were frozen with it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from settlement.agreements.checks import Agreement
from settlement.calendar import local_day, next_month, period_of, period_starts
from settlement.commands import CreateContract, month_text
from settlement.errors import ContractBackdated
from settlement.periods import last_closed
from settlement.terms import HOUSE
from settlement.true_ups.period_terms import PeriodRules
from settlement.true_ups.post import agreed_versions
from settlement.true_ups.stretches import AgreedVersion, stretches_of
from tenants.kernel.ids import ContractId, PartyId, new_id
from tenants.kernel.scope import Reading


class Part(NamedTuple):
    """A part of a term that some period's closing settles."""

    party_id: PartyId
    rules: PeriodRules
    first_day: date
    last_day: date
    days_in_force: int
    ends_in: date


async def refuse_backdated(db: Reading, command: CreateContract, *, agreed: Agreement) -> None:
    """To be called under the books' lock, before the version is written; raises ContractBackdated with the part and the day to start on."""
    closed = await _closed(db, command.code)
    opens = None if closed is None else period_starts(next_month(closed), cut_off=command.cut_off_day)
    if closed is None or opens is None or local_day(command.active_from, time_zone=agreed.time_zone) >= opens:
        return
    standing = (await agreed_versions(db, codes=[command.code])).get(command.code, [])
    proposed = AgreedVersion(
        contract_id=ContractId(new_id()), version=len(standing) + 1, residual_party_id=agreed.residual_party_id,
        time_zone=agreed.time_zone, cut_off_day=command.cut_off_day, active_from=command.active_from,
        active_to=command.active_to, rules=agreed.period_rules,
    )  # fmt: skip
    settled = set(_settled(standing, closed=closed))
    ended = _ended(standing, at=command.active_from)
    never = [part for part in _settled([*ended, proposed], closed=closed) if part not in settled]
    if never:
        told = _told(min(never, key=lambda part: part.last_day), agreed=agreed, closed=closed, opens=opens)
        raise ContractBackdated(details={"activeFrom": told})


async def _closed(db: Reading, code: str) -> date | None:
    """The last closed month of the contract; of a new one the tenant's, which it will inherit."""
    closed = await last_closed(db, [code, HOUSE])
    return closed.get(code, closed.get(HOUSE))


def _ended(standing: Sequence[AgreedVersion], *, at: datetime) -> list[AgreedVersion]:
    """The versions as they will stand: the last of them ends where the new one starts."""
    if not standing or (standing[-1].active_to is not None and standing[-1].active_to <= at):
        return list(standing)
    return [*standing[:-1], msgspec.structs.replace(standing[-1], active_to=at)]


def _settled(versions: Sequence[AgreedVersion], *, closed: date) -> Iterator[Part]:
    """Every part of a term that ends in a closed period."""
    for party_id in sorted({party for version in versions for party in version.rules}):
        for stretch in stretches_of(versions, party_id):
            month = period_of(stretch.spans[0][0], cut_off=stretch.last.cut_off_day)
            while month <= closed:
                term = stretch.within(month)
                if term is not None and term.ends_in <= closed:
                    yield Part(
                        party_id,
                        stretch.rules,
                        term.first_day,
                        term.last_day,
                        term.days_in_force,
                        term.ends_in,
                    )
                month = next_month(month)


def _told(part: Part, *, agreed: Agreement, closed: date, opens: date) -> str:
    """Which part, why it would stay unsettled, and what to do instead."""
    return (
        f"{month_text(closed)} is closed: the {part.rules.length} terms for {part.first_day} to {part.last_day}"
        f" ({part.days_in_force} days) would belong to {month_text(part.ends_in)}, which nobody closes again;"
        f" start on {opens} ({agreed.time_zone}) or later, and correct what is older by an adjustment"
    )
