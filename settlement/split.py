"""Divides an amount among parties, and takes part of it back: the arithmetic that somebody could sue over. Pure.

Every portion is rounded down and the residual party holds what is left, so the parts always add up. A refund gives back
split(kept before) - split(kept after): whatever the order and number of refunds, each party then holds exactly its part of split(kept).
Portions are of a line's base: what is kept of it, or as much of its frozen base as is kept of what was paid. What others than the contract
have agreed, a guide's commission say, is of what is kept, whatever the contract's base. Which terms apply is `terms`' question.
"""

from typing import Protocol

import msgspec

from tenants.kernel.ids import PartyId
from tenants.kernel.money import Bps, Fen, portion


class Portion(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
    """One party's rate in basis points: of the line's base, or (`of_paid`) of what was paid."""

    party_id: PartyId
    rate_bps: Bps
    of_paid: bool = False


class SplitTerms(Protocol):
    """What a split needs to know: who has which rate, and who takes the rest."""

    @property
    def residual_party_id(self) -> PartyId:
        """Who takes the rest."""
        ...

    @property
    def portions(self) -> tuple[Portion, ...]:
        """The rates, a party at most once and never the residual party."""
        ...


class LineBase(msgspec.Struct, frozen=True):
    """What was paid for a line, and the base that its rates are applied to (None: what was paid)."""

    paid_fen: Fen
    base_fen: Fen | None = None

    def of(self, kept: Fen) -> Fen:
        """The base of what is kept: as much of the base as is kept of what was paid, rounded down; of nothing paid nothing."""
        if self.base_fen is None:
            return kept
        return Fen(kept * self.base_fen // self.paid_fen) if self.paid_fen else Fen(0)


def split_line(amount: Fen, terms: SplitTerms, *, base: LineBase | None = None) -> dict[PartyId, Fen]:
    """What each party holds of `amount` (fen, >= 0): portions of its base, or of itself, rounded down; the rest to the residual party.

    A base above the amount (the list price) may leave the residual party less than nothing: it owes the others then. Never clamped.
    """
    if amount < 0:
        raise ValueError("only an amount that was paid can be split")
    of_base = amount if base is None else base.of(amount)
    held = {
        each.party_id: portion(amount if each.of_paid else of_base, each.rate_bps) for each in terms.portions
    }
    held[terms.residual_party_id] = Fen(amount - sum(held.values()))
    return held


def reversal(
    kept_before: Fen, kept_after: Fen, *, terms: SplitTerms, base: LineBase | None = None
) -> dict[PartyId, Fen]:
    """What each party gives back (fen, signed) when the amount kept falls from `kept_before` to `kept_after`.

    With n rounded-down portions the residual party's step may be negative by at most n - 1 fen: it then receives. Right, never clamped:
    clamping is how balances leave split(kept) for good.
    """
    if not 0 <= kept_after <= kept_before:
        raise ValueError("a refund keeps between nothing and everything that was kept before")
    before, after = (split_line(kept, terms, base=base) for kept in (kept_before, kept_after))
    return {party: Fen(held - after[party]) for party, held in before.items()}
