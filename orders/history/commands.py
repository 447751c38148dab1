"""What an imported order, refund or payment may say: one struct per row of somebody else's file, already typed.

A row names its document, store and guide by the codes of the other system. Knows no file and no table; `import_history`, `history_refunds` and
`history_payments` decide what a row means.
"""

from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

from guides.states import Scene
from orders.states import LineKind, OrderState

SALE, REFUND = "sale", "refund"
IMPORTED_STATES = (
    OrderState.COLLECTED.value,
    OrderState.PAID.value,
    OrderState.CANCELLED.value,
    OrderState.AWAITING_PAYMENT.value,
)
"""What a mapping may translate their status to. An order that is cancelled or awaits payment is kept, and never settled."""
UNPAID_STATES = frozenset({OrderState.CANCELLED.value, OrderState.AWAITING_PAYMENT.value})
REFUND_STATES = ("done", "pending", "failed")

STOCK_ADJUSTMENT = "STOCK_ADJUSTMENT: negative quantity at no price moves stock, not money (库存调整，非销售)"
TOO_LARGE = "TOO_LARGE: larger than any single amount can be (金额过大)"
IN_FUTURE = "IN_FUTURE: lies more than a day ahead; history has happened (时间在未来)"
ROUNDED = "ROUNDED: holds a part of a fen; kept rounded half up (含不足一分，已四舍五入)"
NO_LINES = "NO_LINES: the document has no lines and no total to keep (单据没有明细和总额)"
UNKNOWN_STORE = "UNKNOWN_STORE: no store has this code (门店不存在)"
UNKNOWN_GUIDE = "UNKNOWN_GUIDE: no guide has this code; kept for the store alone (导购不存在，仅归属门店)"
UNKNOWN_ORDER = "UNKNOWN_ORDER: no imported order has this number (订单不存在)"
CHANGED = "CHANGED: this line was imported before with another amount; history is not rewritten (已导入的明细内容不同)"
STATUS_CHANGED = "STATUS_CHANGED: this stands with another status, which does not lead to the one told here; nothing was changed (状态与已导入的不同)"
REFUND_CHANGED = (
    "REFUND_CHANGED: more went back than was imported; import it as a refund (退款金额有变化，请以退款导入)"
)
EARLIER_REFUND = "EARLIER_REFUND: so much went back before this sale was imported, and counts in what is left of it (导入销售前已退款)"
OVER_REFUND = "OVER_REFUND: more than is left of what was paid (退款超过可退金额)"
OVER_DISCOUNT = "OVER_DISCOUNT: the document's discount is more than its lines (优惠超出单据金额)"
TOTAL_DIFFERS = (
    "TOTAL_DIFFERS: the document's own total is not the sum of its lines read so far (单据总额与已读明细不符)"
)
PAID_DIFFERS = (
    "PAID_DIFFERS: what was paid is not the sum of the lines read so far; both are kept (实付与已读明细不符)"
)
HEADER_STANDS = "HEADER_STANDS: the document was kept from its header's total; importing its lines would count it twice (已按单头金额导入)"
OTHER_GUIDE = "OTHER_GUIDE: the document already names another guide, who keeps it (单据导购不一致)"


class OrderRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a document with the document's header repeated; a mapping without quantity and amounts tells of headers alone.

    Amounts are exact decimals in yuan, rounded half-up per line here and nowhere before. `amount` is the whole line's and wins over
    quantity x unit_price; negative amounts are refunds. `document_*` fields speak of the document and are read from its first row.
    """

    number: int
    document: str
    store_code: str | None = None
    sold_at: datetime
    business_on: date | None = None
    document_kind: str | None = None
    """`sale` or `refund` (then amounts count positive); without it the sign of the line decides."""
    status: str | None = None
    """Their status, kept as it is."""
    state: str | None = None
    scene: str | None = None
    guide_code: str | None = None
    paid_at: datetime | UnsetType | None = UNSET
    """UNSET: the file does not tell, and what was sold was paid. None: never paid."""
    line_id: str | None = None
    kind: str = LineKind.GOODS.value
    sku_code: str | None = None
    title: str | None = None
    category_code: str | None = None
    promotion_code: str | None = None
    """The campaign it was sold under, where a contract's rate depends on it."""
    quantity: Decimal | UnsetType | None = UNSET
    unit_price: Decimal | UnsetType | None = UNSET
    amount: Decimal | UnsetType | None = UNSET
    discount: Decimal | None = None
    """Off this line; what is left is what was paid for it."""
    freight: Decimal | None = None
    """Carriage that stands in the same row: becomes a line of its own."""
    document_total: Decimal | None = None
    """What the document itself says its lines come to (goods, freight and others, before discounts)."""
    document_discount: Decimal | None = None
    document_freight: Decimal | None = None
    paid_total: Decimal | None = None
    """What was really paid for the document, kept as a tender beside the sum of the lines."""
    paid_net: Decimal | None = None
    """The same, where the file has already taken `refund_amount` off it."""
    tender_method: str | None = None
    refund_amount: Decimal | None = None
    """What went back of the document since, when the row itself tells."""
    refunded_at: datetime | None = None

    def scene_or_default(self) -> str:
        """The door the order came through; a day file is the counter's."""
        return self.scene or Scene.IN_STORE.value

    def is_header_only(self) -> bool:
        """Whether the file tells of no lines; an empty cell is a line that cannot be read."""
        return self.amount is UNSET and self.unit_price is UNSET and self.quantity is UNSET


def paid_total(row: OrderRow) -> Decimal | None:
    """What was paid for the document before anything went back, where the file tells."""
    if row.paid_total is not None or row.paid_net is None:
        return row.paid_total
    return row.paid_net + (row.refund_amount or 0)


class RefundRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One refund: of a line (`line_id`, or `sku_code`), of a whole order, or (with no order we know) of a store alone.

    Without `amount` it takes back all that is left.
    """

    number: int
    refund_no: str | None = None
    document: str | None = None
    store_code: str | None = None
    refunded_at: datetime | None = None
    """Without one the refund falls on the day of its order."""
    business_on: date | None = None
    line_id: str | None = None
    sku_code: str | None = None
    title: str | None = None
    kind: str = LineKind.GOODS.value
    category_code: str | None = None
    guide_code: str | None = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    reason: str | None = None
    state: str = "done"


class PaymentRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One payment of a document: cash, card, voucher. A document over several stores shares it in proportion to their totals."""

    number: int
    document: str
    store_code: str | None = None
    sequence: int | None = None
    method: str
    amount: Decimal
