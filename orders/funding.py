"""Who pays for a promotion's discount, and how much of it: the arithmetic that contracts' bases and the books share. Pure.

Portions of the discount are rounded down and one named funder takes the rest. A refund takes back funded(kept before) - funded(kept after),
so that each funder always bears exactly its part of the discount on what is kept. How much is kept of a line is counted in fen of what was
paid for it; of a line of which nothing was paid there are none to count, and it is counted in units.
"""

import msgspec

from tenants.kernel.ids import PartyId
from tenants.kernel.money import Bps, Fen, split


class Funder(msgspec.Struct, frozen=True, order=True):
    """One party's part of a promotion's cost, in basis points; `kind` is what contracts call such a party."""

    party_id: PartyId
    kind: str
    rate_bps: Bps


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays for a discount: the funders, a party at most once, and the one that takes the rest."""

    funders: tuple[Funder, ...]
    residual_party_id: PartyId
    residual_kind: str


def kept_discount(discount: Fen, *, sold: int, kept: int) -> Fen:
    """The part of a line's discount that goes with what is kept of it, rounded down; `sold` and `kept` in fen, or both in units."""
    return Fen(discount * kept // sold)


def funded(discount: Fen, *, sold: int, kept: int, funding: Funding) -> dict[PartyId, Fen]:
    """What each funder bears of a line's discount (fen, >= 0) while `kept` of `sold` is kept."""
    if sold < 1 or not 0 <= kept <= sold:
        raise ValueError("what is kept lies between nothing and what was sold")
    whole = kept_discount(discount, sold=sold, kept=kept)
    parts, rest = split(whole, rates=[funder.rate_bps for funder in funding.funders])
    borne = {funder.party_id: part for funder, part in zip(funding.funders, parts, strict=True)}
    borne[funding.residual_party_id] = rest
    return borne


def funded_by_kind(discount: Fen, *, funding: Funding | None) -> dict[str, Fen]:
    """What each kind of party bears of a line's discount as it is sold: what a contract may count as paid."""
    if funding is None:
        return {}
    borne = funded(discount, sold=1, kept=1, funding=funding)
    kinds = {funder.party_id: funder.kind for funder in funding.funders} | {
        funding.residual_party_id: funding.residual_kind
    }
    by_kind: dict[str, Fen] = {}
    for party_id, fen in borne.items():
        by_kind[kinds[party_id]] = Fen(by_kind.get(kinds[party_id], 0) + fen)
    return by_kind
