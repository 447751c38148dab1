"""The WeChat Pay v3 client of one direct merchant: `orders.ports.PaymentChannel` over httpx.

A call ends as done, refused (a verified 4xx) or unknown (everything else: time-out, 5xx, SYSTEM_ERROR, an answer that does not
verify). Unknown is asked again with the same number and the same bytes, a few times within a few seconds; later repeats are the
caller's, with the same number. Never logs a body.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import httpx
import msgspec
import stamina
import structlog

from orders.ports import (
    AlreadyPaid,
    ChannelPayment,
    ChannelRefund,
    Closed,
    PaymentRequest,
    PaymentState,
    PayParameters,
    Prepared,
    RefundRequest,
    Refused,
    Unknown,
)
from storefront.adapters.errors import CallbackUnverified
from storefront.adapters.outbound import quiet_http_logs
from storefront.adapters.wechat_pay import messages, translate
from storefront.adapters.wechat_pay.keys import MerchantCredentials

ATTEMPTS = 3
ATTEMPT_SECONDS = 2.5
TOTAL_SECONDS = 6.0
FIRST_WAIT_SECONDS = 0.1
OK, NO_CONTENT, REDIRECTS, CLIENT_ERRORS, SERVER_ERRORS = 200, 204, 300, 400, 500
TOO_MANY = 429
VENDOR_AWAY = "SYSTEM_ERROR"

Message = TypeVar("Message")
_CODE = re.compile(rb'"code"\s*:\s*"([A-Z_]{1,64})"')
_log = structlog.get_logger()


class _Unanswered(Exception):
    """This attempt's outcome is unknown; another may tell."""


class _Done(msgspec.Struct, frozen=True):
    """A verified 2xx."""

    body: bytes


class WechatPayChannel:
    """One merchant's account. `now` must agree with the real clock: WeChat refuses signatures more than five minutes off."""

    def __init__(
        self,
        credentials: MerchantCredentials,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        now: Callable[[], datetime],
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
        attempts: int = ATTEMPTS,
        attempt_seconds: float = ATTEMPT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        quiet_http_logs()
        self._credentials = credentials
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._now = now
        self._nonce = nonce
        self._attempts = attempts
        self._attempt_seconds = attempt_seconds
        self._total_seconds = total_seconds

    def __repr__(self) -> str:
        return f"WechatPayChannel({self._credentials!r})"

    async def prepare(self, request: PaymentRequest) -> Prepared | Refused | Unknown:
        """Ask for a prepay session and sign the five fields of wx.requestPayment."""
        body = msgspec.json.encode(translate.prepay(request, self._credentials))
        answer = await self._ask("POST", "/v3/pay/transactions/jsapi", body=body, kind=messages.PrepayAnswer)
        if not isinstance(answer, messages.PrepayAnswer):
            return answer
        return Prepared(answer.prepay_id, self.pay_parameters(answer.prepay_id))

    def pay_parameters(self, prepay_id: str) -> PayParameters:
        """Sign a prepay session for the front end; the appid is the one that owns the shopper's openid."""
        timestamp, nonce, package = self._timestamp(), self._nonce(), f"prepay_id={prepay_id}"
        message = f"{self._credentials.appid}\n{timestamp}\n{nonce}\n{package}\n"
        return PayParameters(
            time_stamp=timestamp,
            nonce_str=nonce,
            package=package,
            sign_type="RSA",
            pay_sign=self._credentials.sign(message.encode()),
        )

    async def look_up(self, payment_no: str) -> ChannelPayment | Refused | Unknown:
        """Ask what became of a payment number."""
        answer = await self._ask("GET", self._payment_path(payment_no, "?mchid="), kind=messages.Transaction)
        if not isinstance(answer, messages.Transaction):
            return answer
        # Signed or not, an answer about another payment must not settle this one.
        if (answer.out_trade_no, answer.mchid) != (payment_no, self._credentials.mchid):
            return Unknown("the answer is about another payment")
        return _told(lambda: translate.payment(answer))

    async def close(self, payment_no: str) -> Closed | AlreadyPaid | Refused | Unknown:
        """Close the number; whenever the answer leaves doubt, the query decides."""
        body = msgspec.json.encode(messages.Close(mchid=self._credentials.mchid))
        answer = await self._call("POST", self._payment_path(payment_no, "/close"), body=body)
        if isinstance(answer, _Done):
            return Closed()
        if isinstance(answer, Refused) and answer.code == "ORDERPAID":
            return AlreadyPaid()
        seen = await self.look_up(payment_no)
        if isinstance(seen, ChannelPayment):
            if seen.state is PaymentState.CLOSED:
                return Closed()
            if seen.state in {PaymentState.PAID, PaymentState.REFUNDED}:
                return AlreadyPaid()
        return answer

    async def refund(self, request: RefundRequest) -> ChannelRefund | Refused | Unknown:
        """Ask for a refund; PENDING is the usual answer, the money goes back later."""
        body = msgspec.json.encode(translate.refund_order(request, self._credentials))
        answer = await self._ask("POST", "/v3/refund/domestic/refunds", body=body, kind=messages.Refund)
        return self._refund(answer, refund_no=request.refund_no)

    async def look_up_refund(self, refund_no: str) -> ChannelRefund | Refused | Unknown:
        """Ask what became of a refund number."""
        path = f"/v3/refund/domestic/refunds/{quote(refund_no, safe='')}"
        return self._refund(await self._ask("GET", path, kind=messages.Refund), refund_no=refund_no)

    def _refund(
        self, answer: messages.Refund | Refused | Unknown, *, refund_no: str
    ) -> ChannelRefund | Refused | Unknown:
        if not isinstance(answer, messages.Refund):
            return answer
        if answer.out_refund_no != refund_no:
            return Unknown("the answer is about another refund")
        return _told(lambda: translate.refund(answer, merchant_no=self._credentials.mchid))

    def _payment_path(self, payment_no: str, rest: str) -> str:
        merchant = self._credentials.mchid if rest.endswith("=") else ""
        return f"/v3/pay/transactions/out-trade-no/{quote(payment_no, safe='')}{rest}{merchant}"

    def _timestamp(self) -> str:
        return str(int(self._now().timestamp()))

    async def _ask(
        self, method: str, path: str, *, kind: type[Message], body: bytes = b""
    ) -> Message | Refused | Unknown:
        answer = await self._call(method, path, body=body)
        if not isinstance(answer, _Done):
            return answer
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.MsgspecError:
            return Unknown("the answer cannot be understood")

    async def _call(self, method: str, path: str, *, body: bytes) -> _Done | Refused | Unknown:
        """Send until an attempt has an outcome; a repeat sends the same bytes under a new signature."""
        started = time.perf_counter()
        reason = "no attempt finished in time"
        answer: _Done | Refused | Unknown
        try:
            async with asyncio.timeout(self._total_seconds):
                async for attempt in stamina.retry_context(
                    on=_Unanswered,
                    attempts=self._attempts,
                    timeout=None,
                    wait_initial=FIRST_WAIT_SECONDS,
                    wait_max=1.0,
                    wait_jitter=FIRST_WAIT_SECONDS,
                ):
                    with attempt:
                        try:
                            answer = await self._attempt(method, path, body=body)
                        except _Unanswered as error:
                            reason = str(error)
                            raise
        except (_Unanswered, TimeoutError):
            answer = Unknown(reason)
        _log.debug(
            "wechat_pay.call",
            mchid=self._credentials.mchid,
            method=method,
            path=path.partition("?")[0],
            outcome=type(answer).__name__.strip("_").lower(),
            reason=getattr(answer, "reason", getattr(answer, "code", None)),
            seconds=round(time.perf_counter() - started, 3),
        )
        return answer

    async def _attempt(self, method: str, path: str, *, body: bytes) -> _Done | Refused | Unknown:
        request = self._signed(method, path, body=body)
        try:
            async with asyncio.timeout(self._attempt_seconds):
                response = await self._http.send(request, follow_redirects=False)
        except (httpx.RequestError, TimeoutError) as error:
            raise _Unanswered(f"no answer ({type(error).__name__})") from error
        try:
            self._credentials.verify(dict(response.headers), response.content, now=self._now())
        except CallbackUnverified as error:
            seen = f"{response.status_code} {_code(response.content)}".strip()
            raise _Unanswered(f"unverified answer ({seen}, {error.code()})") from error
        return _outcome(response.status_code, response.content)

    def _signed(self, method: str, path: str, *, body: bytes) -> httpx.Request:
        headers = {"Accept": "application/json", "User-Agent": "storefront"}
        if body:
            headers["Content-Type"] = "application/json"
        if self._credentials.preferred_serial is not None:
            headers["Wechatpay-Serial"] = self._credentials.preferred_serial
        request = self._http.build_request(
            method, self._base_url + path, content=body or None, headers=headers
        )
        # Signed is what is sent: the path as httpx encoded it, and the very bytes of the body.
        request.headers["Authorization"] = self._credentials.authorization(
            method=method,
            target=request.url.raw_path,
            body=body,
            timestamp=self._timestamp(),
            nonce=self._nonce(),
        )
        return request


def _outcome(status: int, body: bytes) -> _Done | Refused | Unknown:
    """Read a verified answer; raises _Unanswered where asking again may help."""
    if OK <= status < REDIRECTS:
        return _Done(body)
    code = _code(body)
    if status == TOO_MANY:
        # Asking again at once is what the limit forbids.
        return Unknown(code or "too many requests")
    if not CLIENT_ERRORS <= status < SERVER_ERRORS or code in {"", VENDOR_AWAY}:
        raise _Unanswered(f"server error ({status} {code or 'without a code'})")
    try:
        problem = msgspec.json.decode(body, type=messages.Problem)
    except msgspec.MsgspecError as error:
        raise _Unanswered(f"unreadable refusal ({status})") from error
    return Refused(problem.code, problem.message)


def _code(body: bytes) -> str:
    found = _CODE.search(body)
    return found[1].decode() if found else ""


def _told(read: Callable[[], Message]) -> Message | Unknown:
    try:
        return read()
    except ValueError:
        return Unknown("the answer cannot be understood")
