"""WeChat Pay's bill files into typed rows, by the names in the header; what is not known is an error, never skipped. Pure.

Every value carries a back-tick, amounts are yuan, and a header line with one row of sums ends the file. The columns of the split bill
were never published in full, which is why nothing is read by position.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from orders.ports import RefundState
from settlement.reconciliation.bills import (
    Bill,
    FundBill,
    FundRow,
    FundTotals,
    SplitBill,
    SplitKind,
    SplitRow,
    SplitTotals,
    TradeBill,
    TradeKind,
    TradeRow,
    TradeTotals,
)
from settlement.reconciliation.states import BillKind
from storefront.adapters.errors import BillColumnUnknown, BillUnreadable
from storefront.adapters.wechat_pay.translate import BEIJING
from tenants.kernel.money import Fen

Cells = Mapping[str, str]
Row = TypeVar("Row")
Totals = TypeVar("Totals")

TRADE = {
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型", "交易状态", "付款银行",
    "货币种类", "应结订单金额", "代金券金额", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "费率备注",
}  # fmt: skip
TRADE_REFUNDS = {
    "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额",
}  # fmt: skip
TRADE_TIMES = {"退款申请时间", "退款成功时间"}
TRADE_SUMS = {
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额", "申请退款总金额",
}  # fmt: skip
FUND = {
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型", "收支金额", "账户结余", "资金变更提交申请人", "备注",
    "业务凭证号",
}  # fmt: skip
FUND_SUMS = {"资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额"}
SPLIT = {
    "分账时间", "分账发起方", "分账方", "微信订单号", "微信分账/回退单号", "分账明细单号", "商户分账/回退单号", "订单金额", "分账接收方",
    "分账金额", "业务类型", "处理状态", "分账描述", "备注",
}  # fmt: skip
SPLIT_SUMS = {"分账总笔数", "分账总金额", "回退总笔数", "回退总金额"}
_TRADE_KINDS = {"SUCCESS": TradeKind.PAYMENT, "REFUND": TradeKind.REFUND, "REVOKED": TradeKind.REVOKED}
_REFUND_STATES = {
    "SUCCESS": RefundState.DONE,
    "PROCESSING": RefundState.PENDING,
    "ABNORMAL": RefundState.ABNORMAL,
    "CHANGE": RefundState.ABNORMAL,
    "FAIL": RefundState.CLOSED,
    "CLOSED": RefundState.CLOSED,
}
_SPLIT_KINDS = {"分账": SplitKind.SPLIT, "分账回退": SplitKind.RETURN}
_YUAN = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,8}))?")
_COUNT = re.compile(r"[0-9]{1,12}")
FEN_PLACES, MILLIFEN_PLACES = 2, 5
TICK = "`"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of file is read: its columns, its rows, and what they add up to (`parts` of a row, summed into `totals`)."""

    begins: str
    needed: set[str]
    allowed: set[str]
    sums: set[str]
    row: Callable[[Cells], Any]
    told: Callable[[Cells], Any]
    parts: Callable[[Any], tuple[int, ...]]
    totals: Callable[..., Any]
    width: int
    """How many parts a row has."""


def trade_bill(raw: bytes) -> TradeBill:
    """Read a trade bill (ALL, SUCCESS or REFUND); raises BillUnreadable."""
    return _bill(raw, SHAPES[BillKind.TRADE])


def fund_bill(raw: bytes) -> FundBill:
    """Read a fund bill; raises BillUnreadable."""
    return _bill(raw, SHAPES[BillKind.FUND])


def split_bill(raw: bytes) -> SplitBill:
    """Read a split bill; raises BillUnreadable."""
    return _bill(raw, SHAPES[BillKind.SPLIT])


def _bill(raw: bytes, shape: Shape) -> Bill[Any, Any]:
    rows, sums = _read(raw, shape.row, needed=shape.needed, allowed=shape.allowed, sums=shape.sums)
    counted = [0] * shape.width
    for row in rows:
        for place, part in enumerate(shape.parts(row)):
            counted[place] += part
    return Bill(rows=rows, told=None if sums is None else shape.told(sums), counted=shape.totals(*counted))


def fen(text: str) -> Fen:
    """Yuan in a file into fen, exactly; raises BillUnreadable for a part of a fen."""
    return Fen(_units(text, places=FEN_PLACES))


def millifen(text: str) -> int:
    """A fee in yuan into thousandths of a fen, exactly."""
    return _units(text, places=MILLIFEN_PLACES)


def count(text: str) -> int:
    """A number of rows."""
    if not _COUNT.fullmatch(text):
        raise BillUnreadable(reason="not a count")
    return int(text)


def _units(text: str, *, places: int) -> int:
    found = _YUAN.fullmatch(text)
    if found is None:
        raise BillUnreadable(reason="not an amount in yuan")
    sign, whole, part = found[1], found[2], found[3] or ""
    if part[places:].strip("0"):
        raise BillUnreadable(reason="an amount finer than its unit")
    units = int(whole + (part + "0" * places)[:places])
    return -units if sign else units


def _moment(text: str) -> datetime | None:
    if text in {"", "0"}:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)
    except ValueError as error:
        raise BillUnreadable(reason="not a time") from error


def _when(text: str) -> datetime:
    moment = _moment(text)
    if moment is None:
        raise BillUnreadable(reason="no time")
    return moment


def _given(text: str) -> str | None:
    return None if text in {"", "0"} else text


def _read(
    raw: bytes, read_row: Callable[[Cells], Row], *, needed: set[str], allowed: set[str], sums: set[str]
) -> tuple[list[Row], Cells | None]:
    try:
        # Not splitlines(): a product's name may hold what Unicode takes for the end of a line.
        lines = [line for line in raw.decode("utf-8-sig").replace("\r\n", "\n").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise BillUnreadable(reason="not UTF-8") from error
    if not lines:
        raise BillUnreadable(reason="empty")
    columns = columns_of(lines[0], needed=needed, allowed=allowed)
    rows: list[Row] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.startswith(TICK):
            return rows, _sums(lines[number - 1 :], known=sums, line=number)
        try:
            rows.append(read_row(cells_of(line, columns)))
        except BillUnreadable as error:
            error.fields["line"] = number
            raise
    return rows, None


def columns_of(line: str, *, needed: set[str], allowed: set[str]) -> list[str]:
    """The names in a header; raises BillColumnUnknown for one that is not known, missing or twice there."""
    columns = [plain_name(name) for name in line.split(",")]
    unknown, missing = sorted(set(columns) - allowed), sorted(needed - set(columns))
    if unknown or missing or len(set(columns)) != len(columns):
        raise BillColumnUnknown(unknown=unknown, missing=missing)
    return columns


def plain_name(name: str) -> str:
    """A column's name without what differs between editions of the same file: spaces, wide brackets, the unit."""
    return name.strip().removeprefix(TICK).replace("（", "(").replace("）", ")").removesuffix("(元)")


def cells_of(line: str, columns: Sequence[str]) -> Cells:
    """A row's values by their columns."""
    # A value may hold a comma (a product's name), so values end where the next back-tick begins.
    values = line.removeprefix(TICK).split("," + TICK)
    if len(values) != len(columns):
        raise BillUnreadable(reason="a row with another number of values than the header")
    return dict(zip(columns, (value.strip() for value in values), strict=True))


def _sums(lines: Sequence[str], *, known: set[str], line: int) -> Cells:
    if len(lines) != len(("header", "row")):
        raise BillUnreadable(line=line, reason="the summary is not one header and one row")
    return cells_of(lines[1], columns_of(lines[0], needed=known, allowed=known))


def _trade_row(cells: Cells) -> TradeRow:
    kind = _TRADE_KINDS.get(cells["交易状态"])
    if kind is None:
        raise BillUnreadable(reason="an unknown state of trade", state=cells["交易状态"])
    state = cells.get("退款状态", "")
    return TradeRow(
        at=_when(cells["交易时间"]),
        kind=kind,
        appid=cells["公众账号ID"],
        merchant_no=cells["商户号"],
        sub_merchant_no=_given(cells["特约商户号"]),
        transaction_id=cells["微信订单号"],
        payment_no=cells["商户订单号"],
        openid=cells["用户标识"],
        currency=cells["货币种类"],
        total_fen=fen(cells["订单金额"]),
        settlement_fen=fen(cells["应结订单金额"]),
        coupon_fen=fen(cells["代金券金额"]),
        refund_id=_given(cells.get("微信退款单号", "")),
        refund_no=_given(cells.get("商户退款单号", "")),
        refund_asked_fen=fen(cells.get("申请退款金额", "0")),
        refund_fen=fen(cells.get("退款金额", "0")),
        coupon_refund_fen=fen(cells.get("充值券退款金额", "0")),
        # A word of next year is a refund under way: the reconciliation then waits for it instead of closing it.
        refund_state=_REFUND_STATES.get(state, RefundState.PENDING) if state else None,
        refund_asked_at=_moment(cells.get("退款申请时间", "")),
        refunded_at=_moment(cells.get("退款成功时间", "")),
        fee_millifen=millifen(cells["手续费"]),
        fee_rate=cells["费率"],
        description=cells["商品名称"],
        attach=cells["商户数据包"],
    )


def _trade_told(sums: Cells) -> TradeTotals:
    return TradeTotals(
        count=count(sums["总交易单数"]),
        settlement_fen=fen(sums["应结订单总金额"]),
        refund_fen=fen(sums["退款总金额"]),
        coupon_refund_fen=fen(sums["充值券退款总金额"]),
        fee_millifen=millifen(sums["手续费总金额"]),
        total_fen=fen(sums["订单总金额"]),
        refund_asked_fen=fen(sums["申请退款总金额"]),
    )


def _trade_parts(row: TradeRow) -> tuple[int, ...]:
    return (
        1, row.settlement_fen, row.refund_fen, row.coupon_refund_fen, row.fee_millifen, row.total_fen, row.refund_asked_fen,
    )  # fmt: skip


def _trade_totals(*sums: int) -> TradeTotals:
    count, settlement, refund, coupons, fee, total, asked = sums
    return TradeTotals(
        count=count, settlement_fen=Fen(settlement), refund_fen=Fen(refund), coupon_refund_fen=Fen(coupons),
        fee_millifen=fee, total_fen=Fen(total), refund_asked_fen=Fen(asked),
    )  # fmt: skip


def _fund_row(cells: Cells) -> FundRow:
    sign = {"收入": 1, "支出": -1}.get(cells["收支类型"])
    if sign is None:
        raise BillUnreadable(reason="neither income nor expense", kind=cells["收支类型"])
    return FundRow(
        at=_when(cells["记账时间"]),
        number=cells["微信支付业务单号"],
        flow_id=cells["资金流水单号"],
        title=cells["业务名称"],
        kind=cells["业务类型"],
        amount_fen=Fen(sign * fen(cells["收支金额"])),
        balance_fen=fen(cells["账户结余"]),
        applicant=cells["资金变更提交申请人"],
        remark=cells["备注"],
        voucher=cells["业务凭证号"],
    )


def _split_row(cells: Cells) -> SplitRow:
    word = cells["业务类型"]
    return SplitRow(
        at=_when(cells["分账时间"]),
        kind=_SPLIT_KINDS.get(word, SplitKind.OTHER),
        word=word,
        initiator=cells["分账发起方"],
        payer=cells["分账方"],
        transaction_id=cells["微信订单号"],
        channel_no=cells["微信分账/回退单号"],
        detail_id=cells["分账明细单号"],
        number=cells["商户分账/回退单号"],
        total_fen=fen(cells["订单金额"]),
        receiver=cells["分账接收方"],
        amount_fen=fen(cells["分账金额"]),
        state=cells["处理状态"],
        description=cells["分账描述"],
        remark=cells["备注"],
    )


def _fund_told(sums: Cells) -> FundTotals:
    return FundTotals(
        count=count(sums["资金流水总笔数"]), in_count=count(sums["收入笔数"]), in_fen=fen(sums["收入金额"]),
        out_count=count(sums["支出笔数"]), out_fen=fen(sums["支出金额"]),
    )  # fmt: skip


def _fund_parts(row: FundRow) -> tuple[int, ...]:
    came = row.amount_fen > 0
    return (1, came, row.amount_fen if came else 0, not came, 0 if came else -row.amount_fen)


def _fund_totals(*sums: int) -> FundTotals:
    rows, came, came_fen, went, went_fen = sums
    return FundTotals(
        count=rows, in_count=came, in_fen=Fen(came_fen), out_count=went, out_fen=Fen(went_fen)
    )  # fmt: skip


def _split_told(sums: Cells) -> SplitTotals:
    return SplitTotals(
        split_count=count(sums["分账总笔数"]), split_fen=fen(sums["分账总金额"]), return_count=count(sums["回退总笔数"]),
        return_fen=fen(sums["回退总金额"]),
    )  # fmt: skip


def _split_parts(row: SplitRow) -> tuple[int, ...]:
    split, back = row.kind is SplitKind.SPLIT, row.kind is SplitKind.RETURN
    return (split, row.amount_fen if split else 0, back, row.amount_fen if back else 0)


def _split_totals(*sums: int) -> SplitTotals:
    splits, split_fen, returns, return_fen = sums
    return SplitTotals(
        split_count=splits, split_fen=Fen(split_fen), return_count=returns, return_fen=Fen(return_fen)
    )  # fmt: skip


SHAPES: Mapping[BillKind, Shape] = {
    BillKind.TRADE: Shape(
        begins="交易时间", needed=TRADE, allowed=TRADE | TRADE_REFUNDS | TRADE_TIMES, sums=TRADE_SUMS, row=_trade_row,
        told=_trade_told, parts=_trade_parts, totals=_trade_totals, width=7,
    ),
    BillKind.FUND: Shape(
        begins="记账时间", needed=FUND, allowed=FUND, sums=FUND_SUMS, row=_fund_row, told=_fund_told, parts=_fund_parts,
        totals=_fund_totals, width=5,
    ),
    BillKind.SPLIT: Shape(
        begins="分账时间", needed=SPLIT, allowed=SPLIT, sums=SPLIT_SUMS, row=_split_row, told=_split_told,
        parts=_split_parts, totals=_split_totals, width=4,
    ),
}  # fmt: skip
"""Told apart by the column that each kind's header begins with."""
