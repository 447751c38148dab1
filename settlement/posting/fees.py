"""The fee that the payment channel is expected to keep, and who bears it: the arithmetic. Pure.

Rounded half up to the fen, as the channel does, on the amount kept of a payment: a refund gives back what the fee of the amount kept falls
by, so a payment given back in full, in whatever parts, has cost nothing.
"""

from collections.abc import Mapping

from settlement.agreements.agreed import Bearer
from tenants.kernel.ids import PartyId
from tenants.kernel.money import WHOLE, Bps, Fen

CHANNEL_ZONE = "Asia/Shanghai"
"""The channel's days are Beijing's."""


def fee_on(amount: Fen, rate: Bps) -> Fen:
    """The fee of a payment of `amount` (fen, >= 0) at `rate` basis points."""
    return half_up(amount, numerator=rate, denominator=WHOLE)


def half_up(amount: int, *, numerator: int, denominator: int) -> Fen:
    """Amount x numerator / denominator, rounded half up; none of them negative."""
    return Fen((2 * amount * numerator + denominator) // (2 * denominator))


def fee_kept(charged: Fen, *, amount: Fen, kept: Fen, rate: Bps) -> Fen:
    """What is left of a payment's fee when `kept` of its `amount` is. A rate that changed since it was charged does not matter."""
    if charged == fee_on(amount, rate):
        return fee_on(kept, rate)
    return half_up(charged, numerator=kept, denominator=amount) if amount else Fen(0)


def fee_shares(
    fee: Fen, *, by: Bearer, party_id: PartyId | None, held: Mapping[PartyId, Fen], residual: PartyId
) -> dict[PartyId, Fen]:
    """What each party but the one that is charged (`residual`) bears of a fee: nothing, the one the contract names all of it, or each by its portion.

    `held` is what each party holds of the sale. Shares are rounded down; who is charged bears the rest without an entry of its own: the
    residual party, or whoever collects by a merchant number of his own.
    """
    if by is Bearer.PARTY and party_id is not None and party_id != residual:
        return {party_id: fee}
    total = sum(held.values())
    if by is not Bearer.SHARED or total <= 0:
        return {}
    return {party: Fen(fee * part // total) for party, part in held.items() if party != residual and part > 0}
