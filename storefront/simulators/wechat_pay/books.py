"""What WeChat Pay does with payments: open, pay, refuse, close, find. No HTTP, no signatures; refunds and splits stand beside it.

Every function takes the simulation and reads its business clock. Amounts are fen.
"""

from datetime import datetime, timedelta

import msgspec

from storefront.simulators.records import Coupon, Merchant, Payment, PrepaySession
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay.flows import book
from storefront.simulators.wechat_pay.messages import PartnerPrepay, Prepay, PrepayTerms
from storefront.simulators.wechat_pay.refusals import BEIJING, GatewayRefusal, fee_on, wechat_time

__all__ = ["GatewayRefusal", "fee_on", "wechat_time"]

SESSION = timedelta(hours=2)
SHORTEST_EXPIRY, DEFAULT_EXPIRY, LONGEST_EXPIRY = timedelta(minutes=1), timedelta(days=7), timedelta(days=90)
STATES = {
    "SUCCESS": "支付成功",
    "REFUND": "转入退款",
    "NOTPAY": "订单未支付",
    "CLOSED": "订单已关闭",
    "PAYERROR": "支付失败",
}


def find_payment(
    simulation: Simulation, merchant: Merchant, *, number: str, sub_mchid: str | None = None
) -> Payment:
    """Find by the merchant's number, as a direct merchant or for a sub-merchant."""
    payment = simulation.state.payments.get(f"{merchant.mchid}/{number}")
    if payment is None or payment.sub_mchid != sub_mchid:
        raise GatewayRefusal(404, "ORDER_NOT_EXIST", message="订单不存在")
    return payment


def find_transaction(
    simulation: Simulation, merchant: Merchant, *, transaction_id: str, sub_mchid: str | None = None
) -> Payment:
    """Find by WeChat's number."""
    payment = simulation.state.payments.get(simulation.state.transactions.get(transaction_id, ""))
    if payment is None or (payment.mchid, payment.sub_mchid) != (merchant.mchid, sub_mchid):
        raise GatewayRefusal(404, "ORDER_NOT_EXIST", message="订单不存在")
    return payment


def prepay(simulation: Simulation, merchant: Merchant, *, body: Prepay | PartnerPrepay) -> str:
    """Open (or open again) a payment; a repeat must say exactly the same, and a number that ended stays ended."""
    now, key = simulation.clock.now(), f"{merchant.mchid}/{body.out_trade_no}"
    identity = (
        _direct(merchant, body) if isinstance(body, Prepay) else _partner(simulation, merchant, body=body)
    )
    fingerprint = msgspec.json.encode(body, order="deterministic").decode()
    payment = simulation.state.payments.get(key)
    if payment is None:
        payment = simulation.state.payments[key] = _opened(
            body, identity=identity, fingerprint=fingerprint, now=now
        )
        app = simulation.state.apps.get(payment.sub_appid or payment.appid)
        payment.trade_managed = app is not None and app.trade_managed
    elif payment.state == "CLOSED":
        raise GatewayRefusal(400, "ORDER_CLOSED", message="该订单已关闭")
    elif payment.state not in {"NOTPAY", "PAYERROR"}:
        raise GatewayRefusal(400, "ORDERPAID", message="该订单已支付")
    elif payment.fingerprint != fingerprint:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="请求重入时，参数与首次请求时不一致")
    elif payment.expires_at <= now:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单已过支付截止时间，请更换商户订单号")
    day = now.astimezone(BEIJING).strftime("%Y%m%d%H%M%S")
    prepay_id = f"wx{day}{simulation.draw('prepay')[:20]}"
    simulation.state.sessions[prepay_id] = PrepaySession(key, now + SESSION)
    return prepay_id


class Identity(msgspec.Struct, kw_only=True):
    """Who collects, under which app, from whom."""

    mchid: str
    appid: str
    payer: dict[str, str]
    sub_mchid: str | None = None
    sub_appid: str | None = None


def _direct(merchant: Merchant, body: Prepay) -> Identity:
    if body.appid not in merchant.appids:
        raise GatewayRefusal(400, "APPID_MCHID_NOT_MATCH", message="appid和mchid不匹配")
    return Identity(mchid=body.mchid, appid=body.appid, payer={"openid": body.payer.openid})


def _partner(simulation: Simulation, merchant: Merchant, *, body: PartnerPrepay) -> Identity:
    sub = simulation.state.merchants.get(body.sub_mchid)
    if sub is None:
        raise GatewayRefusal(400, "MCH_NOT_EXISTS", message="特约商户号不存在")
    if sub.provider != merchant.mchid:
        raise GatewayRefusal(403, "NO_AUTH", message="特约商户未授权服务商的产品权限")
    apps = (body.sp_appid in merchant.appids, body.sub_appid is None or body.sub_appid in sub.appids)
    if not all(apps):
        raise GatewayRefusal(400, "APPID_MCHID_NOT_MATCH", message="appid和mchid不匹配")
    payer = {name: value for name, value in msgspec.structs.asdict(body.payer).items() if value is not None}
    if len(payer) != 1 or ("sub_openid" in payer and body.sub_appid is None):
        raise GatewayRefusal(
            400, "PARAM_ERROR", message="sp_openid和sub_openid必须且只能传一个，sub_openid须同传sub_appid"
        )
    return Identity(
        mchid=body.sp_mchid,
        appid=body.sp_appid,
        payer=payer,
        sub_mchid=body.sub_mchid,
        sub_appid=body.sub_appid,
    )


def _opened(body: PrepayTerms, *, identity: Identity, fingerprint: str, now: datetime) -> Payment:
    return Payment(
        mchid=identity.mchid,
        appid=identity.appid,
        sub_mchid=identity.sub_mchid,
        sub_appid=identity.sub_appid,
        payer=identity.payer,
        openid=next(iter(identity.payer.values())),
        out_trade_no=body.out_trade_no,
        fingerprint=fingerprint,
        total=body.amount.total,
        attach=body.attach,
        description=body.description,
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


def pay(simulation: Simulation, payment: Payment, *, coupons: list[Coupon] | None = None) -> None:
    """The shopper pays: take the fee on what will be settled, and hold the rest until it is settled or split."""
    payee, now = simulation.state.merchants[payment.payee], simulation.clock.now()
    payment.coupons = coupons or []
    payment.state, payment.paid_at = "SUCCESS", now
    payment.transaction_id = "42000" + simulation.draw_digits("transaction", 23)
    simulation.state.transactions[payment.transaction_id] = payment.key
    payment.payer_total = payment.total - sum(each.amount for each in payment.coupons)
    payment.settlement_total = payment.total - sum(
        each.amount for each in payment.coupons if each.type == "NOCASH"
    )
    payment.fee = payment.first_fee = fee_on(payment.settlement_total, fee_bps=payee.fee_bps)
    payment.held = payment.settlement_total - payment.fee
    number, voucher = payment.transaction_id, payment.out_trade_no
    book(
        simulation,
        payee,
        amount=payment.settlement_total,
        title="交易",
        kind="交易",
        number=number,
        at=now,
        voucher=voucher,
    )
    book(
        simulation,
        payee,
        amount=-payment.fee,
        title="扣除交易手续费",
        kind="扣除交易手续费",
        number=number,
        at=now,
        voucher=voucher,
    )
    if payment.profit_sharing:
        simulation.plan(now + timedelta(days=payee.freeze_days), "thaw", key=payment.key)
    elif not payment.trade_managed:
        simulation.plan(now + timedelta(seconds=payee.settle_seconds), "settle", key=payment.key)


def settled_by_receipt(simulation: Simulation, payment: Payment) -> datetime | None:
    """When a trade-managed payment is settled: its cycle after receipt was confirmed; None while it is not."""
    if payment.confirmed_at is None:
        return None
    cycle = simulation.state.merchants[payment.payee].settle_seconds
    return payment.confirmed_at + timedelta(seconds=cycle)


def release(simulation: Simulation, payment: Payment) -> None:
    """Let what is still held become available: settlement, or the end of the freeze."""
    if payment.settled:
        return
    simulation.state.merchants[payment.payee].available += payment.held
    payment.held, payment.settled = 0, True


def close(simulation: Simulation, merchant: Merchant, *, number: str, sub_mchid: str | None = None) -> None:
    """End an unpaid number for good."""
    payment = find_payment(simulation, merchant, number=number, sub_mchid=sub_mchid)
    if payment.state == "CLOSED":
        raise GatewayRefusal(400, "ORDER_CLOSED", message="该订单已关闭")
    if payment.state not in {"NOTPAY", "PAYERROR"}:
        raise GatewayRefusal(400, "ORDERPAID", message="该订单已支付，无法关闭")
    payment.state = "CLOSED"


def identity_of(payment: Payment) -> dict[str, object]:
    """The merchant fields of a Transaction: one pair for a direct merchant, two for a service provider."""
    if payment.sub_mchid is None:
        return {"appid": payment.appid, "mchid": payment.mchid}
    body: dict[str, object] = {
        "sp_appid": payment.appid,
        "sp_mchid": payment.mchid,
        "sub_mchid": payment.sub_mchid,
    }
    return body | ({"sub_appid": payment.sub_appid} if payment.sub_appid else {})


def transaction_body(payment: Payment) -> dict[str, object]:
    """The Transaction object of queries and callbacks."""
    body = identity_of(payment) | {
        "out_trade_no": payment.out_trade_no,
        "trade_state": payment.state,
        "trade_state_desc": STATES[payment.state],
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
            "payer": payment.payer,
            "amount": {
                "total": payment.total,
                "payer_total": payment.payer_total,
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
        if payment.coupons:
            body["promotion_detail"] = [promotion(each) for each in payment.coupons]
        if payment.store_id is not None:
            body["scene_info"] = {"store_info": {"id": payment.store_id}}
    return body


def promotion(coupon: Coupon) -> dict[str, object]:
    """A coupon in WeChat's words."""
    return {**msgspec.structs.asdict(coupon), "currency": "CNY"}
