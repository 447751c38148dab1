"""What WeChat Pay does with payments and refunds, and the money it counts while doing so. No HTTP, no signatures.

Every function takes the simulation and reads its business clock. Amounts are fen; the fee is rounded half up on the amount kept,
as WeChat does, so that a full refund returns all of it.
"""

from datetime import datetime, timedelta, timezone

import msgspec

from storefront.simulators.state import Merchant, Payment, PrepaySession, Refund, Simulation
from storefront.simulators.wechat_pay.messages import Prepay, RefundOrder

BEIJING = timezone(timedelta(hours=8))
SESSION = timedelta(hours=2)
SHORTEST_EXPIRY, DEFAULT_EXPIRY, LONGEST_EXPIRY = timedelta(minutes=1), timedelta(days=7), timedelta(days=90)
REFUNDABLE = timedelta(days=365)
MOST_REFUNDS = 50
FROZEN = timedelta(days=30)
"""After this the unsplit rest of a payment unfreezes by itself (direct merchants)."""
WHOLE_BPS = 10_000


class GatewayRefusal(Exception):
    """WeChat's no: HTTP status, code, sentence."""

    def __init__(self, status: int, code: str, *, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def wechat_time(moment: datetime) -> str:
    """Write a time as WeChat does."""
    return moment.astimezone(BEIJING).isoformat(timespec="seconds")


def fee_on(amount: int, *, fee_bps: int) -> int:
    """WeChat's fee on an amount, half up."""
    return (amount * fee_bps + WHOLE_BPS // 2) // WHOLE_BPS


def find_payment(simulation: Simulation, merchant: Merchant, *, number: str) -> Payment:
    """Find by the merchant's number."""
    payment = simulation.state.payments.get(f"{merchant.mchid}/{number}")
    if payment is None:
        raise GatewayRefusal(404, "ORDER_NOT_EXIST", message="订单不存在")
    return payment


def find_transaction(simulation: Simulation, merchant: Merchant, *, transaction_id: str) -> Payment:
    """Find by WeChat's number."""
    payment = simulation.state.payments.get(simulation.state.transactions.get(transaction_id, ""))
    if payment is None or payment.mchid != merchant.mchid:
        raise GatewayRefusal(404, "ORDER_NOT_EXIST", message="订单不存在")
    return payment


def prepay(simulation: Simulation, merchant: Merchant, *, body: Prepay) -> str:
    """Open (or open again) a payment; a repeat must say exactly the same, and a number that ended stays ended."""
    now, key = simulation.clock.now(), f"{merchant.mchid}/{body.out_trade_no}"
    if body.appid not in merchant.appids:
        raise GatewayRefusal(400, "APPID_MCHID_NOT_MATCH", message="appid和mchid不匹配")
    fingerprint = msgspec.json.encode(body, order="deterministic").decode()
    payment = simulation.state.payments.get(key)
    if payment is None:
        payment = simulation.state.payments[key] = _opened(body, fingerprint=fingerprint, now=now)
    elif payment.state == "CLOSED":
        raise GatewayRefusal(400, "ORDER_CLOSED", message="该订单已关闭")
    elif payment.state != "NOTPAY":
        raise GatewayRefusal(400, "ORDERPAID", message="该订单已支付")
    elif payment.fingerprint != fingerprint:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="请求重入时，参数与首次请求时不一致")
    elif payment.expires_at <= now:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单已过支付截止时间，请更换商户订单号")
    day = now.astimezone(BEIJING).strftime("%Y%m%d%H%M%S")
    prepay_id = f"wx{day}{simulation.draw('prepay')[:20]}"
    simulation.state.sessions[prepay_id] = PrepaySession(key, now + SESSION)
    return prepay_id


def _opened(body: Prepay, *, fingerprint: str, now: datetime) -> Payment:
    return Payment(
        mchid=body.mchid,
        appid=body.appid,
        out_trade_no=body.out_trade_no,
        fingerprint=fingerprint,
        openid=body.payer.openid,
        total=body.amount.total,
        attach=body.attach,
        notify_url=body.notify_url,
        profit_sharing=body.settle.profit_sharing,
        store_id=body.scene.store.id if body.scene and body.scene.store else None,
        expires_at=_expiry(body.time_expire, now=now),
    )


def _expiry(text: str | None, *, now: datetime) -> datetime:
    if text is None:
        return now + DEFAULT_EXPIRY
    try:
        wanted = datetime.fromisoformat(text)
    except ValueError:
        wanted = datetime.min  # noqa: DTZ901 caught by the next check, which every zoneless time fails
    if wanted.tzinfo is None or not now < wanted <= now + LONGEST_EXPIRY:
        raise GatewayRefusal(400, "PARAM_ERROR", message="time_expire格式或取值错误")
    return max(wanted, now + SHORTEST_EXPIRY)


def pay(simulation: Simulation, payment: Payment) -> None:
    """The shopper pays: take the fee, and hold the rest until it is settled or split."""
    merchant, now = simulation.state.merchants[payment.mchid], simulation.clock.now()
    payment.state, payment.paid_at = "SUCCESS", now
    payment.transaction_id = "42000" + simulation.draw_digits("transaction", 23)
    payment.fee = fee_on(payment.total, fee_bps=merchant.fee_bps)
    payment.held = payment.total - payment.fee
    simulation.state.transactions[payment.transaction_id] = f"{payment.mchid}/{payment.out_trade_no}"


def close(simulation: Simulation, merchant: Merchant, *, number: str) -> None:
    """End an unpaid number for good."""
    payment = find_payment(simulation, merchant, number=number)
    if payment.state == "CLOSED":
        raise GatewayRefusal(400, "ORDER_CLOSED", message="该订单已关闭")
    if payment.state != "NOTPAY":
        raise GatewayRefusal(400, "ORDERPAID", message="该订单已支付，无法关闭")
    payment.state = "CLOSED"


def refund(simulation: Simulation, merchant: Merchant, *, body: RefundOrder) -> Refund:
    """Accept a refund; the same number with the same amounts answers what became of it, and moves money once."""
    try:
        if body.transaction_id is not None:
            payment = find_transaction(simulation, merchant, transaction_id=body.transaction_id)
        else:
            payment = find_payment(simulation, merchant, number=body.out_trade_no or "")
    except GatewayRefusal as refusal:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="订单不存在") from refusal
    owner, key = f"{payment.mchid}/{payment.out_trade_no}", f"{merchant.mchid}/{body.out_refund_no}"
    known = simulation.state.refunds.get(key)
    if known is not None:
        if (known.payment, known.amount) != (owner, body.amount.refund) or body.amount.total != payment.total:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="退款单号已存在，且参数与原请求不一致")
        return known
    now = simulation.clock.now()
    _check_refundable(payment, body, now=now)
    kept = payment.total - payment.refunded
    fee_back = fee_on(kept, fee_bps=merchant.fee_bps) - fee_on(
        kept - body.amount.refund, fee_bps=merchant.fee_bps
    )
    from_held = _take_back(merchant, payment, amount=body.amount.refund - fee_back)
    payment.refunded += body.amount.refund
    payment.refunds += 1
    payment.fee -= fee_back
    payment.state = "REFUND"
    made = Refund(
        mchid=merchant.mchid,
        out_refund_no=body.out_refund_no,
        refund_id="50300" + simulation.draw_digits("refund", 23),
        payment=owner,
        amount=body.amount.refund,
        fee_back=fee_back,
        from_held=from_held,
        notify_url=body.notify_url,
        created_at=now,
        due_at=now + timedelta(seconds=merchant.refund_seconds),
    )
    simulation.state.refunds[key] = made
    return made


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


def _take_back(merchant: Merchant, payment: Payment, *, amount: int) -> bool:
    """Take from what is still held of this payment, else from the available balance; True when held money paid."""
    if not payment.settled:
        payment.held -= amount
        return True
    if merchant.available < amount:
        raise GatewayRefusal(403, "NOT_ENOUGH", message="基本账户余额不足，请充值后重新发起")
    merchant.available -= amount
    return False


def find_refund(simulation: Simulation, merchant: Merchant, *, number: str) -> Refund:
    """Find by the merchant's refund number."""
    found = simulation.state.refunds.get(f"{merchant.mchid}/{number}")
    if found is None:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="退款单不存在")
    return found


def settle_due(simulation: Simulation) -> list[Refund]:
    """Do what time alone does: settle and unfreeze payments, finish refunds; returns the refunds that finished."""
    now, state = simulation.clock.now(), simulation.state
    for payment in state.payments.values():
        if payment.paid_at is None or payment.settled:
            continue
        merchant = state.merchants[payment.mchid]
        wait = FROZEN if payment.profit_sharing else timedelta(seconds=merchant.settle_seconds)
        if payment.paid_at + wait <= now:
            merchant.available += payment.held
            payment.held, payment.settled = 0, True
    finished = [each for each in state.refunds.values() if each.status == "PROCESSING" and each.due_at <= now]
    for each in finished:
        each.status, each.success_at = "SUCCESS", each.due_at
    return finished


def transaction_body(payment: Payment) -> dict[str, object]:
    """The Transaction object of queries and callbacks."""
    body: dict[str, object] = {
        "appid": payment.appid,
        "mchid": payment.mchid,
        "out_trade_no": payment.out_trade_no,
        "trade_state": payment.state,
        "trade_state_desc": payment.state,
        "amount": {"total": payment.total, "currency": "CNY"},
    }
    if payment.attach is not None:
        body["attach"] = payment.attach
    if payment.paid_at is not None:
        body |= {
            "transaction_id": payment.transaction_id,
            "trade_type": "JSAPI",
            "bank_type": "OTHERS",
            "success_time": wechat_time(payment.paid_at),
            "payer": {"openid": payment.openid},
            "amount": {
                "total": payment.total,
                "payer_total": payment.total,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
        if payment.store_id is not None:
            body["scene_info"] = {"store_info": {"id": payment.store_id}}
    return body


def refund_body(simulation: Simulation, found: Refund, *, notice: bool) -> dict[str, object]:
    """The Refund object: of an answer, or of a callback (`notice`), which names the state differently."""
    payment = simulation.state.payments[found.payment]
    body: dict[str, object] = {
        "refund_id": found.refund_id,
        "out_refund_no": found.out_refund_no,
        "transaction_id": payment.transaction_id,
        "out_trade_no": payment.out_trade_no,
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": payment.total,
            "refund": found.amount,
            "payer_total": payment.total,
            "payer_refund": found.amount,
        },
    }
    if found.success_at is not None:
        body["success_time"] = wechat_time(found.success_at)
    if notice:
        return body | {"mchid": found.mchid, "refund_status": found.status}
    account = "UNSETTLED" if found.from_held else "AVAILABLE"
    created = wechat_time(found.created_at)
    return body | {
        "status": found.status, "channel": "ORIGINAL", "create_time": created, "funds_account": account,
    }  # fmt: skip
