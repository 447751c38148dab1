"""One signed call to WeChat Pay: signed as it is sent, repeated while nobody can say what became of it, its answer verified.

A call ends as done, refused (a verified 4xx) or unknown (everything else: time-out, 5xx, SYSTEM_ERROR, an answer that does not
verify, an account that is held back). Unknown is asked again with the same bytes, a few times within a few seconds; later repeats are
the caller's, with the same number. Never logs a body.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypeVar

import httpx
import msgspec
import stamina
import structlog

from orders.ports import Refused, Unknown
from storefront.adapters.errors import CallbackUnverified, SignatureProbe, SignatureSerialUnknown
from storefront.adapters.outbound import quiet_http_logs
from storefront.adapters.pacing import Pace, TokenBucket, unhurried
from storefront.adapters.tally import CALLS, PROBES
from storefront.adapters.wechat_pay import messages
from storefront.adapters.wechat_pay.keys import MerchantCredentials, names_certificate

ATTEMPTS = 3
ATTEMPT_SECONDS = 2.5
TOTAL_SECONDS = 6.0
FIRST_WAIT_SECONDS = 0.1
FILE_SECONDS = 60.0
OK, REDIRECTS, CLIENT_ERRORS, SERVER_ERRORS = 200, 300, 400, 500
TOO_MANY = 429
VENDOR_AWAY = "SYSTEM_ERROR"

Message = TypeVar("Message")
Learn = Callable[[], Awaitable[MerchantCredentials | None]]
"""Looks whether WeChat has a newer certificate, and gives the merchant's credentials as they are then."""
Trust = Callable[[Mapping[str, str], bytes], None]
"""Raises CallbackUnverified for an answer that cannot be trusted."""
_CODE = re.compile(rb'"code"\s*:\s*"([A-Z_]{1,64})"')
_log = structlog.get_logger()


class Unanswered(Exception):
    """This attempt's outcome is unknown; another may tell."""


class Done(msgspec.Struct, frozen=True):
    """A verified 2xx."""

    body: bytes


class _NoAnswer(msgspec.Struct, frozen=True):
    """Every attempt went unanswered."""

    told: Unknown


class _TooMany(msgspec.Struct, frozen=True):
    """The gateway says that this merchant calls too often; nothing was done."""

    told: Unknown


Answer: TypeAlias = Done | Refused | Unknown
Attempt: TypeAlias = Callable[[], Awaitable[Answer | _TooMany]]


class Transport:
    """One merchant's way to WeChat Pay. `now` must agree with the real clock: WeChat refuses signatures five minutes off."""

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
        pace: Pace | None = None,
        learn: Learn | None = None,
    ) -> None:
        quiet_http_logs()
        self.credentials = credentials
        self.now = now
        self.nonce = nonce
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._attempts = attempts
        self._attempt_seconds = attempt_seconds
        self._total_seconds = total_seconds
        self._pace = pace or unhurried()
        self._learn = learn

    def timestamp(self) -> str:
        """The present, as signatures name it."""
        return str(int(self.now().timestamp()))

    async def ask(
        self, method: str, path: str, *, kind: type[Message], body: bytes = b"", serial: str | None = None
    ) -> Message | Refused | Unknown:
        """Call and read the answer as `kind`; `serial` names the key that a name in the body is encrypted with."""
        answer = await self.call(method, path, body=body, serial=serial)
        if not isinstance(answer, Done):
            return answer
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.MsgspecError:
            return Unknown("the answer cannot be understood")

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        serial: str | None = None,
        trust: Trust | None = None,
        splitting: bool = False,
    ) -> Answer:
        """Send until an attempt has an outcome; a repeat sends the same bytes under a new signature.

        `trust` replaces the check of the answer; `splitting` takes a turn in the slower bucket as well.
        """
        started = time.perf_counter()

        async def attempt() -> Answer | _TooMany:
            request = self._signed(method, path, body=body, serial=serial)
            return await self._attempt(request, trust=trust or self._trust)

        buckets = [self._pace.bucket, *([self._pace.splitting] if splitting else [])]
        answer = await self._paced(attempt, buckets=buckets, total_seconds=self._total_seconds)
        _log.debug(
            "wechat_pay.call",
            mchid=self.credentials.mchid,
            method=method,
            path=path.partition("?")[0],
            outcome=type(answer).__name__.lower(),
            reason=getattr(answer, "reason", getattr(answer, "code", None)),
            seconds=round(time.perf_counter() - started, 3),
        )
        return answer

    async def fetch(self, target: str) -> bytes | Unknown:
        """Download a file whose answer is not signed; the caller checks its digest. `target` is path and query on our own gateway."""

        async def attempt() -> Answer:
            request = self._signed("GET", target, body=b"", serial=None)
            response = await self._sent(request, seconds=FILE_SECONDS)
            if response.status_code != OK:
                # Nobody signed this refusal, so it decides nothing.
                raise Unanswered(f"no file ({response.status_code} {_code(response.content)})".strip())
            return Done(response.content)

        answer = await self._paced(attempt, buckets=[self._pace.bucket], total_seconds=2 * FILE_SECONDS)
        return answer.body if isinstance(answer, Done) else Unknown(getattr(answer, "reason", "no file"))

    async def _paced(
        self, attempt: Attempt, *, buckets: Sequence[TokenBucket], total_seconds: float
    ) -> Answer:
        if not self._pace.circuit.admits():
            CALLS.labels("wechat_pay", "held").inc()
            return Unknown("held back: the gateway has not been answering this merchant")
        if not await self._turn(buckets):
            CALLS.labels("wechat_pay", "held").inc()
            return Unknown("held back: too many calls of this merchant at once")
        try:
            answer = await self._repeated(attempt, total_seconds=total_seconds)
        except BaseException:
            self._pace.circuit.abandoned()
            raise
        self._pace.circuit.answered(well=not isinstance(answer, _NoAnswer))
        if isinstance(answer, _TooMany):
            # The last is the slowest: splitting too fast must not hold payments back.
            buckets[-1].back_off()
        outcome = answer.told if isinstance(answer, _NoAnswer | _TooMany) else answer
        CALLS.labels("wechat_pay", type(outcome).__name__.lower()).inc()
        return outcome

    async def _turn(self, buckets: Sequence[TokenBucket]) -> bool:
        try:
            taken = all([await bucket.take() for bucket in buckets])
        except BaseException:
            self._pace.circuit.abandoned()
            raise
        if not taken:
            self._pace.circuit.abandoned()
        return taken

    async def _repeated(self, attempt: Attempt, *, total_seconds: float) -> Answer | _NoAnswer | _TooMany:
        reason = "no attempt finished in time"
        try:
            async with asyncio.timeout(total_seconds):
                async for again in stamina.retry_context(
                    on=Unanswered,
                    attempts=self._attempts,
                    timeout=None,
                    wait_initial=FIRST_WAIT_SECONDS,
                    wait_max=1.0,
                    wait_jitter=FIRST_WAIT_SECONDS,
                ):
                    with again:
                        try:
                            return await attempt()
                        except Unanswered as error:
                            reason = str(error)
                            raise
        except (Unanswered, TimeoutError):
            pass
        return _NoAnswer(Unknown(reason))

    async def _attempt(self, request: httpx.Request, *, trust: Trust) -> Answer | _TooMany:
        response = await self._sent(request, seconds=self._attempt_seconds)
        try:
            await self._believe(response, trust=trust)
        except CallbackUnverified as error:
            if isinstance(error, SignatureProbe):
                PROBES.labels("answer").inc()
            seen = f"{response.status_code} {_code(response.content)}".strip()
            raise Unanswered(f"unverified answer ({seen}, {error.code()})") from error
        return _outcome(response.status_code, response.content)

    async def _believe(self, response: httpx.Response, *, trust: Trust) -> None:
        headers = dict(response.headers)
        try:
            trust(headers, response.content)
        except SignatureSerialUnknown:
            learnable = names_certificate(headers["wechatpay-serial"])
            learnt = await self._learn() if self._learn and learnable else None
            if learnt is None:
                raise
            # WeChat signs with a certificate that is newer than the keys this account was opened with.
            self.credentials = learnt
            trust(headers, response.content)

    async def _sent(self, request: httpx.Request, *, seconds: float) -> httpx.Response:
        try:
            async with asyncio.timeout(seconds):
                return await self._http.send(request, follow_redirects=False)
        except (httpx.RequestError, TimeoutError) as error:
            raise Unanswered(f"no answer ({type(error).__name__})") from error

    def _trust(self, headers: Mapping[str, str], body: bytes) -> None:
        self.credentials.verify(headers, body, now=self.now())

    def _signed(self, method: str, path: str, *, body: bytes, serial: str | None) -> httpx.Request:
        headers = {"Accept": "application/json", "User-Agent": "storefront"}
        if body:
            headers["Content-Type"] = "application/json"
        named = serial or self.credentials.preferred_serial
        if named is not None:
            headers["Wechatpay-Serial"] = named
        request = self._http.build_request(
            method, self._base_url + path, content=body or None, headers=headers
        )
        # Signed is what is sent: the path as httpx encoded it, and the very bytes of the body.
        request.headers["Authorization"] = self.credentials.authorization(
            method=method,
            target=request.url.raw_path,
            body=body,
            timestamp=self.timestamp(),
            nonce=self.nonce(),
        )
        return request


def _outcome(status: int, body: bytes) -> Answer | _TooMany:
    """Read a verified answer; raises Unanswered where asking again may help."""
    if OK <= status < REDIRECTS:
        return Done(body)
    code = _code(body)
    if status == TOO_MANY:
        # Asking again at once is what the limit forbids.
        return _TooMany(Unknown(code or "too many requests"))
    if not CLIENT_ERRORS <= status < SERVER_ERRORS or code in {"", VENDOR_AWAY}:
        raise Unanswered(f"server error ({status} {code or 'without a code'})")
    try:
        problem = msgspec.json.decode(body, type=messages.Problem)
    except msgspec.MsgspecError as error:
        raise Unanswered(f"unreadable refusal ({status})") from error
    return Refused(problem.code, problem.message)


def _code(body: bytes) -> str:
    found = _CODE.search(body)
    return found[1].decode() if found else ""


def told(read: Callable[[], Message]) -> Message | Unknown:
    """Read an answer with a translation that raises ValueError; what cannot be read is unknown."""
    try:
        return read()
    except ValueError:
        return Unknown("the answer cannot be understood")
