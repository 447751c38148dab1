"""The documented paths of bills and of payment-as-service."""

from collections.abc import Callable

from litestar.handlers import HTTPRouteHandler

from storefront.simulators.wechat_pay import bills, smartguide, split_messages
from storefront.simulators.wechat_pay.gateway import Call, Gateway
from storefront.simulators.wechat_pay.refusals import GatewayRefusal

GUIDES = "/v3/smartguide/guides"


def bill_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """Trade, fund and split bills, and their download."""
    return [
        gateway.routed("GET", "/v3/bill/tradebill", work=_trade_bill),
        gateway.routed("GET", "/v3/bill/fundflowbill", work=_bill("FUND")),
        gateway.routed("GET", "/v3/profitsharing/bills", work=_bill("SPLIT")),
        gateway.routed("GET", "/v3/billdownload/file", work=_download, signed=False),
    ]


def _trade_bill(call: Call) -> object:
    kind = call.query.get("bill_type", "ALL")
    if kind not in bills.TRADE_KINDS:
        raise GatewayRefusal(400, "PARAM_ERROR", message="bill_type取值错误")
    return _bill(kind)(call)


def _bill(kind: str) -> Callable[[Call], object]:
    def work(call: Call) -> object:
        if call.query.get("tar_type", "GZIP") != "GZIP" or call.query.get("account_type", "BASIC") != "BASIC":
            raise GatewayRefusal(400, "PARAM_ERROR", message="tar_type或account_type取值错误")
        asked = bills.Asked(
            kind=kind,
            bill_date=call.query.get("bill_date", ""),
            gzipped="tar_type" in call.query,
            sub_mchid=call.query.get("sub_mchid"),
            base_url=call.base_url,
        )
        return bills.bill(call.simulation, call.merchant, asked=asked)

    return work


def _download(call: Call) -> object:
    return bills.download(call.simulation, call.merchant, token=call.query.get("token", ""))


def guide_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """Guides' cards."""
    return [
        gateway.routed("POST", GUIDES, work=_register),
        gateway.routed("GET", GUIDES, work=_listed),
        gateway.routed("POST", f"{GUIDES}/{{guide_id:str}}/assign", work=_assign, status=204),
        gateway.routed("PATCH", f"{GUIDES}/{{guide_id:str}}", work=_change, status=204),
    ]


def _register(call: Call) -> object:
    body = call.read(split_messages.RegisterGuide)
    call.own_sub(body.sub_mchid)
    made = smartguide.register(call.simulation, call.merchant, body=body, opened=call.opened)
    return {"guide_id": made.guide_id}


def _listed(call: Call) -> object:
    return smartguide.listed(call.simulation, call.merchant, query=call.query)


def _assign(call: Call) -> None:
    body = call.read(split_messages.AssignGuide)
    found = smartguide.find(
        call.simulation, call.merchant, guide_id=call.path["guide_id"], sub_mchid=body.sub_mchid
    )
    smartguide.assign(call.simulation, call.merchant, found=found, body=body)


def _change(call: Call) -> None:
    body = call.read(split_messages.ChangeGuide)
    found = smartguide.find(
        call.simulation, call.merchant, guide_id=call.path["guide_id"], sub_mchid=body.sub_mchid
    )
    smartguide.change(found, body, opened=call.opened)
