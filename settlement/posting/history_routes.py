"""Where each part of an imported line goes: which accounts, which cause, which way, for every party of its terms. No SQL.

A line's portions go from the channel to the parties. Beside them what a collector took leaves its account again, and a discount's funders
pay the party that takes the rest, over the clearing account.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from settlement.ledger import Account, channel_account, clearing_account, payable_account
from settlement.posting.history_steps import Kind
from settlement.posting.post_terms import BookedTerms
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Bps


class Role(StrEnum):
    """What a route is for."""

    PORTION = "portion"
    """A party's portion of what is kept."""
    COLLECTED = "collected"
    """What the collector took: all that is kept, off its account."""
    FUNDER = "funder"
    """A funder's part of the discount, off its account."""
    FUNDED = "funded"
    """The same part, to the party that takes the rest."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where a party's part of a kind of line goes: which accounts, which way."""

    kind: Kind
    terms: BookedTerms
    place: int
    """Tells the entries of one line apart."""
    role: Role = Role.PORTION
    party_id: PartyId
    rate_bps: Bps | None
    """None for the party that takes what the other rates leave."""
    of_paid: bool = False
    """Whether its rate is of what was paid, whatever the base."""
    other_rates: str
    """The rates of the base, of which the party that takes the rest has what they leave."""
    other_rates_of_paid: str = ""
    """The same of what was paid."""
    against: Account
    account: Account

    @property
    def sign(self) -> int:
        """-1 where the party gives."""
        return -1 if self.role in {Role.COLLECTED, Role.FUNDER} else 1

    @property
    def of_discount(self) -> bool:
        """Whether it is a part of the discount and not of what was paid."""
        return self.role in {Role.FUNDER, Role.FUNDED}


def routes_of(kind: Kind, terms: BookedTerms) -> list[Route]:
    """Every way that a part of such a line takes."""
    ways = (*_portions(kind, terms), *_collected(kind, terms), *_funded(kind, terms))
    return [Route(kind=kind, terms=terms, place=place, **way) for place, way in enumerate(ways)]


def _portions(kind: Kind, terms: BookedTerms) -> Iterator[dict[str, Any]]:
    of_base, of_paid = (
        ",".join(str(each.rate_bps) for each in terms.portions if each.of_paid is paid)
        for paid in (False, True)
    )
    held: list[tuple[PartyId, Bps | None, bool]] = [
        (each.party_id, each.rate_bps, each.of_paid) for each in terms.portions
    ]
    for party_id, rate_bps, paid in (*held, (terms.residual_party_id, None, False)):
        yield {
            "party_id": party_id, "rate_bps": rate_bps, "of_paid": paid, "other_rates": of_base,
            "other_rates_of_paid": of_paid, "against": channel_account(kind.store_id, kind.source),
            "account": _payable(kind, terms, party_id),
        }  # fmt: skip


def _collected(kind: Kind, terms: BookedTerms) -> Iterator[dict[str, Any]]:
    collector = terms.collector_party_id
    if collector is not None:
        yield {
            "role": Role.COLLECTED, "party_id": collector, "rate_bps": None, "other_rates": "",
            "against": channel_account(kind.store_id, kind.source), "account": _payable(kind, terms, collector),
        }  # fmt: skip


def _funded(kind: Kind, terms: BookedTerms) -> Iterator[dict[str, Any]]:
    if terms.funding is None:
        return
    clearing = clearing_account(store_id=kind.store_id, contract_id=terms.contract_id)
    rates = ",".join(str(funder.rate_bps) for funder in terms.funding.funders)
    borne: list[tuple[PartyId, Bps | None]] = [
        (each.party_id, each.rate_bps) for each in terms.funding.funders
    ]
    for funder, rate_bps in (*borne, (terms.funding.residual_party_id, None)):
        if funder == terms.residual_party_id:
            continue  # the seller's own part: its price was that much lower anyway
        for role, party_id in ((Role.FUNDER, funder), (Role.FUNDED, terms.residual_party_id)):
            yield {
                "role": role, "party_id": party_id, "rate_bps": rate_bps, "other_rates": rates, "against": clearing,
                "account": _payable(kind, terms, party_id),
            }  # fmt: skip


def _payable(kind: Kind, terms: BookedTerms, party_id: PartyId) -> Account:
    return payable_account(party_id, store_id=kind.store_id, contract_id=terms.contract_id)
