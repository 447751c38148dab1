"""The bodies WeChat Pay takes for payments and refunds, with the limits it checks, as this simulator reads them.

One liberty: notify_url may be plain http, because callbacks to a development machine are.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

Number = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")]
RefundNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")]
NotifyUrl = Annotated[str, Meta(pattern=r"^https?://[^?#\s]+$", max_length=255)]
Positive = Annotated[int, Meta(ge=1)]
Mchid = Annotated[str, Meta(min_length=1, max_length=32)]
Openid = Annotated[str, Meta(min_length=1, max_length=128)]


class AmountToPay(msgspec.Struct):
    """In fen."""

    total: Positive
    currency: Literal["CNY"] = "CNY"


class Payer(msgspec.Struct):
    """Who is to pay."""

    openid: Openid


class PartnerPayer(msgspec.Struct):
    """Who is to pay, by the service provider's app or by the sub-merchant's."""

    sp_openid: Openid | None = None
    sub_openid: Openid | None = None


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


class PrepayTerms(msgspec.Struct, kw_only=True):
    """What both modes say."""

    description: Annotated[str, Meta(min_length=1, max_length=127)]
    out_trade_no: Number
    time_expire: str | None = None
    attach: Annotated[str, Meta(max_length=128)] | None = None
    notify_url: NotifyUrl
    amount: AmountToPay
    scene: Scene | None = field(name="scene_info", default=None)
    settle: Settle = field(name="settle_info", default_factory=Settle)


class Prepay(PrepayTerms, kw_only=True):
    """POST /v3/pay/transactions/jsapi."""

    appid: Mchid
    mchid: Mchid
    payer: Payer


class PartnerPrepay(PrepayTerms, kw_only=True):
    """POST /v3/pay/partner/transactions/jsapi."""

    sp_appid: Mchid
    sp_mchid: Mchid
    sub_appid: Mchid | None = None
    sub_mchid: Mchid
    payer: PartnerPayer


class Close(msgspec.Struct):
    """POST …/close."""

    mchid: str


class PartnerClose(msgspec.Struct):
    """POST …/close for a sub-merchant."""

    sp_mchid: str
    sub_mchid: str


class AccountToRefundFrom(msgspec.Struct):
    """A part of a refund and the account it is to come from."""

    account: Literal["AVAILABLE", "UNAVAILABLE"]
    amount: Positive


class AmountToRefund(msgspec.Struct, kw_only=True):
    """In fen."""

    refund: Positive
    total: Positive
    currency: Literal["CNY"]
    accounts: list[AccountToRefundFrom] = field(name="from", default_factory=list)


class AbnormalRefund(msgspec.Struct, kw_only=True):
    """POST …/refunds/{refund_id}/apply-abnormal-refund: the shopper's card, or an account of the merchant's, takes the money.

    Card and name come encrypted.
    """

    out_refund_no: RefundNumber
    sub_mchid: str | None = None
    type: Literal["USER_BANK_CARD", "MERCHANT_BANK_CARD"]
    bank_type: Annotated[str, Meta(max_length=16)] | None = None
    bank_account: Annotated[str, Meta(max_length=1024)] | None = None
    real_name: Annotated[str, Meta(max_length=1024)] | None = None


class RefundOrder(msgspec.Struct, kw_only=True):
    """POST /v3/refund/domestic/refunds."""

    sub_mchid: str | None = None
    out_trade_no: Number | None = None
    transaction_id: str | None = None
    out_refund_no: RefundNumber
    reason: Annotated[str, Meta(max_length=80)] | None = None
    notify_url: NotifyUrl | None = None
    funds_account: Literal["AVAILABLE"] | None = None
    amount: AmountToRefund
