"""The gateway's paths: every request's signature is checked, every answer is signed, planned faults strike in between.

Work is done before an answer is lost or spoilt, because that is the case a client must survive.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from storefront.simulators.faults import FaultKind, hold_answer
from storefront.simulators.state import Merchant, Simulation
from storefront.simulators.wechat_pay import books, envelope, messages
from storefront.simulators.wechat_pay.books import GatewayRefusal
from storefront.simulators.wechat_pay.callbacks import Callbacks

Asked = Request[Any, Any, Any]
Body = TypeVar("Body")
Work = Callable[[Merchant, bytes], object]
STALE_SECONDS = 360


class Gateway:
    """Checks, does the work, and answers under a signature."""

    def __init__(self, simulation: Simulation, closing: asyncio.Event) -> None:
        self.simulation = simulation
        self._closing = closing

    async def answer(self, request: Asked, work: Work, *, status: int = 200) -> Response[bytes]:
        """Answer one call; `work` gives the body, None for an empty one."""
        body = await request.body()
        fault = self.simulation.faults.take_call(request.url.path)
        kind = fault.kind if fault is not None else None
        merchant = self._merchant(request, body)
        try:
            given = self._done(merchant, body, work=work, kind=kind)
        except GatewayRefusal as refusal:
            status, given = refusal.status, {"code": refusal.code, "message": refusal.message}
        raw = b"" if given is None else msgspec.json.encode(given)
        await hold_answer(fault, self._closing)
        asked = request.headers.get("wechatpay-serial", "")
        return Response(
            raw,
            status_code=status,
            headers=self._headers(merchant, raw, asked=asked, kind=kind),
            media_type="application/json",
        )

    def _done(self, merchant: Merchant | None, body: bytes, *, work: Work, kind: FaultKind | None) -> object:
        if kind is FaultKind.BUSY:
            raise GatewayRefusal(500, "SYSTEM_ERROR", message="系统繁忙，请稍后重试")
        if kind is FaultKind.LIMITED:
            raise GatewayRefusal(429, "FREQUENCY_LIMITED", message="频率超限，请降低请求频率")
        if merchant is None:
            raise GatewayRefusal(401, "SIGN_ERROR", message="签名错误，请检查后再试")
        given = work(merchant, body)
        self.simulation.save()
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
        serial, key = envelope.answering_key(self.simulation.state, merchant, asked=asked)
        stamp = self.simulation.clock.stamp() - (STALE_SECONDS if kind is FaultKind.STALE else 0)
        signed = b"another body" if kind is FaultKind.CORRUPT else body
        nonce = self.simulation.draw("nonce")[:32]
        headers = envelope.signature_headers(key, signed, serial=serial, stamp=stamp, nonce=nonce)
        if kind is FaultKind.PROBE:
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
        return headers | request_id


def pay_routes(gateway: Gateway, callbacks: Callbacks) -> list[HTTPRouteHandler]:
    """The documented paths of direct merchant mode that are played so far."""
    simulation = gateway.simulation

    @post("/v3/pay/transactions/jsapi")
    async def prepay(request: Asked) -> Response[bytes]:
        def work(merchant: Merchant, raw: bytes) -> object:
            body = _ours(_read(raw, messages.Prepay), merchant)
            return {"prepay_id": books.prepay(simulation, merchant, body=body)}

        return await gateway.answer(request, work)

    @post("/v3/pay/transactions/out-trade-no/{number:str}/close")
    async def close(request: Asked, number: FromPath[str]) -> Response[bytes]:
        def work(merchant: Merchant, raw: bytes) -> object:
            _ours(_read(raw, messages.Close), merchant)
            books.close(simulation, merchant, number=number)
            return None

        return await gateway.answer(request, work, status=204)

    return [
        prepay,
        close,
        *_query_routes(gateway),
        *_refund_routes(gateway, callbacks),
    ]


def _query_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    simulation = gateway.simulation

    @get("/v3/pay/transactions/out-trade-no/{number:str}")
    async def look_up(request: Asked, number: FromPath[str]) -> Response[bytes]:
        def work(merchant: Merchant, _raw: bytes) -> object:
            _own_query(request, merchant)
            return books.transaction_body(books.find_payment(simulation, merchant, number=number))

        return await gateway.answer(request, work)

    @get("/v3/pay/transactions/id/{transaction_id:str}")
    async def look_up_transaction(request: Asked, transaction_id: FromPath[str]) -> Response[bytes]:
        def work(merchant: Merchant, _raw: bytes) -> object:
            _own_query(request, merchant)
            found = books.find_transaction(simulation, merchant, transaction_id=transaction_id)
            return books.transaction_body(found)

        return await gateway.answer(request, work)

    @get("/v3/certificates")
    async def certificates(request: Asked) -> Response[bytes]:
        def work(merchant: Merchant, _raw: bytes) -> object:
            platform = simulation.state.platform
            if platform is None or not merchant.certificates:
                message = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥"
                raise GatewayRefusal(404, "RESOURCE_NOT_EXISTS", message=message)
            nonce = simulation.draw("certificates")[:12]
            return envelope.certificates_answer(platform, merchant.api_v3_key, nonce=nonce)

        return await gateway.answer(request, work)

    return [look_up, look_up_transaction, certificates]


def _refund_routes(gateway: Gateway, callbacks: Callbacks) -> list[HTTPRouteHandler]:
    simulation = gateway.simulation

    def settle() -> None:
        # Settled money and finished refunds first: this call must see what time has done.
        for finished in books.settle_due(simulation):
            callbacks.notify_refund(finished)

    @post("/v3/refund/domestic/refunds")
    async def refund(request: Asked) -> Response[bytes]:
        def work(merchant: Merchant, raw: bytes) -> object:
            settle()
            made = books.refund(simulation, merchant, body=_read(raw, messages.RefundOrder))
            callbacks.wake()
            return books.refund_body(simulation, made, notice=False)

        return await gateway.answer(request, work)

    @get("/v3/refund/domestic/refunds/{number:str}")
    async def look_up_refund(request: Asked, number: FromPath[str]) -> Response[bytes]:
        def work(merchant: Merchant, _raw: bytes) -> object:
            settle()
            found = books.find_refund(simulation, merchant, number=number)
            return books.refund_body(simulation, found, notice=False)

        return await gateway.answer(request, work)

    return [refund, look_up_refund]


def _read(raw: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise GatewayRefusal(400, "PARAM_ERROR", message=f"参数错误：{error}") from error


Named = TypeVar("Named", messages.Prepay, messages.Close)


def _ours(body: Named, merchant: Merchant) -> Named:
    if body.mchid != merchant.mchid:
        raise GatewayRefusal(400, "PARAM_ERROR", message="mchid与签名的商户号不一致")
    return body


def _own_query(request: Asked, merchant: Merchant) -> None:
    if request.query_params.get("mchid") != merchant.mchid:
        raise GatewayRefusal(400, "PARAM_ERROR", message="mchid与签名的商户号不一致")
