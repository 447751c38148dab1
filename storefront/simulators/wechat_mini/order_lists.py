"""Order shipping for several payments at once: the filtered list of orders, and one upload for a combined payment's sub-orders."""

from typing import Any

from storefront.simulators.records import Payment
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini import parcels
from storefront.simulators.wechat_mini.parcels import BAD_ARGUMENT, BAD_FORM, MiniRefusal
from storefront.simulators.wechat_mini.records import Parcel

USUAL_PAGE, MOST_ON_A_PAGE, MOST_SUB_ORDERS = 100, 100, 50


def listed(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> dict[str, object]:
    """Answer get_order_list: paid orders of the app by time of payment, state and payer, a page at a time, newest first."""
    span, state, openid = body.get("pay_time_range") or {}, body.get("order_state"), body.get("openid")
    size, last = body.get("page_size", USUAL_PAGE), body.get("last_index") or ""
    if not isinstance(span, dict) or not isinstance(size, int) or not isinstance(last, str):
        raise MiniRefusal(BAD_FORM, "data format error")
    if not 1 <= size <= MOST_ON_A_PAGE or (last and not last.isdecimal()):
        raise MiniRefusal(BAD_ARGUMENT, "page_size或last_index错误")
    begin, end = span.get("begin_time", 0), span.get("end_time", 2**40)
    if not isinstance(begin, int) or not isinstance(end, int) or begin > end:
        raise MiniRefusal(BAD_ARGUMENT, "pay_time_range错误")
    found = [
        each
        for each in _paid(simulation, appid)
        if begin <= _seconds(each) <= end
        and openid in {None, "", each.openid}
        and state in {None, parcels.order_state(simulation, each)}
    ]
    start = int(last or 0)
    page = found[start : start + size]
    more = start + size < len(found)
    return {
        "order_list": [parcels.order_body(simulation, each) for each in page],
        "has_more": more,
        "last_index": str(start + size) if more else "",
    }


def upload_combined(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> list[Parcel]:
    """Take the shipping of a combined payment: all its sub-orders, each checked before any is written."""
    order_key, sub_orders = body.get("order_key"), body.get("sub_orders")
    if not isinstance(order_key, dict) or not isinstance(sub_orders, list):
        raise MiniRefusal(BAD_FORM, "data format error")
    if not 1 <= len(sub_orders) <= MOST_SUB_ORDERS or not all(isinstance(each, dict) for each in sub_orders):
        raise MiniRefusal(BAD_ARGUMENT, "子单数量不符合要求")
    shared = {name: body[name] for name in ("upload_time", "payer") if name in body}
    bodies = [{**each, **shared} for each in sub_orders]
    for each in bodies:
        parcels.check(simulation, appid, body=each)
    return [parcels.upload(simulation, appid, body=each) for each in bodies]


def _paid(simulation: Simulation, appid: str) -> list[Payment]:
    own = [
        each
        for each in simulation.state.payments.values()
        if each.paid_at is not None and appid in {each.appid, each.sub_appid}
    ]
    return sorted(own, key=lambda each: (-_seconds(each), each.key))


def _seconds(payment: Payment) -> int:
    return 0 if payment.paid_at is None else int(payment.paid_at.timestamp())
