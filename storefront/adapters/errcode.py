"""Calls to the vendor's older interfaces: a token in the address, status 200 for everything, and an `errcode` that tells errors apart.

Outcomes are done, refused (the errcode and its sentence) or unknown, as everywhere. A token found useless is renewed once. Whether a
lost answer may be asked for again is said by each call: some codes work once, some messages would be sent twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec
import stamina
import structlog

from orders.ports import Refused, Unknown
from storefront.adapters.access_tokens import GivenToken
from storefront.adapters.outbound import quiet_http_logs
from storefront.adapters.pacing import Pace, unhurried
from storefront.adapters.tally import CALLS

ATTEMPTS = 3
ATTEMPT_SECONDS = 3.0
TOTAL_SECONDS = 6.0
FIRST_WAIT_SECONDS = 0.1
TOKEN_USELESS = frozenset({40001, 40014, 42001})
TOO_MANY = frozenset({45009, 45011, 45047})
BUSY = frozenset({-1, 50001, 50002})

Kind = TypeVar("Kind")
Token = Callable[[str | None], Awaitable[str]]
"""Gives a token; given one, another than this. Raises TokenUnavailable."""
_log = structlog.get_logger()


class TokenUnavailable(Exception):
    """No token could be had; the text says why, without any secret."""

    def __init__(self, outcome: Refused | Unknown) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


class Problem(msgspec.Struct, frozen=True):
    """The part that every answer has."""

    errcode: int = 0
    errmsg: str = ""


class _Unanswered(Exception):
    """This attempt's outcome is unknown."""


class _TooMany(msgspec.Struct, frozen=True):
    """The vendor says that there were too many calls; nothing was done."""

    told: Unknown


class _TokenUseless(Exception):
    """The token was not taken."""


class ErrcodeTransport:
    """One application's way to the vendor."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        vendor: str,
        base_url: str,
        token: Token,
        pace: Pace | None = None,
        attempts: int = ATTEMPTS,
        attempt_seconds: float = ATTEMPT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        # Tokens travel in the query string, which httpx would log.
        quiet_http_logs()
        self._http = http
        self._vendor = vendor
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._pace = pace or unhurried()
        self._attempts = attempts
        self._attempt_seconds = attempt_seconds
        self._total_seconds = total_seconds

    async def ask(
        self,
        path: str,
        *,
        kind: type[Kind],
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Kind | Refused | Unknown:
        """Call (POST with a body, else GET) and read the answer as `kind`."""
        raw = await self.fetch(path, body=body, query=query, repeat=repeat)
        if not isinstance(raw, bytes):
            return raw
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.MsgspecError:
            return Unknown("the answer cannot be understood")

    async def fetch(
        self,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> bytes | Refused | Unknown:
        """Call and give the answer's bytes when it is no error."""
        circuit = self._pace.circuit
        if not circuit.admits():
            return Unknown(f"held back: {self._vendor} has not been answering")
        try:
            if await self._pace.bucket.take():
                answer = await self._renewing(path, body=body, query=query, repeat=repeat)
            else:
                answer = Unknown("held back: too many calls at once")
        except BaseException:
            circuit.abandoned()
            raise
        if isinstance(answer, _TooMany):
            # An answer all the same: the vendor is there, and wants to be left alone for a while.
            circuit.answered(well=True)
            self._pace.bucket.back_off()
            answer = answer.told
        else:
            circuit.answered(well=not isinstance(answer, Unknown))
        outcome = "done" if isinstance(answer, bytes) else type(answer).__name__.lower()
        CALLS.labels(self._vendor, outcome).inc()
        code = answer.code if isinstance(answer, Refused) else None
        _log.debug("vendor.call", vendor=self._vendor, path=path, outcome=outcome, code=code)
        return answer

    async def _renewing(
        self, path: str, *, body: Mapping[str, Any] | None, query: Mapping[str, str] | None, repeat: bool
    ) -> bytes | Refused | Unknown | _TooMany:
        useless: str | None = None
        for _ in range(2):
            try:
                async with asyncio.timeout(self._total_seconds):
                    token = await self._token(useless)
                    return await self._repeated(path, body=body, query=query, repeat=repeat, token=token)
            except _TokenUseless:
                # Refused before anything was done, so even a call that must not be repeated may go again.
                useless = token
            except TokenUnavailable as error:
                return error.outcome
            except TimeoutError:
                return Unknown("no attempt finished in time")
            except _Unanswered as error:
                return Unknown(str(error))
        return Unknown("the token is refused, and a new one, too")

    async def _repeated(
        self,
        path: str,
        *,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None,
        repeat: bool,
        token: str,
    ) -> bytes | Refused | Unknown | _TooMany:
        async for attempt in stamina.retry_context(
            on=_Unanswered,
            attempts=self._attempts if repeat else 1,
            timeout=None,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=1.0,
            wait_jitter=FIRST_WAIT_SECONDS,
        ):
            with attempt:
                return await self._attempt(path, body=body, query=query, token=token)
        return Unknown("no attempt was made")

    async def _attempt(
        self, path: str, *, body: Mapping[str, Any] | None, query: Mapping[str, str] | None, token: str
    ) -> bytes | Refused | Unknown | _TooMany:
        content = await send(
            self._http,
            f"{self._base_url}{path}",
            body=body,
            query={"access_token": token, **(query or {})},
            seconds=self._attempt_seconds,
        )
        if isinstance(content, Unknown):
            raise _Unanswered(content.reason)
        problem = problem_of(content)
        if problem is None or problem.errcode == 0:
            return content
        if problem.errcode in TOKEN_USELESS:
            raise _TokenUseless
        if problem.errcode in BUSY:
            raise _Unanswered(f"busy ({problem.errcode})")
        if problem.errcode in TOO_MANY:
            return _TooMany(Unknown(f"too many calls ({problem.errcode})"))
        return Refused(str(problem.errcode), problem.errmsg)


async def send(
    http: httpx.AsyncClient,
    url: str,
    *,
    query: Mapping[str, str],
    body: Mapping[str, Any] | None,
    seconds: float,
) -> bytes | Unknown:
    """One exchange: the answer's bytes under a 2xx, else unknown."""
    named = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    address = f"{url}?{named}" if named else url
    method, content = ("GET", None) if body is None else ("POST", msgspec.json.encode(body))
    try:
        async with asyncio.timeout(seconds):
            response = await http.request(
                method,
                address,
                content=content,
                headers={"Content-Type": "application/json"},
                follow_redirects=False,
            )
    except (httpx.RequestError, TimeoutError) as error:
        # The address holds a secret: only the kind of failure is told.
        return Unknown(f"no answer ({type(error).__name__})")
    # Not raise_for_status: that error's text quotes the address.
    return response.content if response.is_success else Unknown(f"server error ({response.status_code})")


def problem_of(content: bytes) -> Problem | None:
    """The error an answer tells, None for one that is no JSON object (a picture)."""
    if not content.lstrip().startswith(b"{"):
        return None
    try:
        return msgspec.json.decode(content, type=Problem)
    except msgspec.MsgspecError:
        return None


class _TokenAnswer(msgspec.Struct, frozen=True):
    access_token: str = ""
    expires_in: int = 0


def given_token(content: bytes | Unknown) -> GivenToken:
    """Read a token's answer; raises TokenUnavailable."""
    if isinstance(content, Unknown):
        raise TokenUnavailable(content)
    problem = problem_of(content)
    if problem is not None and problem.errcode in BUSY | TOO_MANY:
        raise TokenUnavailable(Unknown(f"no token ({problem.errcode})"))
    if problem is not None and problem.errcode != 0:
        raise TokenUnavailable(Refused(str(problem.errcode), problem.errmsg))
    try:
        answer = msgspec.json.decode(content, type=_TokenAnswer)
    except msgspec.MsgspecError:
        raise TokenUnavailable(Unknown("the token's answer cannot be understood")) from None
    if not answer.access_token:
        raise TokenUnavailable(Unknown("an answer without a token"))
    return GivenToken(answer.access_token, answer.expires_in)
