"""The frame every JSON answer wears, and the only table from kinds of refusal to HTTP statuses.

A route returns its view; `Framed` writes `{"code","msg","data","requestId"}` around the encoded bytes, so no view and no schema
is generic. Exceptions become frames here too. Documents what is refused with `refusals`; knows no route and no business rule.
"""

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.serialization import default_serializer
from litestar.types import Serializer

from orders.errors import PickupGuessesUsedUp
from storefront import errors
from storefront.observability import report_failure
from tenants.kernel.errors import Broken, Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable
from tenants.kernel.idempotency import IdempotencyInFlight, IdempotencyKeyMissing

STATUS: dict[type[Refusal], int] = {
    errors.MalformedRequest: 400,
    errors.StoreHeaderMissing: 400,
    errors.TenantNotNamed: 400,
    IdempotencyKeyMissing: 400,
    errors.LoginRequired: 401,
    errors.TokenExpired: 401,
    errors.MethodNotAllowed: 405,
    errors.BodyTooLarge: 413,
    errors.MediaTypeNotSupported: 415,
    errors.TooManyAttempts: 429,
    PickupGuessesUsedUp: 429,
    NotFound: 404,
    Conflict: 409,
    Forbidden: 403,
    Invalid: 422,
    Unavailable: 503,
    Broken: 500,
}
"""Nearest class first: a refusal takes the status of the first of its ancestors that stands here."""

RETRY_AFTER: dict[type[Refusal], int] = {IdempotencyInFlight: 1, errors.TooManyAttempts: 60, Unavailable: 1}
"""Seconds after which the same request may go better, as Retry-After says it; nearest class first."""

BY_STATUS: dict[int, type[Refusal]] = {
    400: errors.MalformedRequest,
    401: errors.LoginRequired,
    403: errors.AudienceNotAllowed,
    404: errors.RouteNotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.MediaTypeNotSupported,
    429: errors.TooManyAttempts,
}
"""What the framework's own exceptions mean in our words."""

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")
_ARGUMENT_PATH = re.compile(r"\$\.?([^`]*)`?$")
_UNKNOWN_FIELD = re.compile(r"(?:unknown|required) field `([^`]*)`")


class Failure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The frame of a refusal."""

    code: str
    msg: str
    data: None
    request_id: str
    details: dict[str, str] = {}


class Framed(Response[Any]):
    """A view inside the frame. Routes return views; only a stored answer is wrapped by hand: `Framed(msgspec.Raw(bytes))`."""

    def render(self, content: Any, media_type: str, enc_hook: Serializer = default_serializer) -> bytes:
        """Write the frame around the encoded view; anything but JSON goes out as it is."""
        if not media_type.startswith(MediaType.JSON):
            return super().render(content, media_type, enc_hook)
        return framed(msgspec.json.encode(content, enc_hook=enc_hook))


def framed(encoded: bytes) -> bytes:
    """The bytes of a successful answer around an encoded view."""
    request_id = current_request_id.get().encode()
    return b'{"code":"OK","msg":"","data":%b,"requestId":"%b"}' % (encoded, request_id)


def status_of(kind: type[Refusal]) -> int:
    """The HTTP status of a refusal."""
    return next((STATUS[each] for each in kind.__mro__ if each in STATUS), 500)


def failure(refusal: Refusal, *, chinese: bool) -> Failure:
    """A refusal in its frame, in the reader's language; what is broken on our side is never described."""
    told = (
        errors.InternalError()
        if isinstance(refusal, Broken) and not isinstance(refusal, errors.InternalError)
        else refusal
    )
    message = told.zh if chinese else told.sentence()
    return Failure(told.code(), message, None, current_request_id.get(), told.details)


def prefers_chinese(accept_language: str) -> bool:
    """Chinese unless English comes first in Accept-Language."""
    return not accept_language.strip().lower().startswith("en")


def answer_exception(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer any exception with its frame; what is no refusal and no client's mistake is reported and told as INTERNAL_ERROR."""
    refusal = as_refusal(error)
    if isinstance(refusal, Broken):
        report_failure("request_broken", error)
    request.scope["state"]["code"] = refusal.code()
    content = failure(refusal, chinese=prefers_chinese(request.headers.get("accept-language", "")))
    response: Response[Any] = Response(
        msgspec.json.encode(content), status_code=status_of(type(refusal)), media_type=MediaType.JSON
    )
    wait = next((RETRY_AFTER[each] for each in type(refusal).__mro__ if each in RETRY_AFTER), None)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    if isinstance(error, HTTPException) and error.headers and "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def as_refusal(error: Exception) -> Refusal:
    """Translate the framework's exceptions; refusals stay what they are."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ValidationException):
        return _parameters_refused(error.extra)
    if isinstance(error, HTTPException) and error.status_code in BY_STATUS:
        return BY_STATUS[error.status_code]()
    return errors.InternalError()


def _parameters_refused(extra: Any) -> Refusal:
    """A body that does not fit is 422, a path, query or header parameter that cannot be read is 400; both say where."""
    details: dict[str, str] = {}
    in_body = False
    for each in extra if isinstance(extra, list) else []:
        found = each if isinstance(each, Mapping) else {}
        source = str(getattr(found.get("source"), "value", found.get("source", "")))
        in_body = in_body or source == "body"
        key = str(found.get("key") or source or "body").removeprefix("data.")
        # The framework names the handler's argument when a body is missing altogether.
        missing = in_body and key == "data"
        details["body" if missing else key] = (
            "A body is required" if missing else str(found.get("message", ""))[:200]
        )
    return (errors.ValidationFailed if in_body else errors.MalformedRequest)(details=details)


def body_refused(error: msgspec.ValidationError) -> errors.ValidationFailed:
    """Say which field of the body is at fault: `Expected int, got str - at $.lines[0].quantity` -> lines[0].quantity."""
    message, _, place = str(error).partition(" - at ")
    found = _ARGUMENT_PATH.search(place)
    path = found.group(1) if found else ""
    named = _UNKNOWN_FIELD.search(message)
    if named:
        path = f"{path}.{named.group(1)}" if path else named.group(1)
    return errors.ValidationFailed(details={path[:200] or "body": message[:200]})


def refusals(*kinds: type[Refusal]) -> dict[int, ResponseSpec]:
    """Document which refusals an operation may answer with: `responses=refusals(StoreNotFound, NotRangedHere)`."""
    by_status: dict[int, list[type[Refusal]]] = {}
    for kind in kinds:
        by_status.setdefault(status_of(kind), []).append(kind)
    return {
        status: ResponseSpec(Failure, generate_examples=False, description=described(found))
        for status, found in sorted(by_status.items())
    }


def described(kinds: Iterable[type[Refusal]]) -> str:
    """One line a code, as the OpenAPI document shows it."""
    return "\n".join(f"`{kind.code()}` {kind.sentence()}" for kind in kinds)
