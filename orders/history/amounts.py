"""What a row of somebody else's file comes to in whole fen, and whether it is a sale, a refund or neither. Pure.

Exact decimals in, fen out; the only rounding is half away from zero, once per line. A price of a tenth of a fen is kept beside the rounded line.
"""

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from orders.history.commands import REFUND, STOCK_ADJUSTMENT, TOO_LARGE, OrderRow
from tenants.import_outcomes import Finding, refusal
from tenants.kernel.money import LARGEST_AMOUNT, Fen, NotMoney, fen_rounded

NOISE = Decimal("0.000001")
"""Beyond the sixth decimal there is only the noise of binary numbers: 125.43999999999998 was 125.44."""
LARGEST_QUANTITY = 2**31 - 1
LARGEST_YUAN = Decimal(LARGEST_AMOUNT) / 100
LOWEST_YUAN = -LARGEST_YUAN
OF_LINE = ("unit_price", "amount", "discount", "freight")
OF_DOCUMENT = (
    "document_total", "document_discount", "document_freight", "paid_total", "paid_net", "refund_amount",
)  # fmt: skip
"""The amounts that speak of the whole document: one that cannot be refuses all of it."""


class LineAmounts(msgspec.Struct, frozen=True, gc=False):
    """A line's figures; negative `goods_fen` never leaves here: it is a refund of the positive amount."""

    is_refund: bool
    quantity: int
    unit_price_fen: Fen | None
    goods_fen: Fen
    discount_fen: Fen
    exact: dict[str, str] | None
    """Quantity or unit price as written, where whole numbers cannot hold them."""
    rounded: bool = False
    """Whether the amount held a part of a fen."""


def exact_fen(amount: Decimal) -> Fen:
    """Round an exact amount in yuan to fen, binary noise stripped first. Raises NotMoney for more than any single amount may be."""
    cents = amount * 100
    whole = int(cents)
    if whole != cents:
        whole = fen_rounded(amount.quantize(NOISE, rounding=ROUND_HALF_UP))
    if abs(whole) > LARGEST_AMOUNT:
        raise NotMoney("larger than any single amount here")
    return Fen(whole)


def holds_part_of_fen(amount: Decimal) -> bool:
    """Whether an amount in yuan is no whole number of fen, binary noise stripped first."""
    cents = amount * 100
    return int(cents) != cents and amount.quantize(NOISE, rounding=ROUND_HALF_UP) * 100 != exact_fen(amount)


def rounded_column(row: OrderRow) -> str | None:
    """The first of the document's own amounts that holds a part of a fen."""
    told = ((column, getattr(row, column)) for column in OF_DOCUMENT)
    return next((column for column, amount in told if amount and holds_part_of_fen(amount)), None)


def too_large(row: OrderRow, columns: tuple[str, ...]) -> Finding | None:
    """The first of these amounts that no amount can be."""
    for column in columns:
        amount = getattr(row, column)
        if type(amount) is Decimal and not LOWEST_YUAN <= amount <= LARGEST_YUAN:
            return refusal(column, str(amount), reason=TOO_LARGE)
    return None


def line_amounts(row: OrderRow) -> LineAmounts | Finding:
    """The row's figures, or why it is no sale and no refund."""
    try:
        return too_large(row, OF_LINE) or _line_amounts(row)
    except (NotMoney, ArithmeticError):
        told = row.amount if isinstance(row.amount, Decimal) else f"{row.quantity} x {row.unit_price}"
        return refusal("amount", str(told), reason=TOO_LARGE)


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
    return LineAmounts(
        is_refund, whole, price_fen, Fen(abs(goods)), discount, exact, rounded=holds_part_of_fen(total)
    )


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
