"""WeChat Pay's own words: the bodies it takes and gives, as far as we use them. Nothing outside this folder reads these.

Unknown fields are ignored on purpose: the vendor adds some without notice. Amounts are whole fen. Attributes that would break the
house's naming rules carry the vendor's name in `field(name=…)`.
"""

import msgspec
from msgspec import UNSET, UnsetType, field

CURRENCY = "CNY"
SEALING = "AEAD_AES_256_GCM"


class PrepayAmount(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid."""

    total: int
    currency: str = CURRENCY


class Payer(msgspec.Struct, frozen=True):
    """Who pays."""

    openid: str = ""


class SceneStore(msgspec.Struct, frozen=True):
    """The store, as WeChat keeps it with the payment; the id has at most 32 characters."""

    id: str
    name: str


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Where the payment happens."""

    payer_client_ip: str
    store: SceneStore = field(name="store_info")


class Settle(msgspec.Struct, frozen=True):
    """Whether the payment may be split; without it at prepay, never."""

    profit_sharing: bool


class PartnerPayer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who pays, in partner mode: known to the service provider's mini-program or to the sub-merchant's own."""

    sp_openid: str = ""
    sub_openid: str = ""


class _Prepay(msgspec.Struct, frozen=True, kw_only=True):
    description: str
    out_trade_no: str
    time_expire: str
    notify_url: str
    amount: PrepayAmount
    scene: Scene = field(name="scene_info")
    settle: Settle = field(name="settle_info")


class Prepay(_Prepay, frozen=True, kw_only=True):
    """POST /v3/pay/transactions/jsapi."""

    appid: str
    mchid: str
    payer: Payer


class PartnerPrepay(_Prepay, frozen=True, kw_only=True):
    """POST /v3/pay/partner/transactions/jsapi."""

    sp_appid: str
    sp_mchid: str
    sub_appid: str | UnsetType = UNSET
    sub_mchid: str
    payer: PartnerPayer


class PrepayAnswer(msgspec.Struct, frozen=True):
    """The prepay session, valid for two hours."""

    prepay_id: str


class Close(msgspec.Struct, frozen=True, kw_only=True):
    """POST …/close."""

    mchid: str


class PartnerClose(msgspec.Struct, frozen=True, kw_only=True):
    """POST …/close in partner mode."""

    sp_mchid: str
    sub_mchid: str


class TransactionAmount(msgspec.Struct, frozen=True):
    """What was to be paid, and what the shopper paid after coupons."""

    total: int | None = None
    payer_total: int | None = None
    currency: str | None = None


class Promotion(msgspec.Struct, frozen=True):
    """A coupon that was used, and who paid for it. NOCASH: it never reaches the merchant."""

    amount: int = 0
    type: str = ""
    wechatpay_contribute: int | None = None
    merchant_contribute: int | None = None
    other_contribute: int | None = None


class TransactionPayer(msgspec.Struct, frozen=True):
    """Who paid, under the name of either mode."""

    openid: str = ""
    sp_openid: str = ""
    sub_openid: str = ""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A payment, in a query's answer and in a payment callback; the parties have other names in partner mode."""

    appid: str | None = None
    mchid: str | None = None
    sp_appid: str | None = None
    sp_mchid: str | None = None
    sub_appid: str | None = None
    sub_mchid: str | None = None
    out_trade_no: str
    trade_state: str
    transaction_id: str | None = None
    success_time: str | None = None
    payer: TransactionPayer | None = None
    amount: TransactionAmount | None = None
    promotions: list[Promotion] | None = field(name="promotion_detail", default=None)


class RefundAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The amounts of a refund request."""

    refund: int
    total: int
    currency: str = CURRENCY


class RefundOrder(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v3/refund/domestic/refunds."""

    sub_mchid: str | UnsetType = UNSET
    out_trade_no: str
    out_refund_no: str
    reason: str | UnsetType = UNSET
    notify_url: str
    amount: RefundAsked


class RefundAmount(msgspec.Struct, frozen=True):
    """What was given back, and how much of it in cash."""

    refund: int | None = None
    payer_refund: int | None = None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund in an answer: the state is called `status`."""

    out_refund_no: str
    out_trade_no: str
    status: str
    refund_id: str | None = None
    success_time: str | None = None
    amount: RefundAmount | None = None


class RefundNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A refund in a callback: the state is called `refund_status`, and the merchant is named."""

    mchid: str | None = None
    sp_mchid: str | None = None
    sub_mchid: str | None = None
    out_refund_no: str
    out_trade_no: str
    refund_status: str
    refund_id: str | None = None
    success_time: str | None = None
    amount: RefundAmount | None = None


class Problem(msgspec.Struct, frozen=True):
    """An error's body."""

    code: str
    message: str = ""


class SealedResource(msgspec.Struct, frozen=True, kw_only=True):
    """The encrypted part of a callback."""

    algorithm: str
    ciphertext: str
    nonce: str
    associated: str = field(name="associated_data", default="")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A callback's body."""

    id: str
    event_type: str
    resource: SealedResource


class NoticeReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a split's notification is about."""

    type: str
    account: str
    amount: int
    description: str = ""


class SharingNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A split or a return of one, told to the receiver."""

    mchid: str | None = None
    sp_mchid: str | None = None
    sub_mchid: str | None = None
    transaction_id: str
    order_id: str
    out_order_no: str
    receiver: NoticeReceiver
    success_time: str | None = None
