"""Order shipping (发货信息管理): uploading, the pickup rule, one modification, receipt by the shopper or by itself, settlement.

Answers are WeChat's: an error code and a sentence under status 200.
"""

from datetime import datetime, timedelta
from typing import Any

from storefront.simulators.records import Payment
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini.records import Parcel
from storefront.simulators.wechat_pay.books import settled_by_receipt

EXPRESS, CITY, VIRTUAL, PICKUP = 1, 2, 3, 4
UNIFIED, SPLIT = 1, 2
EXPRESS_DAYS, OTHER_DAYS = 10, 2
MOST_PARCELS = 15
LONGEST_TEXT = 120
BAD_FORM, BAD_PAYMENT, NOT_PAID, NO_TRACKING, ALREADY, BAD_LIST, BAD_ARGUMENT = (
    47001, 268485216, 10060001, 268485226, 10060003, 268485228, 268485224,
)  # fmt: skip


class MiniRefusal(Exception):
    """The mini-program server's no."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode, self.errmsg = errcode, errmsg


def find_payment(simulation: Simulation, appid: str, *, order_key: dict[str, Any]) -> Payment:
    """Find by mchid and number, or by WeChat's number, as `order_key` or get_order names it."""
    state = simulation.state
    if (
        order_key.get("order_number_type") == 1
        or "merchant_trade_no" in order_key
        or "out_trade_no" in order_key
    ):
        number = order_key.get("out_trade_no") or order_key.get("merchant_trade_no")
        mchid = order_key.get("mchid") or order_key.get("merchant_id")
        found = next(
            (
                each
                for each in state.payments.values()
                if each.out_trade_no == number and mchid in {each.mchid, each.sub_mchid}
            ),
            None,
        )
    else:
        found = state.payments.get(state.transactions.get(str(order_key.get("transaction_id", "")), ""))
    if found is None or appid not in {found.appid, found.sub_appid}:
        raise MiniRefusal(NOT_PAID, "支付单不存在")
    return found


def check(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> Payment:
    """Refuse shipping that cannot be taken; returns the payment it belongs to."""
    order_key, items = body.get("order_key"), body.get("shipping_list")
    if not isinstance(order_key, dict) or not isinstance(items, list):
        raise MiniRefusal(BAD_FORM, "data format error")
    _check_items(body, items)
    payment = find_payment(simulation, appid, order_key=order_key)
    if payment.paid_at is None:
        raise MiniRefusal(NOT_PAID, "支付单未支付")
    payer = body.get("payer")
    if not isinstance(payer, dict) or payer.get("openid") != payment.openid:
        raise MiniRefusal(BAD_PAYMENT, "支付者openid不匹配")
    known = simulation.state.parcels.get(payment.key)
    if known is not None and (known.modified or known.confirmed_at is not None):
        raise MiniRefusal(ALREADY, "支付单已完成发货，无法继续发货")
    return payment


def upload(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> Parcel:
    """Take the shipping of a payment, or its one modification."""
    payment, now = check(simulation, appid, body=body), simulation.clock.now()
    known, items = simulation.state.parcels.get(payment.key), body["shipping_list"]
    days = EXPRESS_DAYS if body["logistics_type"] == EXPRESS else OTHER_DAYS
    made = Parcel(
        payment=payment.key,
        appid=appid,
        openid=payment.openid,
        logistics_type=body["logistics_type"],
        delivery_mode=body["delivery_mode"],
        all_delivered=bool(body.get("is_all_delivered", body["delivery_mode"] == UNIFIED)),
        items=[{name: str(value) for name, value in item.items() if name != "contact"} for item in items],
        uploaded_at=now,
        modified=0 if known is None else 1,
        confirms_at=now + timedelta(days=days),
    )
    simulation.state.parcels[payment.key] = made
    simulation.plan(made.confirms_at, "receipt", key=payment.key)
    return made


def _check_items(body: dict[str, Any], items: list[Any]) -> None:
    if body.get("logistics_type") not in {EXPRESS, CITY, VIRTUAL, PICKUP} or body.get(
        "delivery_mode"
    ) not in {UNIFIED, SPLIT}:
        raise MiniRefusal(BAD_ARGUMENT, "物流模式或发货模式错误")
    if not all(isinstance(item, dict) for item in items):
        raise MiniRefusal(BAD_FORM, "data format error")
    only_one = body["logistics_type"] != EXPRESS or body["delivery_mode"] == UNIFIED
    if not 1 <= len(items) <= MOST_PARCELS or (only_one and len(items) != 1):
        raise MiniRefusal(BAD_LIST, "发货列表的数量不符合要求")
    if any(not 1 <= len(str(item.get("item_desc", ""))) <= LONGEST_TEXT for item in items):
        raise MiniRefusal(BAD_ARGUMENT, "商品信息不能为空或超过120字")
    if body["logistics_type"] == EXPRESS and not all(
        item.get("tracking_no") and item.get("express_company") for item in items
    ):
        raise MiniRefusal(NO_TRACKING, "物流单号或物流公司不能为空")
    try:
        moment = datetime.fromisoformat(str(body.get("upload_time", "")))
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 has no zone, which the next check refuses
    if moment.tzinfo is None:
        raise MiniRefusal(BAD_ARGUMENT, "upload_time格式错误")


def confirm(simulation: Simulation, parcel: Parcel, *, at: datetime, by_shopper: bool) -> None:
    """The shopper has it, or the days are over: from now the settlement cycle runs."""
    if parcel.confirmed_at is not None or (not by_shopper and at < parcel.confirms_at):
        return
    parcel.confirmed_at, parcel.by_shopper = at, by_shopper
    payment = simulation.state.payments[parcel.payment]
    payment.confirmed_at = at
    simulation.plan(settled_by_receipt(simulation, payment) or at, "parcel-settled", key=parcel.payment)


def order_state(simulation: Simulation, payment: Payment) -> int:
    """1 to ship, 2 shipped, 3 received, 4 finished, 5 refunded, 6 awaiting settlement."""
    parcel = simulation.state.parcels.get(payment.key)
    if payment.refunded == payment.total:
        return 5
    if parcel is None:
        return 1
    if parcel.settled_at is not None:
        return 4
    if parcel.confirmed_at is None:
        return 2
    return 3 if parcel.confirmed_at == simulation.clock.now() else 6


def order_body(simulation: Simulation, payment: Payment) -> dict[str, object]:
    """The order of get_order."""
    parcel = simulation.state.parcels.get(payment.key)
    shipping: dict[str, object] = {}
    if parcel is not None:
        shipping = {
            "delivery_mode": parcel.delivery_mode,
            "logistics_type": parcel.logistics_type,
            "finish_shipping": parcel.all_delivered,
            "finish_shipping_count": parcel.modified + 1,
            "goods_desc": parcel.items[0].get("item_desc", ""),
            "shipping_list": parcel.items,
        }
    return {
        "transaction_id": payment.transaction_id,
        "merchant_id": payment.mchid,
        "sub_merchant_id": payment.sub_mchid or "",
        "merchant_trade_no": payment.out_trade_no,
        "description": payment.description,
        "paid_amount": payment.payer_total,
        "openid": payment.openid,
        "trade_create_time": _stamp(payment.paid_at),
        "pay_time": _stamp(payment.paid_at),
        "order_state": order_state(simulation, payment),
        "in_complaint": False,
        "shipping": shipping,
    }


def settlement_event(simulation: Simulation, parcel: Parcel) -> dict[str, object]:
    """The push event; early, when only shipped, it knows neither receipt nor settlement."""
    payment = simulation.state.payments[parcel.payment]
    event: dict[str, object] = {
        "MsgType": "event",
        "Event": "trade_manage_order_settlement",
        "transaction_id": payment.transaction_id,
        "merchant_id": payment.mchid,
        "sub_merchant_id": payment.sub_mchid or "",
        "merchant_trade_no": payment.out_trade_no,
        "pay_time": _stamp(payment.paid_at),
        "shipped_time": _stamp(parcel.uploaded_at),
        "estimated_settlement_time": _stamp(parcel.confirms_at),
        "confirm_receive_method": "",
        "confirm_receive_time": "",
        "settlement_time": "",
    }
    if parcel.settled_at is not None:
        event |= {
            "confirm_receive_method": 2 if parcel.by_shopper else 1,
            "confirm_receive_time": _stamp(parcel.confirmed_at),
            "settlement_time": _stamp(parcel.settled_at),
        }
    return event


def _stamp(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())
