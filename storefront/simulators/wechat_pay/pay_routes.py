"""The documented paths of payments, refunds and certificates, in direct and in partner mode."""

from litestar.handlers import HTTPRouteHandler

from storefront.simulators.limits import REFUNDS, REFUSED_REFUNDS
from storefront.simulators.records import Payment
from storefront.simulators.wechat_pay import books, envelope, messages, refunds
from storefront.simulators.wechat_pay.gateway import Call, Gateway, too_often
from storefront.simulators.wechat_pay.refusals import GatewayRefusal

DIRECT, PARTNER = "/v3/pay/transactions", "/v3/pay/partner/transactions"


def pay_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """Everything about payments, refunds and certificates."""
    return [
        gateway.routed("POST", f"{DIRECT}/jsapi", work=_prepay),
        gateway.routed("POST", f"{PARTNER}/jsapi", work=_partner_prepay),
        gateway.routed("POST", f"{DIRECT}/out-trade-no/{{number:str}}/close", work=_close, status=204),
        gateway.routed(
            "POST", f"{PARTNER}/out-trade-no/{{number:str}}/close", work=_partner_close, status=204
        ),
        *(
            gateway.routed("GET", f"{place}/out-trade-no/{{number:str}}", work=_look_up)
            for place in (DIRECT, PARTNER)
        ),
        *(
            gateway.routed("GET", f"{place}/id/{{transaction_id:str}}", work=_look_up)
            for place in (DIRECT, PARTNER)
        ),
        gateway.routed("POST", "/v3/refund/domestic/refunds", work=_refund),
        gateway.routed("GET", "/v3/refund/domestic/refunds/{number:str}", work=_look_up_refund),
        gateway.routed(
            "POST", "/v3/refund/domestic/refunds/{refund_id:str}/apply-abnormal-refund", work=_apply_abnormal
        ),
        gateway.routed("GET", "/v3/certificates", work=_certificates),
    ]


def _prepay(call: Call) -> object:
    body = call.read(messages.Prepay)
    call.own(body.mchid)
    return {"prepay_id": books.prepay(call.simulation, call.merchant, body=body)}


def _partner_prepay(call: Call) -> object:
    body = call.read(messages.PartnerPrepay)
    call.own(body.sp_mchid)
    return {"prepay_id": books.prepay(call.simulation, call.merchant, body=body)}


def _close(call: Call) -> None:
    call.own(call.read(messages.Close).mchid)
    books.close(call.simulation, call.merchant, number=call.path["number"])


def _partner_close(call: Call) -> None:
    body = call.read(messages.PartnerClose)
    call.own(body.sp_mchid)
    books.close(call.simulation, call.merchant, number=call.path["number"], sub_mchid=body.sub_mchid)


def _look_up(call: Call) -> object:
    partner = "sp_mchid" in call.query
    call.own(call.query.get("sp_mchid" if partner else "mchid"))
    return books.transaction_body(_found(call, sub_mchid=call.query.get("sub_mchid") if partner else None))


def _found(call: Call, *, sub_mchid: str | None) -> Payment:
    if "number" in call.path:
        return books.find_payment(
            call.simulation, call.merchant, number=call.path["number"], sub_mchid=sub_mchid
        )
    transaction_id = call.path["transaction_id"]
    return books.find_transaction(
        call.simulation, call.merchant, transaction_id=transaction_id, sub_mchid=sub_mchid
    )


def _refund(call: Call) -> object:
    simulation, caller = call.simulation, call.merchant.mchid
    if simulation.limits.exceeded(
        REFUSED_REFUNDS, caller, scale=simulation.state.limit_scale, now=simulation.clock.now()
    ):
        raise too_often(call.target)
    call.within((REFUNDS, caller))
    try:
        made = refunds.refund(simulation, call.merchant, body=call.read(messages.RefundOrder))
    except GatewayRefusal:
        simulation.limits.count(REFUSED_REFUNDS, caller, now=simulation.clock.now())
        raise
    return refunds.refund_body(simulation, made, notice=False)


def _apply_abnormal(call: Call) -> object:
    body = call.read(messages.AbnormalRefund)
    call.opened_or_none(body.bank_account)
    call.opened_or_none(body.real_name)
    found = refunds.apply_abnormal(
        call.simulation, call.merchant, refund_id=call.path["refund_id"], body=body
    )
    call.callbacks.tell([found])
    return refunds.refund_body(call.simulation, found, notice=False)


def _look_up_refund(call: Call) -> object:
    found = refunds.find_refund(call.simulation, call.merchant, number=call.path["number"])
    return refunds.refund_body(call.simulation, found, notice=False)


def _certificates(call: Call) -> object:
    now = call.simulation.clock.now()
    living = [each for each in call.simulation.state.platforms if each.expires_at > now]
    if not living or not call.merchant.certificates:
        message = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"
        raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message=message)
    nonces = [call.simulation.draw("certificates")[:12] for _ in living]
    return envelope.certificates_answer(living, call.merchant.api_v3_key, nonces=nonces)
