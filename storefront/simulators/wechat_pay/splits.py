"""Profit sharing, ordinary and chain-brand: accepting splits and unfreezes, and carrying them out when their time has come.

Accepted is not done: a split is PROCESSING until its due moment, and each receiver ends by itself as SUCCESS or CLOSED. What a CLOSED
receiver would have had goes back to the payment's frozen rest or, where that was unfrozen already, to the payee.
"""

from datetime import datetime, timedelta

import msgspec

from storefront.simulators.records import Fate, Merchant, Payment, Split, SplitDetail
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import books, receivers
from storefront.simulators.wechat_pay.flows import book
from storefront.simulators.wechat_pay.refusals import WHOLE_BPS, GatewayRefusal, wechat_time
from storefront.simulators.wechat_pay.split_messages import Part

MOST_SPLITS = 50


class Wanted(msgspec.Struct, kw_only=True):
    """A split or unfreeze as both products ask for it; without parts it only unfreezes."""

    sub_mchid: str | None
    transaction_id: str
    out_order_no: str
    parts: list[Part]
    unfreezes: bool
    brand: bool = False
    brand_mchid: str | None = None
    notify_url: str | None = None
    description: str = ""


def payment_of(
    simulation: Simulation, merchant: Merchant, *, transaction_id: str, sub_mchid: str | None
) -> Payment:
    """Find the payment that is to be split."""
    try:
        return books.find_transaction(
            simulation, merchant, transaction_id=transaction_id, sub_mchid=sub_mchid
        )
    except GatewayRefusal as refusal:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="微信订单号不存在或不属于该商户") from refusal


def split(simulation: Simulation, merchant: Merchant, *, wanted: Wanted) -> Split:
    """Accept a split; the same number with the same receivers answers what became of it."""
    payment = payment_of(
        simulation, merchant, transaction_id=wanted.transaction_id, sub_mchid=wanted.sub_mchid
    )
    known = simulation.state.splits.get(f"{merchant.mchid}/{wanted.out_order_no}")
    fingerprint = msgspec.json.encode((payment.key, wanted.parts, wanted.unfreezes)).decode()
    if known is not None:
        if known.fingerprint != fingerprint:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="分账接收方与原请求不一致")
        return known
    _check_time(simulation, payment)
    _check_parts(simulation, payment, wanted=wanted)
    amount = sum(part.amount for part in wanted.parts)
    if payment.settled or amount > payment.held:
        raise GatewayRefusal(403, "NOT_ENOUGH", message="分账金额不足")
    return _accept(simulation, payment, wanted=wanted, fingerprint=fingerprint)


def unfreeze(simulation: Simulation, merchant: Merchant, *, wanted: Wanted) -> Split:
    """Unfreeze the rest. A number that was used for a split answers success and unfreezes nothing, as WeChat does."""
    payment = payment_of(
        simulation, merchant, transaction_id=wanted.transaction_id, sub_mchid=wanted.sub_mchid
    )
    known = simulation.state.splits.get(f"{merchant.mchid}/{wanted.out_order_no}")
    if known is not None:
        return known
    _check_time(simulation, payment)
    if payment.settled or payment.held == 0:
        raise GatewayRefusal(403, "NOT_ENOUGH", message="分账金额为0")
    return _accept(simulation, payment, wanted=wanted, fingerprint="unfreeze")


def _check_time(simulation: Simulation, payment: Payment) -> None:
    now, payee = simulation.clock.now(), simulation.state.merchants[payment.payee]
    if payment.paid_at is None:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单未支付，不支持分账")
    if not payment.profit_sharing:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="非分账订单不支持分账")
    if now < payment.paid_at + timedelta(seconds=payee.split_wait_seconds):
        raise GatewayRefusal(400, "INVALID_REQUEST", message="订单处理中，暂时无法分账，请稍后再试")
    if payment.trade_managed:
        settled_at = books.settled_by_receipt(simulation, payment)
        if settled_at is None:
            message = "订单处理中，用户主动/系统自动确认收货后才进行资金结算，请在结算后再请求分账"
            raise GatewayRefusal(400, "INVALID_REQUEST", message=message)
        if now < settled_at:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="订单处理中，请在到达结算周期之后再请求分账")


def _check_parts(simulation: Simulation, payment: Payment, *, wanted: Wanted) -> None:
    payee = simulation.state.merchants[payment.payee]
    if payment.split_requests >= MOST_SPLITS:
        raise GatewayRefusal(403, "RULE_LIMIT", message="该笔订单的分账次数已达到上限")
    for part in wanted.parts:
        receivers.check_name(simulation, part.type, account=part.account, name=part.name, required=False)
        related = receivers.is_related(
            simulation,
            payment,
            brand=wanted.brand_mchid if wanted.brand else None,
            part=(part.type, part.account),
        )
        if not related:
            raise GatewayRefusal(400, "INVALID_REQUEST", message="分账接收方关系不存在")
    payer = simulation.state.merchants[wanted.brand_mchid or payment.payee] if wanted.brand else payee
    amount = sum(part.amount for part in wanted.parts)
    if (payment.split + payment.pending + amount) * WHOLE_BPS > payment.total * payer.max_ratio_bps:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="分账金额超出最大分账比例")


def _accept(simulation: Simulation, payment: Payment, *, wanted: Wanted, fingerprint: str) -> Split:
    now, payee = simulation.clock.now(), simulation.state.merchants[payment.payee]
    amount = sum(part.amount for part in wanted.parts)
    made = Split(
        mchid=payment.mchid,
        out_order_no=wanted.out_order_no,
        order_id="30000" + simulation.draw_digits("split", 23),
        payment=payment.key,
        fingerprint=fingerprint,
        details=[_detail(simulation, part, now=now) for part in wanted.parts],
        brand=wanted.brand,
        brand_mchid=wanted.brand_mchid or payee.brand,
        unfreezes=wanted.unfreezes,
        unfrozen=payment.held - amount if wanted.unfreezes else 0,
        description=wanted.description,
        notify_url=wanted.notify_url,
        created_at=now,
        due_at=now + timedelta(seconds=payee.split_seconds),
    )
    payment.held -= amount + made.unfrozen
    payment.pending += amount + made.unfrozen
    payment.split_requests += 1 if wanted.parts else 0
    payment.settled = payment.settled or wanted.unfreezes
    simulation.state.splits[made.key] = made
    simulation.plan(made.due_at, "split", key=made.key)
    return made


def _detail(simulation: Simulation, part: Part, *, now: datetime) -> SplitDetail:
    return SplitDetail(
        type=part.type,
        account=part.account,
        amount=part.amount,
        description=part.description,
        detail_id="36011" + simulation.draw_digits("detail", 23),
        created_at=now,
        planned=take_fate(simulation.state.fates, part.account, returns=False),
    )


def take_fate(fates: list[Fate], account: str, *, returns: bool) -> str | None:
    """Use up one planned failure of a split to, or a return from, this account."""
    for fate in fates:
        if fate.account == account and fate.returns is returns and fate.times > 0:
            fate.times -= 1
            return fate.reason
    return None


def carry_out(simulation: Simulation, found: Split, *, at: datetime) -> list[SplitDetail]:
    """End a split; returns the details that reached their receivers."""
    payment = simulation.state.payments[found.payment]
    payee = simulation.state.merchants[payment.payee]
    for detail in found.details:
        detail.finished_at = at
        reason = detail.planned or _natural_reason(simulation, payment, found=found, detail=detail)
        payment.pending -= detail.amount
        if reason is None:
            detail.result = "SUCCESS"
            payment.split += detail.amount
            _give(simulation, payee, detail=detail, at=at)
        else:
            detail.result, detail.fail_reason = "CLOSED", reason
            if payment.settled:
                payee.available += detail.amount
            else:
                payment.held += detail.amount
    payment.pending -= found.unfrozen
    payee.available += found.unfrozen
    found.state = "FINISHED"
    return [each for each in found.details if each.result == "SUCCESS"]


def _natural_reason(
    simulation: Simulation, payment: Payment, *, found: Split, detail: SplitDetail
) -> str | None:
    brand = found.brand_mchid if found.brand else None
    if not receivers.is_related(simulation, payment, brand=brand, part=(detail.type, detail.account)):
        return "NO_RELATION"
    if detail.type != "MERCHANT_ID" and not simulation.state.persons.get(detail.account):
        return "RECEIVER_REAL_NAME_NOT_VERIFIED"
    return None


def _give(simulation: Simulation, payee: Merchant, *, detail: SplitDetail, at: datetime) -> None:
    book(simulation, payee, amount=-detail.amount, title="分账", kind="分账", number=detail.detail_id, at=at)
    if detail.type == "MERCHANT_ID":
        receiver = simulation.state.merchants[detail.account]
        receiver.available += detail.amount
        book(
            simulation,
            receiver,
            amount=detail.amount,
            title="分账",
            kind="分账",
            number=detail.detail_id,
            at=at,
        )
    else:
        received = simulation.state.persons_received
        received[detail.account] = received.get(detail.account, 0) + detail.amount


def find_split(
    simulation: Simulation, merchant: Merchant, *, number: str, transaction_id: str, sub_mchid: str | None
) -> Split:
    """Find by the merchant's split number and its payment."""
    found = simulation.state.splits.get(f"{merchant.mchid}/{number}")
    payment = simulation.state.payments[found.payment] if found is not None else None
    if (
        found is None
        or payment is None
        or (payment.transaction_id, payment.sub_mchid) != (transaction_id, sub_mchid)
    ):
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="分账单不存在")
    return found


def unsplit_amount(simulation: Simulation, merchant: Merchant, *, transaction_id: str) -> dict[str, object]:
    """What may still be split of a payment."""
    payment = simulation.state.payments.get(simulation.state.transactions.get(transaction_id, ""))
    if payment is None or payment.mchid != merchant.mchid:
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message="订单不存在")
    if not payment.profit_sharing:
        raise GatewayRefusal(400, "INVALID_REQUEST", message="非分账订单不支持分账")
    return {"transaction_id": transaction_id, "unsplit_amount": 0 if payment.settled else payment.held}


def detail_body(detail: SplitDetail) -> dict[str, object]:
    """One receiver's result."""
    body: dict[str, object] = {
        "type": detail.type,
        "account": detail.account,
        "amount": detail.amount,
        "description": detail.description,
        "result": detail.result,
        "detail_id": detail.detail_id,
        "create_time": wechat_time(detail.created_at),
    }
    if detail.finished_at is not None:
        body["finish_time"] = wechat_time(detail.finished_at)
    return body | ({"fail_reason": detail.fail_reason} if detail.fail_reason else {})


def split_body(simulation: Simulation, found: Split) -> dict[str, object]:
    """The order of ordinary profit sharing; an unfreeze names the payee as its only receiver."""
    payment = simulation.state.payments[found.payment]
    rows = [detail_body(each) for each in found.details]
    if found.is_unfreeze:
        done = found.state == "FINISHED"
        rows = [{
            "type": "MERCHANT_ID", "account": payment.payee, "amount": found.unfrozen, "description": found.description,
            "result": "SUCCESS" if done else "PENDING", "detail_id": found.order_id.replace("3000", "3601", 1),
            "create_time": wechat_time(found.created_at),
            **({"finish_time": wechat_time(found.due_at)} if done else {}),
        }]  # fmt: skip
    body: dict[str, object] = {
        "transaction_id": payment.transaction_id,
        "out_order_no": found.out_order_no,
        "order_id": found.order_id,
        "state": found.state,
        "receivers": rows,
    }
    return body | ({"sub_mchid": payment.sub_mchid} if payment.sub_mchid else {})


def brand_body(simulation: Simulation, found: Split, *, accepted: bool) -> dict[str, object]:
    """The order of chain-brand profit sharing: `status`, and what was finished has amount and reason instead of receivers."""
    payment = simulation.state.payments[found.payment]
    body: dict[str, object] = {
        "sub_mchid": payment.sub_mchid,
        "transaction_id": payment.transaction_id,
        "out_order_no": found.out_order_no,
        "order_id": found.order_id,
    }
    if found.is_unfreeze and accepted:
        return body
    body["status"] = found.state
    if found.is_unfreeze:
        return body | {
            "finish_amount": found.unfrozen,
            "finish_description": found.description,
            "receivers": [],
        }
    rows = [
        {name: value for name, value in detail_body(each).items() if name != "create_time"}
        for each in found.details
    ]
    return body | {"receivers": rows} | ({"brand_mchid": found.brand_mchid} if accepted else {})


def notice_body(simulation: Simulation, found: Split, *, detail: SplitDetail) -> dict[str, object]:
    """What the receiver is told."""
    payment = simulation.state.payments[found.payment]
    names = (
        {"mchid": payment.mchid}
        if payment.sub_mchid is None
        else {"sp_mchid": payment.mchid, "sub_mchid": payment.sub_mchid}
    )
    return names | {
        "transaction_id": payment.transaction_id,
        "order_id": found.order_id,
        "out_order_no": found.out_order_no,
        "receiver": {
            "type": detail.type,
            "account": detail.account,
            "amount": detail.amount,
            "description": detail.description,
        },
        "success_time": wechat_time(detail.finished_at or found.due_at),
    }
