"""The rows of WeChat's bills: what happened on one Beijing day, in yuan, one dictionary of columns a row.

Trade bills count a refund on the day it was accepted, and do not look back when it ends. Split bills hold what succeeded.
"""

from datetime import date, datetime

from storefront.simulators.records import Coupon, Merchant, Payment, Refund
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay.refusals import BEIJING, beijing_day

Row = dict[str, str]
Rows = list[Row]
_HEAD = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额"
_REFUND = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
_TAIL = "商品名称,商户数据包,手续费,费率"
COLUMNS = {
    "ALL": f"{_HEAD},{_REFUND},{_TAIL},订单金额,申请退款金额,费率备注",
    "SUCCESS": f"{_HEAD},{_TAIL},订单金额,费率备注",
    "REFUND": f"{_HEAD},退款申请时间,退款成功时间,{_REFUND},{_TAIL},订单金额,申请退款金额,费率备注",
    "FUND": "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号",
    "SPLIT": "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额(元),分账接收方,分账金额(元),业务类型,处理状态,分账描述,备注",
}


def yuan(fen: int, *, places: int = 2) -> str:
    """Write fen as yuan."""
    sign, whole = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}{'0' * (places - 2)}"


def local(moment: datetime | None) -> str:
    """Write a time as bills do."""
    return "" if moment is None else moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _on(moment: datetime | None, day: date) -> bool:
    return moment is not None and beijing_day(moment) == day


def trade_rows(
    simulation: Simulation, merchant: Merchant, *, day: date, kind: str, sub_mchid: str | None
) -> Rows:
    """Payments and accepted refunds of the day, in the order they happened."""
    state = simulation.state
    found = [
        (payment.paid_at, _payment_row(simulation, payment))
        for payment in state.payments.values()
        if _own(payment, merchant, sub_mchid=sub_mchid) and kind != "REFUND" and _on(payment.paid_at, day)
    ]
    for refund in state.refunds.values():
        payment = state.payments[refund.payment]
        if _own(payment, merchant, sub_mchid=sub_mchid) and kind != "SUCCESS" and _on(refund.created_at, day):
            found.append((refund.created_at, _refund_row(simulation, payment, found=refund)))
    return [row for _, row in sorted(found, key=lambda each: str(each[0]))]


def _own(payment: Payment, merchant: Merchant, *, sub_mchid: str | None) -> bool:
    return payment.mchid == merchant.mchid and sub_mchid in {None, payment.sub_mchid}


def _payment_row(simulation: Simulation, payment: Payment) -> Row:
    fee_bps = simulation.state.merchants[payment.payee].fee_bps
    coupons = sum(each.amount for each in payment.coupons if each.type == "CASH")
    return {
        "交易时间": local(payment.paid_at),
        "公众账号ID": payment.appid,
        "商户号": payment.mchid,
        "特约商户号": payment.sub_mchid or "0",
        "设备号": "",
        "微信订单号": payment.transaction_id or "",
        "商户订单号": payment.out_trade_no,
        "用户标识": payment.openid,
        "交易类型": "JSAPI",
        "交易状态": "SUCCESS",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": yuan(payment.settlement_total),
        "代金券金额": yuan(coupons),
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": yuan(0),
        "充值券退款金额": yuan(0),
        "退款类型": "",
        "退款状态": "",
        "商品名称": payment.description,
        "商户数据包": payment.attach or "",
        "手续费": yuan(payment.first_fee, places=5),
        "费率": f"{yuan(fee_bps)}%",
        "订单金额": yuan(payment.total),
        "申请退款金额": yuan(0),
        "费率备注": "",
    }


def _refund_row(simulation: Simulation, payment: Payment, *, found: Refund) -> Row:
    return _payment_row(simulation, payment) | {
        "交易时间": local(found.created_at),
        "交易状态": "REFUND",
        "应结订单金额": yuan(0),
        "代金券金额": yuan(0),
        "退款申请时间": local(found.created_at),
        "退款成功时间": local(found.success_at),
        "微信退款单号": found.refund_id,
        "商户退款单号": found.out_refund_no,
        "退款金额": yuan(found.settlement_refund),
        "充值券退款金额": yuan(_cash_part(payment.coupons, found)),
        "退款类型": "ORIGINAL",
        "退款状态": found.status,
        "手续费": yuan(-found.fee_back, places=5),
        "订单金额": yuan(0),
        "申请退款金额": yuan(found.amount),
    }


def _cash_part(coupons: list[Coupon], found: Refund) -> int:
    return found.settlement_refund - found.payer_refund if any(each.type == "CASH" for each in coupons) else 0


def fund_rows(simulation: Simulation, merchant: Merchant, *, day: date) -> Rows:
    """Movements of the basic account."""
    return [
        {
            "记账时间": local(flow.at),
            "微信支付业务单号": flow.number,
            "资金流水单号": flow.flow_id,
            "业务名称": flow.title,
            "业务类型": flow.kind,
            "收支类型": "收入" if flow.amount > 0 else "支出",
            "收支金额(元)": yuan(abs(flow.amount)),
            "账户结余(元)": yuan(flow.balance),
            "资金变更提交申请人": "system",
            "备注": "",
            "业务凭证号": flow.voucher,
        }
        for flow in simulation.state.flows
        if flow.mchid == merchant.mchid and _on(flow.at, day)
    ]


def split_rows(simulation: Simulation, merchant: Merchant, *, day: date, sub_mchid: str | None) -> Rows:
    """Successful parts of splits, and successful returns."""
    state, found = simulation.state, []
    for split in state.splits.values():
        payment = state.payments[split.payment]
        if not _own(payment, merchant, sub_mchid=sub_mchid):
            continue
        for detail in split.details:
            if detail.result == "SUCCESS" and _on(detail.finished_at, day):
                row = _split_row(
                    payment, (split.order_id, detail.detail_id, split.out_order_no), at=detail.finished_at
                )
                row |= {
                    "分账接收方": detail.account,
                    "分账金额(元)": yuan(detail.amount),
                    "业务类型": "分账",
                    "分账描述": detail.description,
                }
                found.append((detail.finished_at, row))
    for each in state.returns.values():
        split = state.splits[each.split]
        payment = state.payments[split.payment]
        if (
            _own(payment, merchant, sub_mchid=sub_mchid)
            and each.result == "SUCCESS"
            and _on(each.finished_at, day)
        ):
            row = _split_row(
                payment, (each.return_id, each.return_id, each.out_return_no), at=each.finished_at
            )
            row |= {
                "分账接收方": each.return_mchid,
                "分账金额(元)": yuan(each.amount),
                "业务类型": "分账回退",
                "分账描述": each.description,
            }
            found.append((each.finished_at, row))
    return [row for _, row in sorted(found, key=lambda each: str(each[0]))]


def _split_row(payment: Payment, numbers: tuple[str, str, str], *, at: datetime | None) -> Row:
    return {
        "分账时间": local(at),
        "分账发起方": payment.mchid,
        "分账方": payment.payee,
        "微信订单号": payment.transaction_id or "",
        "微信分账/回退单号": numbers[0],
        "分账明细单号": numbers[1],
        "商户分账/回退单号": numbers[2],
        "订单金额(元)": yuan(payment.total),
        "处理状态": "处理成功",
        "备注": "",
    }
