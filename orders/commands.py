"""What may be asked of orders: structs that come in. Unknown fields are refused; no amount but the repeated total is believed."""

from typing import Annotated

import msgspec
from msgspec import Meta

from tenants.kernel.ids import GuideId, ShopperId, SkuId, StoreId
from tenants.kernel.money import LARGEST

LARGEST_QUANTITY = 999
MOST_LINES = 100

Quantity = Annotated[int, Meta(ge=1, le=LARGEST_QUANTITY)]
Amount = Annotated[int, Meta(ge=0, le=LARGEST)]
Remark = Annotated[str, Meta(max_length=200)]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class WantedLine(_Command, frozen=True):
    """A SKU and how many of it."""

    sku_id: SkuId
    quantity: Quantity


Wanted = Annotated[list[WantedLine], Meta(min_length=1, max_length=MOST_LINES)]


class AskQuote(_Command, frozen=True):
    """Ask what these units cost at a store, to be collected there."""

    store_id: StoreId
    lines: Wanted


class PlaceOrder(_Command, frozen=True):
    """Place an order at a store. `totalFen` repeats the quote; `guideId` is the guide whom the shopper names."""

    store_id: StoreId
    lines: Wanted
    total_fen: Amount
    guide_id: GuideId | None = None
    remark: Remark | None = None


class PlaceAssistedOrder(_Command, frozen=True):
    """代客下单: staff place an order at their own store for a shopper, who then pays it."""

    shopper_id: ShopperId
    lines: Wanted
    total_fen: Amount
    remark: Remark | None = None


class DecidePayment(_Command, frozen=True):
    """Why a payment of another amount than was asked is given back, or taken."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]


class RefundedLine(_Command, frozen=True):
    """What to give back of one line: so many units, or an amount in fen. Exactly one of the two."""

    line_no: Annotated[int, Meta(ge=1, le=10_000)]
    quantity: Quantity | None = None
    amount_fen: Annotated[int, Meta(ge=1, le=LARGEST)] | None = None


class RequestRefund(_Command, frozen=True):
    """Give money back for some lines of an order."""

    lines: Annotated[list[RefundedLine], Meta(min_length=1, max_length=MOST_LINES)]
    reason: Annotated[str, Meta(min_length=1, max_length=80)]


class RepriceOrder(_Command, frozen=True):
    """改价: what the whole unpaid order shall cost, and why."""

    total_fen: Amount
    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class RedeemPickup(_Command, frozen=True):
    """Hand the goods over against the code that the shopper shows."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{12}$")]
