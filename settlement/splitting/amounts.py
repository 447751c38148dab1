"""How much of a payment goes to each receiver, and how much each gives back for a refund. Pure; all amounts whole fen.

The amounts owed come from the frozen terms, line by line; what the channel can carry is less: only so much of the order may be split
and only what is left of the payment. A cut changes the way the money takes, never what is owed: the rest stays payable.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from settlement.split import LineBase, SplitTerms, split_line
from settlement.states import PartyKind
from tenants.kernel.ids import PartyId
from tenants.kernel.money import Bps, Fen, portion

SPLIT_FIRST = (PartyKind.MALL, PartyKind.BRAND, PartyKind.SERVICE_PROVIDER, PartyKind.PLATFORM)
"""Who is served first where not everything fits; everybody else after them."""


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver is owed of an order and not given yet."""

    party_id: PartyId
    kind: PartyKind
    amount_fen: Fen


def owed_of(lines: Iterable[tuple[Fen, SplitTerms, LineBase]]) -> dict[PartyId, Fen]:
    """What each party is owed of an order: split(kept) of every line, summed."""
    owed: dict[PartyId, int] = defaultdict(int)
    for kept, terms, base in lines:
        for party_id, amount in split_line(kept, terms, base=base).items():
            owed[party_id] += amount
    return {party_id: Fen(amount) for party_id, amount in owed.items()}


def room_for(total_fen: Fen, *, largest: Bps, split_before: Fen, unsplit_fen: Fen) -> Fen:
    """How much may still be split: the largest share is of the order's amount, and never more than what is left of the payment."""
    return Fen(max(0, min(portion(total_fen, largest) - split_before, unsplit_fen)))


def cut_to(room: Fen, owed: Iterable[Owed]) -> dict[PartyId, Fen]:
    """Serve receivers in the order of their kind until the room is used up; amounts of nothing are left out."""
    left, given = int(room), {}
    for each in sorted(owed, key=_turn):
        amount = min(left, each.amount_fen)
        if amount > 0:
            given[each.party_id] = Fen(amount)
            left -= amount
    return given


def to_return(held: Mapping[PartyId, Fen], owed: Mapping[PartyId, Fen]) -> dict[PartyId, Fen]:
    """What each receiver gives back: what it holds above what it is owed now. One that was cut before keeps what it is owed."""
    over = {party_id: Fen(amount - owed.get(party_id, 0)) for party_id, amount in held.items()}
    return {party_id: amount for party_id, amount in over.items() if amount > 0}


def _turn(owed: Owed) -> tuple[int, PartyKind, PartyId]:
    place = SPLIT_FIRST.index(owed.kind) if owed.kind in SPLIT_FIRST else len(SPLIT_FIRST)
    return place, owed.kind, owed.party_id
