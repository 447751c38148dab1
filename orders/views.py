"""What orders show to others: structs that go out. The settlement's share of them is at the end."""

from datetime import date, datetime

import msgspec

from tenants.kernel.ids import GuideId, OrderId, OrderLineId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen


class SettledLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was paid: the amount its frozen terms divide, and whose sale it is."""

    order_id: OrderId
    order_line_id: OrderLineId
    store_id: StoreId
    guide_id: GuideId | None
    terms_id: TermsId
    paid_fen: Fen
    paid_at: datetime
    business_on: date


class ReversedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund took back of one line; a refund whose sale is unknown has no order line and nothing kept before."""

    refund_id: RefundId
    refund_line_no: int
    order_id: OrderId | None
    order_line_id: OrderLineId | None
    store_id: StoreId
    terms_id: TermsId
    amount_fen: Fen
    kept_before_fen: Fen | None
    refunded_at: datetime
