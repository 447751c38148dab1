"""What comes into reconciliation: lines of other systems' statements, and what people decide of differences."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tenants.kernel.money import Fen

Said = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a cashier's statement or a till's day file; `number` is its row in the file. What a file does not tell is None.

    Amounts are positive fen; the kind says in which direction they go.
    """

    number: int
    kind: Literal["order", "refund", "adjust"]
    external_no: str
    business_on: date
    settled_on: date | None = None
    gross_fen: Fen
    deduction_fen: Fen | None = None
    platform_subsidy_fen: Fen | None = None
    merchant_subsidy_fen: Fen | None = None
    shipping_fen: Fen | None = None
    fee_fen: Fen | None = None
    net_fen: Fen | None = None
    at: datetime | None = None
    refund_of: str | None = None
    """Of a refund: the partner's number of the order that it gives back."""

    def net_gap(self) -> int | None:
        """By how much the net told differs from gross - deduction + subsidy - merchant's subsidy + carriage - fee; None where no net is told."""
        if self.net_fen is None:
            return None
        plus = self.gross_fen + (self.platform_subsidy_fen or 0) + (self.shipping_fen or 0)
        minus = (self.deduction_fen or 0) + (self.merchant_subsidy_fen or 0) + (self.fee_fen or 0)
        return self.net_fen - (plus - minus)


class SetCashierTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What was agreed with a partner's cashier from a day on: what it keeps (basis points of the gross), its fee, and how it rounds."""

    cashier: Said
    starts_on: date
    deduction_bps: Annotated[int, Meta(ge=0, le=10_000)]
    fee_bps: Annotated[int, Meta(ge=0, le=10_000)] = 0
    rounding: Literal["half_up", "down"] = "half_up"
    store_code: Said
    """Whose sales those are that only the partner's statements know."""


class AssignDifference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Who looks into a difference."""

    owner: Said


class ResolveDifference(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"
):
    """Why a difference is settled."""

    reason: Said
