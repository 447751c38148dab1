"""What the simulator remembers of money: merchants, payments, refunds, splits, returns, bills, guide cards, callbacks. No behaviour.

Amounts are fen. A payment's settlement amount is in one of these places: `held` (frozen or not yet settled), `pending` (in a split
that is being carried out), its payee's available balance, a receiver, WeChat's fee, or back with the shopper.
"""

from datetime import datetime

import msgspec


class PlatformCertificate(msgspec.Struct):
    """A platform certificate of WeChat Pay, as played here: the same for all merchants."""

    serial: str
    certificate: str
    private_key: str
    effective_at: datetime
    expires_at: datetime
    signs_from: datetime | None = None


class EarlierWechatKey(msgspec.Struct, kw_only=True):
    """A WeChat Pay public key that another follows: signs until one moment, is taken until a later one."""

    key_id: str
    private_key: str
    signs_until: datetime
    ends_at: datetime


class Merchant(msgspec.Struct, kw_only=True):
    """A merchant, its keys, and its available balance. One without keys can be paid and split to, and cannot call."""

    mchid: str
    wechat_key_id: str
    wechat_public_key: str
    wechat_private_key: str
    earlier_wechat_keys: list[EarlierWechatKey] = []
    appids: list[str] = []
    certificate_serial: str = ""
    public_key: str = ""
    older_keys: dict[str, str] = {}
    api_v3_key: str = ""
    legal_name: str = ""
    provider: str | None = None
    brand: str | None = None
    fee_bps: int = 0
    refund_seconds: int = 0
    settle_seconds: int = 0
    split_wait_seconds: int = 60
    split_seconds: int = 2
    return_seconds: int = 0
    freeze_days: int = 30
    max_ratio_bps: int = 3000
    accepts_returns: bool = False
    split_notify_url: str | None = None
    split_event: str = "TRANSACTION"
    certificates: bool = True
    certificates_alone: bool = False
    """An older merchant, that never applied for a WeChat Pay public key."""
    available: int = 0
    withdrawn: int = 0
    deposited: int = 0
    basic: int = 0
    """The balance that the fund bill shows: available, held and pending together."""


class Coupon(msgspec.Struct, rename="camel", kw_only=True):
    """A coupon used in a payment. CASH was paid for beforehand and reaches the merchant; NOCASH is the merchant's own discount."""

    coupon_id: str
    name: str = "优惠券"
    scope: str = "GLOBAL"
    type: str = "NOCASH"
    amount: int
    stock_id: str = "1000001"
    wechatpay_contribute: int = 0
    merchant_contribute: int = 0
    other_contribute: int = 0


class Payment(msgspec.Struct, kw_only=True):
    """A payment number at a merchant or, with `sub_mchid`, at a service provider for one of its sub-merchants."""

    mchid: str
    appid: str
    out_trade_no: str
    fingerprint: str
    openid: str
    total: int
    attach: str | None
    notify_url: str
    profit_sharing: bool
    store_id: str | None
    expires_at: datetime
    description: str = ""
    sub_mchid: str | None = None
    sub_appid: str | None = None
    payer: dict[str, str] = {}
    state: str = "NOTPAY"
    refusals: int = 0
    transaction_id: str | None = None
    paid_at: datetime | None = None
    coupons: list[Coupon] = []
    payer_total: int = 0
    settlement_total: int = 0
    first_fee: int = 0
    fee: int = 0
    held: int = 0
    pending: int = 0
    split: int = 0
    split_requests: int = 0
    settled: bool = False
    trade_managed: bool = False
    confirmed_at: datetime | None = None
    refunded: int = 0
    refunds: int = 0
    payer_refunded: int = 0
    settlement_refunded: int = 0

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{self.mchid}/{self.out_trade_no}"

    @property
    def payee(self) -> str:
        """Whose money it is."""
        return self.sub_mchid or self.mchid


class PrepaySession(msgspec.Struct):
    """A prepay_id: which payment it opens, and until when."""

    payment: str
    expires_at: datetime


class Refund(msgspec.Struct, kw_only=True):
    """A refund number at a merchant; `fee_back` is the part of WeChat's fee that was returned with it."""

    mchid: str
    out_refund_no: str
    refund_id: str
    payment: str
    amount: int
    fee_back: int
    from_held: bool
    notify_url: str | None
    created_at: datetime
    due_at: datetime
    payer_refund: int = 0
    settlement_refund: int = 0
    planned: str = "SUCCESS"
    status: str = "PROCESSING"
    success_at: datetime | None = None


class Receiver(msgspec.Struct, kw_only=True):
    """Somebody a merchant or a brand may split to."""

    owner: str
    type: str
    account: str
    name: str | None
    relation_type: str
    custom_relation: str | None = None


class SplitDetail(msgspec.Struct, kw_only=True):
    """One receiver's part of a split."""

    type: str
    account: str
    amount: int
    description: str
    detail_id: str
    created_at: datetime
    planned: str | None = None
    result: str = "PENDING"
    fail_reason: str | None = None
    finished_at: datetime | None = None
    returned: int = 0


class Split(msgspec.Struct, kw_only=True):
    """A split number, or an unfreeze or finish number: those have no details of receivers."""

    mchid: str
    out_order_no: str
    order_id: str
    payment: str
    fingerprint: str
    details: list[SplitDetail]
    brand_mchid: str | None = None
    brand: bool = False
    unfreezes: bool = False
    unfrozen: int = 0
    description: str = ""
    notify_url: str | None = None
    created_at: datetime
    due_at: datetime
    state: str = "PROCESSING"
    returns: int = 0

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{self.mchid}/{self.out_order_no}"

    @property
    def is_unfreeze(self) -> bool:
        """Whether this number was used to unfreeze or finish."""
        return self.unfreezes and not self.details


class SplitReturn(msgspec.Struct, kw_only=True):
    """A return number: money of a split coming back from a receiver."""

    mchid: str
    out_return_no: str
    return_id: str
    split: str
    return_mchid: str
    amount: int
    description: str
    created_at: datetime
    planned: str | None = None
    funded: bool = False
    result: str = "PROCESSING"
    fail_reason: str | None = None
    finished_at: datetime | None = None

    @property
    def key(self) -> str:
        """Where it is kept."""
        return f"{self.mchid}/{self.out_return_no}"


class Fate(msgspec.Struct, kw_only=True):
    """What the next so many splits to, or returns from, an account come to."""

    account: str
    reason: str
    times: int = 1
    returns: bool = False


class Flow(msgspec.Struct, kw_only=True):
    """One movement on a merchant's basic account, as the fund bill shows it."""

    at: datetime
    mchid: str
    flow_id: str
    number: str
    title: str
    kind: str
    amount: int
    balance: int
    voucher: str = ""


class BillChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A planned untruth in a bill: `row` counts from 0; `total` alters the summary, `hash` the announced digest."""

    mchid: str
    bill: str
    bill_date: str
    change: str
    row: int = 0
    column: str = ""
    value: str = ""
    keep_summary: bool = False


class BillFile(msgspec.Struct, kw_only=True):
    """A bill that can be downloaded until its address ends."""

    mchid: str
    content: bytes
    expires_at: datetime


class GuideCard(msgspec.Struct, kw_only=True):
    """A guide of payment-as-service."""

    guide_id: str
    mchid: str
    sub_mchid: str | None
    corpid: str
    store_id: int
    userid: str
    name: str
    mobile: str
    qr_code: str
    avatar: str
    group_qrcode: str | None = None


class Assignment(msgspec.Struct, kw_only=True, rename="camel"):
    """A guide assigned to a payment number; the card is shown only when that happened before payment."""

    guide_id: str
    mchid: str
    out_trade_no: str
    at: datetime
    card_shown: bool


class CallbackAttempt(msgspec.Struct, rename="camel"):
    """One delivery and what came back."""

    at: datetime
    status: int | None
    answer: str
    probe: bool = False


class Callback(msgspec.Struct, kw_only=True, rename="camel"):
    """A notification on its way: its body never changes, its signature is fresh at each attempt."""

    id: str
    mchid: str
    event_type: str
    notify_url: str
    body: str
    form: str = "pay"
    """Whose rules of delivery: pay, mini or wecom; `mchid` is then the appid or the corpid."""
    out_trade_no: str
    out_refund_no: str | None = None
    number: str | None = None
    due_at: datetime | None = None
    behind: str | None = None
    step: int = 0
    done: bool = False
    planned: str | None = None
    attempts: list[CallbackAttempt] = msgspec.field(default_factory=list)
