"""The fee that a payment channel takes and gives back, in thousandths of a fen as its files tell it. Pure.

How much that is, is `settlement.posting.fees`' arithmetic.
"""

from settlement.posting.fees import fee_on
from tenants.kernel.money import Bps, Fen

MILLIFEN = 1_000


def payment_fee(settled: Fen, rate: Bps) -> int:
    """What a payment costs: thousandths of a fen, positive."""
    return fee_on(settled, rate) * MILLIFEN


def refund_fee(amount: Fen, *, whole: Fen, before: Fen, rate: Bps) -> int:
    """What a refund gives back of the fee, after refunds of `before` out of `whole`: thousandths of a fen, negative or nothing."""
    kept = Fen(whole - before)
    return (fee_on(Fen(kept - amount), rate) - fee_on(kept, rate)) * MILLIFEN
