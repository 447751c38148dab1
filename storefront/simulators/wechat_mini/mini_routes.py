"""The mini-program server's paths besides log-in. Errors come under status 200 with errcode and errmsg, as WeChat's do."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from storefront.simulators.faults import FaultKind, hold_answer
from storefront.simulators.passing import settle_due
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini import calls, order_lists, parcels, tokens
from storefront.simulators.wechat_mini.parcels import MiniRefusal
from storefront.simulators.wechat_pay import letters
from storefront.simulators.wechat_pay.callbacks import Callbacks

Asked = Request[Any, Any, Any]
Spoken = dict[str, Any]
Work = Callable[[str, Spoken], object]
BUSY, BAD_FORM = -1, 47001
OK = {"errcode": 0, "errmsg": "ok"}


class MiniServer:
    """Checks tokens, does the work, and answers."""

    def __init__(self, simulation: Simulation, callbacks: Callbacks, *, closing: asyncio.Event) -> None:
        self.simulation, self.callbacks, self._closing = simulation, callbacks, closing

    def calls(self, path: str, work: Work) -> HTTPRouteHandler:
        """Offer a POST that needs a token; `work` gets the appid and the body."""

        @post(path, name=f"POST {path}", status_code=200)
        async def answer(request: Asked) -> Response[bytes]:
            def asked(body: Spoken) -> object:
                return work(tokens.holder_of(self.simulation, request.query_params.get("access_token")), body)

            return await self.answer(request, asked)

        return answer

    async def answer(self, request: Asked, work: Callable[[Spoken], object]) -> Response[bytes]:
        """Answer one call: bytes are a picture, everything else JSON."""
        raw = await request.body()
        fault = self.simulation.faults.take_call(request.url.path)
        kind = fault.kind if fault is not None else None
        given = self._given(raw, work, kind=kind)
        await hold_answer(fault, self._closing)
        status = 500 if kind is FaultKind.ERROR_AFTER else 200
        if isinstance(given, bytes):
            return Response(given, status_code=status, media_type="image/png")
        return Response(msgspec.json.encode(given), status_code=status, media_type="application/json")

    def _given(self, raw: bytes, work: Callable[[Spoken], object], *, kind: FaultKind | None) -> object:
        if kind is FaultKind.BUSY:
            return {"errcode": BUSY, "errmsg": "system busy"}
        if kind is FaultKind.LIMITED:
            return {"errcode": calls.TOO_MANY, "errmsg": "reach max api minute frequency limit"}
        self.callbacks.tell(settle_due(self.simulation))
        try:
            body = msgspec.json.decode(raw, type=Spoken) if raw else {}
            given = work(body)
        except MiniRefusal as refusal:
            return {"errcode": refusal.errcode, "errmsg": refusal.errmsg}
        except msgspec.MsgspecError:
            return {"errcode": BAD_FORM, "errmsg": "data format error"}
        finally:
            self.simulation.save()
            self.callbacks.wake()
        # A token is given without an error code, every other answer with the code of no error.
        return OK | given if isinstance(given, dict) and "access_token" not in given else given


def mini_routes(server: MiniServer) -> list[HTTPRouteHandler]:
    """Tokens, phone numbers, codes, links, messages, shipping."""
    simulation = server.simulation
    return [
        *_token_routes(server),
        *_parcel_routes(server),
        server.calls(
            "/wxa/business/getuserphonenumber",
            lambda appid, body: calls.phone_number(simulation, appid, body=body),
        ),
        server.calls(
            "/wxa/getwxacodeunlimit", lambda appid, body: calls.unlimited_code(simulation, appid, body=body)
        ),
        server.calls(
            "/wxa/generate_urllink", lambda appid, body: calls.url_link(simulation, appid, body=body)
        ),
        server.calls(
            "/cgi-bin/message/subscribe/send",
            lambda appid, body: calls.send_message(simulation, appid, body=body),
        ),
    ]


def _token_routes(server: MiniServer) -> list[HTTPRouteHandler]:
    simulation = server.simulation

    @get("/cgi-bin/token")
    async def token(request: Asked) -> Response[bytes]:
        def work(_body: Spoken) -> object:
            appid = tokens.check_secret(simulation, dict(request.query_params.items()))
            return tokens.new_token(simulation, appid)

        return await server.answer(request, work)

    @post("/cgi-bin/stable_token", status_code=200)
    async def stable_token(request: Asked) -> Response[bytes]:
        def work(body: Spoken) -> object:
            appid = tokens.check_secret(simulation, body)
            return tokens.stable_token(simulation, appid, forced=bool(body.get("force_refresh")))

        return await server.answer(request, work)

    return [token, stable_token]


def _parcel_routes(server: MiniServer) -> list[HTTPRouteHandler]:
    simulation = server.simulation

    def upload(appid: str, body: Spoken) -> object:
        parcel = parcels.upload(simulation, appid, body=body)
        for letter in letters.of_parcel(simulation, parcel):
            server.callbacks.queue(letter)
        return {}

    def upload_combined(appid: str, body: Spoken) -> object:
        for parcel in order_lists.upload_combined(simulation, appid, body=body):
            for letter in letters.of_parcel(simulation, parcel):
                server.callbacks.queue(letter)
        return {}

    def managed(appid: str, body: Spoken) -> object:
        if body.get("appid") != appid:
            raise MiniRefusal(parcels.BAD_ARGUMENT, "appid不匹配")
        return {"is_trade_managed": simulation.state.apps[appid].trade_managed}

    def order(appid: str, body: Spoken) -> object:
        payment = parcels.find_payment(simulation, appid, order_key=body)
        return {"order": parcels.order_body(simulation, payment)}

    def remind(appid: str, body: Spoken) -> object:
        parcels.find_payment(simulation, appid, order_key=body)
        return {}

    return [
        server.calls("/wxa/sec/order/upload_shipping_info", upload),
        server.calls("/wxa/sec/order/is_trade_managed", managed),
        server.calls("/wxa/sec/order/get_order", order),
        server.calls(
            "/wxa/sec/order/get_order_list",
            lambda appid, body: order_lists.listed(simulation, appid, body=body),
        ),
        server.calls("/wxa/sec/order/upload_combined_shipping_info", upload_combined),
        server.calls("/wxa/sec/order/notify_confirm_receive", remind),
        server.calls("/wxa/sec/order/set_msg_jump_path", lambda _appid, _body: {}),
    ]
