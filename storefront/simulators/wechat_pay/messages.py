"""The bodies WeChat Pay takes, with the limits it checks, as this simulator reads them.

One liberty: notify_url may be plain http, because callbacks to a development machine are.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

Number = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")]
RefundNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")]
NotifyUrl = Annotated[str, Meta(pattern=r"^https?://[^?#\s]+$", max_length=255)]
Positive = Annotated[int, Meta(ge=1)]


class AmountToPay(msgspec.Struct):
    """In fen."""

    total: Positive
    currency: Literal["CNY"] = "CNY"


class Payer(msgspec.Struct):
    """Who is to pay."""

    openid: Annotated[str, Meta(min_length=1, max_length=128)]


class SceneStore(msgspec.Struct):
    """The merchant's store."""

    id: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Annotated[str, Meta(max_length=256)] = ""


class Scene(msgspec.Struct):
    """Where it happens."""

    payer_client_ip: Annotated[str, Meta(min_length=1, max_length=45)]
    store: SceneStore | None = field(name="store_info", default=None)


class Settle(msgspec.Struct):
    """Whether it may be split."""

    profit_sharing: bool = False


class Prepay(msgspec.Struct, kw_only=True):
    """POST /v3/pay/transactions/jsapi."""

    appid: Annotated[str, Meta(min_length=1, max_length=32)]
    mchid: Annotated[str, Meta(min_length=1, max_length=32)]
    description: Annotated[str, Meta(min_length=1, max_length=127)]
    out_trade_no: Number
    time_expire: str | None = None
    attach: Annotated[str, Meta(max_length=128)] | None = None
    notify_url: NotifyUrl
    amount: AmountToPay
    payer: Payer
    scene: Scene | None = field(name="scene_info", default=None)
    settle: Settle = field(name="settle_info", default_factory=Settle)


class Close(msgspec.Struct):
    """POST …/close."""

    mchid: str


class AmountToRefund(msgspec.Struct):
    """In fen."""

    refund: Positive
    total: Positive
    currency: Literal["CNY"]


class RefundOrder(msgspec.Struct, kw_only=True):
    """POST /v3/refund/domestic/refunds."""

    out_trade_no: Number | None = None
    transaction_id: str | None = None
    out_refund_no: RefundNumber
    reason: Annotated[str, Meta(max_length=80)] | None = None
    notify_url: NotifyUrl | None = None
    amount: AmountToRefund
