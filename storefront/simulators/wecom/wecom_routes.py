"""WeCom's paths. Errors come under status 200 with errcode and errmsg."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from storefront.simulators.faults import FaultKind, hold_answer
from storefront.simulators.passing import settle_due
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini import tokens
from storefront.simulators.wechat_mini.parcels import MiniRefusal
from storefront.simulators.wechat_pay.callbacks import Callbacks
from storefront.simulators.wecom import contacts, groups, transfers
from storefront.simulators.wecom.records import Corp
from storefront.simulators.wecom.transfers import WecomRefusal

Asked = Request[Any, Any, Any]
Spoken = dict[str, Any]
Work = Callable[[Corp, Spoken], object]
BASE = "/cgi-bin/externalcontact"
BUSY, TOO_MANY, BAD_FORM, BAD_CORP, BAD_SECRET, BAD_TOKEN, MOST_UNASSIGNED = (
    -1,
    45009,
    47001,
    40013,
    40001,
    40014,
    1000,
)


class WecomServer:
    """Checks tokens, does the work, and answers."""

    def __init__(self, simulation: Simulation, callbacks: Callbacks, *, closing: asyncio.Event) -> None:
        self.simulation, self._callbacks, self._closing = simulation, callbacks, closing

    def offered(self, verb: Callable[..., Any], path: str, *, work: Work) -> HTTPRouteHandler:
        """Offer a call that needs a token; `work` gets the corp, and the body with the query in it."""

        async def answer(request: Asked) -> Response[bytes]:
            raw, query = await request.body(), dict(request.query_params.items())

            def asked() -> object:
                spoken = query | (msgspec.json.decode(raw, type=Spoken) if raw else {})
                return work(self._corp(query.get("access_token")), spoken)

            return await self.answer(request, asked)

        routed: HTTPRouteHandler = verb(path, name=f"wecom {path}", status_code=200)(answer)
        return routed

    async def answer(self, request: Asked, work: Callable[[], object]) -> Response[bytes]:
        """Answer one call."""
        fault = self.simulation.faults.take_call(request.url.path)
        kind = fault.kind if fault is not None else None
        given = self._given(work, kind=kind)
        await hold_answer(fault, self._closing)
        status = 500 if kind is FaultKind.ERROR_AFTER else 200
        return Response(msgspec.json.encode(given), status_code=status, media_type="application/json")

    def _given(self, work: Callable[[], object], *, kind: FaultKind | None) -> object:
        if kind is FaultKind.BUSY:
            return {"errcode": BUSY, "errmsg": "system busy"}
        if kind is FaultKind.LIMITED:
            return {"errcode": TOO_MANY, "errmsg": "api freq out of limit"}
        self._callbacks.tell(settle_due(self.simulation))
        try:
            given = work()
        except (WecomRefusal, MiniRefusal) as refusal:
            return {"errcode": refusal.errcode, "errmsg": refusal.errmsg}
        except msgspec.MsgspecError:
            return {"errcode": BAD_FORM, "errmsg": "data format error"}
        finally:
            self.simulation.save()
            self._callbacks.wake()
        return {"errcode": 0, "errmsg": "ok"} | (given if isinstance(given, dict) else {})

    def _corp(self, token: str | None) -> Corp:
        try:
            holder = tokens.holder_of(self.simulation, token)
        except MiniRefusal as refusal:
            if refusal.errcode == tokens.INVALID:
                raise WecomRefusal(BAD_TOKEN, "invalid access_token") from refusal
            raise
        corp = self.simulation.state.corps.get(holder.partition("/")[0])
        if corp is None:
            raise WecomRefusal(BAD_TOKEN, "invalid access_token")
        return corp


def wecom_routes(server: WecomServer) -> list[HTTPRouteHandler]:
    """Tokens, contact ways, contacts, transfers."""
    simulation = server.simulation

    @get("/cgi-bin/gettoken")
    async def gettoken(request: Asked) -> Response[bytes]:
        return await server.answer(request, lambda: _token(simulation, dict(request.query_params.items())))

    def delete_way(corp: Corp, body: Spoken) -> object:
        del corp.ways[contacts.find_way(corp, body).config_id]
        return {}

    return [
        gettoken,
        server.offered(
            post,
            f"{BASE}/add_contact_way",
            work=lambda corp, body: contacts.add_way(simulation, corp, body=body),
        ),
        server.offered(
            post,
            f"{BASE}/get_contact_way",
            work=lambda corp, body: contacts.way_body(contacts.find_way(corp, body)),
        ),
        server.offered(post, f"{BASE}/del_contact_way", work=delete_way),
        server.offered(
            get,
            f"{BASE}/get",
            work=lambda corp, body: contacts.details(corp, body.get("external_userid", "")),
        ),
        server.offered(post, f"{BASE}/get_unassigned_list", work=_unassigned),
        server.offered(
            post,
            f"{BASE}/groupchat/transfer",
            work=lambda corp, body: groups.transfer(simulation, corp, body=body),
        ),
        *(each for resigned in (False, True) for each in _transfer_routes(server, resigned=resigned)),
    ]


def _token(simulation: Simulation, query: dict[str, str]) -> object:
    corp = simulation.state.corps.get(query.get("corpid", ""))
    if corp is None:
        raise WecomRefusal(BAD_CORP, "invalid corpid")
    application = next(
        (name for name, secret in corp.secrets.items() if secret == query.get("corpsecret")), None
    )
    if application is None:
        raise WecomRefusal(BAD_SECRET, "invalid credential")
    return tokens.stable_token(simulation, f"{corp.corpid}/{application}", forced=False)


def _unassigned(corp: Corp, body: Spoken) -> object:
    size = min(int(body.get("page_size", MOST_UNASSIGNED)), MOST_UNASSIGNED)
    begin = int(body.get("cursor") or 0)
    rows = [
        {
            "handover_userid": each.handover,
            "external_userid": each.external_userid,
            "dimission_time": int(each.left_at.timestamp()),
        }
        for each in corp.unassigned[begin : begin + size]
    ]
    last = begin + size >= len(corp.unassigned)
    # `info` is WeCom's own field name.
    return {"info": rows, "is_last": last, "next_cursor": "" if last else str(begin + size)}


def _transfer_routes(server: WecomServer, *, resigned: bool) -> list[HTTPRouteHandler]:
    place = f"{BASE}/resigned" if resigned else BASE

    def start(corp: Corp, body: Spoken) -> object:
        rows = transfers.start(
            server.simulation,
            corp,
            handover=str(body.get("handover_userid")),
            takeover=str(body.get("takeover_userid")),
            externals=list(body.get("external_userid", [])),
            resigned=resigned,
        )
        return {"customer": rows}

    def results(corp: Corp, body: Spoken) -> object:
        return transfers.results(corp, body, resigned=resigned)

    return [
        server.offered(post, f"{place}/transfer_customer", work=start),
        server.offered(post, f"{place}/transfer_result", work=results),
    ]
