"""The bodies WeChat Pay takes for profit sharing, ordinary and chain-brand, and for guides' cards, with the limits it checks."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from storefront.simulators.wechat_pay.messages import Mchid, NotifyUrl, Positive

SplitNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")]
Account = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(min_length=1, max_length=80)]
ReceiverType = Literal["MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"]
OrdinaryRelation = Literal[
    "SERVICE_PROVIDER", "STORE", "STAFF", "STORE_OWNER", "PARTNER", "HEADQUARTER", "BRAND", "DISTRIBUTOR", "USER", "SUPPLIER", "CUSTOM",
]  # fmt: skip
BrandRelation = Literal["SUPPLIER", "DISTRIBUTOR", "SERVICE_PROVIDER", "PLATFORM", "STAFF", "OTHERS"]
MOST_RECEIVERS = 50


class AddReceiver(msgspec.Struct, kw_only=True):
    """POST /v3/profitsharing/receivers/add; the name is encrypted."""

    sub_mchid: str | None = None
    appid: Mchid
    sub_appid: str | None = None
    type: ReceiverType
    account: Account
    name: str | None = None
    relation_type: OrdinaryRelation
    custom_relation: Annotated[str, Meta(min_length=1, max_length=10)] | None = None


class DeleteReceiver(msgspec.Struct, kw_only=True):
    """POST /v3/profitsharing/receivers/delete."""

    sub_mchid: str | None = None
    appid: Mchid
    sub_appid: str | None = None
    type: ReceiverType
    account: Account


class AddBrandReceiver(msgspec.Struct, kw_only=True):
    """POST /v3/brand/profitsharing/receivers/add; the name is not encrypted here."""

    brand_mchid: Mchid
    appid: Mchid
    sub_appid: str | None = None
    type: ReceiverType
    account: Account
    name: str | None = None
    relation_type: BrandRelation


class DeleteBrandReceiver(msgspec.Struct, kw_only=True):
    """POST /v3/brand/profitsharing/receivers/delete."""

    brand_mchid: Mchid
    appid: Mchid
    sub_appid: str | None = None
    type: ReceiverType
    account: Account


class Part(msgspec.Struct, kw_only=True):
    """One receiver's part."""

    type: ReceiverType
    account: Account
    name: str | None = None
    amount: Positive
    description: Text


Parts = Annotated[list[Part], Meta(min_length=1, max_length=MOST_RECEIVERS)]


class SplitOrder(msgspec.Struct, kw_only=True):
    """POST /v3/profitsharing/orders."""

    sub_mchid: str | None = None
    appid: Mchid
    sub_appid: str | None = None
    transaction_id: str
    out_order_no: SplitNumber
    receivers: Parts
    unfreeze_unsplit: bool


class BrandSplitOrder(msgspec.Struct, kw_only=True):
    """POST /v3/brand/profitsharing/orders."""

    brand_mchid: Mchid
    sub_mchid: Mchid
    appid: Mchid
    sub_appid: str | None = None
    transaction_id: str
    out_order_no: SplitNumber
    receivers: Parts
    finish: bool
    notify_url: NotifyUrl | None = None


class Unfreeze(msgspec.Struct, kw_only=True):
    """POST /v3/profitsharing/orders/unfreeze."""

    sub_mchid: str | None = None
    transaction_id: str
    out_order_no: SplitNumber
    description: Text


class FinishOrder(msgspec.Struct, kw_only=True):
    """POST /v3/brand/profitsharing/finish-order."""

    sub_mchid: Mchid
    transaction_id: str
    out_order_no: SplitNumber
    description: Text
    notify_url: NotifyUrl | None = None


class ReturnOrder(msgspec.Struct, kw_only=True):
    """POST /v3/profitsharing/return-orders and /v3/brand/profitsharing/returnorders."""

    sub_mchid: str | None = None
    order_id: str | None = None
    out_order_no: SplitNumber | None = None
    out_return_no: SplitNumber
    return_mchid: Mchid
    amount: Positive
    description: Text


class RegisterGuide(msgspec.Struct, kw_only=True):
    """POST /v3/smartguide/guides; name and mobile are encrypted."""

    sub_mchid: str | None = None
    corpid: Annotated[str, Meta(min_length=1, max_length=64)]
    store_id: int
    userid: Annotated[str, Meta(min_length=1, max_length=64)]
    name: str
    mobile: str
    qr_code: Annotated[str, Meta(min_length=1, max_length=1024)]
    avatar: Annotated[str, Meta(min_length=1, max_length=1024)]
    group_qrcode: str | None = None


class ChangeGuide(msgspec.Struct, kw_only=True):
    """PATCH /v3/smartguide/guides/{guide_id}."""

    sub_mchid: str | None = None
    name: str | None = None
    mobile: str | None = None
    qr_code: str | None = None
    avatar: str | None = None
    group_qrcode: str | None = None


class AssignGuide(msgspec.Struct, kw_only=True):
    """POST /v3/smartguide/guides/{guide_id}/assign."""

    sub_mchid: str | None = None
    out_trade_no: str
