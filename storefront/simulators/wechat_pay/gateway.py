"""How the gateway answers: every request's signature is checked, every answer is signed, planned faults strike in between.

Work is done before an answer is lost or spoilt, because that is the case a client must survive.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.handlers import HTTPRouteHandler

from storefront.simulators.faults import FaultKind, hold_answer
from storefront.simulators.limits import Limit
from storefront.simulators.passing import settle_due
from storefront.simulators.records import Merchant
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_pay import envelope
from storefront.simulators.wechat_pay.callbacks import Callbacks
from storefront.simulators.wechat_pay.receivers import NAME_UNREADABLE
from storefront.simulators.wechat_pay.refusals import GatewayRefusal

Asked = Request[Any, Any, Any]
Body = TypeVar("Body")
STALE_SECONDS = 360
_VERBS = {"GET": get, "POST": post, "PATCH": patch}


class Call:
    """One call whose signature was right: who calls, what they say, and how to open what they encrypted."""

    def __init__(
        self, simulation: Simulation, merchant: Merchant, *, request: Asked, body: bytes, callbacks: Callbacks
    ) -> None:
        self.simulation, self.merchant, self.body = simulation, merchant, body
        self.callbacks = callbacks
        self.target = request.url.path
        self.query = dict(request.query_params.items())
        self.path: dict[str, str] = request.path_params
        self.base_url = f"{request.url.scheme}://{request.headers.get('host', '')}"
        self._serial = request.headers.get("wechatpay-serial", "")

    def read(self, kind: type[Body]) -> Body:
        """Read the body as what this call takes."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as error:
            raise GatewayRefusal(400, "PARAM_ERROR", message=f"参数错误：{error}") from error

    def opened(self, text: str) -> str:
        """Open an encrypted field."""
        plain = envelope.open_field(
            self.simulation.state,
            self.merchant,
            text=text,
            serial=self._serial,
            now=self.simulation.clock.now(),
        )
        if plain is None:
            raise GatewayRefusal(400, "PARAM_ERROR", message=NAME_UNREADABLE)
        return plain

    def opened_or_none(self, text: str | None) -> str | None:
        """Open an encrypted field that may be left out."""
        return None if text is None else self.opened(text)

    def within(self, *limits: tuple[Limit, str]) -> None:
        """Refuse a caller who calls too often."""
        if self.simulation.calls_too_often(*limits):
            raise too_often(self.target)

    def own(self, mchid: str | None) -> None:
        """Refuse a body or query that names another merchant than the one who signed."""
        if mchid != self.merchant.mchid:
            raise GatewayRefusal(400, "PARAM_ERROR", message="mchid与签名的商户号不一致")

    def own_sub(self, mchid: str | None) -> None:
        """Refuse a sub-merchant that is not this service provider's."""
        if mchid is None:
            return
        sub = self.simulation.state.merchants.get(mchid)
        if sub is None:
            raise GatewayRefusal(400, "MCH_NOT_EXISTS", message="特约商户号不存在")
        if sub.provider != self.merchant.mchid:
            raise GatewayRefusal(403, "NO_AUTH", message="特约商户未授权服务商的产品权限")


Work = Callable[[Call], object]


class Gateway:
    """Checks, does the work, and answers under a signature."""

    def __init__(self, simulation: Simulation, callbacks: Callbacks, *, closing: asyncio.Event) -> None:
        self.simulation = simulation
        self.callbacks = callbacks
        self._closing = closing

    def routed(
        self, verb: str, path: str, *, work: Work, status: int = 200, signed: bool = True
    ) -> HTTPRouteHandler:
        """Offer work at a documented path; `signed` is False for a bill's download, whose answer is not signed."""

        async def answer(request: Asked) -> Response[bytes]:
            return await self._answer(request, work, status=status, signed=signed)

        routed: HTTPRouteHandler = _VERBS[verb](path, name=f"{verb} {path}")(answer)
        return routed

    async def _answer(self, request: Asked, work: Work, *, status: int, signed: bool) -> Response[bytes]:
        body = await request.body()
        fault = self.simulation.faults.take_call(request.url.path)
        kind = fault.kind if fault is not None else None
        merchant = self._merchant(request, body)
        try:
            given = self._done(merchant, body, request=request, work=work, kind=kind)
        except GatewayRefusal as refusal:
            status, given = refusal.status, {"code": refusal.code, "message": refusal.message}
        raw = given if isinstance(given, bytes) else b"" if given is None else msgspec.json.encode(given)
        await hold_answer(fault, self._closing)
        asked = request.headers.get("wechatpay-serial", "")
        return Response(
            raw,
            status_code=status,
            headers=self._headers(merchant, raw, asked=asked, kind=kind if signed else FaultKind.UNSIGNED),
            media_type="application/octet-stream" if isinstance(given, bytes) else "application/json",
        )

    def _done(
        self, merchant: Merchant | None, body: bytes, *, request: Asked, work: Work, kind: FaultKind | None
    ) -> object:
        if kind is FaultKind.BUSY:
            raise GatewayRefusal(500, "SYSTEM_ERROR", message="系统繁忙，请稍后重试")
        if kind is FaultKind.LIMITED:
            raise too_often(request.url.path)
        if merchant is None:
            raise GatewayRefusal(401, "SIGN_ERROR", message="签名错误，请检查后再试")
        # Settled money and finished refunds first: this call must see what time has done.
        self.callbacks.tell(settle_due(self.simulation))
        try:
            given = work(
                Call(self.simulation, merchant, request=request, body=body, callbacks=self.callbacks)
            )
        finally:
            # A refusal may have left a mark, too: a return without money waits under its number.
            self.simulation.save()
        self.callbacks.wake()
        if kind is FaultKind.ERROR_AFTER:
            raise GatewayRefusal(500, "SYSTEM_ERROR", message="系统异常，请用相同参数重新调用")
        return given

    def _merchant(self, request: Asked, body: bytes) -> Merchant | None:
        given = envelope.read_authorization(request.headers.get("authorization", ""))
        merchant = self.simulation.state.merchants.get(given.mchid) if given is not None else None
        if given is None or merchant is None:
            return None
        query = request.scope["query_string"].decode("latin-1")
        target = request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        stamp = self.simulation.clock.stamp()
        signed = envelope.signed_by(
            merchant, given, method=request.method, target=target, body=body, stamp=stamp
        )
        return merchant if signed else None

    def _headers(
        self, merchant: Merchant | None, body: bytes, *, asked: str, kind: FaultKind | None
    ) -> dict[str, str]:
        request_id = {"Request-ID": self.simulation.draw("request")[:32]}
        if kind is FaultKind.UNSIGNED or not self.simulation.state.merchants:
            return request_id
        now = self.simulation.clock.now()
        serial, key = envelope.answering_key(self.simulation.state, merchant, asked=asked, now=now)
        stamp = self.simulation.clock.stamp() - (STALE_SECONDS if kind is FaultKind.STALE else 0)
        signed = b"another body" if kind is FaultKind.CORRUPT else body
        nonce = self.simulation.draw("nonce")[:32]
        headers = envelope.signature_headers(key, signed, serial=serial, stamp=stamp, nonce=nonce)
        if kind is FaultKind.PROBE:
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
        return headers | request_id


def too_often(path: str) -> GatewayRefusal:
    """The no to whoever calls too often, in the word of each product."""
    code = "RATELIMIT_EXCEED" if "profitsharing" in path else "FREQUENCY_LIMITED"
    return GatewayRefusal(429, code, message="频率超限，请降低请求频率")
