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
    """A line's discount and what was paid for it."""

    discount_fen: Fen
    paid_fen: Fen


def collected_step(before: Fen, after: Fen) -> Fen:
    """How much more the collector has in hand (fen, signed)."""
    return Fen(after - before)


def funding_steps(
    before: Fen | None, after: Fen, *, line: Discounted | None, funding: Funding | None, seller: PartyId
) -> dict[PartyId, Fen]:
    """How much more of the discount each funder bears for the seller (fen, signed); `before` None: the line was not sold yet.

    The seller's own part needs no movement: its price was that much lower anyway. The funder that takes the rest may step the other way
    by as many fen as there are further funders, less one; right, never clamped.
    """
    if funding is None or line is None or not line.discount_fen:
        return NOTHING
    held = funded(line.discount_fen, paid=line.paid_fen, kept=after, funding=funding)
    stood = (
        {} if before is None else funded(line.discount_fen, paid=line.paid_fen, kept=before, funding=funding)
    )
    steps = {party: Fen(fen - stood.get(party, 0)) for party, fen in held.items() if party != seller}
    return {party: step for party, step in steps.items() if step}
