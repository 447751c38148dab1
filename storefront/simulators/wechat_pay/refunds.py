"""What WeChat Pay does with refunds: the decision table of split payments, coupons' proportional part, and how refunds end.

The fee is counted on the amount kept, so that a full refund returns all of it. A refund and a split's return know nothing of each
other: a payment can be refunded in full while a receiver keeps its part, and then the payee loses it.
"""

from datetime import datetime, timedelta

from storefront.simulators.records import Merchant, Payment, Refund
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import books
from storefront.simulators.wechat_pay.flows import book
from storefront.simulators.wechat_pay.messages import AbnormalRefund, RefundOrder
from storefront.simulators.wechat_pay.refusals import GatewayRefusal, fee_on, half_up, wechat_time

REFUNDABLE = timedelta(days=365)
MOST_REFUNDS = 50


def refund(simulation: Simulation, merchant: Merchant, *, body: RefundOrder) -> Refund:
    """Accept a refund; the same number with the same amounts answers what became of it, and moves money once."""
    payment = _payment_of(simulation, merchant, body=body)
    key = f"{merchant.mchid}/{body.out_refund_no}"
    known = simulation.state.refunds.get(key)
    if known is not None:
        if (known.payment, known.amount) != (
            payment.key,
            body.amount.refund,
        ) or body.amount.total != payment.total:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="退款单号已存在，且参数与原请求不一致")
        return known
    now, payee = simulation.clock.now(), simulation.state.merchants[payment.payee]
    _check_refundable(payment, body, now=now)
    payer_refund, settlement_refund = _parts(payment, body.amount.refund)
    kept = payment.settlement_total - payment.settlement_refunded
    fee_back = fee_on(kept, fee_bps=payee.fee_bps) - fee_on(kept - settlement_refund, fee_bps=payee.fee_bps)
    from_available = body.funds_account == "AVAILABLE" or [each.account for each in body.amount.accounts] == [
        "AVAILABLE"
    ]
    _check_unsplit(payment, settlement_refund, from_available=from_available)
    from_held = _take_back(payee, payment, amount=settlement_refund - fee_back, from_available=from_available)
    made = Refund(
        mchid=merchant.mchid,
        out_refund_no=body.out_refund_no,
        refund_id="50300" + simulation.draw_digits("refund", 23),
        payment=payment.key,
        amount=body.amount.refund,
        payer_refund=payer_refund,
        settlement_refund=settlement_refund,
        fee_back=fee_back,
        from_held=from_held,
        notify_url=body.notify_url,
        created_at=now,
        due_at=now + timedelta(seconds=payee.refund_seconds),
        planned=simulation.state.refund_fates.pop(payment.key, "SUCCESS"),
    )
    _count(payment, made, times=1)
    payment.state = "REFUND"
    simulation.state.refunds[key] = made
    _book(simulation, made, at=now, title="退款", sign=-1)
    simulation.plan(made.due_at, "refund", key=key)
    return made


def _payment_of(simulation: Simulation, merchant: Merchant, *, body: RefundOrder) -> Payment:
    try:
        if body.transaction_id is not None:
            return books.find_transaction(
                simulation, merchant, transaction_id=body.transaction_id, sub_mchid=body.sub_mchid
            )
        return books.find_payment(
            simulation, merchant, number=body.out_trade_no or "", sub_mchid=body.sub_mchid
        )
    except GatewayRefusal as refusal:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="订单不存在") from refusal


def _check_refundable(payment: Payment, body: RefundOrder, *, now: datetime) -> None:
    if payment.paid_at is None:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单状态不支持退款")
    if body.amount.total != payment.total:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单金额与原订单不一致")
    if now - payment.paid_at > REFUNDABLE:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单已超过可退款期限")
    if payment.refunds >= MOST_REFUNDS:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="部分退款次数超过限制")
    if payment.refunded + body.amount.refund > payment.total:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="累计退款金额大于订单金额")
    accounts = body.amount.accounts
    if accounts and sum(each.amount for each in accounts) != body.amount.refund:
        raise GatewayRefusal(400, "PARAM_ERROR", message="from中的金额之和与退款金额不一致")


def _parts(payment: Payment, amount: int) -> tuple[int, int]:
    """What the shopper gets back and what the merchant gives: in proportion, half up; the last part takes what is left."""
    left_to_payer = payment.payer_total - payment.payer_refunded
    left_to_settle = payment.settlement_total - payment.settlement_refunded
    if payment.refunded + amount == payment.total:
        return left_to_payer, left_to_settle
    payer = half_up(amount, numerator=payment.payer_total, denominator=payment.total)
    settlement = half_up(amount, numerator=payment.settlement_total, denominator=payment.total)
    return min(payer, left_to_payer), min(settlement, left_to_settle)


def _check_unsplit(payment: Payment, amount: int, *, from_available: bool) -> None:
    """Of a payment that was split in part, the frozen rest refunds only what it covers: for more it has to be unfrozen first."""
    touched = payment.split + payment.pending > 0
    if touched and not payment.settled and not from_available and amount > payment.held:
        message = "申请退款金额大于剩余未分账金额，请等待分账完成后再试"
        raise GatewayRefusal(403, "RULE_LIMIT", message=message)


def _take_back(payee: Merchant, payment: Payment, *, amount: int, from_available: bool) -> bool:
    """Take from what is held of this payment, else from the available balance; True when held money paid."""
    if not payment.settled and not from_available:
        payment.held -= amount
        return True
    if payee.available < amount:
        raise GatewayRefusal(403, "NOT_ENOUGH", message="基本账户余额不足，请充值后重新发起")
    payee.available -= amount
    return False


def _count(payment: Payment, found: Refund, *, times: int) -> None:
    payment.refunded += times * found.amount
    payment.refunds += max(times, 0)
    payment.payer_refunded += times * found.payer_refund
    payment.settlement_refunded += times * found.settlement_refund
    payment.fee -= times * found.fee_back


def _book(simulation: Simulation, found: Refund, *, at: datetime, title: str, sign: int) -> None:
    payee = simulation.state.merchants[simulation.state.payments[found.payment].payee]
    number, voucher = found.refund_id, found.out_refund_no
    book(
        simulation,
        payee,
        amount=sign * found.settlement_refund,
        title=title,
        kind="退款",
        number=number,
        at=at,
        voucher=voucher,
    )
    book(
        simulation,
        payee,
        amount=-sign * found.fee_back,
        title="退款手续费",
        kind="退款",
        number=number,
        at=at,
        voucher=voucher,
    )


def finish(simulation: Simulation, found: Refund, *, at: datetime) -> bool:
    """End a refund as it was planned to; CLOSED gives the money back to the merchant, ABNORMAL keeps it at WeChat."""
    if found.status not in {"PROCESSING", "ABNORMAL"} or found.status == found.planned:
        return False
    found.status = found.planned
    if found.status == "SUCCESS":
        found.success_at = at
    if found.status == "CLOSED":
        payment = simulation.state.payments[found.payment]
        _count(payment, found, times=-1)
        amount = found.settlement_refund - found.fee_back
        if found.from_held and not payment.settled:
            payment.held += amount
        else:
            simulation.state.merchants[payment.payee].available += amount
        _book(simulation, found, at=at, title="退款退回", sign=1)
    return True


def apply_abnormal(
    simulation: Simulation, merchant: Merchant, *, refund_id: str, body: AbnormalRefund
) -> Refund:
    """Bring a refund that ended ABNORMAL to a card; only such a refund takes it, and a shopper's card has to be named."""
    found = find_refund(simulation, merchant, number=body.out_refund_no)
    if found.refund_id != refund_id:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="退款单不存在")
    if found.status != "ABNORMAL":
        raise GatewayRefusal(400, "INVALID_REQUEST", message="退款单状态不是退款异常，不能发起异常退款")
    if body.type == "USER_BANK_CARD" and None in {body.bank_type, body.bank_account, body.real_name}:
        raise GatewayRefusal(400, "PARAM_ERROR", message="退款至用户银行卡时，开户银行、卡号和姓名必填")
    found.planned = "SUCCESS"
    finish(simulation, found, at=simulation.clock.now())
    return found


def find_refund(simulation: Simulation, merchant: Merchant, *, number: str) -> Refund:
    """Find by the merchant's refund number."""
    found = simulation.state.refunds.get(f"{merchant.mchid}/{number}")
    if found is None:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="退款单不存在")
    return found


def refund_body(simulation: Simulation, found: Refund, *, notice: bool) -> dict[str, object]:
    """The Refund object: of an answer, or of a callback (`notice`), which names the state differently."""
    payment = simulation.state.payments[found.payment]
    amount: dict[str, object] = {
        "total": payment.total,
        "refund": found.amount,
        "payer_total": payment.payer_total,
        "payer_refund": found.payer_refund,
    }
    body: dict[str, object] = {
        "refund_id": found.refund_id,
        "out_refund_no": found.out_refund_no,
        "transaction_id": payment.transaction_id,
        "out_trade_no": payment.out_trade_no,
        "user_received_account": "支付用户零钱",
        "amount": amount,
    }
    if found.success_at is not None:
        body["success_time"] = wechat_time(found.success_at)
    if notice:
        names = ("mchid",) if payment.sub_mchid is None else ("sp_mchid", "sub_mchid")
        return (
            body
            | {name: books.identity_of(payment)[name] for name in names}
            | {"refund_status": found.status}
        )
    amount |= {
        "settlement_total": payment.settlement_total,
        "settlement_refund": found.settlement_refund,
        "discount_refund": found.amount - found.payer_refund,
        "currency": "CNY",
        "from": [],
    }
    if payment.coupons:
        body["promotion_detail"] = _promotions(payment, found)
    account = "UNSETTLED" if found.from_held else "AVAILABLE"
    return body | {
        "status": found.status,
        "channel": "ORIGINAL",
        "create_time": wechat_time(found.created_at),
        "funds_account": account,
    }


def _promotions(payment: Payment, found: Refund) -> list[dict[str, object]]:
    """Each coupon's part of the discount that was refunded; the last takes what rounding left."""
    left, rows = found.amount - found.payer_refund, []
    discount = payment.total - payment.payer_total
    for turn, coupon in enumerate(payment.coupons, start=1):
        part = (
            left
            if turn == len(payment.coupons)
            else min(
                left,
                half_up(found.amount - found.payer_refund, numerator=coupon.amount, denominator=discount),
            )
        )
        left -= part
        rows.append({
            "promotion_id": coupon.coupon_id, "scope": coupon.scope, "amount": coupon.amount, "refund_amount": part,
            "type": "COUPON" if coupon.type == "CASH" else "DISCOUNT",
        })  # fmt: skip
    return rows
