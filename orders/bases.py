"""What a contract's rates are applied to, as a number of each line: the base. Pure.

Which rule holds is settlement's answer before a line is sold; the number it gives is frozen on the line with everything else. No number
means that the base is what was paid.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from tenants.kernel.money import WHOLE, Fen


class BaseKind(StrEnum):
    """What a line's base is made from."""

    PAID = "paid"
    """What was paid for it."""
    LIST = "list"
    """What it cost before discounts."""
    EX_TAX = "ex_tax"
    """What was paid for it, without the tax in it."""
    NOTHING = "nothing"
    """Nothing: carriage under a contract about goods."""


class BaseRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a line's base is found. `funded_by` names the kinds of parties whose part of a discount counts as if it had been paid."""

    kind: BaseKind = BaseKind.PAID
    tax_bps: int = 0
    funded_by: tuple[str, ...] = ()


AS_PAID = BaseRule()
NOBODY: Mapping[str, Fen] = {}


def base_of_line(
    rule: BaseRule, *, goods_fen: Fen, paid_fen: Fen, funded: Mapping[str, Fen] = NOBODY
) -> Fen | None:
    """The line's base in fen, None when it is what was paid. `funded` is what each kind of party paid of the line's discount.

    A price holds its tax: of a price with 13 % in it 10000 parts of 11300 are without (rounded down). The list price holds every
    discount already, whoever paid it.
    """
    counted = paid_fen + sum(fen for kind, fen in funded.items() if kind in rule.funded_by)
    if rule.kind is BaseKind.NOTHING:
        base = 0
    elif rule.kind is BaseKind.LIST:
        base = goods_fen
    elif rule.kind is BaseKind.EX_TAX:
        base = counted * WHOLE // (WHOLE + rule.tax_bps)
    else:
        base = counted
    return None if base == paid_fen else Fen(base)
