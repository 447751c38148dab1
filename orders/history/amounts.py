"""What a row of somebody else's file comes to in whole fen, and whether it is a sale, a refund or neither. Pure.

Exact decimals in, fen out; the only rounding is half away from zero, once per line. A price of a tenth of a fen is kept beside the rounded line.
"""

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from orders.history.commands import REFUND, STOCK_ADJUSTMENT, OrderRow
from tenants.import_outcomes import Finding, refusal
from tenants.kernel.money import LARGEST, Fen, NotMoney, fen_rounded

NOISE = Decimal("0.000001")
"""Beyond the sixth decimal there is only the noise of binary numbers: 125.43999999999998 was 125.44."""
LARGEST_QUANTITY = 2**31 - 1


class LineAmounts(msgspec.Struct, frozen=True, gc=False):
    """A line's figures; negative `goods_fen` never leaves here: it is a refund of the positive amount."""

    is_refund: bool
    quantity: int
    unit_price_fen: Fen | None
    goods_fen: Fen
    discount_fen: Fen
    exact: dict[str, str] | None
    """Quantity or unit price as written, where whole numbers cannot hold them."""


def exact_fen(amount: Decimal) -> Fen:
    """Round an exact amount in yuan to fen, binary noise stripped first."""
    cents = amount * 100
    whole = int(cents)
    if whole == cents and abs(whole) <= LARGEST:
        return Fen(whole)
    return fen_rounded(amount.quantize(NOISE, rounding=ROUND_HALF_UP))


def line_amounts(row: OrderRow) -> LineAmounts | Finding:
    """The row's figures, or why it is no sale and no refund."""
    try:
        return _line_amounts(row)
    except (NotMoney, ArithmeticError) as error:
        return refusal("amount", str(row.amount), reason=f"is too large ({error}) (金额过大)")


def _line_amounts(row: OrderRow) -> LineAmounts | Finding:
    quantity = row.quantity if isinstance(row.quantity, Decimal) else Decimal(1)
    price = row.unit_price if isinstance(row.unit_price, Decimal) else None
    total = row.amount if isinstance(row.amount, Decimal) else None
    if total is None and price is not None:
        total = quantity * price
    if total is None:
        return refusal("amount", "", reason="neither amount nor unit_price was given (缺少金额)")
    goods = exact_fen(total)
    discount = exact_fen(row.discount) if row.discount else Fen(0)
    is_refund = row.document_kind == REFUND or total < 0
    wrong = _wrong(row, quantity=quantity, price=price)
    if wrong is None and not is_refund and goods == 0 and quantity < 0:
        wrong = refusal("quantity", str(quantity), reason=STOCK_ADJUSTMENT)
    if wrong is None and discount and (is_refund or not 0 <= discount <= goods):
        wrong = refusal(
            "discount", str(row.discount), reason="lies outside the line's amount (优惠超出明细金额)"
        )
    if wrong is not None:
        return wrong
    whole, exact = _whole_quantity(quantity)
    price_fen = None
    if price is not None:
        cents = abs(price) * 100
        price_fen = Fen(int(cents)) if cents == cents.to_integral_value() else None
        if price_fen is None:
            exact = {**(exact or {}), "unit_price": str(abs(price))}
    return LineAmounts(is_refund, whole, price_fen, Fen(abs(goods)), discount, exact)


def _wrong(row: OrderRow, *, quantity: Decimal, price: Decimal | None) -> Finding | None:
    if abs(quantity) > LARGEST_QUANTITY:
        return refusal("quantity", str(quantity), reason="is too large (数量过大)")
    if price is not None and quantity < 0 and price < 0:
        return refusal(
            "quantity", str(quantity), reason="quantity and price are both negative (数量与单价均为负)"
        )
    if row.freight is not None and row.freight < 0:
        return refusal("freight", str(row.freight), reason="carriage below zero (运费为负)")
    return None


def _whole_quantity(quantity: Decimal) -> tuple[int, dict[str, str] | None]:
    """Units as a whole number; weighed goods count as one unit with the weight beside it."""
    whole = int(quantity)
    if whole == quantity:
        return abs(whole), None
    return 1, {"quantity": str(abs(quantity))}
