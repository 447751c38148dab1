"""The arithmetic of `split` in SQL, for what is counted many lines at once. Whole numbers throughout; nothing overflows at the largest amounts."""

from typing import Any

from sqlalchemy import BigInteger, Numeric, case, cast, func

from tenants.kernel.money import WHOLE


def base_of_kept(kept: Any, *, paid: Any, base: Any) -> Any:
    """`split.LineBase.of`: kept x base / paid rounded down; what is kept where there is no base, nothing where nothing was paid.

    div() of numerics cuts off exactly; the product of two of the largest amounts would not fit in a bigint.
    """
    share = cast(func.div(cast(kept, Numeric) * base, func.nullif(paid, 0)), BigInteger)
    return case((base.is_(None), kept), else_=func.coalesce(share, 0))


def portion_sql(amount: Any, rate: Any) -> Any:
    """Amount x rate / 10000 rounded down, in two steps: the product of the largest amount would not fit in a bigint."""
    whole, rest = amount.op("/")(WHOLE), amount.op("%")(WHOLE)
    return whole.op("*")(rate).op("+")(rest.op("*")(rate).op("/")(WHOLE))
