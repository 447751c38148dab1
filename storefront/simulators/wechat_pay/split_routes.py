"""The documented paths of ordinary profit sharing, for direct merchants and, with sub_mchid, for service providers."""

import msgspec
from litestar.handlers import HTTPRouteHandler

from storefront.simulators.limits import SPLITS_OF_INITIATOR, SPLITS_OF_PAYEE
from storefront.simulators.records import Receiver
from storefront.simulators.wechat_pay import receivers, split_messages, split_returns, splits
from storefront.simulators.wechat_pay.gateway import Call, Gateway
from storefront.simulators.wechat_pay.refusals import GatewayRefusal
from storefront.simulators.wechat_pay.splits import Wanted

BASE = "/v3/profitsharing"


def split_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """Receivers, splits, unfreezing, amounts, ratio, returns."""
    return [
        gateway.routed("POST", f"{BASE}/receivers/add", work=_add),
        gateway.routed("POST", f"{BASE}/receivers/delete", work=_delete),
        gateway.routed("POST", f"{BASE}/orders", work=_split),
        gateway.routed("GET", f"{BASE}/orders/{{number:str}}", work=_look_up),
        gateway.routed("POST", f"{BASE}/orders/unfreeze", work=_unfreeze),
        gateway.routed("GET", f"{BASE}/transactions/{{transaction_id:str}}/amounts", work=unsplit),
        gateway.routed("GET", f"{BASE}/merchant-configs/{{mchid:str}}", work=_ratio),
        gateway.routed("POST", f"{BASE}/return-orders", work=_return),
        gateway.routed("GET", f"{BASE}/return-orders/{{number:str}}", work=_look_up_return),
    ]


def _add(call: Call) -> object:
    body = call.read(split_messages.AddReceiver)
    call.own_sub(body.sub_mchid)
    receivers.app_of(call.merchant, body.appid)
    receiver = Receiver(
        owner=body.sub_mchid or call.merchant.mchid,
        type=body.type,
        account=body.account,
        name=call.opened_or_none(body.name),
        relation_type=body.relation_type,
        custom_relation=body.custom_relation,
    )
    receivers.add(call.simulation, receiver)
    echo = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}
    return {name: value for name, value in echo.items() if name not in {"appid", "sub_appid"}}


def _delete(call: Call) -> object:
    body = call.read(split_messages.DeleteReceiver)
    call.own_sub(body.sub_mchid)
    owner = body.sub_mchid or call.merchant.mchid
    receivers.delete(call.simulation, owner, kind=body.type, account=body.account)
    echo = {"type": body.type, "account": body.account}
    return echo | ({"sub_mchid": body.sub_mchid} if body.sub_mchid else {})


def parts_of(call: Call, parts: list[split_messages.Part]) -> list[split_messages.Part]:
    """The parts with their names opened."""
    return [msgspec.structs.replace(part, name=call.opened_or_none(part.name)) for part in parts]


def limit_splits(call: Call, *, payee: str | None) -> None:
    """300 a second for whoever splits, 30 for whose money it is."""
    caller = call.merchant.mchid
    call.within((SPLITS_OF_INITIATOR, caller), (SPLITS_OF_PAYEE, payee or caller))


def _split(call: Call) -> object:
    body = call.read(split_messages.SplitOrder)
    limit_splits(call, payee=body.sub_mchid)
    call.own_sub(body.sub_mchid)
    receivers.app_of(call.merchant, body.appid)
    wanted = Wanted(
        sub_mchid=body.sub_mchid,
        transaction_id=body.transaction_id,
        out_order_no=body.out_order_no,
        parts=parts_of(call, body.receivers),
        unfreezes=body.unfreeze_unsplit,
    )
    return splits.split_body(call.simulation, splits.split(call.simulation, call.merchant, wanted=wanted))


def _unfreeze(call: Call) -> object:
    body = call.read(split_messages.Unfreeze)
    call.own_sub(body.sub_mchid)
    wanted = Wanted(
        sub_mchid=body.sub_mchid,
        transaction_id=body.transaction_id,
        out_order_no=body.out_order_no,
        parts=[],
        unfreezes=True,
        description=body.description,
    )
    return splits.split_body(call.simulation, splits.unfreeze(call.simulation, call.merchant, wanted=wanted))


def _look_up(call: Call) -> object:
    found = splits.find_split(
        call.simulation,
        call.merchant,
        number=call.path["number"],
        transaction_id=call.query.get("transaction_id", ""),
        sub_mchid=call.query.get("sub_mchid"),
    )
    return splits.split_body(call.simulation, found)


def unsplit(call: Call) -> object:
    """What may still be split."""
    transaction_id = call.path["transaction_id"]
    return splits.unsplit_amount(call.simulation, call.merchant, transaction_id=transaction_id)


def _ratio(call: Call) -> object:
    mchid = call.path["mchid"]
    if mchid == call.merchant.mchid:
        raise GatewayRefusal(400, "PARAM_ERROR", message="仅服务商可查询特约商户的最大分账比例")
    call.own_sub(mchid)
    return {"sub_mchid": mchid, "max_ratio": call.simulation.state.merchants[mchid].max_ratio_bps}


def _return(call: Call) -> object:
    body = call.read(split_messages.ReturnOrder)
    made = split_returns.give_back(call.simulation, call.merchant, body=body)
    return split_returns.return_body(call.simulation, made, brand=False)


def _look_up_return(call: Call) -> object:
    found = split_returns.find_return(
        call.simulation, call.merchant, number=call.path["number"], query=call.query
    )
    return split_returns.return_body(call.simulation, found, brand=False)
