"""The documented paths of chain-brand profit sharing: the same money under other names, for service providers of chains."""

from litestar.handlers import HTTPRouteHandler

from storefront.simulators.records import Merchant, Receiver
from storefront.simulators.wechat_pay import receivers, split_messages, split_returns, splits
from storefront.simulators.wechat_pay.gateway import Call, Gateway
from storefront.simulators.wechat_pay.refusals import GatewayRefusal
from storefront.simulators.wechat_pay.split_routes import limit_splits, parts_of, unsplit
from storefront.simulators.wechat_pay.splits import Wanted

BASE = "/v3/brand/profitsharing"


def brand_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """Receivers, splits, finishing, amounts, ratio, returns of a chain."""
    return [
        gateway.routed("POST", f"{BASE}/receivers/add", work=_add),
        gateway.routed("POST", f"{BASE}/receivers/delete", work=_delete),
        gateway.routed("POST", f"{BASE}/orders", work=_split),
        gateway.routed("GET", f"{BASE}/orders", work=_look_up),
        gateway.routed("POST", f"{BASE}/finish-order", work=_finish),
        gateway.routed("GET", f"{BASE}/orders/{{transaction_id:str}}/amounts", work=unsplit),
        gateway.routed("GET", f"{BASE}/brand-configs/{{mchid:str}}", work=_ratio),
        gateway.routed("POST", f"{BASE}/returnorders", work=_return),
        gateway.routed("GET", f"{BASE}/returnorders", work=_look_up_return),
    ]


def _brand(call: Call, mchid: str) -> Merchant:
    call.own_sub(mchid)
    found = call.simulation.state.merchants[mchid]
    if found.brand != mchid:
        raise GatewayRefusal(403, "NO_AUTH", message="该商户不是品牌主商户")
    return found


def _add(call: Call) -> object:
    body = call.read(split_messages.AddBrandReceiver)
    _brand(call, body.brand_mchid)
    receivers.app_of(call.merchant, body.appid)
    receiver = Receiver(
        owner=receivers.owner_key(body.brand_mchid, brand=True),
        type=body.type,
        account=body.account,
        name=body.name,
        relation_type=body.relation_type,
    )
    receivers.add(call.simulation, receiver)
    return {"brand_mchid": body.brand_mchid, "type": body.type, "account": body.account}


def _delete(call: Call) -> object:
    body = call.read(split_messages.DeleteBrandReceiver)
    _brand(call, body.brand_mchid)
    owner = receivers.owner_key(body.brand_mchid, brand=True)
    receivers.delete(call.simulation, owner, kind=body.type, account=body.account)
    return {"brand_mchid": body.brand_mchid, "type": body.type, "account": body.account}


def _split(call: Call) -> object:
    body = call.read(split_messages.BrandSplitOrder)
    limit_splits(call, payee=body.sub_mchid)
    _brand(call, body.brand_mchid)
    call.own_sub(body.sub_mchid)
    receivers.app_of(call.merchant, body.appid)
    if call.simulation.state.merchants[body.sub_mchid].brand != body.brand_mchid:
        raise GatewayRefusal(403, "NO_AUTH", message="收款商户与品牌主商户无品牌关系")
    wanted = Wanted(
        sub_mchid=body.sub_mchid,
        transaction_id=body.transaction_id,
        out_order_no=body.out_order_no,
        parts=parts_of(call, body.receivers),
        unfreezes=body.finish,
        brand=True,
        brand_mchid=body.brand_mchid,
        notify_url=body.notify_url,
    )
    made = splits.split(call.simulation, call.merchant, wanted=wanted)
    return splits.brand_body(call.simulation, made, accepted=True)


def _finish(call: Call) -> object:
    body = call.read(split_messages.FinishOrder)
    call.own_sub(body.sub_mchid)
    wanted = Wanted(
        sub_mchid=body.sub_mchid,
        transaction_id=body.transaction_id,
        out_order_no=body.out_order_no,
        parts=[],
        unfreezes=True,
        brand=True,
        notify_url=body.notify_url,
        description=body.description,
    )
    made = splits.unfreeze(call.simulation, call.merchant, wanted=wanted)
    return splits.brand_body(call.simulation, made, accepted=True)


def _look_up(call: Call) -> object:
    found = splits.find_split(
        call.simulation,
        call.merchant,
        number=call.query.get("out_order_no", ""),
        transaction_id=call.query.get("transaction_id", ""),
        sub_mchid=call.query.get("sub_mchid"),
    )
    return splits.brand_body(call.simulation, found, accepted=False)


def _ratio(call: Call) -> object:
    found = _brand(call, call.path["mchid"])
    return {"brand_mchid": found.mchid, "max_ratio": found.max_ratio_bps}


def _return(call: Call) -> object:
    body = call.read(split_messages.ReturnOrder)
    made = split_returns.give_back(call.simulation, call.merchant, body=body)
    return split_returns.return_body(call.simulation, made, brand=True)


def _look_up_return(call: Call) -> object:
    number = call.query.get("out_return_no", "")
    found = split_returns.find_return(call.simulation, call.merchant, number=number, query=call.query)
    return split_returns.return_body(call.simulation, found, brand=True)
