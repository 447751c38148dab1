"""The fee that a payment channel takes and gives back, in thousandths of a fen as its files tell it. Pure.

The channel rounds the fee of a payment half up to the fen, and gives back with a refund what the fee of the amount kept falls by: so a
payment that is refunded in full has cost nothing, in however many parts.
"""

from tenants.kernel.money import WHOLE, Bps, Fen

MILLIFEN = 1_000


def fee_on(amount: Fen, rate: Bps) -> Fen:
    """The fee on an amount (fen, >= 0), half up."""
    return Fen((2 * amount * rate + WHOLE) // (2 * WHOLE))


def payment_fee(settled: Fen, rate: Bps) -> int:
    """What a payment costs: thousandths of a fen, positive."""
    return fee_on(settled, rate) * MILLIFEN


def refund_fee(amount: Fen, *, whole: Fen, before: Fen, rate: Bps) -> int:
    """What a refund gives back of the fee, after refunds of `before` out of `whole`: thousandths of a fen, negative or nothing."""
    kept = Fen(whole - before)
    return (fee_on(Fen(kept - amount), rate) - fee_on(kept, rate)) * MILLIFEN
