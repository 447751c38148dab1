"""The channel's own files as reconciliation reads them: typed rows, the totals the file tells, and the totals its rows add up to.

Told and counted stand side by side on purpose: a file whose summary is wrong is a difference to be found, not a reason to believe
either. Amounts are whole fen; fees are thousandths of a fen, because bills give yuan with five decimals and nothing is rounded here.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from orders.ports import RefundState, Refused, Unknown
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope

BEIJING = ZoneInfo("Asia/Shanghai")
"""Whose days the channel's files are of."""
READY_AT = time(10)
"""Beijing, the next morning: from then on the channel gives its files of a day."""
Row = TypeVar("Row")
Totals = TypeVar("Totals")


def ready_at(day: date) -> datetime:
    """From when the channel gives its files of a Beijing day."""
    return datetime.combine(day + timedelta(days=1), READY_AT, BEIJING)


def latest_ready(now: datetime) -> date:
    """The latest Beijing day whose files can be there."""
    yesterday = now.astimezone(BEIJING).date() - timedelta(days=1)
    return yesterday if now >= ready_at(yesterday) else yesterday - timedelta(days=1)


class TradeKind(StrEnum):
    """What a row of the trade bill is about."""

    PAYMENT = "payment"
    """Money taken."""
    REFUND = "refund"
    """A refund that was accepted; its row is not changed later."""
    REVOKED = "revoked"
    """A payment that was taken back at the till."""


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One payment or accepted refund. `sub_merchant_no` is None for a direct merchant; amounts of refunds are positive."""

    at: datetime
    kind: TradeKind
    appid: str
    merchant_no: str
    sub_merchant_no: str | None
    transaction_id: str
    payment_no: str
    openid: str
    currency: str
    total_fen: Fen
    settlement_fen: Fen
    coupon_fen: Fen
    refund_id: str | None = None
    refund_no: str | None = None
    refund_asked_fen: Fen = Fen(0)
    refund_fen: Fen = Fen(0)
    coupon_refund_fen: Fen = Fen(0)
    refund_state: RefundState | None = None
    refund_asked_at: datetime | None = None
    refunded_at: datetime | None = None
    fee_millifen: int
    fee_rate: str
    description: str
    attach: str


class TradeTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A trade bill's sums; fees are negative on refunds."""

    count: int
    settlement_fen: Fen
    refund_fen: Fen
    coupon_refund_fen: Fen
    fee_millifen: int
    total_fen: Fen
    refund_asked_fen: Fen


class FundRow(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of the merchant's basic account: positive came in, negative went out."""

    at: datetime
    number: str
    flow_id: str
    title: str
    kind: str
    amount_fen: Fen
    balance_fen: Fen
    applicant: str
    remark: str
    voucher: str


class FundTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A fund bill's sums, both positive."""

    count: int
    in_count: int
    in_fen: Fen
    out_count: int
    out_fen: Fen


class SplitKind(StrEnum):
    """What a row of the split bill is about."""

    SPLIT = "split"
    """A part reached its receiver."""
    RETURN = "return"
    """A receiver gave (part of) it back."""
    OTHER = "other"
    """Something the channel does by itself, such as an unfreeze; its word is in `word`."""


class SplitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One successful part or return."""

    at: datetime
    kind: SplitKind
    word: str
    initiator: str
    payer: str
    transaction_id: str
    channel_no: str
    detail_id: str
    number: str
    total_fen: Fen
    receiver: str
    amount_fen: Fen
    state: str
    description: str
    remark: str


class SplitTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A split bill's sums."""

    split_count: int
    split_fen: Fen
    return_count: int
    return_fen: Fen


class Bill(msgspec.Struct, Generic[Row, Totals], frozen=True, kw_only=True):
    """A file: its rows, the sums it tells (None where it tells none) and the sums its rows add up to."""

    rows: Sequence[Row]
    told: Totals | None
    counted: Totals


TradeBill = Bill[TradeRow, TradeTotals]
FundBill = Bill[FundRow, FundTotals]
SplitBill = Bill[SplitRow, SplitTotals]


class NothingBilled(msgspec.Struct, frozen=True):
    """The day has no file because nothing happened on it."""


class BillPending(msgspec.Struct, frozen=True):
    """The file is still being made: ask again later (the channel's files of a day come at ten the next morning, Beijing)."""


class BillSource(Protocol):
    """One merchant's files at its channel; days are Beijing's."""

    async def trade_bill(self, day: date) -> TradeBill | NothingBilled | BillPending | Refused | Unknown:
        """Payments and accepted refunds of a day."""
        ...

    async def fund_bill(self, day: date) -> FundBill | NothingBilled | BillPending | Refused | Unknown:
        """Movements of the basic account on a day."""
        ...

    async def split_bill(self, day: date) -> SplitBill | NothingBilled | BillPending | Refused | Unknown:
        """Successful splits and returns of a day."""
        ...


class BillSources(Protocol):
    """Opens a merchant's files."""

    async def bills(self, tenant: TenantScope, merchant_id: MerchantId) -> BillSource:
        """The files of one merchant of this tenant; raises MerchantNotReady when its credentials are missing."""
        ...
