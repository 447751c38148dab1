"""WeChat Pay's own words for profit sharing, ordinary and chain-brand. Nothing outside this folder reads these.

The chain-brand product says `finish` for `unfreeze_unsplit`, `status` for `state`, `return_no` for `return_id` and FAIL for FAILED.
"""

import msgspec
from msgspec import UNSET, UnsetType


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    account: str
    name: str | UnsetType = UNSET


class AddReceiver(_Named, frozen=True, kw_only=True):
    """POST /v3/profitsharing/receivers/add; the name is encrypted."""

    sub_mchid: str | UnsetType = UNSET
    appid: str
    sub_appid: str | UnsetType = UNSET
    relation_type: str
    custom_relation: str | UnsetType = UNSET


class AddBrandReceiver(_Named, frozen=True, kw_only=True):
    """POST /v3/brand/profitsharing/receivers/add; here the name is not encrypted (official Java SDK, 2024)."""

    brand_mchid: str
    appid: str
    sub_appid: str | UnsetType = UNSET
    relation_type: str


class DeleteReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """POST …/receivers/delete; ordinary names the sub-merchant, chain-brand the brand."""

    brand_mchid: str | UnsetType = UNSET
    sub_mchid: str | UnsetType = UNSET
    appid: str
    sub_appid: str | UnsetType = UNSET
    type: str
    account: str


class Part(_Named, frozen=True, kw_only=True):
    """One receiver's part; the name is encrypted in both products."""

    amount: int
    description: str


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v3/profitsharing/orders."""

    sub_mchid: str | UnsetType = UNSET
    appid: str
    sub_appid: str | UnsetType = UNSET
    transaction_id: str
    out_order_no: str
    receivers: list[Part]
    unfreeze_unsplit: bool


class BrandSplit(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v3/brand/profitsharing/orders."""

    brand_mchid: str
    sub_mchid: str
    appid: str
    sub_appid: str | UnsetType = UNSET
    transaction_id: str
    out_order_no: str
    receivers: list[Part]
    finish: bool


class Unfreeze(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v3/profitsharing/orders/unfreeze and /v3/brand/profitsharing/finish-order."""

    sub_mchid: str | UnsetType = UNSET
    transaction_id: str
    out_order_no: str
    description: str


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v3/profitsharing/return-orders and /v3/brand/profitsharing/returnorders."""

    sub_mchid: str | UnsetType = UNSET
    out_order_no: str
    out_return_no: str
    return_mchid: str
    amount: int
    description: str


class PartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one part."""

    type: str
    account: str
    amount: int
    result: str = "PENDING"
    fail_reason: str | None = None
    detail_id: str | None = None
    finish_time: str | None = None


class SplitAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A split, or an unfreeze, under the names of either product."""

    transaction_id: str
    out_order_no: str
    order_id: str | None = None
    state: str = ""
    status: str = ""
    receivers: list[PartAnswer] = []


class ReturnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A return, under the names of either product."""

    out_order_no: str | None = None
    out_return_no: str
    return_id: str | None = None
    return_no: str | None = None
    return_mchid: str
    amount: int
    result: str = "PROCESSING"
    fail_reason: str | None = None
    finish_time: str | None = None


class Amounts(msgspec.Struct, frozen=True):
    """What is left of a payment."""

    transaction_id: str
    unsplit_amount: int


class Ratio(msgspec.Struct, frozen=True):
    """The largest share that may be split, in 1/10000."""

    max_ratio: int


class Echo(msgspec.Struct, frozen=True):
    """A receiver that was added or deleted."""

    account: str
