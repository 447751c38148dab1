"""What coupons paid of a payment, and who paid for them. Pure.

What of the coupons is kept after refunds is divided by who paid for them with portions rounded down; the largest one takes the rest.
"""

from typing import Any

import msgspec

from orders.ports import CouponParts
from tenants.kernel.money import Fen

UNSAID = ""
"""Who paid for coupons that the channel says nothing of."""
MERCHANT = "merchant"
"""The merchant whose number took the payment."""


class Coupons(msgspec.Struct, frozen=True, kw_only=True):
    """What coupons paid of a payment, by who paid for them."""

    total_fen: Fen
    contributors: dict[str, Fen] = {}
    nocash_fen: Fen = Fen(0)
    """What never reaches the merchant."""

    def parts(self, kept: Fen) -> dict[str, Fen]:
        """What each contributor's part is while `kept` of the total is kept; whatever refunds there were, only what is kept counts."""
        if not self.total_fen:
            return {UNSAID: kept} if kept else {}
        said = {name: fen for name, fen in self.contributors.items() if fen} or {UNSAID: self.total_fen}
        largest = max(sorted(said), key=lambda name: said[name])
        # Below nothing when the channel gave coupons back a fen more than they paid: the largest one's.
        shared = max(kept, 0)
        found = {name: Fen(shared * fen // self.total_fen) for name, fen in said.items() if name != largest}
        return {**found, largest: Fen(kept - sum(found.values()))}

    def merchants(self, kept: Fen) -> Fen:
        """What they cost the merchant while `kept` of the total is kept; never below nothing."""
        return Fen(max(self.parts(kept).get(MERCHANT, 0), 0))

    def steps(self, before: Fen, after: Fen) -> dict[str, Fen]:
        """How much more each contributor bears when what is kept goes from `before` to `after`."""
        stood, left = self.parts(before), self.parts(after)
        return {name: Fen(left.get(name, 0) - stood.get(name, 0)) for name in sorted({*stood, *left})}


def coupons_told(told: dict[str, Any] | None, *, total: Fen) -> Coupons:
    """The channel's word on a payment's coupons; what is left of the total is nobody's, and nothing is said of more than the total."""
    if told is None:
        return Coupons(total_fen=total)
    parts = msgspec.convert(told, CouponParts)
    said = {"wechatpay": parts.wechatpay_fen, MERCHANT: parts.merchant_fen, "other": parts.other_fen}
    unsaid = Fen(total - sum(said.values()))
    contributors = {} if unsaid < 0 else {**said, UNSAID: unsaid}
    return Coupons(total_fen=total, contributors=contributors, nocash_fen=parts.nocash_fen)
