"""Returns of splits: money coming back from a receiver, while it is there, permitted, and not too late."""

from datetime import datetime, timedelta

from storefront.simulators.records import Merchant, Split, SplitDetail, SplitReturn
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay.flows import book
from storefront.simulators.wechat_pay.refusals import GatewayRefusal, wechat_time
from storefront.simulators.wechat_pay.split_messages import ReturnOrder
from storefront.simulators.wechat_pay.splits import take_fate

RETURNABLE, PATIENCE = timedelta(days=180), timedelta(days=5)
MOST_RETURNS = 50


def give_back(simulation: Simulation, merchant: Merchant, *, body: ReturnOrder) -> SplitReturn:
    """Accept a return, or try one again that waits for its receiver's money. Refused while the receiver's account is short."""
    known = simulation.state.returns.get(f"{merchant.mchid}/{body.out_return_no}")
    found = _split_of(simulation, merchant, body=body)
    if known is not None:
        same = (known.split, known.return_mchid, known.amount) == (found.key, body.return_mchid, body.amount)
        if not same:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="回退参数与原请求不一致")
        _fund(simulation, known)
        return known
    detail = _detail_of(found, body)
    _check(simulation, found, detail=detail, body=body)
    now = simulation.clock.now()
    payee = simulation.state.merchants[simulation.state.payments[found.payment].payee]
    made = SplitReturn(
        mchid=merchant.mchid,
        out_return_no=body.out_return_no,
        return_id="31000" + simulation.draw_digits("return", 23),
        split=found.key,
        return_mchid=body.return_mchid,
        amount=body.amount,
        description=body.description,
        created_at=now,
        planned=take_fate(simulation.state.fates, body.return_mchid, returns=True),
    )
    detail.returned += body.amount
    found.returns += 1
    simulation.state.returns[made.key] = made
    simulation.plan(now + PATIENCE, "return", key=made.key)
    if payee.return_seconds:
        simulation.plan(now + timedelta(seconds=payee.return_seconds), "return", key=made.key)
        return made
    _fund(simulation, made)
    return made


def _split_of(simulation: Simulation, merchant: Merchant, *, body: ReturnOrder) -> Split:
    splits = simulation.state.splits
    if body.out_order_no is not None:
        found = splits.get(f"{merchant.mchid}/{body.out_order_no}")
    else:
        found = next(
            (
                each
                for each in splits.values()
                if (each.order_id, each.mchid) == (body.order_id, merchant.mchid)
            ),
            None,
        )
    if found is None or simulation.state.payments[found.payment].sub_mchid != body.sub_mchid:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="分账单不存在")
    return found


def _detail_of(found: Split, body: ReturnOrder) -> SplitDetail:
    for detail in found.details:
        if (detail.type, detail.account) == ("MERCHANT_ID", body.return_mchid) and detail.result in {
            "SUCCESS",
            "PENDING",
        }:
            return detail
    raise GatewayRefusal(400, "INVALID_REQUEST", message="回退方不存在")


def _check(simulation: Simulation, found: Split, *, detail: SplitDetail, body: ReturnOrder) -> None:
    if found.state != "FINISHED":
        raise GatewayRefusal(400, "INVALID_REQUEST", message="分账单未完成，不支持回退")
    if not simulation.state.merchants[body.return_mchid].accepts_returns:
        raise GatewayRefusal(403, "NO_AUTH", message="回退方未开通分账回退功能")
    if simulation.clock.now() - (detail.finished_at or found.created_at) > RETURNABLE:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="超过分账回退的有效期")
    if body.amount > detail.amount - detail.returned:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="剩余可回退的金额不足")
    if found.returns >= MOST_RETURNS:
        raise GatewayRefusal(403, "RULE_LIMIT", message="该分账单的回退次数已达到上限")


def _fund(simulation: Simulation, found: SplitReturn) -> None:
    """Take the receiver's money and end the return; a short account is refused and leaves it PROCESSING."""
    if found.result != "PROCESSING":
        return
    if found.planned is not None:
        _fail(simulation, found, reason=found.planned)
        return
    receiver = simulation.state.merchants[found.return_mchid]
    if receiver.available < found.amount:
        raise GatewayRefusal(403, "NOT_ENOUGH", message="可用余额不足，请充值后重新发起")
    now = simulation.clock.now()
    payment = simulation.state.payments[simulation.state.splits[found.split].payment]
    payee = simulation.state.merchants[payment.payee]
    receiver.available -= found.amount
    payee.available += found.amount
    number = found.return_id
    book(simulation, receiver, amount=-found.amount, title="分账回退", kind="分账回退", number=number, at=now)
    book(simulation, payee, amount=found.amount, title="分账回退", kind="分账回退", number=number, at=now)
    found.result, found.finished_at = "SUCCESS", now


def _fail(simulation: Simulation, found: SplitReturn, *, reason: str) -> None:
    found.result, found.fail_reason, found.finished_at = "FAILED", reason, simulation.clock.now()
    for detail in simulation.state.splits[found.split].details:
        if (detail.type, detail.account) == ("MERCHANT_ID", found.return_mchid):
            detail.returned -= found.amount


def come_due(simulation: Simulation, found: SplitReturn, *, at: datetime) -> bool:
    """End a return whose time has come: one that was busy is carried out, one without money after five days fails."""
    if found.result != "PROCESSING":
        return False
    if at >= found.created_at + PATIENCE:
        _fail(simulation, found, reason="TIME_OUT_CLOSED")
        return True
    try:
        _fund(simulation, found)
    except GatewayRefusal:
        return False
    return True


def find_return(
    simulation: Simulation, merchant: Merchant, *, number: str, query: dict[str, str]
) -> SplitReturn:
    """Find by the merchant's return number; the split's number has to fit."""
    found = simulation.state.returns.get(f"{merchant.mchid}/{number}")
    split = simulation.state.splits[found.split] if found is not None else None
    fits = split is not None and (
        query.get("out_order_no") == split.out_order_no or query.get("order_id") == split.order_id
    )
    if found is None or not fits:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="回退单不存在")
    return found


def return_body(simulation: Simulation, found: SplitReturn, *, brand: bool) -> dict[str, object]:
    """The return of either product: the chain's calls WeChat's number `return_no`, and a failure FAIL."""
    split = simulation.state.splits[found.split]
    payment = simulation.state.payments[split.payment]
    body: dict[str, object] = {
        "order_id": split.order_id,
        "out_order_no": split.out_order_no,
        "out_return_no": found.out_return_no,
        "return_no" if brand else "return_id": found.return_id,
        "return_mchid": found.return_mchid,
        "amount": found.amount,
        "description": found.description,
        "result": "FAIL" if brand and found.result == "FAILED" else found.result,
        "create_time": wechat_time(found.created_at),
    }
    if brand:
        del body["description"], body["create_time"]
    if payment.sub_mchid is not None:
        body["sub_mchid"] = payment.sub_mchid
    if found.fail_reason is not None:
        body["fail_reason"] = found.fail_reason
    if found.finished_at is not None:
        body["finish_time"] = wechat_time(found.finished_at)
    return body


def notice_body(simulation: Simulation, found: SplitReturn) -> dict[str, object]:
    """What the receiver is told of a return: the split's own form."""
    split = simulation.state.splits[found.split]
    payment = simulation.state.payments[split.payment]
    names = (
        {"mchid": payment.mchid}
        if payment.sub_mchid is None
        else {"sp_mchid": payment.mchid, "sub_mchid": payment.sub_mchid}
    )
    receiver = {
        "type": "MERCHANT_ID",
        "account": found.return_mchid,
        "amount": found.amount,
        "description": found.description,
    }
    return names | {
        "transaction_id": payment.transaction_id,
        "order_id": found.return_id,
        "out_order_no": found.out_return_no,
        "receiver": receiver,
        "success_time": wechat_time(found.finished_at or found.created_at),
    }
