"""What orders need from above and outside: a payment channel, the terms a line is sold on, and what was split of a payment.

An outcome of a money call is one of done, refused (with the vendor's code) or unknown. Unknown means: ask again, or repeat with
the same number; never a second number. Adapters translate their vendor's words into these structs and nothing else.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from orders.bases import AS_PAID, BaseRule
from orders.funding import Funding
from orders.states import LineKind
from tenants.kernel.ids import (
    ContractId,
    GuideId,
    MerchantId,
    OrderId,
    PaymentId,
    RefundId,
    SkuId,
    StoreId,
    TermsId,
)
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import Reading, TenantScope, Writing


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask money for. `payment_no` is 6 to 32 characters, unique for ever at the merchant, and carries the tenant's code."""

    payment_no: str
    description: str
    total_fen: Fen
    openid: str
    expires_at: datetime
    profit_sharing: bool
    store_id: StoreId
    store_name: str


class PayParameters(msgspec.Struct, frozen=True, rename="camel"):
    """The five fields that wx.requestPayment takes, as strings, named as WeChat names them."""

    time_stamp: str
    nonce_str: str
    package: str
    sign_type: str
    pay_sign: str


class Prepared(msgspec.Struct, frozen=True):
    """The channel will take the payment; hand these to the front end."""

    prepay_id: str
    parameters: PayParameters


class Meaning(StrEnum):
    """What a refusal means for us, where a next step hangs on it."""

    FINAL = "final"
    """It will not happen under this number."""
    UNFREEZE_FIRST = "unfreeze_first"
    """A refund wants more than what is left frozen of a payment that was split in part: end the splitting, then the same again."""
    BALANCE_SHORT = "balance_short"
    """The merchant's account does not hold the money: the same again, with the same number, once it does."""
    TOO_OFTEN = "too_often"
    """Too many calls: the same again later."""
    NOT_KNOWN = "not_known"
    """A look-up's answer: the channel has never heard of this number."""


class Refused(msgspec.Struct, frozen=True):
    """The channel said no: its code and sentence, and what that means for us."""

    code: str
    message: str
    meaning: Meaning = Meaning.FINAL


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can say whether it happened: time-out, server error, or an answer that could not be verified."""

    reason: str


class PaymentState(StrEnum):
    """What the channel knows of a payment number."""

    PAID = "paid"
    """The money was taken."""
    OPEN = "open"
    """Not paid, and may still be."""
    CLOSED = "closed"
    """Not paid, and never will be."""
    REFUNDED = "refunded"
    """Paid, and money went back since."""


class CouponParts(msgspec.Struct, frozen=True, kw_only=True):
    """Who paid for the coupons of a payment, as far as the channel tells; what is left of the coupons nobody is told of."""

    wechatpay_fen: Fen
    merchant_fen: Fen
    other_fen: Fen
    nocash_fen: Fen = Fen(0)
    """What of them never reaches the merchant (免充值券): the channel takes its fee of the rest."""


class ChannelPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as the channel tells it, in a query's answer or a verified callback."""

    payment_no: str
    state: PaymentState
    merchant_no: str
    appid: str
    transaction_id: str | None = None
    total_fen: Fen | None = None
    payer_total_fen: Fen | None = None
    currency: str | None = None
    paid_at: datetime | None = None
    openid: str | None = None
    coupons: CouponParts | None = None


class Closed(msgspec.Struct, frozen=True):
    """The payment number can no longer be paid."""


class AlreadyPaid(msgspec.Struct, frozen=True):
    """Closing came too late: the money was taken."""


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to give back. `refund_no` is re-used for ever: the same number refunds once."""

    payment_no: str
    refund_no: str
    refund_fen: Fen
    total_fen: Fen
    reason: str


class RefundState(StrEnum):
    """What the channel says of a refund number."""

    PENDING = "pending"
    """Accepted, on its way."""
    DONE = "done"
    """The money went back."""
    ABNORMAL = "abnormal"
    """The shopper's account did not take it; a person must look."""
    CLOSED = "closed"
    """It will not happen under this number."""


class ChannelRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the channel tells it."""

    refund_no: str
    payment_no: str
    state: RefundState
    refund_id: str | None = None
    refund_fen: Fen | None = None
    payer_refund_fen: Fen | None = None
    refunded_at: datetime | None = None
    merchant_no: str | None = None


class PaymentChannel(Protocol):
    """One merchant's account at a payment provider. Every method is safe to repeat with the same arguments."""

    async def prepare(self, request: PaymentRequest) -> Prepared | Refused | Unknown:
        """Ask for a payment (WeChat: prepay)."""
        ...

    async def look_up(self, payment_no: str) -> ChannelPayment | Refused | Unknown:
        """Ask what became of a payment number."""
        ...

    async def close(self, payment_no: str) -> Closed | AlreadyPaid | Refused | Unknown:
        """Make sure the number can no longer be paid."""
        ...

    async def refund(self, request: RefundRequest) -> ChannelRefund | Refused | Unknown:
        """Give money back; acceptance is not success."""
        ...

    async def look_up_refund(self, refund_no: str) -> ChannelRefund | Refused | Unknown:
        """Ask what became of a refund number."""
        ...


class PaymentChannels(Protocol):
    """Finds the channel of a tenant's merchant, with that tenant's own credentials."""

    async def channel(self, tenant: TenantScope, merchant_id: MerchantId) -> PaymentChannel:
        """Open the merchant's channel; raises MerchantNotReady when credentials are missing."""
        ...


class TermsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One line about to be sold: where, what, when, through which guide's plan, and whether money runs through our channel."""

    store_id: StoreId
    sku_id: SkuId | None
    category_code: str | None
    sku_code: str | None = None
    promotion_code: str | None = None
    """The campaign (活动) whose price or discount it is sold at."""
    kind: LineKind = LineKind.GOODS
    guide_id: GuideId | None
    guide_rate_bps: Bps
    at: datetime
    source_name: str | None = None
    """Where an imported sale comes from."""
    through_channel: bool = True
    """False for a sale imported from elsewhere: no platform fee on money that never was here, and nothing to mark for splitting."""


class LineTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The frozen answer: the interned terms, the contract behind them, how the line's base is found, whether the channel splits."""

    terms_id: TermsId
    contract_id: ContractId
    profit_sharing: bool
    funding: Funding | None = None
    """Who pays for the line's discount, where a promotion says."""
    base: BaseRule = AS_PAID


class NamedInRates(msgspec.Struct, frozen=True, kw_only=True):
    """The SKUs and promotions that terms depend on (a rate names them, or somebody funds the discount): whoever asks for many lines need not tell the others apart."""

    sku_codes: frozenset[str] = frozenset()
    promotion_codes: frozenset[str] = frozenset()


class Terms(Protocol):
    """Answers, before prepay, which terms apply to each line. Settlement implements it."""

    async def freeze(self, db: Writing, questions: Sequence[TermsQuestion]) -> list[LineTerms]:
        """Intern the terms in force for each question, in order; raises NoTermsInForce where a store has none."""
        ...

    async def foretell(self, db: Reading, questions: Sequence[TermsQuestion]) -> bool:
        """Whether any of the lines would mark the payment for splitting; writes nothing."""
        ...

    async def named_in_rates(self, db: Reading) -> NamedInRates:
        """The SKUs and promotions that terms may depend on."""
        ...

    async def bases(self, db: Reading, terms_ids: Collection[TermsId]) -> dict[TermsId, BaseRule]:
        """How the base of goods sold on these terms is found: for who changes what is paid for them."""
        ...

    async def fundings(self, db: Reading, terms_ids: Collection[TermsId]) -> dict[TermsId, Funding]:
        """Who pays for the discounts of goods sold on these terms; terms that nobody shares a discount of are absent."""
        ...


class RefundRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A refund about to be sent, as splitting sees it: of which payment, and how much."""

    order_id: OrderId
    payment_id: PaymentId
    merchant_id: MerchantId
    transaction_id: str
    refund_fen: Fen


class PaymentSplits(Protocol):
    """What refunds must know, and cause, of the splits of a payment. Settlement implements it."""

    async def recall(self, db: Writing, refund_id: RefundId, *, order_id: OrderId, now: datetime) -> Fen:
        """Write down what receivers have to give back because of a refund whose lines are reserved; returns the sum in fen."""
        ...

    async def make_room(
        self, tenant: TenantScope, room: RefundRoom, *, now: datetime, forced: bool = False
    ) -> None:
        """Unfreeze what has to be unfrozen before the refund can be sent (`forced`: the channel said so); raises SplitPending."""
        ...


class Assigned(msgspec.Struct, frozen=True):
    """The guide's card belongs to the payment."""


class GuideCards(Protocol):
    """Shows the serving guide's card after a payment (支付即服务)."""

    async def assign(
        self, tenant: TenantScope, *, merchant_id: MerchantId, card_no: str, payment_no: str
    ) -> Assigned | Refused | Unknown:
        """Name the guide of a payment that is prepared and not yet paid."""
        ...


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that were collected, as the mini-program's platform wants to hear of it: one parcel without a carrier."""

    merchant_no: str
    payment_no: str
    transaction_id: str
    openid: str
    description: str
    at: datetime


class Reported(msgspec.Struct, frozen=True):
    """The platform knows (now or already) that the goods were handed over."""


class HandOverReports(Protocol):
    """Tells the mini-program's platform of a pickup (发货信息管理): under trade management the money is settled only then."""

    async def report(self, tenant: TenantScope, hand_over: HandOver) -> Reported | Refused | Unknown:
        """Report it; safe to repeat."""
        ...
