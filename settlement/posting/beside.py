"""What a sale moves beside its portions: the money that a collector took itself, and who bears a promotion's discount. Pure.

Both follow what is kept, line by line: a collector holds exactly what is kept, each funder bears exactly its part of the discount on what
is kept, so that a refund takes back the difference of two states and nothing drifts.
"""

import msgspec

from orders.funding import Funding, funded
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Fen

NOTHING: dict[PartyId, Fen] = {}


class Discounted(msgspec.Struct, frozen=True, kw_only=True):
    """A line's discount, and how much of what was sold is kept before and after a step: fen of what was paid; of nothing paid, units."""

    discount_fen: Fen
    sold: int
    before: int | None
    """None: the line was not sold yet."""
    after: int


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """A line's units: sold, and kept before and after a step."""

    sold: int
    before: int | None
    after: int


def discounted(discount_fen: Fen, *, paid: Fen, before: Fen | None, after: Fen, units: Units) -> Discounted:
    """The step of a line's discount: it goes with the fen that are kept, and with the units where there never were any fen."""
    if paid:
        return Discounted(discount_fen=discount_fen, sold=paid, before=before, after=after)
    return Discounted(discount_fen=discount_fen, sold=units.sold, before=units.before, after=units.after)


def units_left(kept: int, back: int) -> int:
    """The units kept after these went back; refunds that name more together than there are end at none."""
    return max(kept - back, 0)


def collected_step(before: Fen, after: Fen) -> Fen:
    """How much more the collector has in hand (fen, signed)."""
    return Fen(after - before)


def funding_steps(line: Discounted | None, *, funding: Funding | None, seller: PartyId) -> dict[PartyId, Fen]:
    """How much more of the discount each funder bears for the seller (fen, signed).

    The seller's own part needs no movement: its price was that much lower anyway. The funder that takes the rest may step the other way
    by as many fen as there are further funders, less one; right, never clamped.
    """
    if funding is None or line is None or not line.discount_fen:
        return NOTHING
    held = funded(line.discount_fen, sold=line.sold, kept=line.after, funding=funding)
    stood = (
        {}
        if line.before is None
        else funded(line.discount_fen, sold=line.sold, kept=line.before, funding=funding)
    )
    steps = {party: Fen(fen - stood.get(party, 0)) for party, fen in held.items() if party != seller}
    return {party: step for party, step in steps.items() if step}
